"""What do the first picks find, and would somebody defend them? Everything as the chat shows it.

    python -m benchmarks.quality.first_picks [--data demo|PATH] [--validate]

A quarter of the people are kept from training. Each reveals some of their ratings, drawn at random: 1, 3, 5, 10 or 20
of them, their answers to five questions that we ask, or up to eight of those of at most 2½ stars. Ten films are then
shown, chosen among all others; those that they gave four stars and more should be there (nDCG@10). Beside ours stand
popularity, item-kNN and EASE, folded in for the same people. λ and the number of neighbours are those that serve the
rival best on these very people.

In our lists it also counts films that fewer than 20 people rated, films that are shown to anybody, and lists that offer
a later part of a series before the first. People with one love are those of tests/data/specialists.toml. ``--validate``
takes another quarter of the people, for choosing constants.
"""

import argparse
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from scipy.sparse import csr_matrix

from engine import datasets
from engine.datasets import tags_file
from engine.datasets.titles import parse_title
from engine.domain import Film, Rating
from engine.judging.evaluation import RELEVANT_STARS, ranking
from engine.learning.content import Tags
from engine.learning.fits import RatingTable, fit
from engine.learning.similarity import similar_films
from engine.learning.training import SEED
from engine.serving import advice
from engine.serving.content import with_unrated
from engine.serving.factors import Hyperparameters
from engine.serving.kinds import Kinds
from engine.serving.library import Facts, Films, Shelf
from engine.serving.similar_titles import SimilarTitles
from engine.settings import EngineSettings
from engine.spark.session import spark_session
from engine.store import Store, Taste
from engine.store.migrate import migrate

SPECIALISTS = Path(__file__).parents[2] / "tests" / "data" / "specialists.toml"
COLUMNS = ("1", "3", "5", "10", "20", "our five", "≤ 2½ stars")
THIN = 20
PATIENCE = 40
NOW = datetime(2026, 1, 1, tzinfo=UTC)

Stars = dict[int, float]
Recommender = Callable[[Stars], list[int]]
"""Takes ratings and returns ten films."""


@dataclass(frozen=True)
class World:
    """A shelf that was trained without some people and ``hidden`` films, its training ratings, and the ratings of those
    people."""

    shelf: Shelf
    known: csr_matrix
    newcomers: dict[int, Stars]
    hidden: frozenset[int] = frozenset()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="demo")
    parser.add_argument("--validate", action="store_true")
    asked = parser.parse_args()
    world = prepare(asked.data, quarter=1 if asked.validate else 0)
    cases = list(revealed(world))
    print(f"{len(world.newcomers)} people who were kept from training, {len(cases)} lists. nDCG@10 by ratings given:\n")
    print(f"{'':24}" + "".join(f"{name:>12}" for name in COLUMNS))
    shown: list[tuple[Stars, list[int]]] = []

    def ours(given: Stars) -> list[int]:
        shown.append((given, matinee(world.shelf, given)))
        return shown[-1][1]

    print_row("popularity", cases, popularity(world))
    print_row("item-kNN", cases, *(item_knn(world, neighbours) for neighbours in (20, 100, 1_000)))
    print_row("EASE", cases, *(ease(world, smoothing) for smoothing in (20.0, 100.0, 400.0, 1_600.0)))
    print_row("Matinee", cases, ours)
    lists = [films for _, films in shown]
    counts = {film.id: film.rating_count for film in world.shelf.films.by_id.values()}
    thin = np.mean([counts[film] < THIN for films in lists for film in films])
    broken = np.mean([breaks_order(world.shelf, given, films) for given, films in shown])
    print(f"\nShown films with fewer than {THIN} ratings: {thin:.1%}. Different films: {len(set().union(*lists))}.")
    print(f"Lists with a later part of a series before the first: {broken:.1%}.\n")
    people = [(person, *judge_specialist(world.shelf, person)) for person in specialists(world.shelf.films)]
    for person, fitting, films in people:
        mark = " " if fitting >= person.fitting else "!"
        print(f"{mark} {person.name:24} {fitting:2} of {person.fitting:2}  {'; '.join(films[:4])}")
    for guided in (True, False):
        group = [fitting >= person.fitting for person, fitting, _ in people if person.guided is guided]
        print(f"People with one love, {'looked at' if guided else 'kept apart'}: {sum(group)} of {len(group)} served.")


def matinee(shelf: Shelf, given: Stars) -> list[int]:
    """Return what /top shows to somebody who just gave these ratings."""
    taste = Taste(1, tuple(Rating(film, stars, NOW) for film, stars in given.items()), (), waiting=len(given))
    return [line.film.id for line in advice.picks(shelf, taste)]


