"""What to show to one person: picks and their reasons, a film's card, the next film to ask about. Pure: all of it
follows from a shelf (films and live model) and a taste (what the person rated and put aside)."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from engine.domain import Movie
from engine.serving.factors import VARIETY, Model, Pick, Profile, vary
from engine.serving.library import Shelf
from engine.serving.wish import ANYTHING, Wish
from engine.store import Dismissal, Recommendation, SimilarMovie, Taste

PAGE = 10
"""Films on a page."""


def page_size(wish: Wish) -> int:
    """Return how many films a page of a list has: as many as were asked for, but no more than any page."""
    return min(wish.count or PAGE, PAGE)


FIRST_PICKS = 5
"""Ratings after which a newcomer gets the first picks."""

AMONG = 5
"""From how many of the best questions one is drawn, so that two newcomers are not asked the same."""


@dataclass(frozen=True, slots=True)
class Line:
    """A film in a list. ``predicted_stars`` is null where we cannot say; ``because`` are films that the person rated,
    the one that counted most first."""

    movie: Movie
    predicted_stars: float | None = None
    because: tuple[Movie, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A film, and what it is to one person. Where nobody gives stars, ``own_stars`` says that they know it."""

    movie: Movie
    own_stars: float | None = None
    aside: frozenset[Dismissal] = frozenset()
    predicted_stars: float | None = None
    because: tuple[Movie, ...] = ()


def profile_of(shelf: Shelf, taste: Taste) -> Profile | None:
    """Fold someone's ratings into the live model; None where there is no model, or no rating that it can use."""
    if shelf.model is None or not taste.ratings:
        return None
    profile = shelf.model.profile({rating.movie_id: rating.stars for rating in taste.ratings})
    return profile if len(profile.rated) else None


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
    variety: float = VARIETY,
) -> list[Line]:
    """Return the best films for someone, best first; fewer than ``limit`` when no more fit.

    None is one that they have rated or put aside. The list that the engine published is used while it knows all their
    ratings and they want nothing special; else their ratings are folded in here and now. Someone without ratings gets
    what the average person likes, and where no model has been trained, the best known films have to do.

    Args:
        published: the engine's list for this person, best first.
        leave_out: films that they have been shown already.
        only: the films to choose from, as what a shop has in stock; None: all there are.
        variety: see ``factors.vary``.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    shelf.require_films()
    hidden = taste.hidden | set(leave_out)
    stock = None if only is None else frozenset(only)
    if shelf.model is None or shelf.facts is None:
        fitting = (
            movie
            for movie in shelf.films.well_known
            if movie.id not in hidden and wish.fits(movie) and (stock is None or movie.id in stock)
        )
        return [Line(movie) for movie, _ in zip(fitting, range(limit), strict=False)]
    rated = {rating.movie_id: rating.stars for rating in taste.ratings}
    profile = shelf.model.profile(rated)
    chosen: list[Pick] = []
    if wish.is_open and stock is None and not taste.waiting:
        chosen = _from_published(shelf, shelf.model, published, hidden, limit, variety)
    if len(chosen) < limit:
        allowed = shelf.facts.fitting(wish)
        if stock is not None:
            in_stock = np.zeros_like(allowed)
            in_stock[shelf.model.rows(stock)] = True
            allowed &= in_stock
        beyond = hidden | {pick.movie_id for pick in chosen}
        chosen += shelf.model.best(profile, limit=limit - len(chosen), hidden=beyond, allowed=allowed, variety=variety)
    knows = len(profile.rated) > 0
    return [
        Line(
            shelf.films.by_id[pick.movie_id],
            pick.predicted_stars if knows else None,
            _because(shelf, shelf.model, profile, pick.movie_id, reasons),
        )
        for pick in chosen
    ]


def _from_published(
    shelf: Shelf,
    model: Model,
    published: Sequence[Recommendation],
    hidden: Collection[int],
    limit: int,
    variety: float,
) -> list[Pick]:
    """Return the best of a published list, varied as a fresh one would be."""
    open_to_show = [
        line
        for line in published
        if line.movie_id not in hidden and line.movie_id in shelf.films.by_id and model.row(line.movie_id) is not None
    ]
    rows = model.rows(line.movie_id for line in open_to_show)
    scores = np.array([line.score for line in open_to_show], np.float32)
    order = vary(scores, model.preference[rows], limit, variety)
    lines = [open_to_show[at] for at in order]
    return [Pick(line.movie_id, line.score, line.predicted_stars) for line in lines]


def _because(shelf: Shelf, model: Model, profile: Profile, movie_id: int, limit: int) -> tuple[Movie, ...]:
    reasons = model.reasons(profile, movie_id, limit=limit)
    return tuple(shelf.films.by_id[film] for film in reasons if film in shelf.films.by_id and film != movie_id)


def card(shelf: Shelf, taste: Taste, movie: Movie) -> Card:
    """Return what there is to say of a film to one person."""
    own, aside = taste.stars_for(movie.id), frozenset(put.kind for put in taste.put_aside if put.movie_id == movie.id)
    profile = profile_of(shelf, taste)
    if own is not None or profile is None or shelf.model is None or shelf.model.row(movie.id) is None:
        return Card(movie, own, aside)
    predicted = _predicted(shelf.model, profile, movie.id)
    return Card(movie, own, aside, predicted, _because(shelf, shelf.model, profile, movie.id, 2))


def _predicted(model: Model, profile: Profile, movie_id: int) -> float | None:
    return float(model.predicted_stars(profile, [movie_id])[0]) if model.predicts_stars else None


def question(shelf: Shelf, taste: Taste, not_seen: Collection[int]) -> Movie | None:
    """Return the film whose stars would tell most about someone, or None if there is nothing left to ask.

    The same taste and the same ``not_seen`` get the same film, so that an update that comes twice changes nothing.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    shelf.require_films()
    asked = {rating.movie_id for rating in taste.ratings} | set(not_seen)
    asked |= {put.movie_id for put in taste.put_aside if put.kind is not Dismissal.SEEN}
    seed = taste.user_id * 1_000 + len(asked)
    if shelf.model is None or shelf.facts is None:
        films = [movie for movie in shelf.films.most_seen if movie.id not in asked][:AMONG]
        return films[seed % len(films)] if films else None
    rated = {rating.movie_id: rating.stars for rating in taste.ratings}
    familiarity = shelf.facts.familiarity * shelf.facts.known
    if not familiarity.any():
        return None
    profile = shelf.model.profile(rated)
    unknown = shelf.model.movie_ids[~shelf.facts.known].tolist()
    asked.update(unknown)
    movie_id = shelf.model.next_question(profile, asked=asked, familiarity=familiarity, seed=seed, among=AMONG)
    return None if movie_id is None else shelf.films.by_id[movie_id]


