"""Describes a data set: its numbers, and the page that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as arrow_dataset
from numpy.typing import NDArray

from engine.datasets import ratings_folder
from engine.domain import STARS, Catalogue, Feedback, Film, MatineeError
from engine.pages.data_pictures import (
    FEWEST_RATINGS,
    activity,
    decade_columns,
    filled_cells,
    log_histograms,
    long_tail,
    named_rows,
    star_columns,
)
from engine.pages.drawing import percent
from engine.pages.html import render, write_page
from engine.settings import EngineSettings
from engine.store import Store

DAMPING = 25
"""A film's mean is computed as if this many more people had given it the mean of all stars."""

BLOCK = 120
"""Number of people and of films along the sides of the picture of the grid."""

FEWEST_DOTS = 100
"""The random block should hold this many ratings; it is widened for that, at most threefold."""

BEST = 12
"""Number of films in the lists of the best known and the best rated."""

Numbers = dict[str, Any]


class NothingToShow(MatineeError):
    """No data set is loaded."""


@dataclass(frozen=True)
class RatingArrays:
    """A data set's ratings, as parallel arrays. ``values`` are stars or plays; ``times`` (days) may be NaT."""

    user_ids: NDArray[np.int32]
    movie_ids: NDArray[np.int32]
    values: NDArray[np.float32]
    times: NDArray[np.datetime64]


def explore(store: Store, settings: EngineSettings, *, output: Path | None = None) -> tuple[Path, Numbers]:
    """Write the page about the loaded data set, and return its path and its numbers.

    Args:
        output: the file; by default ``reports/explore.html`` in the data set's folder.

    Raises:
        NothingToShow: no data set is loaded, or its files are gone.
    """
    catalogue, ratings = loaded_ratings(store, settings)
    films = store.films()
    numbers = explore_numbers(catalogue, films, ratings)
    html = render("explore.html.j2", explore_facts(numbers, ratings))
    return write_page(output or settings.folder / "reports" / "explore.html", html), numbers


def loaded_ratings(store: Store, settings: EngineSettings) -> tuple[Catalogue, RatingArrays]:
    """Return the loaded data set and its ratings, without those of the chat.

    Raises:
        NothingToShow: no data set is loaded, or its files are gone.
    """
    catalogue = store.catalogue()
    if catalogue is None:
        raise NothingToShow("no data set is loaded: `python -m engine load demo`, or the name or path of another")
    folder = ratings_folder(settings.folder, catalogue.fingerprint)
    if not folder.exists():
        raise NothingToShow(f"the files of {catalogue.dataset} are gone from {folder}: load it again")
    return catalogue, read_ratings(folder, catalogue.feedback)


def read_ratings(folder: Path, feedback: Feedback) -> RatingArrays:
    """Read the files of ``datasets.load``. A rating takes about 20 bytes of memory."""
    value = "stars" if feedback is Feedback.STARS else "plays"
    table = arrow_dataset.dataset(folder, format="parquet").to_table(["user_id", "movie_id", value, "rated_at"])
    return RatingArrays(
        table["user_id"].to_numpy(),
        table["movie_id"].to_numpy(),
        table[value].to_numpy(),
        table["rated_at"].to_numpy().astype("datetime64[D]"),
    )


# --- Numbers ----------------------------------------------------------------------------------------------------------


