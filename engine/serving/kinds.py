"""Lifts films of the kinds that somebody's first ratings share: a genre, a time. Pure numpy.

Three liked silent films say more than three single films do: hardly anybody likes three by chance. So a kind counts by
how much more often than by chance somebody likes it. Popular films of that kind gain most, so that a fan of musicals is
shown the musicals that people like. This effect fades as ratings come, because the model learns it too.
docs/experiments.md (Series and kinds) says how the constants were chosen.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain import Film, Floats
from engine.serving.factors import Model
from engine.serving.similar_titles import FADES_BY

DOUBT = 3.0
"""Shares of kinds are counted as if somebody had liked this many average films too."""

SUPPORT = 3.0
"""With this many liked films of a kind, the evidence for it counts half."""

TIMES, TIME_WIDTH = np.arange(1900, 2050, 10, dtype=np.float32), 8.0
"""A film belongs to times by how many years their middle is away."""


@dataclass(frozen=True)
class Kinds:
    """The kinds of a model's films: ``belongs`` (n_films, n_kinds) says how much each film is of each kind, ``common``
    (n_kinds,) how much the film of an average rating is, ``standing`` (n_films,) how well the average person likes each
    film: the square root of standard deviations, 0 for films below the mean."""

    belongs: Floats
    common: Floats
    standing: Floats

    @property
    def pulling(self) -> Floats:
        """The vectors, (n_films, n_kinds), whose products with somebody's ``evidence`` are their ``gains``."""
        return self.standing[:, None] * self.belongs

    @classmethod
    def of(cls, model: Model, films: Collection[Film]) -> "Kinds":
        """Build it for the films of a model from the catalogue; films that it lacks are of no kind."""
        by_id = {film.id: film for film in films}
        known = np.array([movie_id in by_id for movie_id in model.movie_ids.tolist()], np.bool_)
        listed = [by_id[movie_id] for movie_id in model.movie_ids[known].tolist()]
        content = np.hstack([_genres(listed), _times(listed)])
        belongs = np.zeros((len(known), content.shape[1]), np.float32)
        belongs[known] = content
        # One more for each, so that no kind of film that somebody can rate is impossible.
        counts = np.array([film.rating_count + 1 for film in listed], np.float32)
        common = counts @ content / max(float(counts.sum()), 1.0)
        liked = model.preference @ model.average_taste
        learnt = liked[model.learnt]
        deviations = np.maximum((liked - learnt.mean()) / max(float(learnt.std()), 1e-12), 0)
        return cls(belongs, common, np.sqrt(deviations).astype(np.float32))

    def evidence(self, rated: NDArray[np.integer], liking: Floats) -> Floats:
        """Return how much somebody's ratings speak for each kind, (n_kinds,); zeros from ``FADES_BY`` ratings on.

        Args:
            rated: rows of the films that someone rated.
            liking: how much they liked each (``liking_of``).
        """
        fading = max(0.0, 1 - len(rated) / FADES_BY)
        liked, every = liking @ self.belongs[rated], float(liking.sum())
        often = (liked + DOUBT * self.common) / np.maximum((every + DOUBT) * self.common, 1e-12)
        supported = liked / (liked + SUPPORT)
        evidence: Floats = fading * (np.maximum(often, 1) ** supported - 1)
        return evidence.astype(np.float32)

    def gains(self, rated: NDArray[np.integer], liking: Floats) -> Floats:
        """Return how many standard deviations of score each film gains, (n_films,)."""
        gains: Floats = self.standing * (self.belongs @ self.evidence(rated, liking))
        return gains


def _genres(films: Sequence[Film]) -> Floats:
    """Return how much each film is of each genre: the less, the more genres it has."""
    names = {name: column for column, name in enumerate(sorted({name for film in films for name in film.genres}))}
    has = np.zeros((len(films), len(names)), np.float32)
    for row, film in enumerate(films):
        has[row, [names[name] for name in film.genres]] = 1 / np.sqrt(max(len(film.genres), 1))
    return has


def _times(films: Sequence[Film]) -> Floats:
    """Return how much each film is of each decade and its neighbours, 1 in all; zeros for an unknown year."""
    years = np.array([film.year if film.year is not None else np.nan for film in films], np.float32)
    near = np.nan_to_num(np.exp(-(((years[:, None] - TIMES) / TIME_WIDTH) ** 2)))
    shares: Floats = near / np.maximum(near.sum(axis=1, keepdims=True), 1e-12)
    return shares
