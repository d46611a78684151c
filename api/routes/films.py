"""Films: search, one film, films like one."""

from typing import Annotated, Any

from fastapi import Depends, Path, Query
from pydantic import BaseModel

from api.context import InStore, OnShelf
from api.etags import etag
from api.guard import anybody
from api.problems import may_answer
from api.routes import Routes
from api.shapes import FILM_PATTERN, Film, FilmList, Found, film_named
from engine.serving import advice
from engine.store import Taste

FilmInPath = Annotated[
    str,
    Path(
        pattern=FILM_PATTERN,
        description="The catalogue's number, or imdb:tt0133093, or tmdb:603.",
        examples=["imdb:tt0133093"],
    ),
]
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "It is as when you got this `ETag`."}}
NOBODY = Taste(0)

router = Routes(
    prefix="/v1",
    tags=["films"],
    dependencies=[Depends(anybody), Depends(etag)],
    responses=UNCHANGED | may_answer(401, 422, 429, 503),
)


@router.get("/films")
def search(
    shelf: OnShelf,
    q: Annotated[str, Query(min_length=1, max_length=200, description="A title.", examples=["the matrx"])],
    limit: Annotated[int, Query(ge=1, le=100)] = 8,
) -> Found:
    """Find films by title, as people type them: typos, other titles, "heat 1995"."""
    found = shelf.find(q, limit)
    return Found(films=[Film.of(hit.film) for hit in found.hits], total=found.total, sure=found.sure)


@router.get("/films/{film}", responses=may_answer(404))
def one_film(shelf: OnShelf, film: FilmInPath) -> Film:
    """Return one film."""
    return Film.of(film_named(shelf, film))


@router.get("/films/{film}/similar", responses=may_answer(404))
def similar(
    shelf: OnShelf, store: InStore, film: FilmInPath, limit: Annotated[int, Query(ge=1, le=20)] = 10
) -> FilmList:
    """Return films like one, most alike first."""
    found = film_named(shelf, film)
    films = advice.like(shelf, NOBODY, found, store.similar(found.id))
    return FilmList(films=[Film.of(other) for other in films[:limit]])


class Genres(BaseModel):
    """Those that most films have come first."""

    genres: list[str]


@router.get("/genres")
def genres(shelf: OnShelf) -> Genres:
    """Return the catalogue's genres."""
    return Genres(genres=list(shelf.films.genres))