def explore_numbers(catalogue: Catalogue, films: Sequence[Film], ratings: RatingArrays) -> Numbers:
    """Return all facts of the page, as plain values for JSON.

    Shares are 0 to 1. ``spread`` entries are distributions over logarithmic classes, with median, mean and largest.
    Means of stars are null with play counts; ``activity`` is null without times, ``decades`` and ``genres`` are empty
    where no film has any.
    """
    stars = catalogue.feedback is Feedback.STARS
    ids = np.array([film.id for film in films], np.int64)
    order = np.argsort(ids)
    row = order[np.searchsorted(ids, ratings.movie_ids, sorter=order)]
    per_film = np.bincount(row, minlength=len(films))
    sums = np.bincount(row, ratings.values, minlength=len(films))
    _, person = np.unique(ratings.user_ids, return_inverse=True)
    per_person = np.bincount(person)
    total, rated = len(ratings.values), int((per_film > 0).sum())
    mean = float(ratings.values.mean(dtype=np.float64)) if stars else None
    known = ratings.times[~np.isnat(ratings.times)]
    return {
        "dataset": catalogue.dataset,
        "simulated": catalogue.simulated,
        "feedback": str(catalogue.feedback),
        "item": catalogue.item,
        "terms": catalogue.terms,
        "loaded_at": catalogue.loaded_at.isoformat(),
        "ratings": total,
        "people": len(per_person),
        "films": len(films),
        "films_rated": rated,
        "films_unrated": len(films) - rated,
        "share_of_grid_filled": total / (len(per_person) * rated),
        "mean_stars": mean,
        "median_stars": float(np.median(ratings.values)) if stars else None,
        "first_day": str(known.min()) if len(known) else None,
        "last_day": str(known.max()) if len(known) else None,
        "stars": _star_shares(ratings.values) if stars else [],
        "plays_spread": None if stars else spread(ratings.values),
        "ratings_per_person": spread(per_person),
        "ratings_per_film": spread(per_film[per_film > 0]),
        "films_for_half_of_ratings": _films_for(per_film, 0.5),
        "long_tail": _long_tail(per_film),
        "genres": _genres(films, per_film, sums, stars=stars),
        "decades": _decades(films, per_film, sums, stars=stars),
        "activity": _activity(known, ratings.user_ids[~np.isnat(ratings.times)]),
        "best_known": _ranked(films, per_film, sums, mean, per_film.astype(np.float64)),
        "best_rated": [] if mean is None else _ranked(films, per_film, sums, mean, damped_means(per_film, sums, mean)),
        "damping_ratings": DAMPING,
    }


def spread(values: NDArray[Any]) -> Numbers:
    """Return how positive whole numbers are distributed: counts over classes of equal width on a log scale (five to a
    factor of ten, ``edges[i]`` up to but not ``edges[i + 1]``), with median, mean, smallest and largest."""
    top = max(int(np.floor(5 * np.log10(values.max()) + 1e-9)) + 1, 2)
    edges = 10 ** (np.arange(top + 1) / 5)
    edges[::5] = np.round(edges[::5])  # exact, so that 10, 100 and 1000 begin a class
    counts, _ = np.histogram(values, edges)
    return {
        "smallest": float(values.min()),
        "median": float(np.median(values)),
        "mean": float(values.mean(dtype=np.float64)),
        "largest": float(values.max()),
        "edges": [round(float(edge), 4) for edge in edges],
        "counts": counts.tolist(),
    }


def damped_means(counts: NDArray[Any], sums: NDArray[Any], mean: float) -> NDArray[np.float64]:
    """Return each film's mean stars as if ``DAMPING`` more people had given it the overall mean."""
    damped: NDArray[np.float64] = (sums + DAMPING * mean) / (counts + DAMPING)
    return damped


def _star_shares(values: NDArray[np.float32]) -> list[Numbers]:
    given = [int((values == stars).sum()) for stars in STARS]
    return [
        {"stars": stars, "ratings": count, "share": count / len(values)}
        for stars, count in zip(STARS, given, strict=True)
    ]


def _films_for(per_film: NDArray[Any], share: float) -> int:
    """Return how many of the best known films it takes to have this share of all ratings."""
    running = np.cumsum(np.sort(per_film)[::-1])
    return int(np.searchsorted(running, share * running[-1])) + 1


def _long_tail(per_film: NDArray[Any]) -> list[Numbers]:
    """Return the best known films' share of ratings, at up to 200 points from none to all of the films rated."""
    counts = np.sort(per_film[per_film > 0])[::-1]
    running = np.append(0, np.cumsum(counts))
    # Points are closer where the curve is steep.
    at = np.unique(np.round(np.linspace(0, 1, 201) ** 2 * len(counts)).astype(int))
    return [{"films": float(n / len(counts)), "ratings": float(running[n] / running[-1])} for n in at.tolist()]


