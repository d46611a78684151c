"""The arithmetic of both models, in numpy: folding ratings in, ordering films, saying why. No I/O.

Two models share one list of films. The *preference* model orders films, and the *rating* model predicts the stars to
print. The bot uses these functions for one person at request time, and the engine's executors use them for blocks of
people, so a published list and a fresh one agree.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.domain import FactorRows, Floats

Doubles = NDArray[np.float64]
Rows = NDArray[np.intp]

DIVERSITY = 1.0
"""A film loses this many standard deviations of score if the list already holds one with the same factors. It costs no
measurable accuracy (DECISIONS), and keeps a list from being one saga."""

AVERAGE_SHARE = 0.06
"""This share of the average taste is added to everybody's row before films are ordered, and once more the share divided
by the square of the number of their ratings. A row grows with that number too, so the average decides the order after
one rating and matters little after a hundred (docs/experiments.md, First picks)."""

ASKED_AT_ONCE = 64
"""All films are compared with this many asked films at once: with thousands it would take gigabytes."""


@dataclass(frozen=True, slots=True)
class PreferenceHyperparameters:
    """Hyperparameters of the preference model. Every pair of a person and a film counts with weight 1 and target 0; a
    rated pair gets a weight and target from ``observed``.

    The penalty of a row with n ratings is ``reg`` · n^ν: ``nu_users`` and ``nu_items`` are ν. ``pseudo`` is how
    strongly a pseudo-user (``engine.learning.fits``) likes the films of their kind. ``pull`` is how far training draws
    people's rows to their mean rather than to 0. With ``prior``, people are also folded in that way, whichever way they
    were trained.
    """

    target: Literal["stars", "signed"] = "stars"
    rank: int = 96
    reg: float = 3.0
    nu_users: float = 0.5
    nu_items: float = 0.5
    alpha: float = 4.0
    iterations: int = 15
    neutral: float = 3.0
    """Stars (or log(1 + plays)) that mean no preference."""
    scale: float = 5.0
    """Stars (or log(1 + plays)) that values are divided by."""
    pseudo: float = 0.1
    pull: float = 0.5
    prior: bool = True

    def ridge(self, counted: NDArray[Any] | int, nu: float) -> Doubles:
        """Return λ for rows with these numbers of ratings."""
        return penalty(self.reg, counted, nu)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "PreferenceHyperparameters":
        """Read the output of ``dataclasses.asdict``. Versions without a ``target`` were trained by MLlib."""
        of_mllib = {"target": "signed", "nu_users": 1.0, "nu_items": 1.0, "scale": 1.0, "pull": 0.0, "prior": False}
        return cls(**_renamed(values if "target" in values else of_mllib | dict(values)))


@dataclass(frozen=True, slots=True)
class RatingHyperparameters:
    """Hyperparameters of the rating model. A damping is a number of ratings: a mean counts as if so many ratings of 0
    came with it.

    The penalty is that of the preference model. ``pseudo`` is by how many stars a pseudo-user
    (``engine.learning.fits``) prefers the films of their kind.
    """

    rank: int = 32
    reg: float = 1.2
    nu_users: float = 0.5
    nu_items: float = 0.5
    iterations: int = 15
    user_damping: float = 8.0
    movie_damping: float = 5.0
    pseudo: float = 3.0

    def ridge(self, counted: NDArray[Any] | int, nu: float) -> Doubles:
        """Return λ for rows with these numbers of ratings."""
        return penalty(self.reg, counted, nu)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "RatingHyperparameters":
        """Read what ``dataclasses.asdict`` wrote; versions from before there was a ν had Spark's, 1."""
        return cls(**_renamed({"nu_users": 1.0, "nu_items": 1.0} | dict(values)))


