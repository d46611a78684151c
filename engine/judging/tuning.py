"""Searches for hyperparameters: a small search with the first training on a data set, a deep one when somebody asks.

A search goes from wide to fine: a grid, then steps around the best setting, then the blend of both models. Its trials
are rows in the store as soon as they end (``trials``), so a search that was killed goes on where it stopped. The next
training finds its hyperparameters in the records of the data set's models and searches (``remembered``).
"""

import itertools
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pyspark.core.broadcast import Broadcast
from pyspark.sql import DataFrame, SparkSession

from engine.domain import Catalogue, Feedback, Film, MatineeError, RunKind, RunState, Stage
from engine.judging import evaluation
from engine.judging.gate import HIGHER_IS_BETTER
from engine.judging.trials import (
    METRIC,
    VALIDATION_PERCENT,
    WHOLE,
    WORDS,
    Fold,
    Setting,
    Trial,
    Trials,
    Tuned,
    folds_of,
    names_of,
    setting_of,
    with_setting,
    words,
)
from engine.learning.fits import OnProgress
from engine.learning.training import SEED
from engine.serving.factors import OF_PLAYS, Hyperparameters
from engine.settings import EngineSettings
from engine.spark.ingest import loaded_catalogue, read_ratings, scratch_folder
from engine.spark.session import spark_session
from engine.store import Store

GRIDS: dict[Tuned, dict[str, Sequence[float]]] = {
    "preference": {"rank": (16, 32, 64, 96), "reg": (0.02, 0.1, 0.5, 1, 2, 4, 8, 16, 30), "alpha": (1, 4, 16)},
    "rating": {"rank": (10, 25, 50, 100), "reg": (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 5, 30)},
}
"""The grids that ``tune`` begins with, on a sample of people."""

COARSE: dict[Tuned, dict[str, Sequence[float]]] = {
    "preference": {"rank": (96, 32), "reg": (3, 8, 2, 4, 16)},
    "rating": {"reg": (1.2, 0.6, 2, 4, 10)},
}
"""The grids that a first training begins with."""

OFTEN_BEST: tuple[Setting, ...] = (
    {"rank": 64, "reg": 8, "nu_users": 0.25, "pull": 1},
    {"rank": 64, "reg": 2, "alpha": 2, "nu_users": 1, "nu_items": 1},
    {"rank": 96, "reg": 8, "alpha": 8, "pull": 0, "prior": 0},
)
"""Settings that a coarse grid would miss: good ones for people with few ratings, for play counts, and for few people
with many ratings."""

LADDERS: dict[Tuned, dict[str, Sequence[float]]] = {
    "preference": {
        "reg": (0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 30),
        "rank": (4, 8, 16, 32, 64, 96, 128),
        "alpha": (0.5, 1, 2, 4, 8, 16, 32),
        "nu_users": (0, 0.25, 0.5, 0.75, 1),
        "nu_items": (0, 0.25, 0.5, 0.75, 1),
        "pull": (0, 0.5, 1),
        "prior": (0, 1),
        "pseudo": (0, 0.03, 0.1, 0.3, 1),
    },
    "rating": {
        "reg": (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8, 1.2, 1.6, 2, 3, 4, 7, 10, 15, 30),
        "rank": (4, 8, 16, 32, 64, 100),
        "nu_users": (0, 0.25, 0.5, 0.75, 1),
        "nu_items": (0, 0.25, 0.5, 0.75, 1),
        "pseudo": (0, 0.5, 1, 2, 3, 5, 8),
        "user_damping": (1, 2, 4, 8, 16, 32),
        "movie_damping": (1, 2, 3, 5, 8, 16),
    },
}
"""The values that steps are taken between, one down and one up."""

BLENDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)

LEAST_GAIN = 0.002
"""A step that improves the metric by a smaller share counts as chance and ends the search."""

REFINED = 3
"""How many of a grid's best settings are measured on everybody."""

WIDE, FINE, STEPS = 1, 2, 3
"""A trial's phase: on a sample; on everybody; around the best."""

LOOK_AROUND = timedelta(days=7)
"""After this time a training takes a few steps around the last search's result."""

