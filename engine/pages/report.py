"""Reports on one model: its metrics and lists as numbers, and the page that shows them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.domain import Catalogue, Film
from engine.judging.gate import CONFIDENCE, HIGHER_IS_BETTER, resampled_sums, spread
from engine.pages import examples
from engine.pages.explore import NothingToShow, Numbers, RatingArrays, loaded_ratings
from engine.pages.html import render, write_page
from engine.pages.model_pictures import (
    HeatMap,
    class_panels,
    compared_bars,
    heat_maps,
    heat_maps_png,
    paired_shares,
    share_histogram,
)
from engine.serving.factors import Model
from engine.settings import EngineSettings
from engine.store import ModelVersion, NoSuchVersion, Store, archive, live_when_trained

FEWEST = 20
"""A class with fewer people is merged with the next class."""

RANKING = {"ndcg_at_10": "nDCG", "precision_at_10": "precision", "recall_at_10": "recall", "map_at_10": "MAP"}

METRICS: tuple[tuple[str, str, str, bool], ...] = (
    ("ndcg_at_10", "nDCG at 10", "of what people turned out to love, how much is among their ten, how far up", True),
    ("precision_at_10", "Precision at 10", "share of the ten that they turned out to love", True),
    ("recall_at_10", "Recall at 10", "share of what they loved that is among the ten", True),
    ("f1_at_10", "F1 at 10", "the two before in one", True),
    ("map_at_10", "MAP at 10", "precision again, with the upper places counting more", True),
    ("roem", "Percentile rank", "how far down the catalogue their test films stand: 0 is the top, 0.5 chance", False),
    ("coverage_at_10", "Coverage", "share of all films that somebody is shown among their ten", True),
    ("novelty_at_10", "Novelty, bits", "how little known the shown films are: a bit more is half as well known", True),
    ("rmse_all", "RMSE, stars", "how far off the predicted stars are; large misses count more", False),
    ("rmse_warm", "RMSE of known films, stars", "the same where person and film were in the training", False),
    ("mae_warm", "MAE of known films, stars", "how far off they are on average", False),
    ("precision_at_3_stars", "Precision at 3 stars", "of films predicted to get 3 or more, the share that did", True),
    ("recall_at_3_stars", "Recall at 3 stars", "of films that got 3 or more, the share predicted to", True),
    ("f1_at_3_stars", "F1 at 3 stars", "the two before in one", True),
)  # fmt: skip
"""Key, name, meaning, and whether more is better."""

TIERS = (
    ("best known 1%", 0.01),
    ("next 4%", 0.05),
    ("next 5%", 0.10),
    ("next 15%", 0.25),
    ("next 25%", 0.50),
    ("other half", 1.00),
)
"""Classes of films by how well known they are: a name, and the share of rated films at which the class ends."""


def report(
    store: Store, settings: EngineSettings, version: int | None = None, *, output: Path | None = None
) -> tuple[Path, Numbers]:
    """Write the page about one model, and return its path and its numbers.

    Args:
        version: the model; by default the one that is live.
        output: the file; by default ``reports/model-VERSION.html`` in the data set's folder.

    Raises:
        NoSuchVersion: there is no such model, or no model is live.
    """
    if version is None and (version := store.live_version()) is None:
        raise NoSuchVersion("no model is live yet: `python -m engine train` makes one")
    numbers = report_numbers(store, settings, version)
    html = render("report.html.j2", report_facts(numbers))
    return write_page(output or settings.folder / "reports" / f"model-{version}.html", html), numbers


# --- Numbers ----------------------------------------------------------------------------------------------------------


def report_numbers(store: Store, settings: EngineSettings, version: int) -> Numbers:
    """Return all facts of the page, as plain values for JSON.

    Facts that are no longer available are None: the data set may have been replaced, or a version's lists swept.
    ``missing`` says why, in words.
    """
    model = store.model_version(version)
    before = live_when_trained(model, store.model_versions())
    films = store.films()
    catalogue, ratings, missing = _data(store, settings, model)
    folder = settings.folder / "models" / str(version)
    per_user = _table(folder / "per_user.parquet")
    errors = _table(folder / "errors.parquet")
    if per_user is None:
        missing.append("What was measured for each person was not kept.")
    if errors is None:
        missing.append("Errors by stars and by film were not kept for this model.")
    factors = _model(store, model)
    if factors is None:
        missing.append("The lists of this model are gone: only the last few models keep theirs.")
    tried = store.searches(model.dataset_fingerprint[:12])
    return {
        "version": version,
        "state": str(model.state),
        "reason": model.reason,
        "dataset": model.dataset,
        "simulated": bool(catalogue and catalogue.simulated),
        "terms": catalogue.terms if catalogue else None,
        "item": catalogue.item if catalogue else "film",
        "created_at": f"{model.created_at:%Y-%m-%d %H:%M} UTC",
        "hyperparameters": {k: v for k, v in model.hyperparameters.items() if k != "average_taste"},
        "counts": model.counts,
        "metrics": {key: model.metrics.get(key) for key, *_ in METRICS},
        "popularity": model.metrics.get("popularity"),
        "before_version": None if before is None else before.version,
        "before": None if before is None else {key: before.metrics.get(key) for key, *_ in METRICS},
        "measured": None if per_user is None else {"people": len(per_user)} | _figures(per_user),
        "ndcg_each": None if per_user is None else per_user["ndcg"].dropna().round(4).tolist(),
        "by_person": None if per_user is None or ratings is None else by_person(per_user, ratings),
        "by_stars": None if errors is None else errors_by(errors, "stars"),
        "by_film": None if errors is None else errors_by(errors, "known_from"),
        "lists": _lists(store, version, films, ratings) if factors and ratings else None,
        "searches": [found for name in latest_searches(tried) if (found := _search(store, name))],
        "people": examples.people(store, factors, version, films, ratings, catalogue.feedback)
        if factors and ratings and catalogue
        else [],
        "similar": examples.similar(store, version, films) if factors else [],
        "missing": missing,
    }


def _data(
    store: Store, settings: EngineSettings, model: ModelVersion
) -> tuple[Catalogue | None, RatingArrays | None, list[str]]:
    """Return the model's training data if it is still loaded, and texts on what is missing."""
    try:
        catalogue, ratings = loaded_ratings(store, settings)
    except NothingToShow:
        return store.catalogue(), None, ["The data set's files are gone."]
    if catalogue.fingerprint != model.dataset_fingerprint:
        return catalogue, None, [f"Other data is loaded now than this model was trained on ({model.dataset})."]
    return catalogue, ratings, []