def _genres(films: Sequence[Film], per_film: NDArray[Any], sums: NDArray[Any], *, stars: bool) -> list[Numbers]:
    """Return each genre's films, ratings and mean stars, the one with most films first. A film counts in each of its
    genres."""
    groups: dict[str, list[int]] = {}
    for row, film in enumerate(films):
        for genre in film.genres:
            groups.setdefault(genre, []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [{"genre": genre} | _group(rows, per_film, sums, stars=stars) for genre, rows in ordered]


def _decades(films: Sequence[Film], per_film: NDArray[Any], sums: NDArray[Any], *, stars: bool) -> list[Numbers]:
    """Return each decade's films, ratings and mean stars, in order and without gaps; films without a year are in
    none."""
    groups: dict[int, list[int]] = {}
    for row, film in enumerate(films):
        if film.year is not None:
            groups.setdefault(film.year // 10 * 10, []).append(row)
    if not groups:
        return []
    every = range(min(groups), max(groups) + 10, 10)
    return [{"decade": decade} | _group(groups.get(decade, []), per_film, sums, stars=stars) for decade in every]


def _group(rows: list[int], per_film: NDArray[Any], sums: NDArray[Any], *, stars: bool) -> Numbers:
    count = int(per_film[rows].sum())
    mean = float(sums[rows].sum() / count) if stars and count else None
    return {"films": len(rows), "ratings": count, "mean_stars": mean}


_UNITS = ((100, "day"), (800, "week"), (3_000, "month"), (10**9, "quarter"))
"""The longest span, in days, that is shown in each unit of time."""

_MONDAY = 3
"""Day 0, 1 January 1970, was a Thursday: the week began three days before."""


def _slots(times: NDArray[np.datetime64], unit: str) -> NDArray[np.int64]:
    if unit in ("month", "quarter"):
        return times.astype("datetime64[M]").astype(np.int64) // (1 if unit == "month" else 3)
    days = times.astype("datetime64[D]").astype(np.int64)
    return days if unit == "day" else (days + _MONDAY) // 7


def _slot_starts(slots: NDArray[np.int64], unit: str) -> NDArray[np.datetime64]:
    if unit in ("month", "quarter"):
        return (slots * (1 if unit == "month" else 3)).astype("datetime64[M]").astype("datetime64[D]")
    return (slots if unit == "day" else slots * 7 - _MONDAY).astype("datetime64[D]")


def _activity(times: NDArray[np.datetime64], user_ids: NDArray[np.int32]) -> Numbers | None:
    """Return ratings and active people by day, week, month or quarter, whichever gives a readable picture."""
    if not len(times):
        return None
    span = int((times.max() - times.min()).astype(int)) + 1
    unit = next(unit for longest, unit in _UNITS if span <= longest)
    slot = _slots(times, unit)
    first = int(slot.min())
    slot -= first
    pairs = np.unique((slot << 32) | user_ids.astype(np.int64))
    ratings, people = np.bincount(slot), np.bincount(pairs >> 32)
    starts = _slot_starts(first + np.arange(len(ratings)), unit)
    rows = zip(starts, ratings.tolist(), people.tolist(), strict=True)
    return {"unit": unit, "slots": [{"from": str(at), "ratings": n, "people": p} for at, n, p in rows]}


def _ranked(
    films: Sequence[Film],
    per_film: NDArray[Any],
    sums: NDArray[Any],
    mean: float | None,
    by: NDArray[np.float64],
) -> list[Numbers]:
    """Return the ``BEST`` rated films with the largest ``by``; among equals the better known come first."""
    order = [row for row in np.lexsort((-per_film, -by)) if per_film[row]][:BEST]
    damped = None if mean is None else damped_means(per_film, sums, mean)
    return [
        {
            "movie_id": films[row].id,
            "title": films[row].display_title,
            "year": films[row].year,
            "ratings": int(per_film[row]),
            "mean_stars": None if mean is None else float(sums[row] / per_film[row]),
            "damped_stars": None if damped is None else float(damped[row]),
        }
        for row in order
    ]


def filled_blocks(
    ratings: RatingArrays, *, size: int = BLOCK, seed: int = 7
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return two blocks of the grid of people (rows) × films (columns): the most active people with the best known
    films, and people and films drawn at random. Both are ordered from most to fewest ratings.

    The second block is larger if ratings are so sparse that it would be almost empty.
    """
    users, person, by_person = np.unique(ratings.user_ids, return_inverse=True, return_counts=True)
    films, film, by_film = np.unique(ratings.movie_ids, return_inverse=True, return_counts=True)
    down, across = np.argsort(-by_person, kind="stable"), np.argsort(-by_film, kind="stable")
    rng = np.random.default_rng(seed)
    filled = len(ratings.values) / (len(users) * len(films))
    drawn = min(max(size, round((FEWEST_DOTS / filled) ** 0.5)), 3 * size)
    drawn_down = down[np.sort(rng.permutation(len(users))[:drawn])]
    drawn_across = across[np.sort(rng.permutation(len(films))[:drawn])]

    def block(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        row, column = np.full(len(users), -1), np.full(len(films), -1)
        row[rows], column[columns] = np.arange(len(rows)), np.arange(len(columns))
        inside = (row[person] >= 0) & (column[film] >= 0)
        cells = np.zeros((len(rows), len(columns)), bool)
        cells[row[person[inside]], column[film[inside]]] = True
        return cells

    return block(down[:size], across[:size]), block(drawn_down, drawn_across)


# --- The page ---------------------------------------------------------------------------------------------------------


def explore_facts(numbers: Numbers, ratings: RatingArrays) -> dict[str, Any]:
    """Return the values for the template: the numbers, and pictures by name (None if there is nothing to draw)."""
    dense, random = filled_blocks(ratings)
    counts = numbers["feedback"] == Feedback.COUNTS
    noun, item = "play counts" if counts else "ratings", numbers["item"]
    half = numbers["films_for_half_of_ratings"] / numbers["films_rated"]
    return {
        **numbers,
        "loaded_at": datetime.fromisoformat(numbers["loaded_at"]),
        "counts": counts,
        "fewest_ratings": FEWEST_RATINGS,
        "dense_share": float(dense.mean()),
        "random_share": float(random.mean()),
        "block": {"dense": dense.shape, "random": random.shape},
        "pictures": {
            "stars": None if counts else star_columns(numbers["stars"], label="How often each rating was given"),
            "plays": log_histograms(
                [("", f"plays of one {item} by one person", "pairs", numbers["plays_spread"])],
                label=f"How often people play the same {item}",
            )
            if counts
            else None,
            "spreads": log_histograms(
                [
                    ("People", f"{noun} by one person", "people", numbers["ratings_per_person"]),
                    (f"{item.capitalize()}s", f"{noun} of one {item}", f"{item}s", numbers["ratings_per_film"]),
                ],
                label=f"{noun.capitalize()} for each person and for each {item}, on a logarithmic scale",
            ),
            "tail": long_tail(
                numbers["long_tail"],
                half=half,
                text=f"half of the {noun} go to {percent(half)} of the {item}s",
                x=f"share of {item}s, best known first",
                y=f"share of all {noun}",
                label=f"Share of {noun} that the best known {item}s have",
            ),
            "grid": filled_cells(
                [
                    (f"Most active × best known: {percent(dense.mean())} filled", dense),
                    (f"Drawn at random: {percent(random.mean())} filled", random),
                ],
                x=f"{item}s",
                y="people",
                label=f"Two blocks of the grid of people by {item}s; a dot is one of the {noun}",
            ),
            "genres": named_rows(
                [row["genre"] for row in numbers["genres"]],
                [row["films"] for row in numbers["genres"]],
                [row["mean_stars"] if row["ratings"] >= FEWEST_RATINGS else None for row in numbers["genres"]],
                mean=numbers["mean_stars"],
                label="Films and mean stars by genre",
            )
            if numbers["genres"]
            else None,
            "decades": decade_columns(
                numbers["decades"], mean=numbers["mean_stars"], label="Films and mean stars by decade"
            )
            if numbers["decades"]
            else None,
            "activity": _activity_picture(numbers["activity"]),
        },
    }


def _activity_picture(found: Numbers | None) -> Any:
    if found is None or len(found["slots"]) < 2:
        return None
    slots = found["slots"]
    return activity(
        [np.datetime64(slot["from"]) for slot in slots],
        [slot["ratings"] for slot in slots],
        [slot["people"] for slot in slots],
        unit=found["unit"],
        label="Ratings and active people over time",
    )
