"""From a model's scores to a list that somebody would defend. Pure numpy: it follows from a shelf and a taste.

The model says how well each film fits. A list needs more: films like those that someone rated while they have rated
few, the first part of a series before the second, nothing that they would give less than three stars, no film on the
word of two people, and some diversity. A list computed now and one that the engine published take the same steps.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain import Floats
from engine.serving.factors import DIVERSITY, Model, Profile, Rows, diversify
from engine.serving.library import Facts, Shelf
from engine.serving.similar_titles import liking_of
from engine.store import Dismissal, Taste

POOL = 50
"""Candidates that a list is chosen from: as many as the engine publishes for everybody."""

THIN_COST, THIN_RATINGS = 1.0, 5.0
"""Standard deviations of score that a film without ratings loses, and ratings at which it loses half of that."""

WORTH_SHOWING = 3.0
"""Predicted stars below which a film comes last in any list."""

SPOKEN_FOR = 5
"""Ratings from which on stars are printed for a film: the word of four people is none."""

STARS_SUPPORT = 3.0
"""Ratings at which what a film adds to someone's mean stars counts half in print."""

LAST = 100.0
"""Standard deviations: behind everything else."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, folded into the live model. ``liking`` says how much they liked what they rated
    (``liking_of``); ``seen`` are the films that they rated or have seen."""

    profile: Profile
    liking: Floats
    seen: frozenset[int]

    @classmethod
    def of(cls, model: Model, taste: Taste) -> "Person":
        given = {rating.movie_id: rating.stars for rating in taste.ratings}
        seen = {put.movie_id for put in taste.put_aside if put.kind is Dismissal.SEEN}
        profile = model.profile(given)
        stars = np.array([given[movie_id] for movie_id in model.movie_ids[profile.rated].tolist()])
        return cls(profile, liking_of(stars, of_plays=not model.predicts_stars), frozenset(seen | given.keys()))


def scores(shelf: Shelf, model: Model, person: Person) -> Floats:
    """Return the score of every film for somebody, in standard deviations, shape (n_films,)."""
    found = model.scores(person.profile)
    if shelf.similar is not None:
        rows, gains = shelf.similar.gains(person.profile.rated, person.liking)
        found[rows] += gains
    return found


def pool(model: Model, found: Floats, limit: int) -> Rows:
    """Return the rows of the best candidates, best first; those of −∞ are none."""
    size = min(len(found), max(POOL, 3 * limit + 20))
    top = np.argpartition(-found, size - 1)[:size] if size else np.empty(0, np.intp)
    top = top[np.isfinite(found[top])]
    return top[np.lexsort((model.movie_ids[top], -found[top]))]


def choose(
    model: Model,
    facts: Facts,
    rows: Rows,
    relevance: Floats,
    *,
    seen: Collection[int],
    fits: NDArray[np.bool_],
    free: NDArray[np.bool_],
    stars: Floats | None,
    limit: int,
    diversity: float = DIVERSITY,
) -> Rows:
    """Return the rows of a list of at most ``limit``, in order.

    Args:
        rows: candidates, best first, shape (m,).
        relevance: their scores in standard deviations, shape (m,).
        seen: films that need no introduction: a later part of their series may be shown.
        fits: for each film whether it is what is asked for, (n_films,).
        free: for each film whether it may be shown, (n_films,).
        stars: those predicted of every film (n_films,), or None where nobody gives any.
        diversity: see ``diversify``.
    """
    rows, relevance = facts.in_order(rows, relevance, seen=model.rows(seen), fits=fits, free=free)
    worth = relevance - THIN_COST * THIN_RATINGS / (facts.counts[rows] + THIN_RATINGS)
    if stars is not None:
        worth = np.where(stars[rows] < WORTH_SHOWING, worth - LAST, worth)
    return rows[diversify(worth, model.preference[rows], limit, diversity)]


def predicted_stars(model: Model, facts: Facts, profile: Profile) -> Floats | None:
    """Return the stars that somebody would give each film, (n_films,); None where nobody gives any.

    What a film adds to somebody's mean is shrunk by the number of its ratings: a film that one person loved is not
    thereby loved by everybody.
    """
    if not model.predicts_stars:
        return None
    own = (model.bias + model.rating @ profile.rating) * (facts.counts / (facts.counts + STARS_SUPPORT))
    predicted: Floats = np.clip(model.mean_stars + profile.bias + own, 0.5, 5.0).astype(np.float32)
    return predicted


def printed(facts: Facts, profile: Profile, stars: Floats | None, row: int) -> float | None:
    """Return the stars to print for a film; None where they cannot be told, or would rest on next to nothing."""
    if stars is None or not len(profile.rated) or facts.counts[row] < SPOKEN_FOR:
        return None
    return float(stars[row])
