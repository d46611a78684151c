"""Fits both models on arrays in memory, without Spark: in one task with a whole data set, or as one of several trials.

A fit alternates between people and films, and in the end solves people from the films alone. So the films' side is the
model, and anybody with ratings can be folded in, in one half-step for everybody (``people``).
"""

import abc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.domain import FactorRows, Film, Floats
from engine.learning.solver import FixedSide, Observations, half_step
from engine.serving.factors import (
    Doubles,
    Hyperparameters,
    Model,
    PreferenceHyperparameters,
    RatingHyperparameters,
    observed,
)

Ints = NDArray[np.int32]

OnProgress = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and a text that says what is going on."""

BIAS_ROUNDS = 3
"""Alternations of film and user biases; a fourth moves no bias by more than 0.01 stars on ml-latest-small."""


@dataclass(frozen=True)
class RatingTable:
    """Ratings as arrays: rating k is ``values[k]`` of person ``users[k]`` for film ``films[k]``.

    ``user_ids`` and ``movie_ids`` are ascending; ``users`` and ``films`` (n,) are indices into them; ``values`` (n,)
    are stars, or log(1 + plays). ``pseudo_users`` and ``pseudo_movies`` are pairs of a pseudo-user, numbered from 0,
    and a film of their kind.
    """

    user_ids: Ints
    movie_ids: Ints
    users: Ints
    films: Ints
    values: Floats
    pseudo_users: Ints
    pseudo_films: Ints

    @classmethod
    def of(
        cls, user_ids: NDArray[Any], movie_ids: NDArray[Any], values: NDArray[Any], films: Sequence[Film] = ()
    ) -> "RatingTable":
        """Number people and films; with the catalogue's ``films``, add pseudo-users too."""
        people, users = np.unique(user_ids.astype(np.int32), return_inverse=True)
        known, rows = np.unique(movie_ids.astype(np.int32), return_inverse=True)
        # Sorted, so that sums are the same to the last bit in whatever order rows come.
        order = np.argsort(users.astype(np.int64) * len(known) + rows)
        rated = users[order].astype(np.int32), rows[order].astype(np.int32), values[order].astype(np.float32)
        return cls(people, known, *rated, *pseudo_pairs(films, known))

    def where(self, kept: NDArray[np.bool_]) -> "RatingTable":
        """Return the table with some of its ratings; people and films keep their numbers."""
        return replace(self, users=self.users[kept], films=self.films[kept], values=self.values[kept])


def pseudo_pairs(films: Sequence[Film], movie_ids: Ints) -> tuple[Ints, Ints]:
    """Return pairs of a pseudo-user and a film's row. There is one pseudo-user for each genre of each decade, who likes
    exactly those films.

    In training, pseudo-users draw a film with few ratings towards its kind; the trained model does not contain them.
    Films without a year form one group for each genre.
    """
    rows = {movie_id: row for row, movie_id in enumerate(movie_ids.tolist())}
    kinds: dict[tuple[str, int | None], int] = {}
    pairs = [
        (kinds.setdefault((genre, film.year and film.year // 10), len(kinds)), rows[film.id])
        for film in films
        if film.id in rows
        for genre in film.genres
    ]
    users, liked = np.array(pairs, np.int32).reshape(-1, 2).T
    return users, liked


def compress(
    rows: Ints, columns: Ints, weights: Floats, targets: Floats, n_rows: int, ridge: Callable[[NDArray[Any]], Doubles],
    counted: NDArray[np.bool_] | None = None,
) -> Observations:  # fmt: skip
    """Sort observations by row. ``ridge`` turns each row's number of ``counted`` observations into its λ."""
    order = np.argsort(rows, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))]).astype(np.int64)
    count = np.bincount(rows if counted is None else rows[counted], minlength=n_rows)
    return Observations(starts, columns[order], weights[order], targets[order], ridge(count))


@dataclass(frozen=True)
class Preference:
    """A fitted preference model: its films' factors, and the mean of its people's rows."""

    items: Floats
    average_taste: Floats


@dataclass(frozen=True)
class Stars:
    """A fitted rating model: the mean of all stars, and the films' factors and biases."""

    mean_stars: float
    items: Floats
    film_bias: Floats

    @classmethod
    def none(cls, n_items: int) -> "Stars":
        """Return the rating model for data without stars: zeros, which do not change any order."""
        return cls(0.0, np.zeros((n_items, 1), np.float32), np.zeros(n_items, np.float32))


