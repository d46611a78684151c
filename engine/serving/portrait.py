"""Somebody's taste in figures: what they rate and like, how they differ from everyone, and their year. Pure.

"Everyone" is the data set: means of films that enough people rated. Nobody else's ratings are read, and a film that few
people rated is compared with nothing, because its mean would tell what one of them gave.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from engine.domain import Film
from engine.store import Taste

Name = TypeVar("Name", bound=Hashable)

FEWEST_FILMS = 5
"""With fewer films there is no taste to speak of."""

FEWEST_OTHERS = 20
"""Ratings that a film must have before its mean is shown beside somebody's stars."""

FEWEST_IN_GROUP = 3
"""Films of a genre or decade before it is said how they are liked."""

DAMPING = 5.0
"""Films of somebody's usual stars that each genre gets beside its own, so that one film makes no favourite."""

LIKED_MORE = 0.15
"""Stars by which a genre must differ from somebody's mean to be called one that they like more, or less."""

NEAR = 0.5
"""Stars within which somebody and everyone agree."""

APART = 1.0
"""Stars from which on they disagree about a film."""

MOST_GENRES, MOST_FILMS, MOST_BEST = 8, 3, 3

YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Group(Generic[Name]):
    """Films of one genre or decade: how many of somebody's there are, and the mean of their stars.

    ``everyone`` is the mean of everyone's stars, and then both are of those films that enough people rated, so that
    like is compared with like. Each is None where there are too few films, or no stars.
    """

    name: Name
    films: int
    stars: float | None
    everyone: float | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A film that somebody gave other stars than everyone."""

    film: Film
    stars: float
    everyone: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Somebody's stars and everyone's for the same films: both means, and the share on which they agree."""

    films: int
    stars: float
    everyone: float
    near: float


@dataclass(frozen=True, slots=True)
class Year:
    """Somebody's last twelve months. ``busiest`` is the first moment of the month in which they rated most."""

    films: int
    busiest: datetime
    in_busiest: int
    best: tuple[Film, ...]


@dataclass(frozen=True, slots=True)
class Portrait:
    """A taste in figures; what cannot be said is None or empty.

    ``genres`` come by how many films they have, the most first, ``decades`` in order; ``likes`` and ``dislikes`` are
    genres that somebody gives more, or fewer, stars than they usually do, the clearest first. ``higher`` and ``lower``
    are the films of which they think more, or less, than everyone. ``given`` counts their stars.
    """

    films: int
    stars: float | None
    given: Mapping[float, int]
    genres: tuple[Group[str], ...]
    decades: tuple[Group[int], ...]
    likes: tuple[str, ...]
    dislikes: tuple[str, ...]
    agreement: Agreement | None
    higher: tuple[Disagreement, ...]
    lower: tuple[Disagreement, ...]
    year: Year | None


@dataclass(frozen=True, slots=True)
class _Rated:
    film: Film
    stars: float | None
    at: datetime

    @property
    def everyone(self) -> float | None:
        return self.film.mean_stars if self.film.rating_count >= FEWEST_OTHERS else None


def portrait(taste: Taste, films: Mapping[int, Film], now: datetime, *, gives_stars: bool = True) -> Portrait | None:
    """Return somebody's taste in figures, or None if they have rated fewer than ``FEWEST_FILMS``.

    Args:
        films: the catalogue, by id; ratings of films that it lacks are left out.
        gives_stars: whether people here give stars. Where they don't, there are counts alone.
    """
    rated = [
        _Rated(films[rating.movie_id], rating.stars if gives_stars else None, rating.rated_at)
        for rating in taste.ratings
        if rating.movie_id in films
    ]
    if len(rated) < FEWEST_FILMS:
        return None
    usual = _mean(one.stars for one in rated)
    by_genre, by_decade = defaultdict[str, list[_Rated]](list), defaultdict[int, list[_Rated]](list)
    for one in rated:
        for genre in one.film.genres:
            by_genre[genre].append(one)
        if one.film.year is not None:
            by_decade[one.film.year // 10 * 10].append(one)
    likes, dislikes = _leanings(by_genre, usual)
    genres = sorted(by_genre, key=lambda genre: (-len(by_genre[genre]), genre))
    higher, lower = _disagreements(rated)
    return Portrait(
        len(rated),
        usual,
        dict(sorted(Counter(one.stars for one in rated if one.stars is not None).items())),
        tuple(_group(genre, by_genre[genre]) for genre in genres[:MOST_GENRES]),
        tuple(_group(decade, by_decade[decade]) for decade in sorted(by_decade)),
        likes,
        dislikes,
        _agreement(rated),
        higher,
        lower,
        _year(rated, now),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _group(name: Name, rated: Sequence[_Rated]) -> Group[Name]:
    compared = [one for one in rated if one.stars is not None and one.everyone is not None]
    if len(compared) >= FEWEST_IN_GROUP:
        return Group(name, len(rated), _mean(one.stars for one in compared), _mean(one.everyone for one in compared))
    return Group(name, len(rated), _mean(one.stars for one in rated) if len(rated) >= FEWEST_IN_GROUP else None, None)


def _leanings(by_genre: Mapping[str, Sequence[_Rated]], usual: float | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the genres that somebody gives more stars than usual, and those that they give fewer."""
    if usual is None:
        return (), ()
    lean = {
        genre: sum(one.stars - usual for one in rated if one.stars is not None) / (len(rated) + DAMPING)
        for genre, rated in by_genre.items()
        if len(rated) >= FEWEST_IN_GROUP
    }
    in_order = sorted(lean, key=lambda genre: (-lean[genre], genre))
    liked = tuple(genre for genre in in_order if lean[genre] >= LIKED_MORE)
    disliked = tuple(genre for genre in reversed(in_order) if lean[genre] <= -LIKED_MORE)
    return liked[:MOST_FILMS], disliked[:MOST_FILMS]


def _agreement(rated: Sequence[_Rated]) -> Agreement | None:
    both = [(one.stars, one.everyone) for one in rated if one.stars is not None and one.everyone is not None]
    if len(both) < FEWEST_FILMS:
        return None
    near = sum(abs(stars - everyone) <= NEAR for stars, everyone in both) / len(both)
    return Agreement(
        len(both), sum(stars for stars, _ in both) / len(both), sum(mean for _, mean in both) / len(both), near
    )


def _disagreements(rated: Sequence[_Rated]) -> tuple[tuple[Disagreement, ...], tuple[Disagreement, ...]]:
    """Return the films of which somebody thinks more than everyone, and less; the widest apart first."""
    apart = [
        Disagreement(one.film, one.stars, one.everyone)
        for one in rated
        if one.stars is not None and one.everyone is not None and abs(one.stars - one.everyone) >= APART
    ]
    apart.sort(key=lambda each: (-abs(each.stars - each.everyone), -each.film.rating_count, each.film.id))
    higher = tuple(each for each in apart if each.stars > each.everyone)
    lower = tuple(each for each in apart if each.stars < each.everyone)
    return higher[:MOST_FILMS], lower[:MOST_FILMS]


def _year(rated: Sequence[_Rated], now: datetime) -> Year | None:
    lately = [one for one in rated if now - YEAR < one.at <= now]
    if not lately:
        return None
    months = Counter(one.at.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for one in lately)
    busiest = max(months, key=lambda month: (months[month], month))
    liked = [one for one in lately if one.stars is not None and one.stars >= 4]
    liked.sort(key=lambda one: (-(one.stars or 0), -one.at.timestamp(), one.film.id))
    return Year(len(lately), busiest, months[busiest], tuple(one.film for one in liked[:MOST_BEST]))
