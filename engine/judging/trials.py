"""Measures hyperparameter settings in parallel Spark tasks. None is measured twice: each result is stored at once.

A trial fits and measures a model within one task, on ratings that every executor holds: those of all people, or of as
many people as a task can take with their whole histories. Trials never use the test side of the split: they train and
are measured within the training side.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from statistics import fmean
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pyspark.core.broadcast import Broadcast
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from engine.domain import Film, Floats, MatineeError
from engine.judging.evaluation import RELEVANT_STARS
from engine.judging.gate import HIGHER_IS_BETTER
from engine.judging.ranking import ndcg
from engine.learning.fits import Fitted, Folding, Preference, RatingTable, StarsFit, fit
from engine.learning.training import SEED, values_of
from engine.serving.factors import Hyperparameters, Model, user_order_vectors
from engine.store import Store

Tuned = Literal["preference", "rating"]
Setting = dict[str, float | str]
"""Hyperparameters of one model by name. ``blend`` belongs to the preference model, whose order it changes."""

METRIC: dict[Tuned, str] = {"preference": "ndcg_at_10", "rating": "rmse_all"}
"""The metric that settings are judged by; the gate judges models by the same."""

MOST_RATINGS = 2_000_000
"""A trial on more ratings would take minutes, so a search uses a sample of people with about this many."""

MOST_PEOPLE = 4_000
"""The largest number of people by whom a trial judges an order."""

VALIDATION_PERCENT = 20

WHOLE = ("rank", "iterations")
SWITCHES = ("prior",)
WORDS = {"target": ("stars", "signed")}
"""Hyperparameters whose values are whole numbers, those that are 0 or 1, and those whose values are words."""


class TooFewToJudge(MatineeError):
    """The held-out ratings are too few to judge by."""

    def __init__(self) -> None:
        super().__init__("there are too few ratings to judge a setting by: use a larger --sample, or load more data")


def with_setting(hyperparameters: Hyperparameters, model: Tuned, setting: Mapping[str, float | str]) -> Hyperparameters:
    """Return the hyperparameters with one model's setting replaced."""
    values = {name: _typed(name, value) for name, value in setting.items()}
    blend = values.pop("blend", hyperparameters.blend)
    settings = replace(getattr(hyperparameters, model), **values)
    return replace(hyperparameters, blend=blend, **{model: settings})


def _typed(name: str, value: float | str) -> Any:
    if name in WORDS:
        return value
    return bool(value) if name in SWITCHES else int(value) if name in WHOLE else float(value)


def setting_of(hyperparameters: Hyperparameters, model: Tuned, names: Sequence[str]) -> Setting:
    """Return the values of the hyperparameters with these names."""
    settings = getattr(hyperparameters, model)
    return {name: hyperparameters.blend if name == "blend" else getattr(settings, name) for name in names}


def names_of(hyperparameters: Hyperparameters, model: Tuned) -> list[str]:
    """Return the names that a setting of this model may have."""
    own = [one.name for one in fields(getattr(hyperparameters, model))]
    return [*own, "blend"] if model == "preference" and hyperparameters.predicts_stars else own