def like(shelf: Shelf, taste: Taste, movie: Movie, published: Sequence[SimilarMovie]) -> list[Movie]:
    """Return films like one, most alike first, without those that the person has seen or does not want.

    Where none have been published for it, these are the best known films that share most of its genres.
    """
    known = {rating.movie_id for rating in taste.ratings} | {movie.id}
    known |= {put.movie_id for put in taste.put_aside if put.kind is not Dismissal.WATCHLIST}
    if published and shelf.model is not None:  # else they are of a model that the library refused
        films = [shelf.films.by_id[line.movie_id] for line in published if line.movie_id in shelf.films.by_id]
    else:
        sharing = [other for other in shelf.films.well_known if set(other.genres) & set(movie.genres)]
        sharing.sort(key=lambda other: -_overlap(movie.genres, other.genres))
        films = sharing[: 2 * PAGE + len(known)]
    return [film for film in films if film.id not in known][: 2 * PAGE]


def more_like(shelf: Shelf, taste: Taste, movie: Movie, wish: Wish, first: Sequence[Movie]) -> list[Movie]:
    """Return a page of films that fit a wish: ``first``, then those that the model holds most alike and that share a
    genre, without what the person has seen or does not want."""
    model, facts = shelf.model, shelf.facts
    row = None if model is None else model.row(movie.id)
    if model is None or facts is None or row is None or len(first) >= PAGE:
        return list(first)
    out = {rating.movie_id for rating in taste.ratings} | {movie.id} | {film.id for film in first}
    out |= {put.movie_id for put in taste.put_aside if put.kind is not Dismissal.WATCHLIST}
    fits = facts.fitting(wish)
    if movie.genres:
        fits &= np.logical_or.reduce([facts.genres.get(genre, np.zeros_like(fits)) for genre in movie.genres])
    lengths = np.linalg.norm(model.preference, axis=1) + 1e-9
    likeness = np.where(fits, model.preference @ model.preference[row] / lengths, -np.inf)
    best = np.argsort(-likeness, kind="stable")[: PAGE + len(out)]
    films: list[int] = model.movie_ids[best[np.isfinite(likeness[best])]].tolist()
    return [*first, *(shelf.films.by_id[film] for film in films if film not in out)][:PAGE]


