"""Our recommender and those that it is compared with; each is trained on the same ratings when its turn comes."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.ml.functions import array_to_vector
from pyspark.ml.recommendation import ALSModel
from pyspark.ml.stat import Summarizer
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from engine.domain import FactorRows, Film, Floats
from engine.judging import evaluation
from engine.judging.ease import LAMBDAS, LARGEST, LARGEST_SIDE, Ease
from engine.judging.ranking import Scorer, ndcg
from engine.learning.blocks import RatingBlocks, fit_biases
from engine.learning.mllib import NotPositiveDefinite, collect_factors, fit_als
from engine.learning.training import SEED, train, values_of
from engine.serving.factors import Hyperparameters, Model

MODELS = {
    "popularity": "the films that most people rated, for everybody",
    "biases": "how far each film and each person lies above the mean of all stars",
    "plain_als": "Spark ALS as tutorials have it: rank 10; of stars nonnegative, reg chosen within the training side",
    "signed_als": "implicit ALS as MLlib has it: likes above 3 stars, dislikes below, weighed by how far",
    "ease": "a closed-form item-item model of who liked what (Steck 2019), its λ chosen within the training side",
    "ease_stars": "the same of stars/5 in place of likes",
    "matinee": "ours: preference and rating model together",
}

OF_STARS = (
    "rmse_warm", "rmse_all", "mae_warm", "mse_warm",
    "precision_at_3_stars", "recall_at_3_stars", "f1_at_3_stars", "rmse_train",
)  # fmt: skip
"""Metrics that need predicted stars."""

SIGNED = {"neutral": 3.0, "reg": 0.2, "reg_of_plays": 2.0, "alpha": 2.0}
"""The best hyperparameters of MLlib's implicit ALS on ml-latest-small and on play counts (docs/experiments.md)."""

REGS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Candidates for the reg of plain ALS."""

CHOICE_PEOPLE = 2_000
"""The largest number of people by whom EASE's λ is chosen."""


@dataclass(frozen=True)
class Entrant:
    """A trained recommender, ready to be measured.

    ``judge`` measures it on the people of ``evaluation.held_out``; ``lacks`` names metrics that do not apply.
    """

    judge: Callable[[DataFrame], evaluation.Measured]
    train_seconds: float
    lacks: tuple[str, ...] = ()
    release: Callable[[], object] = lambda: None


@contextmanager
def _clock() -> Iterator[Callable[[], float]]:
    """Yield a function that returns the seconds since the start of the block."""
    start = time.monotonic()
    yield lambda: time.monotonic() - start