def _table(file: Path) -> pd.DataFrame | None:
    return pd.read_parquet(file) if file.exists() else None


def _model(store: Store, model: ModelVersion) -> Model | None:
    try:
        return Model.assemble(store.item_factors(model.version), model.hyperparameters)
    except NoSuchVersion:
        return None


def interval(top: Any, bottom: Any) -> tuple[float, float]:
    """Return the confidence interval of sum(top) / sum(bottom), with the resamples of ``gate.resampled_sums``.

    Args:
        top, bottom: one entry a person: squared errors and counts of ratings, or values and ones for a mean.
    """
    sums = resampled_sums(np.column_stack([top, bottom]).astype(np.float64))
    sums = sums[sums[:, 1] > 0]
    found = spread(float(np.sum(top) / np.sum(bottom)), sums[:, 0] / sums[:, 1], confidence=CONFIDENCE)
    return found.low, found.high


def _figures(per_user: pd.DataFrame) -> Numbers:
    """Return nDCG and RMSE of some people with their intervals; None if none of them has any."""
    # Nobody has any with play counts.
    ranked, rated = per_user["ndcg"].dropna().to_numpy(), per_user[per_user["n_all"] > 0]
    found: Numbers = dict.fromkeys(("ndcg", "ndcg_interval", "rmse", "rmse_interval"))
    if len(ranked):
        found |= {"ndcg": float(ranked.mean()), "ndcg_interval": interval(ranked, np.ones(len(ranked)))}
    if len(rated):
        squared, n = rated["squared_all"].to_numpy(), rated["n_all"].to_numpy()
        low, high = interval(squared, n)
        found |= {"rmse": float(squared.sum() / n.sum()) ** 0.5, "rmse_interval": (low**0.5, high**0.5)}
    return found