TURNS: tuple[tuple[Tuned, float], ...] = (("rating", 0.3), ("preference", 0.9))
"""The models in the order in which a first training searches, with the share of the time at which each must be done."""

FOLDED_RATINGS = 50_000
"""With fewer ratings one validation split is too noisy, so a first training's search takes two."""

FEW_PEOPLE = 100
"""With fewer people it takes five, which together hold every rating out once."""

SEARCH_ITERATIONS = 8
"""Iterations of a first training's trials: the best setting after 8 iterations is the best, or nearly, after 15."""


class BadGrid(MatineeError):
    """A grid that cannot be read."""


class NothingToTune(MatineeError):
    """A search for the rating model was asked for, but the data has no stars."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(f"{catalogue.dataset} has play counts and no stars to predict: use --model preference")


@dataclass(frozen=True, slots=True)
class Search:
    """The request for a search. ``grid`` None means the usual one, and steps around the best; ``sample`` is the share
    of people in the first phase; ``folds`` 1 means one split."""

    model: Tuned
    grid: Mapping[str, Sequence[float | str]] | None = None
    sample: float = 0.3
    folds: int = 1
    budget_seconds: float | None = None

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> "Search":
        """Read a run's request: model, and if given grid (as text), sample, folds and budget (as text).

        Raises:
            BadGrid: the grid or the budget cannot be read.
        """
        model: Tuned = "rating" if options.get("model") == "rating" else "preference"
        grid = parse_grid(options["grid"], model) if options.get("grid") else None
        budget = parse_budget(options["budget"]) if options.get("budget") else None
        return cls(model, grid, float(options.get("sample") or 0.3), int(options.get("folds") or 1), budget)

    def key(self, fingerprint: str) -> str:
        """A text that names the data, the split and the sample: trials with the same key may be compared."""
        return f"{fingerprint[:12]} {self.model} sample={self.sample:g} folds={self.folds}"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """How a search ended. ``finished`` is false if the budget ran out first. ``reused`` counts trials that were stored
    before."""

    winner: Setting
    metric: str
    score: float
    trials: int
    reused: int
    finished: bool


def parse_grid(text: str, model: Tuned) -> dict[str, tuple[float | str, ...]]:
    """Read "rank=8,10,12 reg=.05,.1 iterations=10,15".

    Raises:
        BadGrid: a name that the model does not have, or a value that it cannot take.
    """
    known = names_of(Hyperparameters(), model)
    grid: dict[str, tuple[float | str, ...]] = {}
    for part in text.split():
        name, _, values = part.partition("=")
        if name not in known:
            raise BadGrid(f"{name!r} is no hyperparameter of the {model} model: it has {', '.join(known)}")
        if name in WORDS:
            grid[name] = tuple(values.split(","))
            if not set(grid[name]) <= set(WORDS[name]):
                raise BadGrid(f"{name} is {' or '.join(WORDS[name])}, not {values}")
            continue
        grid[name] = _numbers(name, values, part)
    if not grid:
        raise BadGrid('the grid is empty: it should look like "rank=8,10,12 reg=.05,.1,.15"')
    return grid


def _numbers(name: str, values: str, part: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(value) for value in values.split(","))
    except ValueError:
        raise BadGrid(f"{part!r} should look like reg=.05,.1,.15") from None
    if not all(math.isfinite(value) and value >= 0 for value in numbers):
        raise BadGrid(f"{name} takes numbers from 0: {part!r}")
    if name in WHOLE and any(value < 1 or value != int(value) for value in numbers):
        raise BadGrid(f"{name} takes whole numbers from 1: {part!r}")
    return numbers


def parse_budget(text: str) -> float:
    """Read "90s", "30m" or "2h" as seconds.

    Raises:
        BadGrid: it has another form.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if found is None:
        raise BadGrid(f"{text!r} is no budget: it should look like 90s, 30m or 2h")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def settings_of(grid: Mapping[str, Sequence[float | str]]) -> list[Setting]:
    """Return every combination of the grid's values, in its order."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


# --- What trainings use -----------------------------------------------------------------------------------------------


def default_hyperparameters(feedback: Feedback) -> Hyperparameters:
    return OF_PLAYS if feedback is Feedback.COUNTS else Hyperparameters()


@dataclass(frozen=True, slots=True)
class Remembered:
    """The hyperparameters of the next training on a data set, and the time of the last search for them; None: never."""

    hyperparameters: Hyperparameters
    searched_at: datetime | None

    def due(self, now: datetime) -> bool:
        """Return whether it is time to search, again or for the first time."""
        return self.searched_at is None or now >= self.searched_at + LOOK_AROUND

    def noted(self) -> dict[str, Any]:
        """Return the entry that a version stores beside its hyperparameters, for ``remembered`` to read."""
        return {} if self.searched_at is None else {SEARCHED_AT: self.searched_at.isoformat()}


def remembered(store: Store, catalogue: Catalogue) -> Remembered:
    """Return the hyperparameters of the last training on this data set, with the winners of later searches put in."""
    found, since, searched_at = default_hyperparameters(catalogue.feedback), None, None
    stars = found.predicts_stars
    for version in store.model_versions():
        noted = version.hyperparameters.get(SEARCHED_AT)
        ours = version.dataset == catalogue.dataset and (version.hyperparameters["rating"] is not None) == stars
        if ours and noted and (since is None or version.created_at > since):
            found, since = Hyperparameters.parse(version.hyperparameters), version.created_at
            searched_at = datetime.fromisoformat(noted)
    runs = store.last_runs(limit=10_000, kind=RunKind.TUNE, state=RunState.DONE)
    # A data set of this name may have been loaded before with the other kind of values.
    here = [run for run in runs if run.metrics["dataset"] == catalogue.dataset]
    here = [run for run in here if run.metrics["feedback"] == catalogue.feedback]
    for model in GRIDS:
        last = next((run for run in here if run.metrics["model"] == model), None)
        if last is not None and last.finished_at and (since is None or last.finished_at > since):
            found = with_setting(found, model, last.metrics["winner"])
            searched_at = max(searched_at or last.finished_at, last.finished_at)
    return Remembered(found, searched_at)


SEARCHED_AT = "searched_at"
"""The key under which a version stores the time of the last search for its hyperparameters."""


def tuned_hyperparameters(store: Store, catalogue: Catalogue) -> Hyperparameters:
    """Return the hyperparameters of the next training, unless it searches first."""
    return remembered(store, catalogue).hyperparameters


# --- A search that somebody asks for ----------------------------------------------------------------------------------


def tune(
    store: Store,
    settings: EngineSettings,
    asked: Search,
    *,
    report: Callable[[Stage, float, str], None],
    now: Callable[[], datetime],
    resume: bool = False,
) -> dict[str, Any]:
    """Search on the loaded data set. The next training uses the winner, once the run is recorded as done.

    Args:
        report: called with the stage, the fraction done and a line of detail.
        resume: go on with the last search of this kind instead of beginning a new one.

    Returns:
        The run's metrics: model, search (its name in ``trials``), dataset, winner, the metric that decided and its
        value, trials, reused, finished.

    Raises:
        NoCatalogue: no data set is loaded.
        NothingToTune: the rating model is asked for, and the data has play counts.
    """
    catalogue = loaded_catalogue(store)
    if catalogue.feedback is Feedback.COUNTS and asked.model == "rating":
        raise NothingToTune(catalogue)
    report(Stage.INGEST, 0.0, "starting Spark")
    with (
        scratch_folder(settings) as folder,
        spark_session(settings, log=settings.spark_log) as spark,
    ):
        report(Stage.INGEST, 0.02, "reading ratings")
        _, ratings = read_ratings(spark, store, settings, catalogue, folder)
        name = _search_name(store, asked.key(catalogue.fingerprint), resume=resume)
        found = search(
            spark,
            ratings,
            asked,
            films=store.films(),
            store=store,
            name=name,
            base=tuned_hyperparameters(store, catalogue),
            progress=lambda done, detail: report(Stage.SEARCH, 0.05 + 0.95 * done, detail),
            now=now,
        )
    return {
        "model": asked.model,
        "search": name,
        "dataset": catalogue.dataset,
        "feedback": catalogue.feedback,
        "winner": found.winner,
        "metric": found.metric,
        found.metric: found.score,
        "trials": found.trials,
        "reused": found.reused,
        "finished": found.finished,
    }


def describe(metrics: Mapping[str, Any]) -> str:
    """Return a line that describes the result of a search, from the metrics that ``tune`` returns."""
    metric = metrics["metric"]
    told = f"{metrics['trials']} trials" + (f", {metrics['reused']} of them from before" if metrics["reused"] else "")
    ended = "" if metrics["finished"] else "; the budget ran out before all were done"
    return (
        f"Best {metrics['model']} setting: {words(metrics['winner'])}, {metric} {metrics[metric]:.4f} ({told}{ended})"
    )


def _search_name(store: Store, key: str, *, resume: bool) -> str:
    """Return the name of the last search of this kind, or of a new one: "KEY #2"."""
    numbers = [int(name.rpartition("#")[2]) for name in store.searches(f"{key} #")]
    last = max(numbers, default=0)
    return f"{key} #{last if resume and last else last + 1}"


def search(
    spark: SparkSession,
    ratings: DataFrame,
    asked: Search,
    *,
    films: Sequence[Film] = (),
    store: Store,
    name: str,
    base: Hyperparameters,
    progress: OnProgress,
    now: Callable[[], datetime],
) -> SearchResult:
    """Run or continue a search: trials that the store has under ``name`` are not run again.

    The setting in use is measured along with the best, so that the winner is not worse.

    Args:
        ratings: user_id, movie_id, and stars or plays, of everybody; the test side is not used.
        films: the catalogue, which a model learns from as well.
        base: gives the hyperparameters that a setting does not name.
        progress: called for each trial, with the estimated time left.
    """
    side, _ = evaluation.split(ratings, seed=SEED)
    grid = asked.grid or GRIDS[asked.model]
    deadline = None if asked.budget_seconds is None else time.monotonic() + asked.budget_seconds
    trials = Trials(spark, store, name, asked.model, base, deadline, now, lambda detail: progress(0.0, detail))
    with _shared(spark, folds_of(side, films=films, folds=asked.folds, sample=asked.sample)) as sampled:
        trials.tell = lambda detail: progress(0.0, f"grid: {detail}")
        trials.run(WIDE, settings_of(grid), sampled)
    with _shared(spark, folds_of(side, films=films, folds=asked.folds)) as everyone:
        trials.tell = lambda detail: progress(0.6, f"the best on everybody: {detail}")
        refine(trials, list(grid), everyone)
        if asked.grid is None:
            trials.tell = lambda detail: progress(0.8, f"around the best: {detail}")
            climb(trials, everyone)
            best = blend(trials, everyone)
        else:
            best = _best(trials)
    return SearchResult(best.setting, METRIC[asked.model], best.score, len(trials), trials.reused, trials.finished)


@contextmanager
def _shared(spark: SparkSession, folds: list[Fold]) -> Iterator[Broadcast[list[Fold]]]:
    """Broadcast ratings to every executor during the block."""
    shared = spark.sparkContext.broadcast(folds)
    try:
        yield shared
    finally:
        shared.destroy()


# --- Its phases -------------------------------------------------------------------------------------------------------


def refine(trials: Trials, names: Sequence[str], everyone: Broadcast[list[Fold]]) -> None:
    """Measure a grid's best few settings, and the one in use, on everybody."""
    settings = [trial.setting for trial in trials.ranked(WIDE)[:REFINED]]
    in_use = setting_of(trials.base, trials.model, names)
    trials.run(FINE, [*settings, *([in_use] if in_use not in settings else [])], everyone)


