"""The shapes of requests and answers."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.problems import Problem
from engine import domain
from engine.domain import PLAYED
from engine.serving.advice import Line
from engine.serving.factors import DIVERSITY
from engine.serving.library import Shelf, imdb_number
from engine.serving.wish import FIRST_YEAR, LAST_YEAR, Wish

MOST_FILMS = 50_000
"""Most ids in one list of films, such as a shop's stock."""

MOST_RATINGS = 5_000
"""Most ratings in one request."""

FILM_PATTERN = r"^(\d{1,9}|imdb:(tt)?\d{1,11}|tmdb:\d{1,9})$"

FilmId = Annotated[int, Field(ge=0, le=999_999_999)]
FilmRef = (
    FilmId | Annotated[str, StringConstraints(pattern=FILM_PATTERN), Field(examples=["imdb:tt0133093", "tmdb:603"])]
)
"""How a film is named: the catalogue's number, or ``imdb:tt0133093``, or ``tmdb:603``."""

Stars = Annotated[float, Field(strict=True, ge=0.5, le=5, multiple_of=0.5, examples=[4.5])]
RatedAt = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]

GenreName = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Wire(BaseModel):
    """Base of all requests: unknown fields are refused, so that a typing error is noticed."""

    model_config = ConfigDict(extra="forbid")


# --- Answers ----------------------------------------------------------------------------------------------------------


class Named(BaseModel):
    """A film by number and title."""

    id: int
    title: str


class Film(Named):
    """A film of the catalogue. ``title`` is as people say it; ``mean_stars`` is what the data set's people gave."""

    year: int | None
    genres: list[str]
    imdb_id: str | None = Field(examples=["tt0133093"])
    tmdb_id: int | None
    rating_count: int
    mean_stars: float | None

    @classmethod
    def of(cls, film: domain.Film) -> "Film":
        number = imdb_number(film.imdb_id)
        return cls(
            id=film.id,
            title=film.display_title,
            year=film.year,
            genres=list(film.genres),
            imdb_id=None if number is None else f"tt{number:07}",
            tmdb_id=film.tmdb_id,
            rating_count=film.rating_count,
            mean_stars=None if film.mean_stars is None else round(film.mean_stars, 2),
        )


class FilmList(BaseModel):
    films: list[Film]


class Found(FilmList):
    """The films that a text may mean, best first. ``sure``: the first is the only close match; ``total`` counts those
    past the limit too."""

    total: int
    sure: bool


class Pick(Film):
    """A film in a list: its place (1 is best), the stars that we expect, and which of their own films speak for it.

    ``new_here``: nobody has rated it yet; it is here for what it is.
    """

    position: int
    predicted_stars: float | None
    because: list[Named]
    new_here: bool

    @classmethod
    def at(cls, position: int, line: Line) -> "Pick":
        return cls(
            **Film.of(line.film).model_dump(),
            position=position,
            predicted_stars=None if line.predicted_stars is None else round(line.predicted_stars, 2),
            because=[named(film) for film in line.because],
            new_here=line.new_here,
        )


class Picks(BaseModel):
    """A page of picks. ``list_id`` names it where you say what became of it; ``ratings`` is from how many it is worked
    out; ``next`` asks for the films after these, and is null where there are no more."""

    list_id: str
    model_version: int | None
    ratings: int
    films: list[Pick]
    next: str | None = None


class Question(BaseModel):
    """The film whose stars would tell most; null where there is nothing left to ask."""

    film: Film | None


def named(film: domain.Film) -> Named:
    return Named(id=film.id, title=film.display_title)


# --- Requests ---------------------------------------------------------------------------------------------------------


class Given(Wire):
    """Stars for a film: 0.5 to 5 in half steps. Where the catalogue holds play counts they are left out."""

    film: FilmRef
    stars: Stars | None = None
    rated_at: RatedAt | None = Field(default=None, description="When, if not now.")


