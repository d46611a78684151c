"""Searching for hyperparameters: a wide grid on a sample of people, then the best few on everybody.

Every trial is a row in the store as soon as it ends, so a search that was killed goes on where it stopped, and of a
finished trial nothing else is kept. The test side of the split is never looked at: trials train and are judged within
the training side.
"""

import itertools
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from statistics import fmean
from typing import Any, Literal

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import Catalogue, Feedback, MatineeError, Movie, RunKind, RunState, Stage
from engine.judging import evaluation
from engine.judging.gate import HIGHER_IS_BETTER
from engine.learning.fits import Fitted, Preference, Progress, Stars, StarsFit
from engine.learning.training import SEED, fold_everyone, rating_table, train, values_of
from engine.serving.factors import OF_PLAYS, Hyperparameters, Model, PreferenceSettings, RatingSettings
from engine.settings import EngineSettings
from engine.spark.ingest import loaded_catalogue, read_ratings, scratch_folder
from engine.spark.session import spark_session
from engine.store import Store

Tuned = Literal["preference", "rating"]
Setting = dict[str, float]

GRIDS: dict[Tuned, dict[str, Sequence[float]]] = {
    "preference": {"rank": (32, 64, 96), "reg": (0.05, 0.1, 0.2, 0.4), "alpha": (0.25, 0.5, 1.0, 2.0)},
    "rating": {"rank": (10, 25, 50, 100), "reg": (0.05, 0.1, 0.15, 0.2, 0.3)},
}
GRID_OF_PLAYS = {"rank": (32, 64, 96), "reg": (0.5, 1.0, 2.0, 4.0), "alpha": (1.0, 2.0, 5.0)}
"""For the preference model on play counts, whose strengths are larger."""

JUDGED_BY = {"preference": "ndcg_at_10", "rating": "rmse_all"}
JUDGED_BY_PLAYS = "roem"
"""What the preference model is judged by where nobody gave stars."""
REFINED = 3
"""How many of the first phase's best settings are measured on everybody."""

VALIDATION_PERCENT = 20


class BadGrid(MatineeError):
    """A grid that cannot be read."""


class NothingToTune(MatineeError):
    """A search for stars where nobody gave any."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(f"{catalogue.dataset} has play counts and no stars to predict: use --model preference")


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked of a search. ``grid`` None means the usual one; ``sample`` is the share of people in the first
    phase; ``folds`` 1 means one split."""

    model: Tuned
    grid: Mapping[str, Sequence[float]] | None = None
    sample: float = 0.3
    folds: int = 1
    budget_seconds: float | None = None

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> "Search":
        """Read what a run was asked for: model, and where given grid (as text), sample, folds, budget (as text).

        Raises:
            BadGrid: the grid or the budget cannot be read.
        """
        model: Tuned = "rating" if options.get("model") == "rating" else "preference"
        grid = parse_grid(options["grid"], model) if options.get("grid") else None
        budget = parse_budget(options["budget"]) if options.get("budget") else None
        return cls(model, grid, float(options.get("sample") or 0.3), int(options.get("folds") or 1), budget)

    def key(self, fingerprint: str) -> str:
        """Name the data, the split and the sample: trials of one key may be compared."""
        return f"{fingerprint[:12]} {self.model} sample={self.sample:g} folds={self.folds}"


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting measured: ``score`` is the mean over folds of the metric that it is judged by."""

    setting: Setting
    phase: int
    score: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """How a search ended. ``finished`` is false when the budget ran out first; ``reused`` trials were there before."""

    winner: Setting
    metric: str
    score: float
    trials: tuple[Trial, ...]
    reused: int
    finished: bool


def parse_grid(text: str, model: Tuned) -> dict[str, tuple[float, ...]]:
    """Read "rank=8,10,12 reg=.05,.1 iterations=10,15".

    Raises:
        BadGrid: a name that the model does not have, or a value that is no number.
    """
    known = {
        field.name: field.type for field in fields(PreferenceSettings if model == "preference" else RatingSettings)
    }
    grid: dict[str, tuple[float, ...]] = {}
    for part in text.split():
        name, _, values = part.partition("=")
        if name not in known:
            raise BadGrid(f"{name!r} is no hyperparameter of the {model} model: it has {', '.join(known)}")
        try:
            grid[name] = tuple(float(value) for value in values.split(","))
        except ValueError:
            raise BadGrid(f"{part!r} should look like reg=.05,.1,.15") from None
        if not all(math.isfinite(value) and value >= 0 for value in grid[name]):
            raise BadGrid(f"{name} takes numbers from 0: {part!r}")
        if name in ("rank", "iterations") and any(value < 1 or value != int(value) for value in grid[name]):
            raise BadGrid(f"{name} takes whole numbers from 1: {part!r}")
    if not grid:
        raise BadGrid('the grid is empty: it should look like "rank=8,10,12 reg=.05,.1,.15"')
    return grid


def parse_budget(text: str) -> float:
    """Read "90s", "30m" or "2h" as seconds.

    Raises:
        BadGrid: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if found is None:
        raise BadGrid(f"{text!r} is no budget: it should look like 90s, 30m or 2h")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def settings_of(grid: Mapping[str, Sequence[float]]) -> list[Setting]:
    """Return every combination, in the order in which the grid names them."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def with_setting(hyperparameters: Hyperparameters, model: Tuned, setting: Mapping[str, float]) -> Hyperparameters:
    """Return the hyperparameters with one model's setting put in."""
    whole = {name: int(value) if name in ("rank", "iterations") else float(value) for name, value in setting.items()}
    return replace(hyperparameters, **{model: replace(getattr(hyperparameters, model), **whole)})


