// Every text of the page, in each language. tests/api/test_page.py holds the three to the same names.
export const TEXTS = {
  en: {
    verbs: "The API's verbs", language: "Language", key: "Key", rate_title: "Rate films that you know",
    rate_note: "Your ratings stay in this browser.", search_label: "Search by title", search: "Search",
    found: "{n} films found.", found_none: "Nothing is called anything like that.", ask: "Do you know this one?",
    not_seen: "Haven't seen it", yours: "Your ratings", clear: "Delete all ratings", picks_title: "Picks for you",
    genre: "Genre", any: "Any", diversity: "Variety", more: "More", no_stars: "no stars", stars: "{n} stars",
    stars_for: "Your stars for {title}", picks_from: "From {n} ratings.", picks_none: "From no ratings yet: what most people like.",
    no_picks: "No film fits.", about: "about {n} for you", new_here: "new here", because: "because of {titles}", and: " and ", similar: "Similar",
    similar_to: "Like {title}", remove: "Take back", close: "Close", key_title: "A key to the API", key_label: "Key",
    key_note: "Whoever runs this makes one with “python -m api keys add”. It stays in this tab.", use: "Use it",
    need_key: "This needs a key: press “Key”.", failed: "That did not work: {why}", admin_title: "Models and runs",
    retrain: "Train again", cancel: "Stop", model: "Model", state: "State", reason: "Reason", act: "Act",
    rollback: "Serve model {n} again", run: "Run {n}: {state}. {detail}", picture_models: "How the models measured",
    picture_data: "What the ratings are like", page: "IMDb",
  },
  de: {
    verbs: "Die Verben der API", language: "Sprache", key: "Schlüssel", rate_title: "Bewerte Filme, die du kennst",
    rate_note: "Deine Bewertungen bleiben in diesem Browser.", search_label: "Nach Titel suchen", search: "Suchen",
    found: "{n} Filme gefunden.", found_none: "Nichts heißt so oder ähnlich.", ask: "Kennst du diesen?",
    not_seen: "Nicht gesehen", yours: "Deine Bewertungen", clear: "Alle Bewertungen löschen", picks_title: "Tipps für dich",
    genre: "Genre", any: "Alle", diversity: "Vielfalt", more: "Mehr", no_stars: "keine Sterne", stars: "{n} Sterne",
    stars_for: "Deine Sterne für {title}", picks_from: "Aus {n} Bewertungen.", picks_none: "Noch ohne Bewertungen: was den meisten gefällt.",
    no_picks: "Kein Film passt.", about: "etwa {n} für dich", new_here: "neu hier", because: "wegen {titles}", and: " und ", similar: "Ähnliche",
    similar_to: "Wie {title}", remove: "Zurücknehmen", close: "Schließen", key_title: "Ein Schlüssel zur API", key_label: "Schlüssel",
    key_note: "Wer dies betreibt, macht einen mit „python -m api keys add“. Er bleibt in diesem Tab.", use: "Benutzen",
    need_key: "Dafür braucht es einen Schlüssel: drücke „Schlüssel“.", failed: "Das ging nicht: {why}", admin_title: "Modelle und Läufe",
    retrain: "Neu trainieren", cancel: "Anhalten", model: "Modell", state: "Stand", reason: "Grund", act: "Handeln",
    rollback: "Wieder Modell {n} zeigen", run: "Lauf {n}: {state}. {detail}", picture_models: "Wie die Modelle gemessen haben",
    picture_data: "Wie die Bewertungen sind", page: "IMDb",
  },
  es: {
    verbs: "Los verbos de la API", language: "Idioma", key: "Clave", rate_title: "Puntúa películas que conozcas",
    rate_note: "Tus puntuaciones se quedan en este navegador.", search_label: "Buscar por título", search: "Buscar",
    found: "{n} películas encontradas.", found_none: "Nada se llama así ni parecido.", ask: "¿Conoces esta?",
    not_seen: "No la he visto", yours: "Tus puntuaciones", clear: "Borrar todas", picks_title: "Para ti",
    genre: "Género", any: "Todos", diversity: "Variedad", more: "Más", no_stars: "sin estrellas", stars: "{n} estrellas",
    stars_for: "Tus estrellas para {title}", picks_from: "Según {n} puntuaciones.", picks_none: "Aún sin puntuaciones: lo que gusta a la mayoría.",
    no_picks: "Ninguna película encaja.", about: "unas {n} para ti", new_here: "nueva aquí", because: "por {titles}", and: " y ", similar: "Parecidas",
    similar_to: "Como {title}", remove: "Quitar", close: "Cerrar", key_title: "Una clave de la API", key_label: "Clave",
    key_note: "Quien lleva esto hace una con «python -m api keys add». Se queda en esta pestaña.", use: "Usarla",
    need_key: "Esto necesita una clave: pulsa «Clave».", failed: "No ha funcionado: {why}", admin_title: "Modelos y ejecuciones",
    retrain: "Entrenar de nuevo", cancel: "Parar", model: "Modelo", state: "Estado", reason: "Motivo", act: "Acción",
    rollback: "Volver al modelo {n}", run: "Ejecución {n}: {state}. {detail}", picture_models: "Cómo midieron los modelos",
    picture_data: "Cómo son las puntuaciones", page: "IMDb",
  },
};

let spoken = "en";

/** Speak a language from now on: the one that was chosen before, or the browser's. */
export function speak(language) {
  spoken = TEXTS[language] ? language : "en";
  document.documentElement.lang = spoken;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  return spoken;
}

/** Return a text with its {names} filled in. */
export function say(name, facts = {}) {
  return TEXTS[spoken][name].replace(/\{(\w+)\}/g, (_, key) => facts[key]);
}
