// The page to try it: ratings stay in this browser, and every change of them asks for picks anew.
import { say, speak } from "/page/texts.js";

const $ = (id) => document.getElementById(id);
const kept = JSON.parse(localStorage.getItem("matinee") || "{}");
const ratings = new Map((kept.ratings || []).map((rating) => [rating.film.id, rating]));
let notSeen = kept.notSeen || [];
let next = null;
let posters = ""; // the form of a poster's address, as https://posters.example/{tmdb}.jpg
let groups = 0; // of radio buttons, each with a name of its own
let asked = 0; // numbers the requests for picks: an answer to an older one is dropped

/** Ask the API. Throws with its problem's words. */
export async function ask(method, path, body) {
  const headers = {};
  const key = sessionStorage.getItem("matinee-key");
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (answer.ok) return answer;
  if (answer.status === 401) throw new Error(say("need_key"));
  const problem = await answer.json().catch(() => ({}));
  throw new Error(say("failed", { why: problem.detail || answer.status }));
}

/** Do something that may fail, and say so above everything if it does. */
export async function attempt(work) {
  try {
    await work();
    $("trouble").hidden = true;
  } catch (error) {
    $("trouble").textContent = error.message;
    $("trouble").hidden = false;
  }
}

/** Make an element: its tag, its properties, what is in it. Texts are texts, never markup. */
export function make(tag, properties = {}, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside.filter((part) => part !== null));
  return element;
}

/** Return the film's poster, and draw one where there is none. */
function poster(film) {
  const ids = { tmdb: film.tmdb_id, imdb: film.imdb_id };
  const [, kind] = posters.match(/\{(\w+)\}/) || [];
  if (!kind || !ids[kind]) return drawn(film);
  const image = make("img", { alt: "", className: "poster", loading: "lazy", width: 112, height: 168 });
  image.addEventListener("error", () => image.replaceWith(drawn(film)));
  image.src = posters.replace(`{${kind}}`, encodeURIComponent(ids[kind]));
  return image;
}

function drawn(film) {
  const hue = (film.id * 47) % 360;
  const canvas = make("canvas", { width: 112, height: 168, className: "poster" });
  canvas.setAttribute("aria-hidden", "true");
  const pen = canvas.getContext("2d");
  const sky = pen.createLinearGradient(0, 0, 112, 168);
  sky.addColorStop(0, `hsl(${hue} 45% 42%)`);
  sky.addColorStop(1, `hsl(${(hue + 50) % 360} 50% 20%)`);
  pen.fillStyle = sky;
  pen.fillRect(0, 0, 112, 168);
  pen.fillStyle = "rgb(255 255 255 / .9)";
  pen.font = "600 56px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.fillText([...film.title.replace(/^(The|A|An) /, "")][0] || "?", 56, 104);
  return canvas;
}

function starsFor(film) {
  const given = ratings.get(film.id)?.stars || 0;
  const group = make("fieldset", { className: "stars" }, make("legend", { className: "hidden", textContent: say("stars_for", { title: film.title }) }));
  group.dataset.number = ++groups;
  for (let stars = 1; stars <= 5; stars++) {
    const input = make("input", { type: "radio", name: `stars-${group.dataset.number}`, value: stars, checked: stars === given });
    input.addEventListener("change", () => rate(film, stars));
    const label = make("label", { className: stars <= given ? "on" : "" }, input, make("span", { className: "hidden", textContent: say("stars", { n: stars }) }));
    label.append(make("span", { className: "star", ariaHidden: "true" }));
    group.append(label);
  }
  return group;
}

function filmRow(film, ...more) {
  const facts = [film.year, (film.genres || []).join(", ")].filter(Boolean).join(" · ");
  const row = make("li", {}, poster(film), make("div", { className: "film" }, make("h3", { textContent: film.title }), make("p", { textContent: facts }), ...more));
  row.dataset.film = film.id;
  return row;
}

function likeButton(film) {
  const button = make("button", { type: "button", className: "link", textContent: say("similar") });
  button.setAttribute("aria-label", `${say("similar")}: ${film.title}`);
  button.addEventListener("click", () => attempt(() => showSimilar(film)));
  return button;
}

async function showSimilar(film) {
  const { films } = await (await ask("GET", `/v1/films/${film.id}/similar`)).json();
  $("similar-title").textContent = say("similar_to", { title: film.title });
  $("similar").replaceChildren(...films.map((other) => filmRow(other, starsFor(other))));
  $("similar-dialog").showModal();
}

function keep() {
  localStorage.setItem("matinee", JSON.stringify({ ratings: [...ratings.values()], notSeen, language: $("language").value }));
}

function rate(film, stars) {
  const { id, title, year, genres, imdb_id, tmdb_id } = film;
  ratings.set(film.id, { film: { id, title, year, genres, imdb_id, tmdb_id }, stars });
  changed(film.id);
}