def print_row(name: str, cases: list[tuple[str, Stars, Stars]], *rivals: Recommender) -> None:
    """Print the best of some variants of one recommender, judged over all columns."""
    rows = []
    for recommend in rivals:
        found: dict[str, list[float]] = {column: [] for column in COLUMNS}
        for column, given, rated in cases:
            liked = {film for film, stars in rated.items() if stars >= RELEVANT_STARS and film not in given}
            hits = np.array([film in liked for film in recommend(given)], bool)
            found[column].append(ranking(hits, len(liked))["ndcg"])
        rows.append([float(np.mean(found[column])) for column in COLUMNS])
    best = max(rows, key=sum)
    print(f"{name:24}" + "".join(f"{value:12.3f}" for value in best), flush=True)


# --- The people -------------------------------------------------------------------------------------------------------


def prepare(source: str, *, quarter: int, hide: int = 0) -> World:
    """Train without a quarter of the people: models and similar titles as the engine has them.

    Args:
        hide: of so many films, drawn among those that ``THIN`` people rated, all ratings are left out too.
    """
    with tempfile.TemporaryDirectory() as home:
        settings = EngineSettings(home=Path(home), dataset=source, database_url=None)
        store = Store(f"sqlite:///{home}/newcomer.db")
        migrate(store)
        loaded = datasets.load(source, store, settings.folder, settings.home / "downloads", now=NOW)
        films = store.films()
        table = parquet.read_table(loaded.ratings, columns=["user_id", "movie_id", "stars"]).to_pandas()
        with spark_session(settings, log=Path(home) / "spark.log") as spark:
            people = np.random.default_rng(0).permutation(np.unique(table["user_id"]))
            size = len(people) // 4
            kept = people[quarter * size : (quarter + 1) * size]
            old = table[~table["user_id"].isin(kept)]
            counts = old.groupby("movie_id").size()
            known = counts.index[counts >= THIN].to_numpy()
            hidden = frozenset(np.random.default_rng(quarter).choice(known, hide, replace=False).tolist())
            old = old[~old["movie_id"].isin(hidden)]
            tags = Tags.read(tags_file(settings.folder, loaded.catalogue.fingerprint))
            alike = similar_films(spark, films, spark.createDataFrame(old), tags, limit=20)
            pairs = alike.select("movie_id", "similar_movie_id", "similarity").toPandas()
    counts = old.groupby("movie_id").size()
    films = [replace(film, rating_count=int(counts.get(film.id, 0))) for film in films]
    ratings = RatingTable.of(*(old[name].to_numpy() for name in ("user_id", "movie_id", "stars")), films)
    trained = fit(ratings, Hyperparameters(), seed=SEED).model()
    catalogue = Films.of(replace(loaded.catalogue, user_count=len(people) - size), films)
    similar = tuple(pairs[name].to_numpy() for name in pairs)
    model = with_unrated(trained, films, similar)
    titles = SimilarTitles.of(model.movie_ids, *similar)
    matrix = csr_matrix(
        (ratings.values / 5, (ratings.users, ratings.films)), shape=(len(ratings.user_ids), len(ratings.movie_ids))
    )
    newcomers = {
        int(user): dict(zip(rows["movie_id"].tolist(), rows["stars"].tolist(), strict=True))
        for user, rows in table[table["user_id"].isin(kept)].groupby("user_id")
    }
    shelf = Shelf(catalogue, 1, model, Facts.of(model, catalogue), titles, Kinds.of(model, films))
    return World(shelf, matrix, newcomers, hidden)


def revealed(world: World) -> Iterator[tuple[str, Stars, Stars]]:
    """Yield a column, the ratings that somebody reveals, and all their ratings. People without a liked film to find are
    left out."""
    for user, rated in world.newcomers.items():
        rng, films = np.random.default_rng(user), sorted(rated)
        draws = [(name, rng.permutation(films)[: int(name)].tolist()) for name in COLUMNS[:5] for _ in range(2)]
        low = [film for film in films if rated[film] <= 2.5]
        draws += [(COLUMNS[5], answers(world.shelf, user, rated))]
        draws += [(COLUMNS[6], rng.permutation(low)[:8].tolist())] if len(low) >= 3 else []
        for column, chosen in draws:
            given = {film: rated[film] for film in chosen}
            left = any(stars >= RELEVANT_STARS for film, stars in rated.items() if film not in given)
            if given and left:
                yield column, given, rated


def answers(shelf: Shelf, user: int, rated: Stars) -> list[int]:
    """Return the films that somebody rates when the chat asks for five."""
    given: list[int] = []
    asked: list[int] = []
    while len(given) < advice.FIRST_PICKS and len(asked) < PATIENCE:
        taste = Taste(user, tuple(Rating(film, rated[film], NOW) for film in given))
        film = advice.question(shelf, taste, asked)
        if film is None:
            break
        asked.append(film.id)
        if film.id in rated:
            given.append(film.id)
    return given


# --- Rivals -----------------------------------------------------------------------------------------------------------


