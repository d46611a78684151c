"""A tiny world of play counts: twenty-four artists of four scenes, what three listeners play, a live model made by
hand. And the words that do not belong there."""

import re
from dataclasses import asdict, replace

import numpy as np

from engine.domain import Catalogue, FactorRows, Feedback, Film, ItemKind
from engine.serving.factors import OF_PLAYS
from engine.store import SimilarRow, Store
from tests.world import NOW

SCENES = {
    "rock": ("Radiohead", "Placebo", "The Cure", "Muse", "Weezer", "Blur"),
    "rap": ("Eminem", "Outkast", "Kanye West", "Jay-Z", "Cypress Hill", "Common"),
    "jazz": ("Miles Davis", "John Coltrane", "Nina Simone", "Charles Mingus", "Chet Baker", "Bill Evans"),
    "folk": ("Bob Dylan", "Nick Drake", "Joan Baez", "Iron & Wine", "Devendra Banhart", "Cat Power"),
}
ARTISTS = tuple(
    Film(id=10 * row + place, title=name, display_title=name, rating_count=300 - 40 * place - row)
    for row, names in enumerate(SCENES.values(), start=1)
    for place, name in enumerate(names)
)
SCENE_OF = {name: scene for scene, names in SCENES.items() for name in names}
HYPERPARAMETERS = asdict(replace(OF_PLAYS, preference=replace(OF_PLAYS.preference, rank=len(SCENES)))) | {
    "mean_stars": 0.0,
    "average_taste": [0.4, 0.3, 0.2, 0.1],
}


def build(store: Store, *, published: bool = True) -> Store:
    """Fill a migrated store with the artists, three listeners, and (``published``) a live model, number 1."""
    store.save_films(ARTISTS)
    plays = sum(artist.rating_count for artist in ARTISTS)
    catalogue = Catalogue(
        dataset="tiny", fingerprint="a" * 64, simulated=False, feedback=Feedback.COUNTS, terms="Made up for tests.",
        rating_count=plays, user_count=3, movie_count=len(ARTISTS), loaded_at=NOW, kind=ItemKind.ARTIST,
    )  # fmt: skip
    store.save_catalogue(catalogue)
    listeners = store.dataset_users(np.array([1, 2, 3], np.int64)).tolist()
    if not published:
        return store
    version = store.create_version(
        dataset="tiny",
        dataset_fingerprint="a" * 64,
        hyperparameters=HYPERPARAMETERS,
        metrics={"ndcg_at_10": 0.3, "roem": 0.1, "popularity": {"ndcg_at_10": 0.2}},
        counts={"ratings": plays, "users": 3, "movies": len(ARTISTS)},
        now=NOW,
    )
    rows = factors()
    store.write_item_factors(version, rows)
    store.write_similar(version, _similar(rows))
    lists = [
        (listener, position, int(rows.movie_ids[row]), float(rows.preference[row, scene]), None)
        for scene, listener in enumerate(listeners)
        for position, row in enumerate(np.argsort(-rows.preference[:, scene], kind="stable"), start=1)
    ]
    store.write_recommendations(version, lists)
    store.publish(version, event_ids=np.array([], np.int64), now=NOW)
    return store


def factors() -> FactorRows:
    """How much of each scene an artist has: of their own, a little more for those that are well known."""
    scenes = list(SCENES)
    mine = np.array([[scene == SCENE_OF[artist.title] for scene in scenes] for artist in ARTISTS], np.float32)
    fame = np.array([artist.rating_count for artist in ARTISTS], np.float32)[:, None] / 300
    return FactorRows(
        movie_ids=np.array([artist.id for artist in ARTISTS], np.int32),
        preference=(mine * (0.6 + 0.4 * fame) + 0.02 * fame).astype(np.float32),
        rating=np.zeros((len(ARTISTS), 1), np.float32),
        bias=np.zeros(len(ARTISTS), np.float32),
    )


def _similar(rows: FactorRows) -> list[SimilarRow]:
    unit = rows.preference / np.linalg.norm(rows.preference, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -1)
    return [
        (int(rows.movie_ids[row]), position, int(rows.movie_ids[other]), float(cosine[row, other]), None, None)
        for row in range(len(unit))
        for position, other in enumerate(np.argsort(-cosine[row], kind="stable")[:10], start=1)
    ]


# --- Words ------------------------------------------------------------------------------------------------------------

OF_STARS = {
    "en": r"\bstars?\b|½|★|\b(un)?rat(e|es|ed|ings?)\b",
    "de": r"\bsterne?n?\b|½|★|bewert",
    "es": r"estrella|½|★|punt[uú]",
}
"""Words that must not appear for play counts."""

OF_FILMS = {
    "en": r"\b(films?|movies?|imdb|titles?|watch\w*|see|seen|years?|genres?)\b",
    "de": r"film|imdb|titel|\bseh|gesehen|\bjahre?n?\b|genre",
    "es": r"pel[ií]cula|imdb|cine|t[ií]tulo|\bvist[oa]s?\b|\baños?\b|género",
}
"""Further words that must not appear for artists."""

NOT_WORDS = re.compile(r"\{\w+\}|</?\w+>|(?<![\w<])/[a-z]+\b")
"""Placeholders, tags and commands."""


def words_of(text: str, *patterns: str) -> list[str]:
    """Return the words in a text that these patterns find."""
    said = NOT_WORDS.sub("", text)
    return [found[0] for pattern in patterns for found in re.finditer(pattern, said, re.IGNORECASE)]