def penalty(reg: float, counted: NDArray[Any] | int, nu: float) -> Doubles:
    """Return the penalties reg · n^ν of rows with n ratings; a row without any has that of one."""
    return np.asarray(reg * np.maximum(counted, 1.0) ** nu)


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Read the old name of pseudo-users, typical viewers. Versions without either name had none."""
    values = {"typical": 0.0} | dict(values)
    typical = values.pop("typical")
    return {"pseudo": typical} | values


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The hyperparameters of one training. ``blend`` weighs the stars against the preference in the order of a list.

    ``rating`` is None for play counts: without stars there is no rating model.
    """

    preference: PreferenceHyperparameters = PreferenceHyperparameters()
    rating: RatingHyperparameters | None = RatingHyperparameters()
    blend: float = 0.4

    @property
    def predicts_stars(self) -> bool:
        return self.rating is not None

    @property
    def largest_rank(self) -> int:
        return max(self.preference.rank, 0 if self.rating is None else self.rating.rank)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Hyperparameters":
        """Read the output of ``dataclasses.asdict``, of this release or an earlier one; unknown keys are ignored."""
        return cls(
            PreferenceHyperparameters.parse(values["preference"]),
            None if values["rating"] is None else RatingHyperparameters.parse(values["rating"]),
            float(values["blend"]),
        )


OF_PLAYS = Hyperparameters(
    PreferenceHyperparameters(target="signed", rank=96, reg=6.0, alpha=6.0, neutral=0.0, scale=1.0),
    rating=None,
    blend=0.0,
)
"""Hyperparameters for play counts: every play speaks for an item, and there are no stars to blend in. They are a start
for counts and for ones; a first training searches for better ones (docs/experiments.md)."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Ratings as the preference model takes them, each array (n,): ``weights`` beyond that of an unrated film,
    ``targets``, and whether they are ``counted`` in n^ν."""

    weights: Floats
    targets: Floats
    counted: NDArray[np.bool_]


def observed(values: NDArray[Any], hyper: PreferenceHyperparameters) -> Observed:
    """Turn stars, or log(1 + plays), into weights and targets of the preference model.

    Target ``stars``: all ratings have the weight alpha and the target stars/scale, because watching and rating a film
    at all says more than the stars do. Target ``signed``: the weight is alpha·|stars − neutral|/scale, the target is 1
    above neutral and 0 below, and only liked films are counted.

    Source: MLlib's ALS.scala, ``computeFactors``, for ``signed``; DECISIONS for ``stars``.
    """
    value = np.asarray(values, np.float32)
    if hyper.target == "stars":
        weights = np.full(value.shape, hyper.alpha, np.float32)
        return Observed(weights, value / np.float32(hyper.scale), np.ones(value.shape, bool))
    strength = (value - np.float32(hyper.neutral)) / np.float32(hyper.scale)
    liked = strength >= 0
    return Observed(np.float32(hyper.alpha) * np.abs(strength), liked.astype(np.float32), liked)


def fold_in(
    factors: Floats,
    rated: Rows,
    weights: NDArray[Any],
    targets: NDArray[Any],
    *,
    ridge: float,
    gram: Doubles | None = None,
    prior: NDArray[Any] | None = None,
) -> tuple[Floats, Doubles]:
    """Give one person a row of a model from their ratings alone, without retraining.

    Solves (VᵀV + Σ w v vᵀ + λI) u = Σ (1 + w) t v + λ·prior, or without ``gram`` (Σ w v vᵀ + λI) u = Σ w t v + λ·prior,
    with the films held still. Training solves people's rows last, in the same way, so folding one of them back in
    returns the row that they were trained with; tests/spark/test_training.py holds us to it.

    Args:
        factors: one row v for each film, shape (n_items, rank).
        rated: row numbers of the films rated, shape (n,); may be empty.
        weights: w ≥ 0, shape (n,), in the order of ``rated``.
        targets: t, shape (n,).
        ridge: λ.
        gram: VᵀV over all films, shape (rank, rank), where unrated films count with weight 1 and target 0.
        prior: the row of somebody without ratings, shape (rank,); by default 0.

    Returns:
        The row, shape (rank,), and the inverse of the matrix on the left, shape (rank, rank): the row's posterior
        covariance up to a factor.

    Source:
        Hu, Koren, Volinsky 2008; Zhou et al. 2008; ``engine.learning.solver`` in numpy.
    """
    unobserved = 0.0 if gram is None else 1.0
    v = factors[rated].astype(np.float64)
    w = np.asarray(weights, np.float64)
    left = (v * w[:, None]).T @ v
    if gram is not None:
        left += gram
    left[np.diag_indices(len(left))] += ridge
    right = ((unobserved + w) * targets) @ v
    if prior is not None:
        right += ridge * np.asarray(prior, np.float64)
    inverse = np.linalg.inv(left).astype(np.float64)
    return (inverse @ right).astype(np.float32), inverse