def climb(trials: Trials, everyone: Broadcast[list[Fold]], *, rounds: int = 6) -> None:
    """Take steps from the best setting, one down and one up for each hyperparameter, while that helps.

    A round measures all steps in parallel, then the best steps of all hyperparameters together.
    """
    sign = 1 if HIGHER_IS_BETTER[METRIC[trials.model]] else -1
    for _ in range(rounds):
        before = _best(trials)
        steps = [before.setting | step for step in _steps(trials, before.setting)]
        taken = trials.run(STEPS, steps, everyone)
        better: dict[str, Trial] = {}
        for trial in sorted(taken, key=lambda trial: sign * trial.score):
            if sign * (trial.score - before.score) > 0:
                changed = next(name for name in trial.setting if trial.setting[name] != before.setting.get(name))
                better[changed] = trial
        if len(better) > 1:
            together = before.setting | {name: trial.setting[name] for name, trial in better.items()}
            trials.run(STEPS, [together], everyone)
        if trials.late or sign * (_best(trials).score - before.score) < LEAST_GAIN * abs(before.score):
            return


def _steps(trials: Trials, setting: Setting) -> Iterator[Setting]:
    settings = getattr(with_setting(trials.base, trials.model, setting), trials.model)
    for name, ladder in LADDERS[trials.model].items():
        now = getattr(settings, name)
        below, above = [x for x in ladder if x < now], [x for x in ladder if x > now]
        for x in (*below[-1:], *above[:1]):
            yield {name: x}