@dataclass(frozen=True)
class Fold:
    """Ratings to fit on, and held-out ratings to measure with.

    ``users`` and ``films`` are the rows in ``table`` of each held-out rating, −1 if it has none; ``values`` are its
    stars or log(1 + plays), and ``relevant`` says whether its film should have been shown.
    """

    table: RatingTable
    users: NDArray[np.intp]
    films: NDArray[np.intp]
    values: Floats
    relevant: NDArray[np.bool_]

    @cached_property
    def asked(self) -> tuple[csr_matrix, csr_matrix, NDArray[np.intp]]:
        """The films that people have rated, those that they should have been shown, and the people by whom an order is
        judged."""
        table = self.table
        shape = len(table.user_ids), len(table.movie_ids)
        wanted = self.relevant & (self.users >= 0) & (self.films >= 0)
        seen = csr_matrix((np.ones(len(table.users), np.int8), (table.users, table.films)), shape)
        relevant = csr_matrix((np.ones(wanted.sum(), np.int8), (self.users[wanted], self.films[wanted])), shape)
        people = np.flatnonzero(np.diff(relevant.indptr))
        if len(people) > MOST_PEOPLE:
            people = np.sort(np.random.default_rng(SEED).choice(people, MOST_PEOPLE, replace=False))
        return seen, relevant, people

    def orders(self, hyperparameters: Hyperparameters, blends: Sequence[float]) -> list[float]:
        """Fit once, and return nDCG@10 of the order that each blend gives.

        Raises:
            TooFewToJudge: nobody has a relevant held-out film.
        """
        if not len(self.asked[2]):
            raise TooFewToJudge
        needed = hyperparameters if any(blends) else replace(hyperparameters, rating=None, blend=0.0)
        model = fit(self.table, needed, seed=SEED).model()
        people = self._people(model)

        def score(blend: float) -> float:
            moments = model.preference_moments, model.rating_moments
            ordering = model.ordering(people.preference, np.diff(self.asked[0].indptr))
            queries, _ = user_order_vectors(ordering, people.rating, *moments, blend)
            return float(ndcg(lambda rows: queries[rows] @ model.order_vectors.T, *self.asked).mean())

        return [score(blend) for blend in blends]

    def rmse(self, hyperparameters: Hyperparameters) -> float:
        """Fit the rating model alone, and return its RMSE over all held-out ratings.

        Raises:
            TooFewToJudge: nothing was held out.
        """
        if hyperparameters.rating is None or not len(self.values):
            raise TooFewToJudge
        films = len(self.table.movie_ids)
        stars = StarsFit(self.table, hyperparameters.rating).run(SEED)
        nothing = Preference(np.zeros((films, 1), np.float32), np.zeros(1, np.float32))
        model = Fitted.of(self.table.movie_ids, nothing, stars, hyperparameters, SEED).model()
        people = self._people(model)
        stranger, unknown = self.users < 0, self.films < 0
        rows, bias = people.rating[self.users], np.where(stranger, 0, people.bias[self.users])
        products = np.einsum("ij,ij->i", rows, model.rating[self.films])
        films_part = np.where(unknown, 0, model.bias[self.films] + np.where(stranger, 0, products))
        predicted = np.clip(model.mean_stars + bias + films_part, 0.5, 5)
        return float(np.sqrt(np.mean((predicted - self.values) ** 2)))

    def _people(self, model: Model) -> Any:
        table = self.table
        return Folding(model).people(table.user_ids[table.users], table.movie_ids[table.films], table.values)


