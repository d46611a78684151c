"""Lifts films that are like those that somebody rated, by the published lists of similar titles. Pure numpy.

The model needs ratings before it can tell a fan of westerns from anybody else. The similar titles of three westerns are
westerns already, so for someone's first ratings they change the order of picks. This effect fades as ratings come.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.domain import Floats
from engine.serving.factors import Rows

WEIGHT = 1.4
"""A film gains this many standard deviations of score for each point of likeness to all that someone rated.
docs/experiments.md (First picks) says how it was chosen."""

FADES_BY = 25
"""From this many ratings on, the model alone orders films."""

NEUTRAL = 3.0
"""Stars that mean neither liking nor dislike."""


def liking_of(stars: NDArray[Any], *, of_plays: bool = False) -> Floats:
    """Return how much somebody liked each film that they rated, 0 (not at all) to 1. Any play counts as liking."""
    if of_plays:
        return np.ones(len(stars), np.float32)
    liking: Floats = np.clip((np.asarray(stars, np.float32) - NEUTRAL) / (5 - NEUTRAL), 0, 1)
    return liking


@dataclass(frozen=True)
class SimilarTitles:
    """The similar titles of each film of a model: ``rows`` and ``values``, both (n_films, most), the most similar
    first. Missing entries hold the film's own row and the value 0."""

    rows: NDArray[np.int32]
    values: Floats

    @classmethod
    def of(
        cls, movie_ids: NDArray[np.int32], film: NDArray[np.int32], other: NDArray[np.int32], value: Floats
    ) -> "SimilarTitles":
        """Build it from a model's film ids, ascending, and three parallel arrays: a film, a similar one, their
        similarity.

        Pairs with a film unknown to the model are ignored.
        """
        at, to = (np.minimum(np.searchsorted(movie_ids, ids), len(movie_ids) - 1) for ids in (film, other))
        known = (movie_ids[at] == film) & (movie_ids[to] == other)
        at, to, value = at[known], to[known], value[known]
        order = np.lexsort((-value, at))
        at, to, value = at[order], to[order], value[order]
        place = np.arange(len(at)) - np.searchsorted(at, at)
        most = int(place.max(initial=-1)) + 1
        rows = np.repeat(np.arange(len(movie_ids), dtype=np.int32)[:, None], most, axis=1)
        values = np.zeros((len(movie_ids), most), np.float32)
        rows[at, place], values[at, place] = to, value
        return cls(rows, values)

    def gains(self, rated: NDArray[np.integer], liking: Floats) -> tuple[Rows, Floats]:
        """Return the films whose score likeness lifts, and by how much; no films from ``FADES_BY`` ratings on.

        Args:
            rated: rows of the films that someone rated.
            liking: how much they liked each (``liking_of``).
        """
        fading = max(0.0, 1 - len(rated) / FADES_BY)
        if not fading or not len(rated):
            return np.empty(0, np.intp), np.empty(0, np.float32)
        weight = WEIGHT * fading / np.sqrt(len(rated))
        rows, place = np.unique(self.rows[rated], return_inverse=True)
        gains = np.bincount(place.ravel(), (weight * self.values[rated] * liking[:, None]).ravel(), len(rows))
        return rows.astype(np.intp), gains.astype(np.float32)

    def speaking_for(self, rows: Rows, rated: Rows, liking: Floats) -> list[Rows]:
        """Return, for each of some films, the rated ones that it is like, the strongest first; films that were not
        liked are not among them. From ``FADES_BY`` ratings on there are none."""
        if len(rated) >= FADES_BY:
            return [rated[:0] for _ in rows]
        alike = self.rows[rated] == rows[:, None, None]
        said = (self.values[rated] * alike).max(axis=2, initial=0) * liking
        order = np.argsort(-said, axis=1, kind="stable")
        return [rated[at[line[at] > 0]] for line, at in zip(said, order, strict=True)]
