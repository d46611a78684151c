// The page of the verbs, drawn from /openapi.json: what each takes and answers, and how to call it.
const make = (tag, properties = {}, ...inside) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside.filter(Boolean));
  return element;
};

const schema = await (await fetch("/openapi.json")).json();
const problems = await (await fetch("/page/problems.json")).json();
const about = schema.info.description.split("`").map((text, at) => (at % 2 ? make("code", { textContent: text }) : text));
document.getElementById("about").replaceChildren(...about);

const named = (part) => (part.$ref ? schema.components.schemas[part.$ref.split("/").pop()] : part);

/** Return an example of what a schema describes. */
function example(part, depth = 0) {
  part = named(part);
  if (part.examples?.length) return part.examples[0];
  if (part.default !== undefined) return part.default;
  if (part.enum) return part.enum[0];
  const one = part.anyOf?.find((other) => other.type !== "null");
  if (one) return example(one, depth);
  if (part.type === "object" || part.properties) {
    const needed = Object.entries(part.properties || {}).filter(([name]) => depth > 1 || !part.required || part.required.includes(name));
    return Object.fromEntries(needed.map(([name, inner]) => [name, depth > 4 ? null : example(inner, depth + 1)]));
  }
  if (part.type === "array") return depth > 4 ? [] : [example(part.items, depth + 1)];
  return { integer: 1, number: 1, boolean: true, string: "text" }[part.type] ?? null;
}

function curl(method, path, operation) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => example((operation.parameters || []).find((p) => p.name === name)?.schema || {}));
  const needed = (operation.parameters || []).filter((p) => p.in === "query" && p.required);
  const query = needed.map((p) => `${p.name}=${encodeURIComponent(example(p.schema))}`).join("&");
  const body = operation.requestBody?.content["application/json"];
  const lines = [`curl -X ${method.toUpperCase()} "${location.origin}${filled}${query ? `?${query}` : ""}"`, '  -H "Authorization: Bearer $KEY"'];
  if (body) lines.push('  -H "Content-Type: application/json"', `  -d '${JSON.stringify(example(body.schema))}'`);
  return lines.join(" \\\n");
}

function typeOf(part) {
  const inner = named(part);
  if (inner.anyOf) return inner.anyOf.map(typeOf).join(" or ");
  if (inner.type === "array") return `list of ${typeOf(inner.items || {})}`;
  return part.$ref ? part.$ref.split("/").pop() : inner.type || "anything";
}

function table(caption, rows) {
  const lines = rows.map(([name, what, about]) => make("tr", {}, make("td", {}, make("code", { textContent: name })), make("td", { textContent: what }), make("td", { textContent: about || "" })));
  return make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: caption }, make("table", {}, make("caption", { className: "hidden", textContent: caption }), make("tbody", {}, ...lines)));
}

const fields = (shape) => Object.entries(named(shape).properties || {}).map(([name, inner]) => [name, typeOf(inner), inner.description]);

function verb(method, path, operation) {
  const title = `${method.toUpperCase()} ${path}`;
  const parts = [make("summary", {}, make("code", { textContent: title }), ` ${operation.summary}`), make("p", { textContent: operation.description || "" })];
  const parameters = (operation.parameters || []).map((p) => [p.name, `${p.in}${p.required ? ", needed" : ""}: ${typeOf(p.schema)}`, p.description]);
  if (parameters.length) parts.push(table(`Parameters of ${title}`, parameters));
  const body = operation.requestBody?.content["application/json"];
  if (body) parts.push(make("p", { textContent: "Body:" }), table(`Body of ${title}`, fields(body.schema)));
  const answer = Object.entries(operation.responses).find(([status, r]) => status.startsWith("2") && r.content?.["application/json"]);
  if (answer) parts.push(make("p", { textContent: `Answer (${answer[0]}):` }), table(`Answer of ${title}`, fields(answer[1].content["application/json"].schema)));
  parts.push(make("pre", { tabIndex: 0, ariaLabel: `How to call ${title}`, role: "region", textContent: curl(method, path, operation) }));
  return make("details", { id: operation.operationId }, ...parts);
}

const groups = new Map();
for (const [path, methods] of Object.entries(schema.paths))
  for (const [method, operation] of Object.entries(methods)) {
    const tag = operation.tags?.[0] || "other";
    groups.set(tag, [...(groups.get(tag) || []), verb(method, path, operation)]);
  }
const main = document.getElementById("main");
for (const [tag, verbs] of groups) main.append(make("section", { className: "wide" }, make("h2", { textContent: tag }), ...verbs));
const kinds = Object.entries(problems).map(([kind, title]) => make("div", { id: kind }, make("dt", {}, make("code", { textContent: kind })), make("dd", { textContent: title })));
main.append(make("section", { className: "wide" }, make("h2", { textContent: "problems" }), make("dl", {}, ...kinds)));
document.body.dataset.ready = "yes";
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