def blend(trials: Trials, everyone: Broadcast[list[Fold]]) -> Trial:
    """Measure blends of the stars into the order of the best setting; return the best trial of all.

    The result names its blend even if that is 0: otherwise the blend in use would stay.
    """
    best = _best(trials)
    if trials.model == "rating" or not trials.base.predicts_stars:
        return best
    tried = trials.run(STEPS, [best.setting | {"blend": x} for x in BLENDS], everyone)
    return max(tried, key=lambda trial: trial.score, default=best)


def _best(trials: Trials) -> Trial:
    """Return the best trial on everybody, or on the sample if there is none on everybody yet."""
    sign = 1 if HIGHER_IS_BETTER[METRIC[trials.model]] else -1
    full = [*trials.ranked(STEPS)[:1], *trials.ranked(FINE)[:1]]
    return max(full or trials.ranked(WIDE)[:1], key=lambda trial: sign * trial.score)


# --- A search that a training makes by itself -------------------------------------------------------------------------


def settle(
    spark: SparkSession,
    ratings: DataFrame,
    base: Hyperparameters,
    *,
    films: Sequence[Film] = (),
    store: Store,
    key: str,
    first: bool,
    budget_seconds: float,
    progress: OnProgress,
    now: Callable[[], datetime],
) -> Hyperparameters:
    """Search for hyperparameters that suit the data: the first time from a coarse grid, later by steps around ``base``.

    Args:
        ratings: user_id, movie_id, and stars or plays; all of them may be used.
        key: names the data in ``trials``.
        first: whether this data set has not been searched before.
        budget_seconds: no trial is begun after this time.
    """
    folds = 2 if ratings.count() < FOLDED_RATINGS else 1
    if ratings.select("user_id").distinct().count() < FEW_PEOPLE:
        folds = 100 // VALIDATION_PERCENT
    started = time.monotonic()
    with _shared(spark, folds_of(ratings, films=films, folds=folds, percent=VALIDATION_PERCENT)) as everyone:
        for model, until in TURNS:
            if model == "rating" and not base.predicts_stars:
                continue
            name = _search_name(store, f"{key[:12]} {model} {'first' if first else 'around'}", resume=False)

            def tell(detail: str, model: str = model) -> None:
                spent = (time.monotonic() - started) / budget_seconds
                progress(min(spent, 1.0), f"looking for hyperparameters, {model} model: {detail}")

            deadline = started + until * budget_seconds
            trials = Trials(spark, store, name, model, _quick(base), deadline, now, tell)
            in_use = setting_of(base, model, list(COARSE[model]))
            coarse = [one for one in settings_of(COARSE[model]) if one != in_use] if first else []
            often = OFTEN_BEST if first and model == "preference" else ()
            trials.run(FINE, [in_use, *often, *coarse], everyone)
            climb(trials, everyone, rounds=6 if first else 1)
            trials.deadline = started + budget_seconds
            base = with_setting(base, model, blend(trials, everyone).setting)
    return base


def _quick(hyperparameters: Hyperparameters) -> Hyperparameters:
    rating = hyperparameters.rating
    return replace(
        hyperparameters,
        preference=replace(hyperparameters.preference, iterations=SEARCH_ITERATIONS),
        rating=rating and replace(rating, iterations=SEARCH_ITERATIONS),
    )
