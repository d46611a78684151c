"""What to propose to several people at once. Pure: it follows from a shelf and the tastes of those who are in."""

from collections.abc import Collection, Sequence

import numpy as np

from engine.domain import Floats, Movie
from engine.serving.factors import VARIETY, Doubles, vary
from engine.serving.library import Shelf
from engine.serving.wish import ANYTHING, Wish
from engine.store import Dismissal, Taste

PROPOSALS = 5
"""Films put to the vote: few enough to read in a moment."""


def group_scores(scores: Floats, misery: float) -> Doubles:
    """Return how well each film suits a group.

    Args:
        scores: of each film for each person, shape (n_people, n_films), in standard deviations over all films, so that
            one person's count as much as another's. At least one person.
        misery: the weight of the least happy person, 0 to 1. At 1 a film is worth what it is to them (least misery), at
            0 what it is to all on average.

    Returns:
        Shape (n_films,).

    Source: Masthoff 2004, group modeling; both strategies, blended.
    """
    of_each = np.asarray(scores, np.float64)
    blended: Doubles = misery * of_each.min(axis=0) + (1 - misery) * of_each.mean(axis=0)
    return blended


def proposals(
    shelf: Shelf,
    tastes: Sequence[Taste],
    wish: Wish = ANYTHING,
    *,
    misery: float,
    leave_out: Collection[int] = (),
    only: Collection[int] | None = None,
    limit: int = PROPOSALS,
) -> list[Movie]:
    """Return the films that suit a group best, best first; fewer than ``limit`` when no more fit.

    None is one that any of them has rated, seen, or does not want; what somebody keeps for later may well come up.
    A guest without ratings counts as the average person.

    Args:
        tastes: of everybody who is in.
        misery: see ``group_scores``.
        leave_out: films that the group was shown already.
        only: the films to choose from; None: all there are.

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
            movie
            for movie in shelf.films.well_known
            if movie.id not in hidden and wish.fits(movie) and (only is None or movie.id in only)
        )
        return [movie for movie, _ in zip(fitting, range(limit), strict=False)]
    model = shelf.model
    rated = [{rating.movie_id: rating.stars for rating in taste.ratings} for taste in tastes]
    worth = group_scores(np.stack([model.scores(model.profile(stars)) for stars in rated]), misery)
    fits = shelf.facts.fitting(wish)
    if only is not None:
        in_stock = np.zeros_like(fits)
        in_stock[model.rows(only)] = True
        fits &= in_stock
    fits[model.rows(hidden)] = False
    rows = np.flatnonzero(fits)
    # A film further down than this could not climb into the list: likeness costs little.
    rows = rows[np.lexsort((model.movie_ids[rows], -worth[rows]))][: 3 * limit + 20]
    chosen = rows[vary(worth[rows], model.preference[rows], limit, VARIETY)]
    return [shelf.films.by_id[movie_id] for movie_id in model.movie_ids[chosen].tolist()]
