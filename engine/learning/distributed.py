"""Fits data that is too large for one task: ratings stay on their executors, and factors are sent around.

Ratings are gathered once in blocks of people and once in blocks of films. Each half-step broadcasts the factors of the
side that is held fixed, and every block returns its rows to the driver; nothing else crosses the network. A lost block
is rebuilt from the ratings and gives the same rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from engine.domain import Floats
from engine.learning.blocks import BLOCK, Batches, RatingBlock, RatingBlocks, fit_biases, packed, unpacked
from engine.learning.fits import Ints, OnProgress, Preference, Stars, noted
from engine.learning.solver import FixedSide, Observations
from engine.serving.factors import Doubles, Observed, PreferenceHyperparameters, RatingHyperparameters, observed

Observe = Callable[[Floats], Observed]
"""Turns ratings' values into weights and targets. A pseudo-user's value is NaN."""


@dataclass(frozen=True)
class Side:
    """One side's blocks, in Spark, and the ids of all its rows, ascending. ``ridge`` turns rows' numbers of counted
    ratings into their λ."""

    ids: Ints
    blocks: DataFrame
    observe: Observe
    ridge: Callable[[NDArray[Any]], Doubles]

    def solve(self, factors: Floats, *, unobserved: float, prior: Floats | None = None) -> Floats:
        """Return the factors of this side, in the order of ``ids``, from the other side's."""
        held = self.blocks.sparkSession.sparkContext.broadcast(FixedSide.of(factors))
        observe, ridge = self.observe, self.ridge

        def rows(batches: Batches) -> Batches:
            for block in RatingBlock.unpacked(batches):
                said = observe(block.values)
                count = np.bincount(block.rows, said.counted, len(block.ids))
                side = Observations(block.starts, block.columns, said.weights, said.targets, ridge(count))
                yield packed(ids=block.ids, rows=held.value.solve(side, unobserved=unobserved, prior=prior))

        found = np.zeros((len(self.ids), factors.shape[1]), np.float32)
        solved = self.blocks.mapInArrow(rows, "ids binary, rows binary").toArrow()
        for block in unpacked(solved.to_batches(), {"ids": np.int32, "rows": np.float32}):
            found[np.searchsorted(self.ids, block["ids"])] = block["rows"].reshape(-1, factors.shape[1])
        held.destroy()
        return found


def fit_preference(
    ratings: RatingBlocks,
    hyper: PreferenceHyperparameters,
    pseudo: RatingBlock,
    *,
    seed: int,
    progress: OnProgress = lambda done, detail: None,
) -> Preference:
    """Fit the preference model, as ``fits.PreferenceFit`` does."""
    strength = np.float32(hyper.alpha * hyper.pseudo)

    def observe(values: Floats) -> Observed:
        said, pseudo = observed(values, hyper), np.isnan(values)
        weights = np.where(pseudo, strength, said.weights)
        return Observed(weights, np.where(pseudo, np.float32(1), said.targets), pseudo | said.counted)

    with _Fit.on(ratings, pseudo if hyper.pseudo else None, hyper, observe) as fit:
        items, mean = fit.alternate(seed, unobserved=1.0, pull=hyper.pull, progress=progress)
        people = fit.people.solve(items, unobserved=1.0, prior=mean)
        return Preference(items, noted(fit.real(people).mean(axis=0)))


def fit_stars(
    ratings: RatingBlocks,
    hyper: RatingHyperparameters,
    pseudo: RatingBlock,
    *,
    seed: int,
    progress: OnProgress = lambda done, detail: None,
) -> Stars:
    """Fit biases, and factors for their residuals, as ``fits.StarsFit`` does."""
    progress(0.0, "biases")
    biases = fit_biases(ratings, user_damping=hyper.user_damping, movie_damping=hyper.movie_damping)

    def observe(values: Floats) -> Observed:
        targets = np.nan_to_num(values, nan=hyper.pseudo)
        return Observed(np.ones(len(values), np.float32), targets, np.ones(len(values), bool))

    left = ratings.with_values(biases.residuals)
    with left, _Fit.on(left, pseudo if hyper.pseudo else None, hyper, observe) as fit:
        items, _ = fit.alternate(seed, unobserved=0.0, pull=0.0, progress=progress)
    return Stars(biases.mean_stars, items, biases.films.astype(np.float32))


