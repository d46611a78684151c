"""Makes a good list from a model's scores. Pure numpy: it follows from a shelf and a taste.

The model says how well each film fits. A list needs more: films like those that someone who has rated few liked, and of
their kinds; the first part of a series before the second, but not the whole series; no film with a prediction below
three stars, no film that only two people have rated; and some diversity. The same steps make the lists that the engine
publishes and those computed on request.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain import Floats
from engine.serving.factors import DIVERSITY, Model, Profile, Rows, diversify
from engine.serving.library import Facts, Shelf
from engine.serving.similar_titles import FADES_BY, NEUTRAL, liking_of
from engine.store import Dismissal, Taste

POOL = 50
"""Number of candidates that a list is chosen from: as many as the engine publishes for everybody."""

THIN_COST, THIN_RATINGS = 1.0, 5.0
"""A film without ratings loses ``THIN_COST`` standard deviations of score; one with ``THIN_RATINGS`` ratings loses half
of that."""

WORTH_SHOWING = 3.0
"""A film with fewer predicted stars comes last in the lists of people who give the average film as many (``floor``)."""

SPOKEN_FOR = 5
"""Predicted stars are printed only for films with this many ratings: four are too few to predict from."""

STARS_SUPPORT = 3.0
"""At this many ratings, a film's difference from someone's mean counts half in the printed stars."""

EVERY = slice(None)
"""The rows of all films."""

MOST_NEW, IN_HOW_MANY = 2, 10
"""At most ``MOST_NEW`` films that nobody has rated in a list of ``IN_HOW_MANY``."""

SERIES_SHARE = 0.2
"""A series takes at most this share of a list, or the share that it has of what somebody liked if that is larger."""

SERIES_DOUBT = 2.0
"""The share of a series in what somebody liked is counted as if they had liked this many films of other series too: one
liked Star Wars film does not ask for ten."""

GUESS_SHARE = 0.55
"""A film that nobody has rated is shown only if its score reaches this share of the last film's. Guesses stay near the
mean of their kind, so few reach the scores of rated films; those with this share were liked, on validation data, as
often as the film whose place they take (docs/experiments.md, Films that nobody has rated)."""

LAST = 100.0
"""Standard deviations that put a film behind all others."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody, folded into the live model. ``liking`` says how much they liked each film that they rated
    (``liking_of``); ``seen`` are the films that they rated or have seen; ``disliked`` (n_rated,) says of which rated
    ones they think badly."""

    profile: Profile
    liking: Floats
    seen: frozenset[int]
    disliked: NDArray[np.bool_]

    @classmethod
    def of(cls, model: Model, taste: Taste) -> "Viewer":
        given = {rating.movie_id: rating.stars for rating in taste.ratings}
        seen = {put.movie_id for put in taste.put_aside if put.kind is Dismissal.SEEN}
        profile = model.profile(given)
        stars = np.array([given[movie_id] for movie_id in model.movie_ids[profile.rated].tolist()])
        of_plays = not model.predicts_stars
        disliked = np.zeros(len(stars), np.bool_) if of_plays else stars < NEUTRAL
        return cls(profile, liking_of(stars, of_plays=of_plays), frozenset(seen | given.keys()), disliked)


def viewer(shelf: Shelf, model: Model, taste: Taste) -> Viewer:
    """As ``Viewer.of``; worked out once for as long as somebody's taste stays the same."""
    return shelf.recent.of(
        "viewer", taste, lambda: Viewer.of(model, taste), lambda person: person.profile.covariance.nbytes
    )


def scores_for(shelf: Shelf, model: Model, taste: Taste) -> Floats:
    """As ``scores`` for somebody's viewer; worked out once for as long as their taste stays the same. Not to be
    changed."""
    return shelf.recent.of(
        "scores", taste, lambda: scores(shelf, model, viewer(shelf, model, taste)), lambda found: found.nbytes
    )


def scores(shelf: Shelf, model: Model, person: Viewer) -> Floats:
    """Return the score of every film for somebody, in standard deviations, shape (n_films,)."""
    found = model.scores(person.profile)
    if shelf.similar is not None:
        rows, gains = shelf.similar.gains(person.profile.rated, person.liking)
        found[rows] += gains
    if shelf.kinds is not None and len(person.liking) < FADES_BY:
        found += shelf.kinds.gains(person.profile.rated, person.liking)
    return found


def pool(model: Model, found: Floats, limit: int) -> Rows:
    """Return the rows of the best candidates, best first; films with score −∞ are no candidates."""
    size = min(len(found), max(POOL, 3 * limit + 20))
    top = np.argpartition(-found, size - 1)[:size] if size else np.empty(0, np.intp)
    top = top[np.isfinite(found[top])]
    return top[np.lexsort((model.movie_ids[top], -found[top]))]