def default_hyperparameters(feedback: Feedback) -> Hyperparameters:
    return OF_PLAYS if feedback is Feedback.COUNTS else Hyperparameters()


def tuned_hyperparameters(store: Store, catalogue: Catalogue) -> Hyperparameters:
    """Return the defaults, with the winners of the last searches on this data set put in."""
    found = default_hyperparameters(catalogue.feedback)
    runs = store.last_runs(limit=10_000, kind=RunKind.TUNE, state=RunState.DONE)
    # The same name may have been loaded with values of the other kind before.
    here = [run.metrics for run in runs if run.metrics["dataset"] == catalogue.dataset]
    here = [metrics for metrics in here if metrics["feedback"] == catalogue.feedback]
    for model in GRIDS:
        if (last := next((metrics for metrics in here if metrics["model"] == model), None)) is not None:
            found = with_setting(found, model, last["winner"])
    return found


def tune(
    store: Store,
    settings: EngineSettings,
    asked: Search,
    *,
    report: Callable[[Stage, float, str], None],
    now: Callable[[], datetime],
    resume: bool = False,
) -> dict[str, Any]:
    """Search on the loaded data set; the winner is what the next training uses, once the run is recorded as done.

    Args:
        report: takes the stage, the fraction done and a line of detail.
        resume: go on with the last search of this kind instead of beginning a new one.

    Returns:
        The run's metrics: model, search (its name in ``trials``), dataset, winner, the metric that decided and its
        value, trials, reused, finished.

    Raises:
        NoCatalogue: no data set is loaded.
        NothingToTune: the rating model is asked for, and the data has play counts.
    """

    catalogue = loaded_catalogue(store)
    plays = catalogue.feedback is Feedback.COUNTS
    if plays and asked.model == "rating":
        raise NothingToTune(catalogue)
    asked = replace(asked, grid=asked.grid or (GRID_OF_PLAYS if plays else GRIDS[asked.model]))
    report(Stage.INGEST, 0.0, "starting Spark")
    with (
        scratch_folder(settings) as folder,
        spark_session(settings, log=settings.folder / "logs" / "spark.log") as spark,
    ):
        report(Stage.INGEST, 0.02, "reading ratings")
        _, ratings = read_ratings(spark, store, settings, catalogue, folder)
        name = _search_name(store, asked.key(catalogue.fingerprint), resume=resume)
        found = search(
            spark,
            ratings,
            asked,
            metric=JUDGED_BY_PLAYS if plays else JUDGED_BY[asked.model],
            films=store.movies(),
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
        "trials": len(found.trials),
        "reused": found.reused,
        "finished": found.finished,
    }