@dataclass(frozen=True)
class Fit(abc.ABC):
    """The data that a model is fitted on: both sides' observations, computed on first use.

    Pickled before first use, it is no larger than its table. Pseudo-users' rows come after the people's.
    """

    table: RatingTable
    hyper: PreferenceHyperparameters | RatingHyperparameters

    unobserved = 0.0
    pull = 0.0

    @property
    def rank(self) -> int:
        return self.hyper.rank

    @property
    def iterations(self) -> int:
        return self.hyper.iterations

    @property
    @abc.abstractmethod
    def sides(self) -> tuple[Observations, Observations]:
        """The observations of people and of films."""

    @abc.abstractmethod
    def finish(self, items: Floats, mean: Floats | None, threads: int = 1) -> Any:
        """Return the model with these film factors."""

    def start(self, seed: int) -> Floats:
        """Return small random film factors to start from."""
        draw = np.random.default_rng(seed).standard_normal((len(self.table.movie_ids), self.rank))
        return (0.1 * draw).astype(np.float32)

    def advance(
        self, items: Floats, mean: Floats | None, iterations: int, threads: int = 1
    ) -> tuple[Floats, Floats | None]:
        """Return the film factors after some more iterations, and the row that people are drawn to next."""
        by_user, by_film = self.sides
        for _ in range(iterations):
            users = half_step(by_user, items, unobserved=self.unobserved, prior=mean, threads=threads)
            if self.pull:
                mean = np.float32(self.pull) * users[: len(self.table.user_ids)].mean(axis=0)
            items = half_step(by_film, users, unobserved=self.unobserved, threads=threads)
        return items, mean

    def run(self, seed: int, *, start: Floats | None = None, threads: int = 1) -> Any:
        """Return the model, fitted in one go.

        Args:
            start: film factors to start from, in place of random ones.
        """
        items = self.start(seed) if start is None else start
        return self.finish(*self.advance(items, None, self.iterations, threads), threads)


@dataclass(frozen=True)
class PreferenceFit(Fit):
    """The fit of the preference model: every pair counts, rated pairs count more."""

    hyper: PreferenceHyperparameters

    unobserved = 1.0

    @property
    def pull(self) -> float:  # type: ignore[override]
        return self.hyper.pull

    @cached_property
    def sides(self) -> tuple[Observations, Observations]:
        table, hyper = self.table, self.hyper
        said = observed(table.values, hyper)
        users, films, pairs = _with_pseudo(table, hyper.pseudo)
        weights = np.append(said.weights, np.full(pairs, hyper.alpha * hyper.pseudo, np.float32))
        targets = np.append(said.targets, np.ones(pairs, np.float32))
        counted = np.append(said.counted, np.ones(pairs, bool))
        return (
            compress(
                users, films, weights, targets, _rows(table, users),
                lambda n: hyper.ridge(n, hyper.nu_users), counted,
            ),
            compress(
                films, users, weights, targets, len(table.movie_ids),
                lambda n: hyper.ridge(n, hyper.nu_items), counted,
            ),
        )  # fmt: skip

    def finish(self, items: Floats, mean: Floats | None, threads: int = 1) -> Preference:
        users = half_step(self.sides[0], items, unobserved=self.unobserved, prior=mean, threads=threads)
        average = users[: len(self.table.user_ids)].mean(axis=0)
        return Preference(items, noted(average))


@dataclass(frozen=True)
class StarsFit(Fit):
    """The fit of the rating model: biases, and factors for their residuals."""

    hyper: RatingHyperparameters

    @cached_property
    def biases(self) -> "Biases":
        return fit_biases(self.table, self.hyper)

    @cached_property
    def sides(self) -> tuple[Observations, Observations]:
        table, hyper = self.table, self.hyper
        users, films, pairs = _with_pseudo(table, hyper.pseudo)
        targets = np.append(self.biases.residuals(table), np.full(pairs, hyper.pseudo)).astype(np.float32)
        weights = np.ones(len(targets), np.float32)
        return (
            compress(users, films, weights, targets, _rows(table, users), lambda n: hyper.ridge(n, hyper.nu_users)),
            compress(films, users, weights, targets, len(table.movie_ids), lambda n: hyper.ridge(n, hyper.nu_items)),
        )

    def finish(self, items: Floats, mean: Floats | None, threads: int = 1) -> Stars:
        return Stars(self.biases.mean_stars, items, self.biases.films.astype(np.float32))


def noted(average: NDArray[Any]) -> Floats:
    """Round the mean row as a version stores it, so that people folded in now and later are drawn to the same row."""
    return np.array([round(float(x), 7) for x in average], np.float32)


def _with_pseudo(table: RatingTable, strength: float) -> tuple[Ints, Ints, int]:
    """Return the pairs' rows of people and films, followed by those of pseudo-users, and the number of the latter. A
    target of 0 adds none."""
    if not strength:
        return table.users, table.films, 0
    users = np.append(table.users, table.pseudo_users + np.int32(len(table.user_ids)))
    return users, np.append(table.films, table.pseudo_films), len(table.pseudo_users)


def _rows(table: RatingTable, users: Ints) -> int:
    return max(len(table.user_ids), int(users.max(initial=-1)) + 1)


@dataclass(frozen=True)
class Biases:
    """Differences of films and people from the mean of all stars, in the order of the table."""

    mean_stars: float
    users: Doubles
    films: Doubles

    def residuals(self, table: RatingTable) -> Doubles:
        """Return each rating's stars less mean and biases."""
        left: Doubles = table.values - self.mean_stars - self.users[table.users] - self.films[table.films]
        return left