def choose(
    model: Model,
    facts: Facts,
    found: Floats,
    *,
    seen: Collection[int],
    fits: NDArray[np.bool_],
    free: NDArray[np.bool_],
    person: Viewer | None,
    limit: int,
    diversity: float = DIVERSITY,
) -> Rows:
    """Return the rows of a list of at most ``limit``, in order; films that nobody has rated stand at its end.

    These come last: films below the person's ``floor`` of predicted stars, later parts of what they disliked, and films
    of a series that has its share of the list.

    Args:
        found: the score of every film in standard deviations, −∞ for films that may not be shown, (n_films,).
        seen: films that the person has seen: a later part of their series may be shown.
        fits: whether each film fits the wish, (n_films,).
        free: whether each film may be shown, (n_films,).
        person: whom the list is for; None for a group.
        diversity: see ``diversify``.
    """
    rows = pool(model, np.where(facts.new, -np.inf, found), limit)
    known = model.rows(seen)
    rows, relevance = facts.in_order(rows, found[rows], seen=known, fits=fits, free=free)
    worth = relevance - THIN_COST * THIN_RATINGS / (facts.counts[rows] + THIN_RATINGS)
    if person is not None and len(person.profile.rated):
        stars = predicted_stars(model, facts, person.profile, rows)
        worth = np.where(_after_disliked(facts, rows, person), worth - LAST, worth)
        if stars is not None:
            worth = np.where(stars < floor(model, person.profile), worth - LAST, worth)
    worth = np.where(_crowding(facts, rows, worth, person, limit), worth - LAST, worth)
    best = diversify(worth, model.preference[rows], limit, diversity)
    chosen = _parts_in_order(facts, rows[best], last=worth[best] < -LAST / 2)
    guessed = _worth_guessing(facts, found, chosen, seen=known, fits=fits, free=free, limit=limit)
    return np.concatenate([chosen[: limit - len(guessed)], guessed])


def _after_disliked(facts: Facts, rows: Rows, person: Viewer) -> NDArray[np.bool_]:
    """Return for each film whether it is a later part of a series and its earlier parts that the person rated were all
    disliked."""
    disliked = dict(zip(person.profile.rated.tolist(), person.disliked.tolist(), strict=True))
    found = np.zeros(len(rows), np.bool_)
    for at, row in enumerate(rows.tolist()):
        parts = facts.series.get(row, ())
        earlier = [disliked[part] for part in parts[: parts.index(row)] if part in disliked] if parts else []
        found[at] = bool(earlier) and all(earlier)
    return found


def _crowding(facts: Facts, rows: Rows, worth: Floats, person: Viewer | None, limit: int) -> NDArray[np.bool_]:
    """Return for each film whether better films of its series take up the series' share of a list."""
    liked = set() if person is None else set(person.profile.rated[person.liking > 0].tolist())
    shown: Counter[int] = Counter()
    crowding = np.zeros(len(rows), np.bool_)
    for at in np.argsort(-worth, kind="stable").tolist():
        parts = facts.series.get(int(rows[at]))
        if parts is not None:
            share = max(SERIES_SHARE, len(liked.intersection(parts)) / (len(liked) + SERIES_DOUBT))
            crowding[at] = shown[parts[0]] >= max(1, round(share * limit))
            shown[parts[0]] += 1
    return crowding


def _parts_in_order(facts: Facts, chosen: Rows, last: NDArray[np.bool_]) -> Rows:
    """Return a list in which the films of each series stand in their order, at the places that these films have; films
    that were put last stay there."""
    places: defaultdict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(chosen.tolist()):
        if row in facts.series and not last[place]:
            places[facts.series[row][0]].append(place)
    ordered = chosen.copy()
    for taken in places.values():
        parts = facts.series[int(chosen[taken[0]])]
        ordered[taken] = sorted(chosen[taken].tolist(), key=parts.index)
    return ordered


def _worth_guessing(
    facts: Facts,
    found: Floats,
    chosen: Rows,
    *,
    seen: Rows,
    fits: NDArray[np.bool_],
    free: NDArray[np.bool_],
    limit: int,
) -> Rows:
    """Return the few films without ratings that a list may end with, best first. Their scores must be good enough,
    unless the list has places left."""
    most = min(MOST_NEW, limit * MOST_NEW // IN_HOW_MANY)
    new = np.flatnonzero(facts.new & np.isfinite(found)) if most else np.empty(0, np.intp)
    if not len(new):
        return new
    if len(chosen) == limit:
        new = new[found[new] >= GUESS_SHARE * found[chosen[-1]]]
    best = new[np.argsort(-found[new], kind="stable")][:POOL]
    in_order, _ = facts.in_order(best, found[best], seen=seen, fits=fits, free=free)
    return in_order[facts.new[in_order]][:most]  # a later part is dropped: the first would replace it


def predicted_stars(model: Model, facts: Facts, profile: Profile, rows: Rows | slice = EVERY) -> Floats | None:
    """Return the stars that somebody would give to films, (n_rows,); None for play counts.

    A film's difference from somebody's mean is shrunk if it has few ratings: one person's love of a film says little
    about others.
    """
    if not model.predicts_stars:
        return None
    counts = facts.counts[rows]
    own = (model.bias[rows] + model.rating[rows] @ profile.rating) * (counts / (counts + STARS_SUPPORT))
    predicted: Floats = np.clip(model.mean_stars + profile.bias + own, 0.5, 5.0).astype(np.float32)
    return predicted


def floor(model: Model, profile: Profile) -> float:
    """Return the predicted stars from which a film is worth showing to somebody: ``WORTH_SHOWING``, or the stars that
    they give the average film if those are fewer. Somebody who has rated only what they dislike seems to give few stars
    to everything."""
    return min(WORTH_SHOWING, model.mean_stars + profile.bias)


def printed(model: Model, facts: Facts, profile: Profile, rows: Rows) -> list[float | None]:
    """Return the stars to print for films; None if they cannot be predicted, or only from too few ratings."""
    stars = predicted_stars(model, facts, profile, rows)
    if stars is None or not len(profile.rated):
        return [None] * len(rows)
    supported = facts.counts[rows] >= SPOKEN_FOR
    return [value if enough else None for value, enough in zip(stars.tolist(), supported.tolist(), strict=True)]