def user_bias(stars: NDArray[Any], film_bias: NDArray[Any], *, mean_stars: float, damping: float) -> float:
    """Return how far one person's stars lie above the average stars of their films, damped towards 0.

    Source: Funk 2006; lenskit's damped bias; the last half-step of ``engine.learning.training``'s biases.
    """
    return float((np.asarray(stars, np.float64) - mean_stars - film_bias).sum() / (len(stars) + damping))


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and covariance of item vectors, from which anybody's scores can be standardised in closed form.

    One person's scores over all films are ``items @ u``; their mean is ``mean @ u`` and their variance ``uᵀ covariance
    u``, so the scores themselves need not be computed.
    """

    mean: Doubles
    covariance: Doubles

    @classmethod
    def of(cls, items: NDArray[Any]) -> "Moments":
        centred = items.astype(np.float64)
        mean = centred.mean(axis=0)
        centred -= mean
        return cls(mean, centred.T @ centred / len(items))

    def deviation(self, users: NDArray[Any]) -> Doubles:
        """Standard deviation of each person's scores, shape (n_users,); 1 where it would be 0."""
        u = users.astype(np.float64)
        deviation = np.sqrt(np.maximum(np.einsum("ij,ij->i", u @ self.covariance, u), 0))
        return np.where(deviation > 1e-12, deviation, 1.0)


def item_order_vectors(preference: Floats, rating: Floats, bias: Floats) -> Floats:
    """Put both models' item side into one matrix, shape (n_items, rank + rank + 1), for ``user_order_vectors``."""
    return np.ascontiguousarray(np.hstack([preference, rating, bias[:, None]]), np.float32)


def user_order_vectors(
    preference: NDArray[Any], rating: NDArray[Any], preference_moments: Moments, rating_moments: Moments, blend: float
) -> tuple[Floats, Floats]:
    """Return vectors whose inner product with ``item_order_vectors``, less an offset, is the order shown.

    The order is z(preference) + blend·z(stars), each standardised over all films for each person. Both are linear in
    the item vectors, so one matrix product (and one top-N kernel) gives the blended order.

    Args:
        preference: rows of the preference model, shape (n_users, rank).
        rating: rows of the rating model, shape (n_users, rank).
        preference_moments: of the preference item factors.
        rating_moments: of the rating item factors with the bias as last column.

    Returns:
        The vectors, shape (n_users, rank + rank + 1), and the offsets, shape (n_users,).
    """
    with_bias = np.hstack([rating, np.ones((len(rating), 1))])
    scale = 1 / preference_moments.deviation(preference)
    rating_scale = blend / rating_moments.deviation(with_bias)
    offset = preference @ preference_moments.mean * scale + with_bias @ rating_moments.mean * rating_scale
    vectors = np.hstack([preference * scale[:, None], with_bias * rating_scale[:, None]])
    return np.ascontiguousarray(vectors, np.float32), offset.astype(np.float32)