def fit_biases(table: RatingTable, hyper: RatingHyperparameters) -> Biases:
    """Fit the mean, and each film's bias beside the people's, by a few alternating damped means; people come last.

    Source: Funk 2006; Koren 2010 ("Factor in the neighbors"), section 2.1.
    """
    n_users, n_films = len(table.user_ids), len(table.movie_ids)
    count = np.bincount(table.users, minlength=n_users) + hyper.user_damping
    movie_count = np.bincount(table.films, minlength=n_films) + hyper.movie_damping
    mean_stars = float(table.values.astype(np.float64).mean())
    centred, films = table.values - mean_stars, np.zeros(n_films)
    for _ in range(BIAS_ROUNDS):
        users = np.bincount(table.users, centred - films[table.films], n_users) / count
        films = np.bincount(table.films, centred - users[table.users], n_films) / movie_count
    users = np.bincount(table.users, centred - films[table.films], n_users) / count
    return Biases(mean_stars, users, films)


@dataclass(frozen=True)
class Fitted:
    """Both models, without people: the films' ``rows``, in the order of the table."""

    rows: FactorRows
    hyperparameters: Hyperparameters
    mean_stars: float
    average_taste: Floats
    seed: int

    @classmethod
    def of(
        cls, movie_ids: Ints, preference: Preference, stars: Stars | None, hyperparameters: Hyperparameters, seed: int
    ) -> "Fitted":
        stars = Stars.none(len(movie_ids)) if stars is None else stars
        rows = FactorRows(movie_ids, preference.items, stars.items, stars.film_bias)
        return cls(rows, hyperparameters, stars.mean_stars, preference.average_taste, seed)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values that a version stores beside its rows, for ``Model.assemble``."""
        return asdict(self.hyperparameters) | {
            "mean_stars": self.mean_stars,
            "average_taste": [round(float(x), 7) for x in self.average_taste],
            "seed": self.seed,
        }

    def model(self) -> Model:
        """Return the model of the films, ready for scoring."""
        return Model.assemble(self.rows, self.parameters)


def fit(table: RatingTable, hyperparameters: Hyperparameters, *, seed: int, threads: int = 1) -> Fitted:
    """Fit both models; for play counts, only the preference model."""
    preference = PreferenceFit(table, hyperparameters.preference).run(seed, threads=threads)
    stars = None
    if hyperparameters.rating is not None:
        stars = StarsFit(table, hyperparameters.rating).run(seed, threads=threads)
    return Fitted.of(table.movie_ids, preference, stars, hyperparameters, seed)


@dataclass(frozen=True)
class People:
    """Rows of people in both models: ``user_ids`` (n,), ``preference`` and ``rating`` (n, rank), ``bias`` (n,)."""

    user_ids: Ints
    preference: Floats
    rating: Floats
    bias: Floats


@dataclass(frozen=True)
class Folding:
    """Folds many people into a model at once, each as ``Model.profile`` does."""

    model: Model

    @cached_property
    def held(self) -> tuple[FixedSide, FixedSide]:
        return FixedSide.of(np.ascontiguousarray(self.model.preference)), FixedSide.of(
            np.ascontiguousarray(self.model.rating)
        )

    def people(
        self, user_ids: NDArray[Any], movie_ids: NDArray[Any], values: NDArray[Any], *, threads: int = 1
    ) -> People:
        """Fold people in. All ratings of each person must be given together. Films unknown to the model are ignored.

        Args:
            values: stars, or log(1 + plays).

        Returns:
            Their rows, ordered by id.
        """
        model, hyper = self.model, self.model.hyperparameters.preference
        preference, rating = self.held
        ids, users = np.unique(user_ids, return_inverse=True)
        rows = np.minimum(np.searchsorted(model.movie_ids, movie_ids), len(model.movie_ids) - 1)
        known = model.movie_ids[rows] == movie_ids
        users, films, values = users[known].astype(np.int32), rows[known].astype(np.int32), values[known]
        said = observed(values, hyper)
        side = compress(
            users, films, said.weights, said.targets, len(ids),
            lambda n: hyper.ridge(n, hyper.nu_users), said.counted,
        )  # fmt: skip
        tastes = preference.solve(
            side, unobserved=1.0, prior=model.average_taste if hyper.prior else None, threads=threads
        )
        tastes[np.diff(side.starts) == 0] = model.average_taste
        of_stars = model.hyperparameters.rating
        if of_stars is None:
            nothing = np.zeros((len(ids), 1), np.float32)
            return People(ids, tastes, nothing, nothing[:, 0])
        left = values.astype(np.float64) - model.mean_stars - model.bias[films]
        count = np.bincount(users, minlength=len(ids))
        bias = np.bincount(users, left, len(ids)) / (count + of_stars.user_damping)
        targets = (left - bias[users]).astype(np.float32)
        side = compress(
            users, films, np.ones(len(users), np.float32), targets, len(ids),
            lambda n: of_stars.ridge(n, of_stars.nu_users),
        )  # fmt: skip
        return People(ids, tastes, rating.solve(side, unobserved=0.0, threads=threads), bias.astype(np.float32))
