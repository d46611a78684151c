// The admin's half: models with their figures, a run's live progress, retrain, rollback.
import { ask, attempt, make } from "/page/page.js";
import { say } from "/page/texts.js";

const $ = (id) => document.getElementById(id);
let following = null;

export async function show() {
  await showModels();
  await showPictures();
  const { runs } = await (await ask("GET", "/v1/runs?limit=1")).json();
  if (runs.length) follow(runs[0]);
}

const figure = (value) => (typeof value === "number" ? value.toFixed(3) : "–");

async function showModels() {
  const { live, models } = await (await ask("GET", "/v1/models")).json();
  const rows = models.map((model) => {
    const cells = [model.version, model.state, figure(model.metrics.ndcg_at_10), figure(model.metrics.rmse_all), model.reason || ""];
    const row = make("tr", {}, ...cells.map((text) => make("td", { textContent: text })));
    const act = make("td");
    if (model.published_at && model.version !== live) {
      const button = make("button", { type: "button", textContent: say("rollback", { n: model.version }) });
      button.addEventListener("click", () => attempt(async () => { await ask("POST", `/v1/models/${model.version}/rollback`); await showModels(); }));
      act.append(button);
    }
    row.append(act);
    return row;
  });
  $("models").replaceChildren(...rows);
}

async function showPictures() {
  const { pictures } = await (await ask("GET", "/v1/pictures")).json();
  const shown = [];
  for (const name of pictures) {
    const picture = await (await ask("GET", `/v1/pictures/${name}`)).blob();
    shown.push(make("img", { src: URL.createObjectURL(picture), alt: say(`picture_${name}`) }));
  }
  $("pictures").replaceChildren(...shown);
}

function showRun(run) {
  $("run-status").textContent = say("run", { n: run.id, state: run.state, detail: run.error || (run.open ? run.detail : "") });
  $("run-progress").hidden = $("cancel").hidden = !run.open;
  $("run-progress").value = run.fraction;
  $("run-progress").setAttribute("aria-label", $("run-status").textContent);
  $("retrain").disabled = run.open;
}

/** Show a run until it ends. EventSource can send no key, so the stream of events is read by hand. */
async function follow(run) {
  showRun(run);
  if (!run.open || following === run.id) return;
  following = run.id;
  await attempt(async () => {
    const stream = (await ask("GET", `/v1/runs/${run.id}/events`)).body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await stream.read(); !part.done; part = await stream.read()) {
      text += part.value;
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) {
        const data = event.split("\n").find((line) => line.startsWith("data: "));
        if (data) showRun(JSON.parse(data.slice(6)));
      }
    }
  });
  following = null;
  await attempt(show);
}

$("retrain").addEventListener("click", () => attempt(async () => { follow(await (await ask("POST", "/v1/runs", { kind: "train" })).json()); }));
$("cancel").addEventListener("click", () => attempt(async () => { if (following) await ask("POST", `/v1/runs/${following}/cancel`); }));