def describe(metrics: Mapping[str, Any]) -> str:
    """Say in a line what a search found: its metrics as ``tune`` returns them."""
    metric = metrics["metric"]
    told = f"{metrics['trials']} trials" + (f", {metrics['reused']} of them from before" if metrics["reused"] else "")
    ended = "" if metrics["finished"] else "; the budget ran out before all were done"
    return (
        f"Best {metrics['model']} setting: {_words(metrics['winner'])}, {metric} {metrics[metric]:.4f} ({told}{ended})"
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
    metric: str,
    films: Sequence[Movie] = (),
    store: Store,
    name: str,
    base: Hyperparameters,
    progress: Progress,
    now: Callable[[], datetime],
) -> Found:
    """Run a search, or go on with it: trials that the store has under ``name`` are not run again.

    What is in use now is measured beside the best few, so that nothing worse than that is found.

    Args:
        ratings: user_id, movie_id, and stars or plays, of everybody; its test side is left alone.
        metric: what settings are judged by, one of ``HIGHER_IS_BETTER``.
        films: the catalogue, which a training learns from as well.
        base: what a setting does not name is taken from here.
        progress: hears of each trial, with the time that is probably left.
    """
    seed = SEED
    side, _ = evaluation.split(ratings, seed=seed)
    everyone = side.repartition("user_id").cache()
    share = F.pmod(F.xxhash64("user_id", F.lit(seed)), F.lit(10_000))
    sampled = everyone.where(share < int(asked.sample * 10_000)).cache()
    everyone.count(), sampled.count()  # cached now, outside any trial
    deadline = None if asked.budget_seconds is None else time.monotonic() + asked.budget_seconds

    trials = _stored(store, name, metric)
    reused = len(trials)
    finished = True
    grid = asked.grid or GRIDS[asked.model]
    in_use = {name: float(getattr(getattr(base, asked.model), name)) for name in grid}
    for phase, people in ((1, sampled), (2, everyone)):
        settings = settings_of(grid)
        if phase == 2:
            settings = [trial.setting for trial in _best(trials, metric, 1)[:REFINED]]
            settings += [in_use] if in_use not in settings else []
        todo = [setting for setting in settings if _label(phase, setting) not in trials]
        for number, setting in enumerate(todo, start=1):
            if deadline is not None and time.monotonic() > deadline and trials:
                finished = False
                break
            left = _time_left(trials, phase, len(todo) - number + 1)
            done = (phase - 1) * 0.7 + (0.7 if phase == 1 else 0.3) * (number - 1) / len(todo)
            progress(done, f"trial {number} of {len(todo)}, {_words(setting)}{left}")
            start = time.monotonic()
            with _nothing_kept(spark):
                tried = with_setting(base, asked.model, setting)
                scores = [
                    _score(_measure(spark, people, tried, asked, films, fold, seed), metric)
                    for fold in range(asked.folds)
                ]
            trial = Trial(setting, phase, fmean(scores), round(time.monotonic() - start, 2))
            label = _label(phase, setting)
            store.save_trial(
                search=name,
                setting=label,
                model=asked.model,
                phase=phase,
                hyperparameters=setting,
                metrics={metric: trial.score, "folds": scores},
                seconds=trial.seconds,
                now=now(),
            )
            trials[label] = trial
    ranked = _best(trials, metric, 2) or _best(trials, metric, 1)
    best = ranked[0]
    everyone.unpersist()
    sampled.unpersist()
    return Found(best.setting, metric, best.score, tuple(trials.values()), reused, finished)


def _stored(store: Store, name: str, metric: str) -> dict[str, Trial]:
    return {
        kept.setting: Trial(kept.hyperparameters, kept.phase, kept.metrics[metric], kept.seconds)
        for kept in store.trials(name)
    }


