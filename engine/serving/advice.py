"""Decides what to show to one person: picks and their reasons, a film's card, the next film to ask about. Pure: every
answer follows from a shelf (films and live model) and a taste (a person's ratings and films put aside)."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain import Film, Floats
from engine.serving import order
from engine.serving.factors import DIVERSITY, Model, Rows
from engine.serving.library import Facts, Shelf
from engine.serving.order import Viewer
from engine.serving.wish import ANYTHING, Wish
from engine.store import Dismissal, Recommendation, SimilarFilm, Taste

PAGE = 10
"""Films on a page."""


def page_size(wish: Wish) -> int:
    """Return the number of films on a page of a list: as many as the wish asks for, but at most ``PAGE``."""
    return min(wish.count or PAGE, PAGE)


FIRST_PICKS = 5
"""Ratings after which a newcomer gets the first picks."""

AMONG = 5
"""One question is drawn from this many of the best, so that two newcomers are not asked the same."""


@dataclass(frozen=True, slots=True)
class Line:
    """A film in a list. ``predicted_stars`` is None if no prediction is possible. ``because`` names films that the
    person rated, the one that counted most first. ``new_here`` says that nobody has rated the film yet."""

    film: Film
    predicted_stars: float | None = None
    because: tuple[Film, ...] = ()
    new_here: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A film as one person sees it. In a catalogue of play counts, ``own_stars`` only says that the person knows it."""

    film: Film
    own_stars: float | None = None
    aside: frozenset[Dismissal] = frozenset()
    predicted_stars: float | None = None
    because: tuple[Film, ...] = ()


def picks(
    shelf: Shelf,
    taste: Taste,
    wish: Wish = ANYTHING,
    *,
    published: Sequence[Recommendation] = (),
    leave_out: Collection[int] = (),
    only: Collection[int] | None = None,
    limit: int = PAGE,
    reasons: int = 2,
    diversity: float = DIVERSITY,
) -> list[Line]:
    """Return the best films for someone, best first; fewer than ``limit`` when no more fit.

    Films that they have rated or put aside are left out. The published list is used while it includes all their ratings
    and the wish is open; otherwise their ratings are folded in now. Someone without ratings gets the average person's
    picks. Without a trained model, the best known films are shown.

    Args:
        published: the engine's list for this person, best first.
        leave_out: films that they have already been shown.
        only: the films to choose from, such as a shop's stock. None: all films.
        diversity: see ``factors.diversify``.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    shelf.require_films()
    hidden = taste.hidden | set(leave_out)
    stock = None if only is None else frozenset(only)
    if shelf.model is None or shelf.facts is None:
        fitting = (
            film
            for film in shelf.films.well_known
            if film.id not in hidden and wish.fits(film) and (stock is None or film.id in stock)
        )
        return [Line(film) for film, _ in zip(fitting, range(limit), strict=False)]
    person = order.viewer(shelf, shelf.model, taste)
    fits = shelf.facts.fitting(wish)
    if stock is not None:
        fits &= np.isin(shelf.model.movie_ids, np.fromiter(stock, np.int64, len(stock)))
    chosen: list[int] = []
    if wish.is_open and stock is None and not taste.waiting:
        found = _published_scores(shelf.model, shelf.facts, person, published)
        chosen = _best(shelf.model, shelf.facts, person, found, fits, hidden, limit, diversity)
    if len(chosen) < limit:
        found = order.scores_for(shelf, shelf.model, taste)
        chosen = _best(shelf.model, shelf.facts, person, found, fits, hidden, limit, diversity)
    rows = np.array(chosen, np.intp)
    stars = order.printed(shelf.model, shelf.facts, person.profile, rows)
    because = _because(shelf, shelf.model, person, rows, reasons)
    films = [shelf.films.by_id[movie_id] for movie_id in shelf.model.movie_ids[rows].tolist()]
    return [Line(*line) for line in zip(films, stars, because, shelf.facts.new[rows].tolist(), strict=True)]


def _published_scores(model: Model, facts: Facts, person: Viewer, published: Sequence[Recommendation]) -> Floats:
    """Return the scores of a published list and of films without ratings, −∞ for all others, (n_films,)."""
    found = np.full(len(model.movie_ids), -np.inf, np.float32)
    rows, known = model.known(np.fromiter((line.movie_id for line in published), np.int64, len(published)))
    found[rows] = np.fromiter((line.score for line in published), np.float32, len(published))[known]
    new = np.flatnonzero(facts.new)  # what came since, and what nobody had rated: no training lists these
    if len(new):
        found[new] = model.scores(person.profile, new)
    return found


def _best(
    model: Model,
    facts: Facts,
    person: Viewer,
    found: Floats,
    fits: NDArray[np.bool_],
    hidden: Collection[int],
    limit: int,
    diversity: float,
) -> list[int]:
    """Return the rows of a list, best first, chosen by the scores of all films, (n_films,)."""
    free = facts.known.copy()
    free[model.rows(hidden)] = False
    found = np.where(fits & free, found, -np.inf)
    chosen = order.choose(
        model,
        facts,
        found,
        seen=person.seen,
        fits=fits,
        free=free,
        person=person,
        limit=limit,
        diversity=diversity,
    )
    return [int(row) for row in chosen]


def _because(shelf: Shelf, model: Model, person: Viewer, rows: Rows, limit: int) -> list[tuple[Film, ...]]:
    """Return, for each of some films, those of someone's own that speak most for it: first those that it resembles,
    while likeness counts, then those that the model names."""
    named = model.reasons_of(person.profile, rows, limit=limit)
    if shelf.similar is not None:
        alike = shelf.similar.speaking_for(rows, person.profile.rated, person.liking)
        named = [model.movie_ids[like].tolist() + more for like, more in zip(alike, named, strict=True)]
    by_id, own = shelf.films.by_id, model.movie_ids[rows].tolist()
    return [
        tuple(by_id[film] for film in dict.fromkeys(films) if film in by_id and film != movie_id)[:limit]
        for movie_id, films in zip(own, named, strict=True)
    ]


def card(shelf: Shelf, taste: Taste, film: Film) -> Card:
    """Return a film's card for one person."""
    own, aside = taste.stars_for(film.id), frozenset(put.kind for put in taste.put_aside if put.movie_id == film.id)
    row = None if shelf.model is None else shelf.model.row(film.id)
    if own is not None or not taste.ratings or shelf.model is None or shelf.facts is None or row is None:
        return Card(film, own, aside)
    person = order.viewer(shelf, shelf.model, taste)
    at = np.array([row])
    (predicted,) = order.printed(shelf.model, shelf.facts, person.profile, at)
    return Card(film, own, aside, predicted, _because(shelf, shelf.model, person, at, 2)[0])