function changed(filmId) {
  keep();
  showRatings();
  for (const row of document.querySelectorAll(`#found [data-film="${filmId}"], #similar [data-film="${filmId}"]`)) {
    const given = ratings.get(filmId)?.stars || 0;
    row.querySelectorAll(".stars label").forEach((label, at) => {
      label.className = at < given ? "on" : "";
      label.querySelector("input").checked = at + 1 === given;
    });
  }
  attempt(async () => { await showPicks(); await showQuestion(); });
}

function showRatings() {
  const rows = [...ratings.values()].reverse().map(({ film }) => {
    const back = make("button", { type: "button", className: "link", textContent: say("remove") });
    back.setAttribute("aria-label", `${say("remove")}: ${film.title}`);
    back.addEventListener("click", () => { ratings.delete(film.id); changed(film.id); });
    return filmRow(film, starsFor(film), make("span", { textContent: " " }), back);
  });
  $("rated").replaceChildren(...rows);
  $("count").textContent = ratings.size;
  $("clear").hidden = !ratings.size;
}

const sent = () => [...ratings.values()].map(({ film, stars }) => ({ film: film.id, stars }));

async function showPicks(cursor = null) {
  const mine = ++asked;
  const genre = $("genre").value;
  const wanted = { ratings: sent(), genre: genre ? [genre] : [], diversity: Number($("diversity").value), cursor };
  const page = await (await ask("POST", "/v1/picks", wanted)).json();
  if (mine !== asked) return;
  const rows = page.films.map((film) => {
    const about = film.predicted_stars === null ? null : say("about", { n: film.predicted_stars.toFixed(1) });
    const because = film.because.length ? say("because", { titles: film.because.map((own) => own.title).join(say("and")) }) : null;
    const why = [about, film.new_here ? say("new_here") : null, because].filter(Boolean).join(" · ");
    return filmRow(film, why ? make("p", { className: "why", textContent: why }) : null, starsFor(film), make("span", { textContent: " " }), likeButton(film));
  });
  if (cursor) $("picks").append(...rows); else $("picks").replaceChildren(...rows);
  next = page.next;
  $("more").hidden = !next;
  const status = ratings.size ? say("picks_from", { n: page.ratings }) : say("picks_none");
  $("picks-status").textContent = $("picks").children.length ? status : say("no_picks");
  $("picks").dataset.ratings = page.ratings;
}

async function showQuestion() {
  const { film } = await (await ask("POST", "/v1/question", { ratings: sent(), not_seen: notSeen })).json();
  if (!film) return $("question").replaceChildren();
  const skip = make("button", { type: "button", textContent: say("not_seen") });
  skip.addEventListener("click", () => { notSeen = [...notSeen, film.id].slice(-500); keep(); attempt(showQuestion); });
  const list = make("ul", { className: "films", id: "asked" }, filmRow(film, starsFor(film), make("div", {}, skip)));
  $("question").replaceChildren(make("h3", { textContent: say("ask") }), list);
}

async function search() {
  const q = $("q").value.trim();
  if (!q) return $("found").replaceChildren();
  const found = await (await ask("GET", `/v1/films?limit=6&q=${encodeURIComponent(q)}`)).json();
  if (q !== $("q").value.trim()) return; // they typed on
  $("found").replaceChildren(...found.films.map((film) => filmRow(film, starsFor(film), make("span", { textContent: " " }), likeButton(film))));
  $("found-status").textContent = found.total ? say("found", { n: found.total }) : say("found_none");
}

async function showAll() {
  posters = (await (await ask("GET", "/page/posters.json")).json()).address;
  showRatings();
  const { genres } = await (await ask("GET", "/v1/genres")).json();
  const chosen = $("genre").value;
  $("genre").replaceChildren($("genre").firstElementChild, ...genres.map((name) => make("option", { value: name, textContent: name })));
  $("genre").value = chosen;
  await showPicks();
  await showQuestion();
  const key = await (await ask("GET", "/v1/key")).json();
  $("admin").hidden = key.scope !== "admin";
  if (key.scope === "admin") await (await import("/page/admin.js")).show();
}

let typing = 0;
$("q").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => attempt(search), 250); });
$("search").addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing); attempt(search); });
$("wish").addEventListener("submit", (event) => event.preventDefault());
$("genre").addEventListener("change", () => attempt(showPicks));
$("diversity").addEventListener("change", () => attempt(showPicks));
$("more").addEventListener("click", () => attempt(() => showPicks(next)));
$("clear").addEventListener("click", () => { ratings.clear(); notSeen = []; keep(); attempt(showAll); });
$("language").addEventListener("change", () => { speak($("language").value); keep(); attempt(showAll); });
$("key-button").addEventListener("click", () => $("key-dialog").showModal());
$("key-dialog").addEventListener("close", () => {
  if ($("key-dialog").returnValue !== "use") return;
  sessionStorage.setItem("matinee-key", $("key-input").value.trim());
  $("key-input").value = "";
  attempt(showAll);
});

$("language").value = speak(kept.language || navigator.language.slice(0, 2));
attempt(showAll);