class Kind(Wire):
    """The kind of films that are asked for, and how many."""

    genre: list[GenreName] = Field(default=[], max_length=20, description="Films of all these genres.")
    without: list[GenreName] = Field(default=[], max_length=20, description="Films of none of these genres.")
    since: int | None = Field(default=None, ge=FIRST_YEAR, le=LAST_YEAR, description="Of this year or later.")
    until: int | None = Field(default=None, ge=FIRST_YEAR, le=LAST_YEAR, description="Of this year or earlier.")
    limit: int = Field(default=10, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=2_000, description="`next` of the page before.")

    def wish(self, shelf: Shelf) -> Wish:
        """Return what is wished, with genres as the catalogue spells them.

        Raises:
            Problem: the catalogue has no such genre.
        """
        return Wish(
            _genres(self.genre, shelf, "genre"), _genres(self.without, shelf, "without"), self.since, self.until
        )


class Wanted(Kind):
    """The same for one person, and how their list is to be."""

    reasons: int = Field(default=2, ge=0, le=5, description="How many of their own films are named with each.")
    diversity: float = Field(
        default=DIVERSITY, ge=0, le=5, description="What being just like a film above costs, in standard deviations."
    )


class Among(Wire):
    """From or without films that are named."""

    only: list[FilmRef] | None = Field(
        default=None, max_length=MOST_FILMS, description="Choose from these only: what is in stock."
    )
    exclude: list[FilmRef] = Field(default=[], max_length=MOST_FILMS, description="None of these.")


class WantedOf(Wanted, Among):
    """The wish for one person's list, from or without films that are named."""


class Taste(Wire):
    """Somebody's ratings and unwanted films, sent with the request: nothing of it is kept."""

    ratings: list[Given] = Field(default=[], max_length=MOST_RATINGS)
    not_for_me: list[FilmRef] = Field(default=[], max_length=MOST_RATINGS)


class PicksWanted(WantedOf, Taste):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"ratings": [{"film": 20, "stars": 5}, {"film": "imdb:tt0083658", "stars": 4.5}], "genre": ["Sci-Fi"]}
            ]
        }
    )


class QuestionWanted(Taste):
    not_seen: list[FilmRef] = Field(default=[], max_length=MOST_RATINGS, description="Films not to ask about.")


def _genres(wanted: Sequence[str], shelf: Shelf, field: str) -> tuple[str, ...]:
    known = {name.casefold(): name for name in shelf.films.genres}
    for name in wanted:
        if name.casefold() not in known:
            detail = f"{name[:40]!r} is none of: {', '.join(shelf.films.genres)}"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no_such_genre", detail, field=field)
    return tuple(known[name.casefold()] for name in wanted)


# --- Films by name ----------------------------------------------------------------------------------------------------


class NoSuchFilm(Problem):
    """The catalogue has no film of that number."""

    def __init__(self, ref: int | str) -> None:
        detail = f"the catalogue has no film {ref}: search with /v1/films?q="
        super().__init__(HTTPStatus.NOT_FOUND, "no_such_film", detail)


def film_named(shelf: Shelf, ref: int | str) -> domain.Film:
    """Return the film that a reference means.

    Raises:
        NoSuchFilm: the catalogue has none.
    """
    kind, _, text = str(ref).rpartition(":")
    number = imdb_number(text)
    films = {"": shelf.films.by_id, "imdb": shelf.films.by_imdb, "tmdb": shelf.films.by_tmdb}[kind]
    film = films.get(number) if number is not None else None
    if film is None:
        raise NoSuchFilm(ref)
    return film


def stars_of(shelf: Shelf, stars: float | None, field: str) -> float:
    """Return what to keep for a rating: its stars, or that it was played where the catalogue holds play counts.

    Raises:
        Problem: stars are missing, or there are none to give here.
    """
    if shelf.films.gives_stars == (stars is not None):
        return PLAYED if stars is None else stars
    detail = "give 0.5 to 5 in half steps" if stars is None else "this catalogue holds play counts: leave the stars out"
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_stars", detail, field=field)


def known_ids(shelf: Shelf, refs: Iterable[int | str]) -> frozenset[int]:
    """Return the numbers of those films that the catalogue has; a shop may well stock others."""
    ids = set()
    for ref in refs:
        try:
            ids.add(film_named(shelf, ref).id)
        except NoSuchFilm:
            continue
    return frozenset(ids)