@dataclass(frozen=True)
class _Fit:
    """Both sides of a fit. Rows of the ``pseudo`` pseudo-users, whose ids are negative, come before the people's."""

    people: Side
    films: Side
    pseudo: int
    rank: int
    iterations: int

    @classmethod
    @contextmanager
    def on(
        cls,
        ratings: RatingBlocks,
        pseudo: RatingBlock | None,
        hyper: PreferenceHyperparameters | RatingHyperparameters,
        observe: Observe,
    ) -> Iterator["_Fit"]:
        """Keep the films' side in Spark's memory for as long as it is used, as ``ratings`` are."""
        people, user_ids, count = ratings.people, ratings.user_ids, 0
        if pseudo is not None:
            own = ratings.spark.createDataFrame(pa.Table.from_batches([pseudo.packed()]), BLOCK)
            people, user_ids, count = people.union(own), np.append(pseudo.ids, user_ids), len(pseudo.ids)
        films = _by_film(people, user_ids, ratings.movie_ids, ratings.blocks).cache()
        try:
            yield cls(
                Side(user_ids, people, observe, lambda n: hyper.ridge(n, hyper.nu_users)),
                Side(ratings.movie_ids, films, observe, lambda n: hyper.ridge(n, hyper.nu_items)),
                count,
                hyper.rank,
                hyper.iterations,
            )
        finally:
            films.unpersist()

    def real(self, rows: Floats) -> Floats:
        """Return the people's rows, without the pseudo-users'."""
        return rows[self.pseudo :]

    def alternate(
        self, seed: int, *, unobserved: float, pull: float, progress: OnProgress
    ) -> tuple[Floats, Floats | None]:
        """Return the films' factors, and the row that people are drawn to in the next iteration."""
        draw = np.random.default_rng(seed).standard_normal((len(self.films.ids), self.rank))
        items, mean = (0.1 * draw).astype(np.float32), None
        for iteration in range(self.iterations):
            progress(iteration / self.iterations, f"iteration {iteration} of {self.iterations}")
            rows = self.people.solve(items, unobserved=unobserved, prior=mean)
            if pull:
                mean = np.float32(pull) * self.real(rows).mean(axis=0)
            items = self.films.solve(rows, unobserved=unobserved)
        return items, mean


def _by_film(people: DataFrame, user_ids: Ints, movie_ids: Ints, blocks: int) -> DataFrame:
    """Turn blocks of people into so many blocks of films, whose columns are rows of ``user_ids``.

    Each block of people is cut into one piece for each block of films, so that Spark moves pieces and not ratings.
    """
    shared = people.sparkSession.sparkContext.broadcast((user_ids, movie_ids))

    def cut(batches: Batches) -> Batches:
        people, films = shared.value
        for block in RatingBlock.unpacked(batches):
            target = (block.columns % blocks).astype(np.uint16)
            order = np.argsort(target, kind="stable")
            rows = np.searchsorted(people, block.ids).astype(np.int32)[block.rows][order]
            ids, values = films[block.columns[order]], block.values[order]
            bounds = np.searchsorted(target[order], np.arange(blocks + 1))
            for number, (first, last) in enumerate(pairwise(bounds)):
                piece = packed(ids=ids[first:last], columns=rows[first:last], values=values[first:last])
                yield piece.append_column("block", pa.array([number], pa.int32()))

    def join(batches: Batches) -> Batches:
        kinds = {"ids": np.int32, "columns": np.int32, "values": np.float32}
        pieces = list(unpacked(batches, kinds))
        if pieces:
            yield RatingBlock.of(*(np.concatenate([piece[name] for piece in pieces]) for name in kinds)).packed()

    pieces = people.mapInArrow(cut, "ids binary, columns binary, values binary, block int")
    return pieces.repartitionById(blocks, "block").mapInArrow(join, BLOCK)