@dataclass(frozen=True)
class Field:
    """Trains the models that are compared, each on the same ratings when its turn comes."""

    spark: SparkSession
    ratings: DataFrame
    counts: Floats
    hyperparameters: Hyperparameters
    films: Sequence[Film]
    notes: list[str]

    def entrants(self) -> list[tuple[str, Callable[[], Entrant | None]]]:
        """Return each model's name and a function that trains it, in the order of ``MODELS``; None for one that cannot
        be trained."""
        return [
            ("popularity", self.popularity),
            ("biases", self.biases),
            ("plain_als", self.plain_als),
            ("signed_als", self.signed_als),
            ("ease", lambda: self.ease("ease")),
            ("ease_stars", lambda: self.ease("ease_stars") if self.gives_stars else None),
            ("matinee", lambda: self.matinee(self.hyperparameters)),
        ]

    @property
    def gives_stars(self) -> bool:
        return "stars" in self.ratings.columns

    def factors(self, users: DataFrame, model: Model, seconds: float, lacks: tuple[str, ...] = ()) -> Entrant:
        """Make an entrant from people's rows and the films' side."""
        stars = "rmse_warm" not in lacks

        def judge(people: DataFrame) -> evaluation.Measured:
            return evaluation.measure(users, model, people, self.counts, predicts_stars=stars)

        return Entrant(judge, seconds, lacks, users.unpersist)

    def popularity(self) -> Entrant:
        with _clock() as seconds:
            films = self.ratings.groupBy("movie_id").count().orderBy("movie_id").toPandas()
            taken = seconds()
        people = self.ratings.select("user_id").distinct().withColumn("bias", F.lit(0.0).cast("float"))
        counts = films["count"].to_numpy(np.float32)
        ids = films["movie_id"].to_numpy(np.int32)
        return self.factors(*evaluation.same_for_all(people, ids, counts, 0 * counts, 0.0), taken, lacks=OF_STARS)

    def biases(self) -> Entrant | None:
        settings = self.hyperparameters.rating
        if settings is None:
            return None
        with _clock() as seconds:
            values = self.ratings.select("user_id", "movie_id", values_of(self.ratings).alias("value"))
            with RatingBlocks.of(values) as ratings:
                biases = fit_biases(ratings, user_damping=settings.user_damping, movie_damping=settings.movie_damping)
                people = ratings.with_biases(biases).cache()
                people.count()
            taken = seconds()
        bias = biases.films.astype(np.float32)
        return self.factors(*evaluation.same_for_all(people, ratings.movie_ids, bias, bias, biases.mean_stars), taken)

    def plain_als(self) -> Entrant:
        """Train ALS as tutorials do. Films are ranked by predicted stars, or for play counts by predicted preference.

        Source: for play counts Ryza et al. 2015, "Advanced Analytics with Spark", chapter 3.
        """
        stars = self.gives_stars
        values = self.ratings.select("user_id", "movie_id", F.col("stars" if stars else "plays").alias("value"))
        with _clock() as seconds:
            if stars:
                reg = self.best_reg(values)
                fitted = fit_als(values, rank=10, reg=reg, iterations=15, seed=SEED, nonnegative=True)
            else:
                fitted = fit_als(values, rank=10, reg=0.01, iterations=5, alpha=1.0, seed=SEED)
            taken = seconds()
        lacks = ("rmse_all",) if stars else OF_STARS
        return self.of_spark(fitted, taken, lacks)

    def best_reg(self, values: DataFrame) -> float:
        """Return the reg with the least error within the training side."""
        held = values.withColumn("held", _held(values)).cache()
        rest, asked = held.where(~F.col("held")).drop("held"), held.where("held").drop("held")

        def squared(reg: float) -> float:
            fitted = fit_als(rest, rank=10, reg=reg, iterations=10, seed=SEED, nonnegative=True)
            fitted.setColdStartStrategy("drop")
            error = fitted.transform(asked).agg(F.avg((F.col("prediction") - F.col("value")) ** 2)).collect()[0][0]
            return float("inf") if error is None else float(error)

        best = min(REGS, key=squared)
        held.unpersist()
        self.notes.append(f"plain_als: reg {best:g}")
        return best

    def signed_als(self, rank: int = 64) -> Entrant:
        """Train MLlib's implicit ALS on stars above and below 3, or on log(1 + plays)."""
        strength = values_of(self.ratings) - F.lit(SIGNED["neutral"] if self.gives_stars else 0.0)
        value = F.when(strength == 0, F.lit(1e-3)).otherwise(strength).cast("float")  # MLlib drops what is 0
        values = self.ratings.select("user_id", "movie_id", value.alias("value"))
        reg = SIGNED["reg"] if self.gives_stars else SIGNED["reg_of_plays"]
        try:
            with _clock() as seconds:
                fitted = fit_als(values, rank=rank, reg=reg, iterations=15, alpha=SIGNED["alpha"], seed=SEED)
                taken = seconds()
        except NotPositiveDefinite:
            if rank == 1:
                raise
            smaller = rank // 2
            self.notes.append(f"signed_als: rank {smaller}, because MLlib cannot solve {rank} for so few people")
            return self.signed_als(smaller)
        return self.of_spark(fitted, taken, OF_STARS)

    def of_spark(self, fitted: ALSModel, seconds: float, lacks: tuple[str, ...]) -> Entrant:
        """Make an entrant from a model of MLlib: one product of factors gives both the order and the stars."""
        movie_ids, items = collect_factors(fitted.itemFactors)
        users = fitted.userFactors.select(
            F.col("id").alias("user_id"),
            F.col("features").alias("preference"),
            F.col("features").alias("rating"),
            F.lit(0.0).cast("float").alias("bias"),
        )
        (average,) = users.select(Summarizer.mean(array_to_vector(F.col("preference")))).collect()[0]
        rows = FactorRows(movie_ids, items, items, np.zeros(len(items), np.float32))
        parameters = asdict(Hyperparameters(blend=0.0)) | {
            "mean_stars": 0.0,
            "average_taste": average.toArray().tolist(),
        }
        return self.factors(users, Model.assemble(rows, parameters), seconds, lacks)

    def ease(self, name: str) -> Entrant | None:
        """Train EASE on the driver: on films with 4 stars or more (or any plays) as in its paper, or on stars/5."""
        table = self.ratings.withColumn("held", _held(self.ratings)).toPandas()
        user_ids, user = np.unique(table["user_id"].to_numpy(np.int32), return_inverse=True)
        movie_ids, film = np.unique(table["movie_id"].to_numpy(np.int32), return_inverse=True)
        shape = len(user_ids), len(movie_ids)
        if min(shape) > LARGEST_SIDE or shape[0] * shape[1] > LARGEST:
            self.notes.append(f"{name} was left out: {shape[0]:,} people by {shape[1]:,} films are too many")
            return None
        held = table["held"].to_numpy(bool)
        stars = table["stars"].to_numpy(np.float32) if self.gives_stars else np.full(len(table), 5, np.float32)
        relevant = stars >= evaluation.RELEVANT_STARS
        given = stars / np.float32(5) if name == "ease_stars" else relevant.astype(np.float32)

        def matrix(values: Floats, which: NDArray[np.bool_]) -> csr_matrix:
            return csr_matrix((values[which], (user[which], film[which])), shape)

        ones = np.ones_like(stars)
        smoothing = best_smoothing(
            Ease.fit(matrix(given, (given > 0) & ~held)), matrix(ones, ~held), matrix(ones, relevant & held)
        )
        self.notes.append(f"{name}: λ = {smoothing:g}")
        with _clock() as seconds:
            scorer = Ease.fit(matrix(given, given > 0)).scorer(smoothing)
            taken = seconds()

        def judge(people: DataFrame) -> evaluation.Measured:
            return _judge_scores(scorer, user_ids, movie_ids, people, self.counts)

        return Entrant(judge, taken, OF_STARS)

    def matinee(self, hyperparameters: Hyperparameters) -> Entrant:
        with _clock() as seconds:
            trained = train(
                self.spark,
                self.ratings,
                hyperparameters,
                films=self.films,
                seed=SEED,
                progress=lambda done, detail: None,
            )
            trained.users.count()
            taken = seconds()
        model = trained.model()
        return self.factors(trained.users, model, taken, lacks=() if model.predicts_stars else OF_STARS)