def _best(trials: Mapping[str, Trial], metric: str, phase: int) -> list[Trial]:
    """Return a phase's trials, best first; of equals the one with the smaller rank."""
    sign = -1 if HIGHER_IS_BETTER[metric] else 1
    mine = [trial for trial in trials.values() if trial.phase == phase]
    return sorted(mine, key=lambda trial: (sign * trial.score, trial.setting.get("rank", 0)))


def _measure(
    spark: SparkSession,
    people: DataFrame,
    hyperparameters: Hyperparameters,
    asked: Search,
    films: Sequence[Movie],
    fold: int,
    seed: int,
) -> evaluation.Measured:
    """Train one model on a part of the ratings and measure it on the rest."""
    percent = VALIDATION_PERCENT if asked.folds == 1 else 100 // asked.folds
    draw = F.pmod(F.xxhash64("user_id", "movie_id", F.lit(seed + 1)), F.lit(100))
    held = (draw >= fold * percent) & (draw < (fold + 1) * percent)
    training_side, validation = people.where(~held).cache(), people.where(held)
    stars = asked.model == "rating"
    one = _rating_only if stars else _preference_only
    users, model = one(spark, training_side, hyperparameters, films, seed)
    counts = np.ones(len(model.movie_ids), np.float32)
    held_out = evaluation.held_out(training_side, validation)
    measured = evaluation.measure(users, model, held_out, counts, predicts_stars=stars)
    # By Spark's own books: else the next trial takes its training side for cached.
    training_side.unpersist()
    users.unpersist()
    return measured


def _score(measured: evaluation.Measured, metric: str) -> float:
    score = measured.metrics[metric]
    if score is None:
        raise MatineeError("there are too few ratings to judge a setting by: use a larger --sample, or load more data")
    return score


def _preference_only(
    spark: SparkSession, ratings: DataFrame, hyperparameters: Hyperparameters, films: Sequence[Movie], seed: int
) -> tuple[DataFrame, Model]:
    alone = replace(hyperparameters, rating=None, blend=0.0)
    trained = train(spark, ratings, alone, films=films, seed=seed, progress=lambda done, detail: None)
    return trained.users, trained.model()


def _rating_only(
    spark: SparkSession, ratings: DataFrame, hyperparameters: Hyperparameters, films: Sequence[Movie], seed: int
) -> tuple[DataFrame, Model]:
    values = ratings.select("user_id", "movie_id", values_of(ratings).alias("value"))
    table = rating_table(values, films)
    settings = hyperparameters.rating or RatingSettings()
    stars: Stars = StarsFit(table, settings).run(seed)
    nothing = Preference(np.zeros((len(table.movie_ids), 1), np.float32), np.zeros(1, np.float32))
    alone = Hyperparameters(replace(hyperparameters.preference, rank=1), settings, 0.0)
    fitted = Fitted.of(table.movie_ids, nothing, stars, alone, seed)
    return fold_everyone(values, fitted), fitted.model()


@contextmanager
def _nothing_kept(spark: SparkSession) -> Iterator[None]:
    """Let go of every RDD cached inside: ALS leaves its factors cached, and 192 trials would fill any machine."""
    persistent = spark.sparkContext._jsc.getPersistentRDDs
    before = set(persistent().keySet())
    try:
        yield
    finally:
        for key, rdd in dict(persistent()).items():
            if key not in before:
                rdd.unpersist(False)


def _label(phase: int, setting: Mapping[str, float]) -> str:
    return f"{phase}: {_words(setting)}"


def _words(setting: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in setting.items())


def _time_left(trials: Mapping[str, Trial], phase: int, todo: int) -> str:
    taken = [trial.seconds for trial in trials.values() if trial.phase == phase]
    if not taken:
        return ""
    minutes = fmean(taken[-5:]) * todo / 60
    return f", about {minutes:.0f} min left" if minutes >= 1 else ", under a minute left"