def best_ten(world: World, score: Callable[[np.ndarray], np.ndarray]) -> Recommender:
    model = world.shelf.model
    assert model is not None
    rated = model.movie_ids[model.learnt]

    def recommend(given: Stars) -> list[int]:
        row = np.array([given.get(film, 0) / 5 for film in rated.tolist()], np.float32)
        scores = score(row)
        scores[row > 0] = -np.inf
        return [int(film) for film in rated[np.argsort(-scores, kind="stable")[:10]]]

    return recommend


def popularity(world: World) -> Recommender:
    counts = np.asarray((world.known > 0).sum(axis=0), np.float32).ravel()
    return best_ten(world, lambda row: counts.copy())


def item_knn(world: World, neighbours: int) -> Recommender:
    """Item-kNN: cosines of the columns of stars, with each film's nearest neighbours."""
    length = np.sqrt(np.asarray(world.known.multiply(world.known).sum(axis=0)).ravel())
    unit = world.known.multiply(1 / np.maximum(length, 1e-9)).tocsr()
    cosine = (unit.T @ unit).toarray()
    np.fill_diagonal(cosine, 0)
    least = np.partition(cosine, -neighbours, axis=1)[:, -neighbours, None]
    cosine[cosine < least] = 0

    def score(row: np.ndarray) -> np.ndarray:
        rated = np.flatnonzero(row)
        found: np.ndarray = row[rated] @ cosine[rated]
        return found

    return best_ten(world, score)


def ease(world: World, smoothing: float) -> Recommender:
    """EASE on stars/5: x·B = −(x·P)/diag(P), and P = (I − Xᵀ·K·X)/λ with K = (XXᵀ + λI)⁻¹ (Woodbury)."""
    x = world.known
    inverse = np.linalg.inv((x @ x.T).toarray() + smoothing * np.eye(x.shape[0]))
    diagonal = 1 - np.asarray(x.multiply(inverse @ x).sum(axis=0)).ravel()

    def score(row: np.ndarray) -> np.ndarray:
        found: np.ndarray = -(row - (inverse @ (x @ row)) @ x) / diagonal
        return found

    return best_ten(world, score)


# --- Series, and people with one love ---------------------------------------------------------------------------------


def breaks_order(shelf: Shelf, given: Stars, films: list[int]) -> bool:
    """Return whether a list shows a later part of a series although no earlier part was rated or stands above it."""
    facts, model = shelf.facts, shelf.model
    assert facts is not None
    assert model is not None
    known = set(model.rows(given).tolist())
    for row in model.rows(films).tolist():
        parts = facts.series.get(row, (row,))
        before = set(parts[: parts.index(row)])
        if before and not before & known:
            return True
        known.add(row)
    return False


@dataclass(frozen=True)
class Specialist:
    """Somebody who loves one kind of film: films with five stars, all films of that kind, and how many of ten picks
    must be of it."""

    name: str
    loves: tuple[int, ...]
    kind: frozenset[int]
    fitting: int
    guided: bool


def specialists(films: Films) -> list[Specialist]:
    """Return the people of tests/data/specialists.toml whose films the catalogue has."""
    written = tomllib.loads(SPECIALISTS.read_text(encoding="utf-8"))
    by_name: dict[tuple[str, int | None], int] = {}
    for film in films.by_id.values():
        for title in (film.display_title, *film.alternative_titles):
            by_name.setdefault((_plain(title), film.year), film.id)

    def find(titles: list[str]) -> list[int]:
        parsed = [parse_title(title) for title in titles]
        found = [by_name.get((_plain(p.display_title), p.year)) for p in parsed]
        return [film for film in found if film is not None]

    kinds = {name: frozenset(find(titles)) for name, titles in written["films"].items()}
    people = []
    for entry in written["people"]:
        loves = tuple(find(entry["loves"]))
        kind = frozenset(film.id for film in films.by_id.values() if _is_of(film, entry, kinds))
        if len(loves) == len(entry["loves"]):
            people.append(Specialist(entry["name"], loves, kind, entry["fitting"], entry["guided"]))
    return people


def _is_of(film: Film, entry: dict[str, Any], kinds: dict[str, frozenset[int]]) -> bool:
    if "films" in entry:
        return film.id in kinds[entry["films"]]
    in_time = film.year is not None and entry.get("since", 0) <= film.year <= entry.get("until", 9_999)
    return in_time and set(entry.get("genres", ())) <= set(film.genres)


def judge_specialist(shelf: Shelf, person: Specialist) -> tuple[int, list[str]]:
    """Return how many films of their list are of the kind that they love, and the list."""
    films = matinee(shelf, dict.fromkeys(person.loves, 5.0))
    return sum(film in person.kind for film in films), [shelf.films.by_id[film].display_title for film in films]


def _plain(title: str) -> str:
    return re.sub(r"\W+", "", title.casefold())


if __name__ == "__main__":
    main()