def by_person(per_user: pd.DataFrame, ratings: RatingArrays) -> list[Numbers]:
    """Return RMSE and nDCG, with intervals, of people with few and with many ratings.

    Classes go 1, 2, 5, 10, 20 … by all ratings that the person has in the data set; one with fewer than ``FEWEST``
    people is counted with the next.
    """
    users, counts = np.unique(ratings.user_ids, return_counts=True)
    has = pd.Series(counts, users)
    people = per_user.assign(has=per_user["user_id"].map(has)).dropna(subset="has")
    return [{"ratings": name, "people": len(own)} | _figures(own) for name, own in _classes(people, "has")]


def _classes(people: pd.DataFrame, column: str) -> list[tuple[str, pd.DataFrame]]:
    """Cut people into classes of a 1, 2, 5 series, each of at least ``FEWEST``, the last of at least one."""
    largest = people[column].max() if len(people) else 0
    edges = [step * 10**power for power in range(9) for step in (1, 2, 5)]
    classes: list[tuple[str, pd.DataFrame]] = []
    start = 0
    for edge in edges:
        inside = people[(people[column] >= start) & (people[column] < edge)]
        last = edge > largest
        if len(inside) >= FEWEST or (len(inside) and last):
            smallest = start if classes else int(inside[column].min())
            classes.append((f"{smallest:,}+" if last else _range(smallest, edge - 1), inside))
        if len(inside) >= FEWEST or not len(inside):
            start = edge
        if last:
            break
    return classes


def _range(first: int, last: int) -> str:
    return f"{first:,}" if first == last else f"{first:,}–{last:,}"


def errors_by(errors: pd.DataFrame, column: str) -> list[Numbers]:
    """Return the errors on the test side, by ``stars`` given or by ``known_from``: training ratings of the film.

    Args:
        errors: stars, known_from (the smallest count of its class), n, squared, absolute, signed (predicted less
            given, summed).

    Returns:
        For each class (the stars, or the fewest training ratings in it) its n, rmse, and bias: how many stars too high
        (or, negative, too low) on average.
    """
    sums = errors.groupby(column, sort=True)[["n", "squared", "signed"]].sum()
    return [
        {
            "class": f"{start:,g}",
            "n": int(n),
            "rmse": float(squared / n) ** 0.5,
            "bias": float(signed / n),
        }
        for start, n, squared, signed in sums.itertuples()
    ]


def _lists(store: Store, version: int, films: Sequence[Film], ratings: RatingArrays) -> Numbers | None:
    """Return how the first ``examples.PICKS`` places of all lists are distributed over films."""
    places = archive.places_of_films(store, version, top=examples.PICKS)
    if not places:
        return None
    titles = {film.id: film for film in films}
    people = max(places.values())
    top = sorted(places.items(), key=lambda item: (-item[1], item[0]))[:5]
    everybody = len(np.unique(ratings.user_ids))
    return {
        "places": sum(places.values()),
        "films_shown": len(places),
        "films": len(films),
        "share_of_films_shown": len(places) / len(films),
        "most_shown_to": people,
        "people": everybody,
        "most_shown": [
            {**examples.facts_of(titles[movie_id]), "people": n, "share": n / everybody} for movie_id, n in top
        ],
        "tiers": tiers(ratings.movie_ids, places),
    }