def folds_of(
    ratings: DataFrame, *, films: Sequence[Film], folds: int, percent: int | None = None, sample: float = 1.0
) -> list[Fold]:
    """Split the ratings once for each fold, and bring them to the driver.

    Args:
        ratings: user_id, movie_id, and stars or plays.
        films: the catalogue, which a model learns from as well.
        folds: the number of parts that are held out, one at a time.
        percent: the size of a part. By default the parts together are all ratings, or a single part is
            ``VALIDATION_PERCENT``.
        sample: the share of people, with their whole histories; smaller if they would have more than ``MOST_RATINGS``.
    """
    share = min(sample, MOST_RATINGS / max(ratings.count(), 1))
    person = F.pmod(F.xxhash64("user_id", F.lit(SEED)), F.lit(10_000))
    draw = F.pmod(F.xxhash64("user_id", "movie_id", F.lit(SEED + 1)), F.lit(100))
    stars = "stars" in ratings.columns
    relevant = F.col("stars") >= RELEVANT_STARS if stars else F.lit(True)
    table = (
        ratings.where(person < int(share * 10_000))
        .select(
            "user_id", "movie_id", values_of(ratings).alias("value"), draw.alias("draw"), relevant.alias("relevant")
        )
        .toPandas()
    )
    users, rated, values, drawn, wanted = (table[name].to_numpy() for name in table.columns)
    percent = percent or (VALIDATION_PERCENT if folds == 1 else 100 // folds)
    found = []
    for fold in range(folds):
        held = (drawn >= fold * percent) & (drawn < (fold + 1) * percent)
        kept = RatingTable.of(users[~held], rated[~held], values[~held], films)
        rows = _rows(kept.user_ids, users[held]), _rows(kept.movie_ids, rated[held])
        found.append(Fold(kept, *rows, values[held].astype(np.float32), wanted[held]))
    return found


def _rows(ids: NDArray[np.int32], wanted: NDArray[Any]) -> NDArray[np.intp]:
    if not len(ids):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[at] == wanted, at, -1)


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of one setting: ``score`` is the mean over folds of the metric that it is judged by."""

    setting: Setting
    phase: int
    score: float
    seconds: float


@dataclass
class Trials:
    """The trials of one search: measures, stores and ranks them.

    ``name`` is the search's name in the store. ``base`` gives the hyperparameters that a setting does not name. After
    ``deadline`` (``time.monotonic``) no trial is begun if there is at least one result; ``finished`` is then false. A
    setting that names no ``blend`` is measured by the preference model's order alone.
    """

    spark: SparkSession
    store: Store
    name: str
    model: Tuned
    base: Hyperparameters
    deadline: float | None
    now: Callable[[], datetime]
    tell: Callable[[str], None]
    finished: bool = True
    reused: int = 0
    _found: dict[str, Trial] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.store.trials(self.name):
            score = row.metrics[METRIC[self.model]]
            self._found[row.setting] = Trial(row.hyperparameters, row.phase, score, row.seconds)
        self.reused = len(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def run(self, phase: int, settings: Sequence[Setting], folds: Broadcast[list[Fold]]) -> list[Trial]:
        """Measure the settings that this phase has no trial of yet, one per core at a time. Return all their trials."""
        todo = [setting for setting in settings if label(phase, setting) not in self._found]
        fits = _one_fit_each(todo)
        width = max(self.spark.sparkContext.defaultParallelism, 1)
        for start in range(0, len(fits), width):
            if self.late and self._found:
                self.finished = False
                break
            batch = fits[start : start + width]
            self.tell(f"{start + 1} of {len(fits)}, {words(batch[0][0])}{self._time_left(phase, len(fits) - start)}")
            for measured in self._measure(batch, folds):
                for setting, scores, seconds in measured:
                    self._keep(Trial(setting, phase, fmean(scores), seconds), scores)
        wanted = {label(phase, setting) for setting in settings}
        return [trial for name, trial in self._found.items() if name in wanted]

    def _measure(
        self, batch: Sequence[list[Setting]], folds: Broadcast[list[Fold]]
    ) -> list[list[tuple[Setting, list[float], float]]]:
        base, model = self.base, self.model

        def run(settings: list[Setting]) -> list[tuple[Setting, list[float], float]]:
            started = time.monotonic()
            tried = with_setting(base, model, settings[0])
            if model == "rating":
                scores = [[fold.rmse(tried)] for fold in folds.value]
            else:
                scores = [
                    fold.orders(tried, [float(one.get("blend", 0.0)) for one in settings]) for fold in folds.value
                ]
            seconds = round((time.monotonic() - started) / len(settings), 2)
            return [(one, list(own), seconds) for one, own in zip(settings, zip(*scores, strict=True), strict=True)]

        return self.spark.sparkContext.parallelize(batch, len(batch)).map(run).collect()

    def _keep(self, trial: Trial, scores: Sequence[float]) -> None:
        self.store.save_trial(
            search=self.name,
            setting=label(trial.phase, trial.setting),
            model=self.model,
            phase=trial.phase,
            hyperparameters=trial.setting,
            metrics={METRIC[self.model]: trial.score, "folds": list(scores)},
            seconds=trial.seconds,
            now=self.now(),
        )
        self._found[label(trial.phase, trial.setting)] = trial

    def ranked(self, phase: int) -> list[Trial]:
        """Return a phase's trials, best first; among equals the smaller rank comes first."""
        sign = -1 if HIGHER_IS_BETTER[METRIC[self.model]] else 1
        mine = [trial for trial in self._found.values() if trial.phase == phase]
        return sorted(mine, key=lambda trial: (sign * trial.score, trial.setting.get("rank", 0)))

    def _time_left(self, phase: int, todo: int) -> str:
        taken = [trial.seconds for trial in self._found.values() if trial.phase == phase]
        if not taken:
            return ""
        minutes = fmean(taken[-5:]) * todo / 60 / max(self.spark.sparkContext.defaultParallelism, 1)
        return f", about {minutes:.0f} min left" if minutes >= 1 else ", under a minute left"


def _one_fit_each(settings: Sequence[Setting]) -> list[list[Setting]]:
    """Group settings that differ only in their blend: they share one fit."""
    fits: dict[str, list[Setting]] = {}
    for setting in settings:
        alone = {name: value for name, value in setting.items() if name != "blend"}
        fits.setdefault(words(alone), []).append(setting)
    return list(fits.values())


def label(phase: int, setting: Mapping[str, float | str]) -> str:
    return f"{phase}: {words(setting)}"


def words(setting: Mapping[str, float | str]) -> str:
    return " ".join(f"{name}={value if isinstance(value, str) else f'{value:g}'}" for name, value in setting.items())