@dataclass(frozen=True, slots=True)
class Surprise:
    """Three films, each null where there is none: the best pick, one close to a favourite, one far from the usual."""

    safe: Line | None = None
    near: Line | None = None
    wild: Line | None = None

    @property
    def lines(self) -> list[Line]:
        return [line for line in (self.safe, self.near, self.wild) if line is not None]


def favourite(shelf: Shelf, taste: Taste, turn: int) -> Movie | None:
    """Return one of the films that someone gave most stars, another at each turn; None if they rated nothing."""
    most = max((rating.stars for rating in taste.ratings), default=0)
    loved = [rating.movie_id for rating in taste.ratings if rating.stars == most]
    films = [shelf.films.by_id[film] for film in loved if film in shelf.films.by_id]
    return films[turn % len(films)] if films else None


def surprise(
    shelf: Shelf, taste: Taste, shown: Collection[int], near: Movie | None, alike: Sequence[SimilarMovie]
) -> Surprise:
    """Choose one film that is safe, one that is near and one that is wild, none of them in ``shown``.

    Safe is the best pick. Near is the film most like a favourite. Wild shares no genre with what the person likes most,
    but is well known and should please. Without ratings only the first can be told.

    Args:
        near: a favourite.
        alike: the published films like it.
    """
    best = picks(shelf, taste, leave_out=shown, limit=1)
    profile = profile_of(shelf, taste)
    if not best or profile is None or shelf.model is None:
        return Surprise(best[0] if best else None)
    out = taste.hidden | set(shown) | {best[0].movie.id}
    close = next(
        (line.movie_id for line in alike if line.movie_id not in out and line.movie_id in shelf.films.by_id), None
    )
    far = _far(shelf, shelf.model, profile, taste, out | {close})

    def line(movie_id: int | None, because: tuple[Movie, ...]) -> Line | None:
        if movie_id is None or shelf.model is None:
            return None
        return Line(shelf.films.by_id[movie_id], _predicted(shelf.model, profile, movie_id), because)

    return Surprise(best[0], line(close, (near,) if near else ()), line(far, ()))


LIKED_STARS = 4.0

KNOWN_SHARE = 0.3
"""A wild surprise is among this share of all films, by the number of ratings: praise by three people is no surprise."""


def _far(shelf: Shelf, model: Model, profile: Profile, taste: Taste, out: Collection[int | None]) -> int | None:
    """Return the film that should please most among those unlike what the person likes; None where there are no genres
    or stars to tell it by."""
    if shelf.facts is None or not shelf.facts.genres or not model.predicts_stars:
        return None
    liked = Counter(
        genre
        for rating in taste.ratings
        if rating.stars >= LIKED_STARS and rating.movie_id in shelf.films.by_id
        for genre in shelf.films.by_id[rating.movie_id].genres
    )
    familiar = shelf.facts.familiarity
    fits = shelf.facts.known & (familiar >= np.quantile(familiar, 1 - KNOWN_SHARE))
    fits[model.rows(film for film in out if film is not None)] = False
    for genre, _ in liked.most_common(3):
        fits &= ~shelf.facts.genres[genre]
    films: list[int] = model.movie_ids[fits].tolist()
    return films[int(np.argmax(model.predicted_stars(profile, films)))] if films else None


def _overlap(some: Sequence[str], others: Sequence[str]) -> float:
    return len(set(some) & set(others)) / len(set(some) | set(others))