def _held(ratings: DataFrame) -> Column:
    """Return which ratings of the training side are held out for a choice."""
    draw = F.pmod(F.xxhash64("user_id", "movie_id", F.lit(SEED + 1)), F.lit(100))
    return draw < evaluation.TEST_PERCENT


def best_smoothing(ease: Ease, seen: csr_matrix, relevant: csr_matrix) -> float:
    """Return the λ of ``LAMBDAS`` with the best nDCG@10 on held-out films, climbing from the middle.

    Args:
        ease: fitted on a part of the ratings.
        seen: people × films, with entries for ratings that the fit used.
        relevant: the same, entries where a held-out film should have been shown.
    """
    people = np.flatnonzero(np.diff(relevant.indptr))
    if len(people) > CHOICE_PEOPLE:
        people = np.sort(np.random.default_rng(SEED).choice(people, CHOICE_PEOPLE, replace=False))

    @functools.cache
    def score(place: int) -> float:
        if not (0 <= place < len(LAMBDAS) and len(people)):
            return -1.0
        return float(ndcg(ease.scorer(LAMBDAS[place]), seen, relevant, people).mean())

    at = len(LAMBDAS) // 2
    while (better := max((at, at - 1, at + 1), key=score)) != at:
        at = better
    return LAMBDAS[at]


def _judge_scores(
    scorer: Scorer, user_ids: NDArray[np.int32], movie_ids: NDArray[np.int32], people: DataFrame, counts: Floats
) -> evaluation.Measured:
    """Measure an order that is computed on the driver. People it was not trained on get the films with most ratings.

    Args:
        user_ids: those of the scorer's rows, ascending.
        movie_ids: those of its columns, ascending.
        people: see ``evaluation.held_out``.
        counts: training ratings of each film.
    """
    table = people.where("ranked").toPandas()
    surprise = evaluation.surprise_of(counts)
    at = np.minimum(np.searchsorted(user_ids, table["user_id"]), len(user_ids) - 1)
    known = user_ids[at] == table["user_id"]
    rows = []
    step = max(evaluation.BLOCK_SCORES // len(movie_ids), 1)
    for start in range(0, len(table), step):
        block = table.iloc[start : start + step]
        scores = scorer(at[start : start + step])
        scores[~known[start : start + step].to_numpy()] = counts
        for person, own in zip(block.itertuples(index=False), scores, strict=True):
            seen, trained_on = evaluation.find_films(movie_ids, np.asarray(_listed(person.seen), np.int32))
            tested = evaluation.find_films(movie_ids, np.asarray(person.films, np.int32))
            values, relevant = np.asarray(person.values), np.asarray(person.relevant, bool)
            share = evaluation.judge_order(own, seen[trained_on], *tested, values, relevant, surprise)
            rows.append({"user_id": person.user_id, "top": np.empty(0, np.int32)} | share)
    found = pd.DataFrame(rows).reindex(columns=["user_id", *evaluation.PER_USER, "top", "errors"])
    return evaluation.measured(found, len(movie_ids))


def _listed(films: Any) -> Any:
    return [] if films is None else films