def question(shelf: Shelf, taste: Taste, not_seen: Collection[int]) -> Film | None:
    """Return the film whose stars would tell most about someone, or None if no film is left to ask about.

    The same taste and the same ``not_seen`` give the same film, so an update that comes twice changes nothing.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    shelf.require_films()
    asked = {rating.movie_id for rating in taste.ratings} | set(not_seen)
    asked |= {put.movie_id for put in taste.put_aside if put.kind is not Dismissal.SEEN}
    seed = taste.user_id * 1_000 + len(asked)
    if shelf.model is None or shelf.facts is None:
        films = [film for film in shelf.films.most_seen if film.id not in asked][:AMONG]
        return films[seed % len(films)] if films else None
    rated = {rating.movie_id: rating.stars for rating in taste.ratings}
    familiarity = shelf.facts.familiarity * shelf.facts.known
    if not familiarity.any():
        return None
    profile = shelf.model.profile(rated)
    unknown = shelf.model.movie_ids[~shelf.facts.known | shelf.facts.new].tolist()
    asked.update(unknown)
    movie_id = shelf.model.next_question(profile, asked=asked, familiarity=familiarity, seed=seed, among=AMONG)
    return None if movie_id is None else shelf.films.by_id[movie_id]


def like(shelf: Shelf, taste: Taste, film: Film, published: Sequence[SimilarFilm]) -> list[Film]:
    """Return films like one, most similar first, without those that the person has seen or does not want.

    If no list was published for it, return the best known films that share most of its genres.
    """
    known = {rating.movie_id for rating in taste.ratings} | {film.id}
    known |= {put.movie_id for put in taste.put_aside if put.kind is not Dismissal.WATCHLIST}
    if published and shelf.model is not None:  # otherwise they come from a model that the library refused
        films = [shelf.films.by_id[line.movie_id] for line in published if line.movie_id in shelf.films.by_id]
    else:
        films = shelf.films.of_genres(film.genres, 2 * PAGE + len(known))
    return [film for film in films if film.id not in known][: 2 * PAGE]


def more_like(
    shelf: Shelf, taste: Taste, film: Film, wish: Wish, first: Sequence[Film], *, leave_out: Collection[int] = ()
) -> list[Film]:
    """Return a page of films that fit a wish: ``first``, then the most similar films by the model that share a genre
    with it, without those that the person has seen or does not want, nor those to leave out."""
    model, facts = shelf.model, shelf.facts
    row = None if model is None else model.row(film.id)
    if model is None or facts is None or row is None or len(first) >= PAGE:
        return list(first)
    out = {rating.movie_id for rating in taste.ratings} | {film.id} | {film.id for film in first} | set(leave_out)
    out |= {put.movie_id for put in taste.put_aside if put.kind is not Dismissal.WATCHLIST}
    fits = facts.fitting(wish) & ~facts.new
    if film.genres:
        fits &= np.logical_or.reduce([facts.genres.get(genre, np.zeros_like(fits)) for genre in film.genres])
    lengths = np.linalg.norm(model.preference, axis=1) + 1e-9
    likeness = np.where(fits, model.preference @ model.preference[row] / lengths, -np.inf)
    best = np.argsort(-likeness, kind="stable")[: PAGE + len(out)]
    films: list[int] = model.movie_ids[best[np.isfinite(likeness[best])]].tolist()
    return [*first, *(shelf.films.by_id[film] for film in films if film not in out)][:PAGE]


@dataclass(frozen=True, slots=True)
class Surprise:
    """Three films, each None if there is none: the best pick, one close to a favourite, one far from the usual."""

    safe: Line | None = None
    near: Line | None = None
    wild: Line | None = None

    @property
    def lines(self) -> list[Line]:
        return [line for line in (self.safe, self.near, self.wild) if line is not None]


def favourite(shelf: Shelf, taste: Taste, turn: int) -> Film | None:
    """Return one of the films that someone loves most, a different one each turn; None if they love none."""
    most = max((rating.stars for rating in taste.ratings), default=0)
    loved = [rating.movie_id for rating in taste.ratings if rating.stars == most >= LOVED_STARS]
    films = [shelf.films.by_id[film] for film in loved if film in shelf.films.by_id]
    return films[turn % len(films)] if films else None


def surprise(
    shelf: Shelf,
    taste: Taste,
    near: Film | None,
    alike: Sequence[SimilarFilm],
    *,
    published: Sequence[Recommendation] = (),
    leave_out: Collection[int] = (),
    shown: Collection[int] = (),
) -> Surprise:
    """Choose one film that is safe, one that is near and one that is wild.

    Safe is the first film of their picks. Near is the film most like a favourite. Wild shares no genre with the films
    that the person likes most, but is well known and has a high predicted rating. Without ratings only the safe film
    can be told.

    Args:
        near: a favourite.
        alike: the published list of films like ``near``.
        published: the engine's list for this person, best first.
        leave_out: films that neither a list nor a surprise should show again.
        shown: films shown so recently that they cannot be near or wild.
    """
    best = picks(shelf, taste, published=published, leave_out=leave_out, limit=1)
    if not best or not taste.ratings or shelf.model is None or shelf.facts is None:
        return Surprise(best[0] if best else None)
    person = order.viewer(shelf, shelf.model, taste)
    stars = order.predicted_stars(shelf.model, shelf.facts, person.profile)
    if not len(person.profile.rated):
        return Surprise(best[0])
    out = taste.hidden | set(leave_out) | set(shown) | {best[0].film.id}
    free = shelf.facts.known.copy()
    free[shelf.model.rows(out)] = False
    close = _near(shelf.model, shelf.facts, [line.movie_id for line in alike], person, free) if near else None
    if close is not None:
        free[close] = False
    far = _far(shelf, shelf.model, shelf.facts, stars, taste, person, free)

    def line(row: int | None, because: tuple[Film, ...]) -> Line | None:
        if row is None or shelf.model is None or shelf.facts is None:
            return None
        film = shelf.films.by_id[int(shelf.model.movie_ids[row])]
        (stars,) = order.printed(shelf.model, shelf.facts, person.profile, np.array([row]))
        return Line(film, stars, because)

    return Surprise(best[0], line(close, (near,) if near else ()), line(far, ()))


LOVED_STARS = 4.0
"""Somebody loves a film from this many stars on."""

WELL_KNOWN = 50
"""A wild surprise has at least this many ratings. If no film has so many, the best known ``KNOWN_SHARE`` of all films
count."""

KNOWN_SHARE = 0.3


def _near(model: Model, facts: Facts, alike: Sequence[int], person: Viewer, free: NDArray[np.bool_]) -> int | None:
    """Return the row of the first film that may be shown; for a part of a series, the row of the part to see first."""
    rows = model.rows(alike)
    first, _ = facts.in_order(
        rows, np.zeros(len(rows), np.float32), seen=model.rows(person.seen), fits=facts.known, free=free
    )
    return int(first[0]) if len(first) else None


def _far(
    shelf: Shelf,
    model: Model,
    facts: Facts,
    stars: Floats | None,
    taste: Taste,
    person: Viewer,
    free: NDArray[np.bool_],
) -> int | None:
    """Return the row of the film with the best prediction among those unlike the person's favourites; None if the data
    has no genres or no stars."""
    if not facts.genres or stars is None:
        return None
    liked = Counter(
        genre
        for rating in taste.ratings
        if rating.stars >= LOVED_STARS and rating.movie_id in shelf.films.by_id
        for genre in shelf.films.by_id[rating.movie_id].genres
    )
    enough = WELL_KNOWN if facts.counts.max() >= WELL_KNOWN else float(np.quantile(facts.counts, 1 - KNOWN_SHARE))
    fits = free & (facts.counts >= enough)
    for genre, _ in liked.most_common(3):
        fits &= ~facts.genres[genre]
    rows = np.flatnonzero(fits)
    rows = rows[np.argsort(-stars[rows], kind="stable")][:20]
    first, _ = facts.in_order(rows, stars[rows], seen=model.rows(person.seen), fits=facts.known, free=fits)
    return int(first[0]) if len(first) else None
