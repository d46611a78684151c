"""Chooses films for several people at once. Pure: the proposals follow from a shelf and the guests' tastes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain import Film, Floats
from engine.serving import order
from engine.serving.factors import Doubles, Model, Rows
from engine.serving.library import Facts, Shelf
from engine.serving.order import Viewer
from engine.serving.wish import ANYTHING, Wish
from engine.store import Dismissal, Taste

PROPOSALS = 5
"""Number of films put to the vote: few enough to read in a moment."""


def group_scores(scores: Floats, misery: float) -> Doubles:
    """Return how well each film suits a group.

    Args:
        scores: each person's score of each film, shape (n_people, n_films), in standard deviations over all films, so
            that all people count equally. At least one person.
        misery: the weight of the least happy person, 0 to 1. At 1 a film's score is theirs (least misery), at 0 it is
            the mean of all.

    Returns:
        Shape (n_films,).

    Source: Masthoff 2004, group modeling; both strategies, blended.
    """
    of_each = np.asarray(scores, np.float64)
    blended: Doubles = misery * of_each.min(axis=0) + (1 - misery) * of_each.mean(axis=0)
    return blended


@dataclass(frozen=True, slots=True)
class Proposals:
    """Films for a group, best first. ``below_floor``: no film is good enough for everybody, and these are the best of
    the rest."""

    films: list[Film]
    below_floor: bool = False


def proposals(
    shelf: Shelf,
    tastes: Sequence[Taste],
    wish: Wish = ANYTHING,
    *,
    misery: float,
    leave_out: Collection[int] = (),
    only: Collection[int] | None = None,
    limit: int = PROPOSALS,
) -> Proposals:
    """Return the films that suit a group best, best first; fewer than ``limit`` when no more fit.

    Films that a guest has rated, seen or does not want are left out; films on a guest's watchlist may be proposed. A
    guest without ratings counts as the average person. A film that is not bearable for every guest is proposed only if
    no other film is left.

    Args:
        tastes: those of all guests.
        misery: see ``group_scores``.
        leave_out: films that the group has already been shown.
        only: the films to choose from. None: all films.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    shelf.require_films()
    hidden = set(leave_out)
    for taste in tastes:
        hidden |= {rating.movie_id for rating in taste.ratings}
        hidden |= {put.movie_id for put in taste.put_aside if put.kind is not Dismissal.WATCHLIST}
    if shelf.model is None or shelf.facts is None or not tastes:
        fitting = (
            film
            for film in shelf.films.well_known
            if film.id not in hidden and wish.fits(film) and (only is None or film.id in only)
        )
        return Proposals([film for film, _ in zip(fitting, range(limit), strict=False)])
    model, facts = shelf.model, shelf.facts
    people = [Viewer.of(model, taste) for taste in tastes]
    worth = group_scores(np.stack([order.scores(shelf, model, person) for person in people]), misery)
    fits = facts.fitting(wish)
    if only is not None:
        in_stock = np.zeros_like(fits)
        in_stock[model.rows(only)] = True
        fits &= in_stock
    free = fits.copy()
    free[model.rows(hidden)] = False
    everybodys = frozenset.intersection(*(person.seen for person in people))

    def choose(allowed: NDArray[np.bool_]) -> Rows:
        found = np.where(allowed, worth, -np.inf).astype(np.float32)
        return order.choose(model, facts, found, seen=everybodys, fits=fits, free=allowed, person=None, limit=limit)

    chosen = choose(free & _bearable(model, facts, people))
    below = not len(chosen)
    if below:
        chosen = choose(free)
    films = [shelf.films.by_id[movie_id] for movie_id in model.movie_ids[chosen].tolist()]
    return Proposals(films, below_floor=below and bool(films))


def _bearable(model: Model, facts: Facts, people: Sequence[Viewer]) -> NDArray[np.bool_]:
    """Return for each film whether every guest is predicted to give it as many stars as their ``order.floor``. Guests
    without ratings are not asked."""
    fine = np.ones(len(model.movie_ids), np.bool_)
    for person in people:
        stars = order.predicted_stars(model, facts, person.profile)
        if stars is not None and len(person.profile.rated):
            fine &= stars >= order.floor(model, person.profile)
    return fine