def tiers(movie_ids: NDArray[np.int32], places: Mapping[int, int]) -> list[Numbers]:
    """Return each class's share of all ratings and of all places in lists, the best known films first.

    A film that nobody rated belongs to the last tier.
    """
    films, counts = np.unique(movie_ids, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shown = np.array([places.get(int(film), 0) for film in films[order]], np.float64)
    given, total = counts[order] / len(movie_ids), sum(places.values())
    rows: list[Numbers] = []
    start = 0
    for name, share in TIERS:
        end = max(round(share * len(films)), start)
        rows.append(
            {
                "name": name,
                "films": end - start,
                "ratings": float(given[start:end].sum()),
                "places": float(shown[start:end].sum() / total),
            }
        )
        start = end
    rows[-1]["places"] += float((total - shown.sum()) / total)
    return rows


def latest_searches(names: Sequence[str]) -> list[str]:
    """Return the last search of each kind: of "KEY #1" and "KEY #2" the second."""
    last: dict[str, tuple[int, str]] = {}
    for name in names:
        key, _, number = name.rpartition(" #")
        at = int(number) if number.isdigit() else 0
        last[key] = max(last.get(key, (0, "")), (at, name))
    return [name for _, (_, name) in sorted(last.items())]


def _search(store: Store, name: str) -> Numbers | None:
    """Return one search: its metric, its trials' settings and scores, and the setting that won.

    Trials are those of the wide first phase, if it has one.
    """
    rows = store.trials(name)
    metric = next((key for key in HIGHER_IS_BETTER if rows and key in rows[0].metrics), None)
    if metric is None:
        return None
    wide = [row for row in rows if row.phase == 1]
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    won = max([row for row in rows if row.phase > 1] or wide, key=lambda row: sign * row.metrics[metric])
    trials = [{"setting": row.hyperparameters, "score": float(row.metrics[metric])} for row in wide or rows]
    return {"search": name, "model": rows[0].model, "metric": metric, "trials": trials, "winner": won.hyperparameters}


def heat_maps_of(search: Numbers) -> list[HeatMap]:
    """Return the metric over (reg, rank) and (reg, alpha), or over the first two hyperparameters that were varied.

    A cell is the best of all trials that share its two values; the one that the winner of the whole search lies in, if
    any does, is marked.
    """
    trials, higher = search["trials"], HIGHER_IS_BETTER[search["metric"]]
    names = dict.fromkeys(name for trial in trials for name in trial["setting"])
    varied = [name for name in names if len({trial["setting"].get(name) for trial in trials}) > 1]
    pairs = [(x, y) for x, y in (("reg", "rank"), ("reg", "alpha")) if x in varied and y in varied]
    if not pairs and len(varied) >= 2:
        pairs = [(varied[0], varied[1])]
    maps = []
    for x, y in pairs:
        cells: dict[tuple[float, float], float] = {}
        for trial in trials:
            if not {x, y} <= trial["setting"].keys():
                continue
            at = (trial["setting"][x], trial["setting"][y])
            cells[at] = (max if higher else min)(cells.get(at, trial["score"]), trial["score"])
        xs, ys = sorted({at[0] for at in cells}), sorted({at[1] for at in cells})
        values = [[cells.get((one, other)) for one in xs] for other in ys]
        title = f"{search['model'].capitalize()} model: {METRIC_NAMES[search['metric']]}"
        winner = search.get("winner", {})
        won = (winner.get(x), winner.get(y))
        maps.append(HeatMap(title, x, xs, y, ys, values, higher, won if won in cells else None))
    return maps


def write_heat_maps(store: Store, search: str, path: Path) -> Path | None:
    """Draw one search's heat maps as a PNG and return its path; None if fewer than two hyperparameters were varied.

    Args:
        search: its name in ``trials``, as ``Store.searches`` has it.
    """
    found = _search(store, search)
    maps = heat_maps_of(found) if found else []
    if not maps:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(heat_maps_png(maps))
    return path


METRIC_NAMES = {"ndcg_at_10": "nDCG at 10", "rmse_all": "RMSE in stars", "roem": "percentile rank"}


# --- The page ---------------------------------------------------------------------------------------------------------


def report_facts(numbers: Numbers) -> dict[str, Any]:
    """Return the values for the template: the numbers, a table of metrics, and pictures (None if there is nothing to
    draw)."""
    maps = [one for search in numbers["searches"] for one in heat_maps_of(search)]
    return {
        **numbers,
        "table": metric_rows(numbers),
        "sureness": CONFIDENCE,
        "settings": _settings(numbers["hyperparameters"]),
        "pictures": {
            "ranking": _ranking_picture(numbers),
            "ndcg": share_histogram(
                np.array(numbers["ndcg_each"]),
                mean=float(np.mean(numbers["ndcg_each"])),
                x="nDCG at 10",
                y="people",
                label="How nDCG is spread over people",
            )
            if numbers["ndcg_each"]
            else None,
            "by_person": _by_person_picture(numbers["by_person"]),
            "errors": _errors_picture(numbers["by_stars"], numbers["by_film"]),
            "tiers": paired_shares(
                numbers["lists"]["tiers"],
                [("ratings", "share of all ratings"), ("places", "share of places in lists")],
                x=f"{numbers['item']}s, from best known to least",
                y="share",
                label=f"Ratings and places in lists by how well known {numbers['item']}s are",
            )
            if numbers["lists"]
            else None,
            "heat": heat_maps(maps, label="What the search for hyperparameters measured") if maps else None,
        },
    }


def metric_rows(numbers: Numbers) -> list[Numbers]:
    """Return the table of metrics: name, about, and values of this model, the one before and popularity.

    ``best`` names the best of the three, by their printed values. Metrics that none of them has are left out.
    """
    rows = []
    columns = {
        "model": numbers["metrics"],
        "before": numbers["before"] or {},
        "popularity": numbers["popularity"] or {},
    }
    for key, name, about, higher in METRICS:
        values = {column: metrics.get(key) for column, metrics in columns.items()}
        known = {column: round(value, 3) for column, value in values.items() if value is not None}
        if known:
            top = (max if higher else min)(known.values())
            best = [column for column, value in known.items() if value == top]
            about = about.replace("film", numbers.get("item", "film"))
            rows.append({"key": key, "name": name, "about": about, "higher_is_better": higher, "best": best, **values})
    return rows


def _settings(hyperparameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a line with the hyperparameters of each model."""
    lines = []
    for name, value in hyperparameters.items():
        if isinstance(value, Mapping):
            lines.append(
                (f"{name.capitalize()} model", ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in value.items()))
            )
    shared = {name: value for name, value in hyperparameters.items() if isinstance(value, int | float)}
    if shared:
        lines.append(("Both", ", ".join(f"{k.replace('_', ' ')} {v:.5g}" for k, v in shared.items())))
    return lines


def _ranking_picture(numbers: Numbers) -> Any:
    if not numbers["popularity"] or numbers["metrics"]["ndcg_at_10"] is None:
        return None
    series = [("popularity", numbers["popularity"])]
    if numbers["before"]:
        series.append((f"model {numbers['before_version']}, live before", numbers["before"]))
    series.append((f"model {numbers['version']}", numbers["metrics"]))
    return compared_bars(
        list(RANKING.values()),
        [(name, [metrics.get(key) for key in RANKING]) for name, metrics in series],
        label="Ranking metrics of this model beside popularity and the model before",
    )


def _by_person_picture(rows: Sequence[Numbers] | None) -> Any:
    if not rows:
        return None
    panels = []
    for key, title, unit in (
        ("rmse", "Stars: RMSE, lower is better", "stars"),
        ("ndcg", "Order: nDCG at 10, higher is better", "nDCG at 10"),
    ):
        dots = [_dot(row["ratings"], row[key], row[f"{key}_interval"]) for row in rows if row[key] is not None]
        if dots:
            panels.append((title, "ratings the person has", unit, dots))
    label = "Errors and ranking by how many ratings the person has"
    return class_panels(panels, label=label) if panels else None


def _errors_picture(by_stars: Sequence[Numbers] | None, by_film: Sequence[Numbers] | None) -> Any:
    if not by_stars or not by_film:
        return None
    stars = [_dot(row["class"], row["rmse"]) for row in by_stars]
    films = [_dot(row["class"], row["rmse"]) for row in by_film]
    panels = [
        ("By the stars that were given", "stars given", "RMSE in stars", stars),
        ("By how well known the film is", "training ratings of the film, from", "RMSE in stars", films),
    ]
    return class_panels(panels, label="Error of the stars by stars given and by how well known the film is")


def _dot(name: str, value: float, between: tuple[float, float] | None = None) -> Numbers:
    low, high = between or (None, None)
    return {"name": name, "value": value, "low": low, "high": high}
