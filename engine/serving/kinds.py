"""Lifts films of the kinds that somebody's first ratings share: a genre, a time. Pure numpy.

Three liked silent films say more than three single films do: hardly anybody likes three by chance. So a kind counts by
how much more often than by chance somebody likes it. Popular films of that kind gain most, so that a fan of musicals is
shown the musicals that people like. This effect fades as ratings come, because the model learns it too.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain import Film, Floats
from engine.serving.content import genre_and_year_vectors
from engine.serving.factors import Model
from engine.serving.similar_titles import FADES_BY

WEIGHT = 2.0
"""A film that people like best on average gains this many standard deviations of score for each unit of a kind's
evidence. docs/experiments.md (First picks) says how it was chosen."""

DOUBT = 3.0
"""Shares of kinds are counted as if somebody had liked this many average films too."""

SUPPORT = 3.0
"""With this many liked films of a kind, the evidence for it counts half."""


@dataclass(frozen=True)
class Kinds:
    """The kinds of a model's films: ``belongs`` (n_films, n_kinds) says how much each film is of each kind, ``common``
    (n_kinds,) how much the film of an average rating is, ``standing`` (n_films,) how well the average person likes each
    film, in standard deviations, 0 at least."""

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
        content = genre_and_year_vectors(listed)
        belongs = np.zeros((len(known), content.shape[1]), np.float32)
        belongs[known] = content
        # One more for each, so that no kind of film that somebody can rate is impossible.
        counts = np.array([film.rating_count + 1 for film in listed], np.float32)
        common = counts @ content / max(float(counts.sum()), 1.0)
        liked = model.preference @ model.average_taste
        learnt = liked[model.learnt]
        standing = np.maximum((liked - learnt.mean()) / max(float(learnt.std()), 1e-12), 0).astype(np.float32)
        return cls(belongs, common, standing)

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
        evidence: Floats = WEIGHT * fading * supported * np.log(np.maximum(often, 1))
        return evidence.astype(np.float32)

    def gains(self, rated: NDArray[np.integer], liking: Floats) -> Floats:
        """Return how many standard deviations of score each film gains, (n_films,)."""
        gains: Floats = self.standing * (self.belongs @ self.evidence(rated, liking))
        return gains