def diversify(relevance: NDArray[Any], vectors: NDArray[Any], limit: int, diversity: float) -> list[int]:
    """Choose ``limit`` candidates one by one; each loses score the more it is like one chosen before.

    Args:
        relevance: scores in standard deviations, shape (n,).
        vectors: the candidates' vectors, shape (n, rank); likeness is their cosine, or 0 if that is negative.
        diversity: the cost of likeness 1, in standard deviations; 0 keeps the order of relevance.

    Returns:
        Indices into the candidates, in the order chosen. Among equals the first wins.

    Source: Carbonell and Goldstein 1998, maximal marginal relevance.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    worth = np.asarray(relevance, np.float64).copy()
    likest = np.zeros(len(worth))
    chosen: list[int] = []
    for _ in range(min(limit, len(worth))):
        best = int(np.argmax(worth - diversity * likest))
        chosen.append(best)
        worth[best] = -np.inf
        np.maximum(likest, unit @ unit[best], out=likest)
    return chosen


@dataclass(frozen=True, slots=True)
class Pick:
    """A film for one person. ``score`` is in standard deviations over all films. ``predicted_stars`` is 0.5 to 5, or
    None from a model of play counts."""

    movie_id: int
    score: float
    predicted_stars: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """One person in both models, folded in from their ratings. ``rated`` are rows of the films that the model knows."""

    rated: Rows
    observed: Observed
    liked: NDArray[np.bool_]
    """Whether each rating is above neutral, shape (n,)."""

    preference: Floats
    rating: Floats
    bias: float
    covariance: Doubles
    """Inverse of the preference model's normal matrix, (rank, rank): large in directions that the ratings say little
    about."""


@dataclass(frozen=True)
class Model:
    """The item side of one version's two models, and everything computed from it. Rows are ordered by film id.

    ``learnt`` (n,) says which rows were trained. The others are guesses for films that nobody has rated
    (``with_guesses``).
    """

    movie_ids: NDArray[np.int32]
    order_vectors: Floats
    learnt: NDArray[np.bool_]
    hyperparameters: Hyperparameters
    mean_stars: float
    """The mean of all stars; 0 for a model of play counts."""

    average_taste: Floats
    """Mean user row of the preference model; somebody without ratings gets it."""

    @classmethod
    def assemble(
        cls,
        rows: FactorRows,
        parameters: Mapping[str, Any],
    ) -> "Model":
        """Build a model from its stored rows and the values stored with its version: hyperparameters, ``mean_stars``
        and ``average_taste``."""
        average = parameters.get("average_taste") or [0.0] * rows.preference.shape[1]
        return cls(
            rows.movie_ids,
            item_order_vectors(rows.preference, rows.rating, rows.bias),
            np.ones(len(rows.movie_ids), np.bool_),
            Hyperparameters.parse(parameters),
            float(parameters["mean_stars"]),
            np.array(average, np.float32),
        )

    def with_guesses(self, movie_ids: NDArray[np.int32], order_vectors: Floats) -> "Model":
        """Return the model with rows for films that it has none of.

        They are scored like any other, but nobody is folded in from them, and what is computed over all films
        (``gram``, the moments) does not count them.
        """
        ids = np.concatenate([self.movie_ids, movie_ids])
        order = np.argsort(ids)
        return replace(
            self,
            movie_ids=ids[order],
            order_vectors=np.concatenate([self.order_vectors, order_vectors])[order],
            learnt=np.concatenate([self.learnt, np.zeros(len(movie_ids), np.bool_)])[order],
        )

    @property
    def predicts_stars(self) -> bool:
        return self.hyperparameters.predicts_stars

    @property
    def preference(self) -> Floats:
        return self.order_vectors[:, : self.average_taste.shape[0]]

    @property
    def rating(self) -> Floats:
        return self.order_vectors[:, self.average_taste.shape[0] : -1]

    @property
    def bias(self) -> Floats:
        return self.order_vectors[:, -1]

    @cached_property
    def gram(self) -> Doubles:
        """YᵀY of the preference model."""
        y = self.preference[self.learnt].astype(np.float64)
        return y.T @ y

    @cached_property
    def preference_moments(self) -> Moments:
        return Moments.of(self.preference[self.learnt])

    @cached_property
    def rating_moments(self) -> Moments:
        return Moments.of(self.order_vectors[self.learnt, self.average_taste.shape[0] :])

    def warm_up(self) -> None:
        """Compute the cached values now, so that the first person does not wait for them."""
        _ = self.gram, self.preference_moments, self.rating_moments

    def row(self, movie_id: int) -> int | None:
        """Return the row of a film, or None if the model does not know it."""
        rows = self.rows((movie_id,))
        return int(rows[0]) if len(rows) else None

    def rows(self, movie_ids: Iterable[int]) -> Rows:
        """Return the rows of those films that the model knows, in their order."""
        return self.known(np.fromiter(movie_ids, np.int64))[0]

    def known(self, wanted: NDArray[np.int64]) -> tuple[Rows, NDArray[np.bool_]]:
        """Return the rows of those films that the model knows, and for each wanted film whether it is one of them."""
        # Use the type of ``movie_ids``: with two types, numpy would convert the larger array, that of all films.
        narrowed = wanted.astype(self.movie_ids.dtype)
        rows = np.minimum(np.searchsorted(self.movie_ids, narrowed), len(self.movie_ids) - 1)
        known = self.movie_ids[rows] == wanted
        return rows[known], known

    def profile(self, rated: Mapping[int, float]) -> Profile:
        """Fold someone's ratings (film id to stars, or to play counts if the model was trained on those) into both
        models.

        Films that the model was not trained on are ignored.
        """
        rows, known = self.known(np.fromiter(rated, np.int64, len(rated)))
        known[known] = self.learnt[rows]
        rows = rows[self.learnt[rows]]
        stars = np.fromiter(rated.values(), np.float32, len(rated))[known]
        hyper, rating_hyper = self.hyperparameters.preference, self.hyperparameters.rating
        values = stars if self.predicts_stars else np.log1p(stars)
        said, liked = observed(values, hyper), values > hyper.neutral
        preference, covariance = fold_in(
            self.preference,
            rows,
            said.weights,
            said.targets,
            gram=self.gram,
            ridge=float(hyper.ridge(int(said.counted.sum()), hyper.nu_users)),
            prior=self.average_taste if hyper.prior else None,
        )
        if not len(rows):
            preference = self.average_taste
        if rating_hyper is None:
            return Profile(rows, said, liked, preference, np.zeros(self.rating.shape[1], np.float32), 0.0, covariance)
        film_bias = self.bias[rows].astype(np.float64)
        bias = user_bias(stars, film_bias, mean_stars=self.mean_stars, damping=rating_hyper.user_damping)
        residuals = stars.astype(np.float64) - self.mean_stars - bias - film_bias
        rating, _ = fold_in(
            self.rating,
            rows,
            np.ones(len(rows)),
            residuals,
            ridge=float(rating_hyper.ridge(len(rows), rating_hyper.nu_users)),
        )
        return Profile(rows, said, liked, preference, rating, bias, covariance)

    def ordering(self, preference: Floats, ratings: NDArray[Any]) -> Floats:
        """Return the preference rows by which films are ordered, shape (n_users, rank): with the share of the average
        taste that people with these numbers of ``ratings``, shape (n_users,), get."""
        if not self.hyperparameters.preference.prior:
            return preference
        share = (AVERAGE_SHARE * (1 + np.maximum(ratings, 1.0) ** -2)).astype(np.float32)
        ordered: Floats = preference + share[:, None] * self.average_taste
        return ordered

    def scores(self, profile: Profile, rows: Rows | slice = slice(None)) -> Floats:
        """Return the order score of every film, or of those in some rows, in standard deviations."""
        vectors, offset = user_order_vectors(
            self.ordering(profile.preference[None], np.array([len(profile.rated)])),
            profile.rating[None],
            self.preference_moments,
            self.rating_moments,
            self.hyperparameters.blend,
        )
        scores: Floats = self.order_vectors[rows] @ vectors[0] - offset[0]
        return scores

    def predicted_stars(self, profile: Profile, movie_ids: Iterable[int]) -> Floats:
        """Return the predicted stars of each film, 0.5 to 5.0; a film unknown to the model gets the person's mean. Has
        no meaning unless the model ``predicts_stars``."""
        stars = []
        for movie_id in movie_ids:
            row = self.row(movie_id)
            of_film = 0.0 if row is None else float(self.bias[row] + self.rating[row] @ profile.rating)
            stars.append(self.mean_stars + profile.bias + of_film)
        return np.clip(np.array(stars, np.float32), 0.5, 5.0)

    def best(
        self,
        profile: Profile,
        *,
        limit: int,
        hidden: Collection[int] = (),
        allowed: NDArray[np.bool_] | None = None,
        diversity: float = DIVERSITY,
    ) -> list[Pick]:
        """Return the best films for someone, best first, without those in ``hidden`` and those that they rated.

        Args:
            limit: the largest number to return; fewer if the model knows no more.
            hidden: film ids never to be shown.
            allowed: whether each row may be shown, shape (n,); None allows all.
            diversity: see ``diversify``.
        """
        scores = self.scores(profile)
        if allowed is not None:
            scores[~allowed] = -np.inf
        scores[self.rows(hidden)] = -np.inf
        scores[profile.rated] = -np.inf
        return self._spread(profile, scores, limit, diversity)

    def _spread(self, profile: Profile, scores: Floats, limit: int, diversity: float) -> list[Pick]:
        # The cost of likeness is small, so a film further down than this cannot climb into the list.
        pool = min(len(scores), 3 * limit + 20)
        top = np.argpartition(-scores, pool - 1)[:pool] if pool else np.empty(0, np.intp)
        top = top[np.lexsort((self.movie_ids[top], -scores[top]))]
        top = top[np.isfinite(scores[top])]
        chosen = top[diversify(scores[top], self.preference[top], limit, diversity)] if len(top) else top
        ids = self.movie_ids[chosen].tolist()
        stars = self.predicted_stars(profile, ids).tolist() if self.predicts_stars else [None] * len(ids)
        return [Pick(movie_id, float(scores[row]), s) for movie_id, row, s in zip(ids, chosen, stars, strict=True)]

    def reasons(self, profile: Profile, movie_id: int, *, limit: int = 2) -> list[int]:
        """Return the person's own films that added most to this film's score, most first.

        In ALS a score is a sum over the person's ratings (and the prior): y·u = Σ (1 + w)·t·(y A⁻¹ y'). Only films that
        they liked and that raised this film's score are named.

        Source: Hu, Koren, Volinsky 2008, section 5.
        """
        row = self.row(movie_id)
        return [] if row is None else self.reasons_of(profile, np.array([row]), limit=limit)[0]

    def reasons_of(self, profile: Profile, rows: Rows, *, limit: int = 2) -> list[list[int]]:
        """Return ``reasons`` for each of some films, given by their rows."""
        given = np.where(profile.liked, self.given(profile, rows), 0)
        own = self.movie_ids[profile.rated].tolist()
        best = np.argsort(-given, axis=1, kind="stable")[:, :limit].tolist()
        return [[own[at] for at in order if line[at] > 0] for line, order in zip(given, best, strict=True)]

    def given(self, profile: Profile, rows: Rows | int) -> Doubles:
        """Return how much each of the person's ratings adds to films' preference scores, shape (n_films, n_ratings), or
        (n_ratings,) for one film; the prior adds the rest."""
        toward = self.preference[rows].astype(np.float64) @ profile.covariance
        said = profile.observed
        parts: Doubles = (toward @ self.preference[profile.rated].T) * ((1 + said.weights) * said.targets)
        return parts

    def next_question(
        self, profile: Profile, *, asked: Collection[int], familiarity: NDArray[Any], seed: int, among: int = 5
    ) -> int | None:
        """Return the film whose stars would tell most about this person, or None if all have been asked about.

        The answer reduces the row's uncertainty by log(1 + y A⁻¹ y), weighed with the chance that the person has seen
        the film. A film tells less the more it is like one asked about before. ``seed`` draws one of the best
        ``among``, so that two newcomers are not asked the same.

        Args:
            asked: film ids that have been asked about or must not be.
            familiarity: the chance that somebody has seen each film, 0 to 1, shape (n,).
        """
        y = self.preference
        gain = np.log1p(np.einsum("ij,ij->i", y @ profile.covariance.astype(np.float32), y)) * familiarity
        before = np.union1d(self.rows(asked), profile.rated)
        if len(before):
            unit = y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-12)
            nearest = np.zeros(len(unit), np.float32)
            for at in range(0, len(before), ASKED_AT_ONCE):
                likeness = unit @ unit[before[at : at + ASKED_AT_ONCE]].T
                np.maximum(nearest, likeness.max(axis=1), out=nearest)
            gain *= 1 - np.minimum(nearest, 1)
        gain[before] = -np.inf
        best = np.argsort(-gain, kind="stable")[:among]
        best = best[np.isfinite(gain[best])]
        if not len(best):
            return None
        return int(self.movie_ids[np.random.default_rng(seed).choice(best)])
