"""People by the site's own id: their ratings, what they put aside, what is kept of them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Path, Response
from pydantic import BaseModel, Field, StringConstraints

from api import keys
from api.context import InStore, Now, OnShelf, Serving
from api.guard import Caller, PersonId, one_person, site
from api.lists import LIST_PATTERN, ListShown, list_of
from api.problems import Problem, may_answer
from api.routes import Routes
from api.routes.films import FilmInPath
from api.shapes import (
    MOST_RATINGS,
    FilmRef,
    Given,
    Named,
    NoSuchFilm,
    RatedAt,
    Stars,
    Wire,
    film_named,
    named,
    stars_of,
)
from engine.serving.library import Shelf
from engine.store import Dismissal, Limited, Scope

PROBLEMS = may_answer(401, 403, 422, 429, 503)
READS, WRITES = [Depends(one_person(Scope.READ))], [Depends(one_person(Scope.WRITE))]

ListId = Annotated[str, StringConstraints(pattern=LIST_PATTERN), Field(description="`list_id` of a list of picks.")]

router = Routes(prefix="/v1/people/{person}", tags=["people"], responses=PROBLEMS)


# --- Ratings ----------------------------------------------------------------------------------------------------------


class Rated(BaseModel):
    film: Named
    stars: float
    rated_at: datetime


class Ratings(BaseModel):
    """Newest first. ``waiting`` of them the live model has not been trained on yet; picks know them all the same."""

    ratings: list[Rated]
    waiting: int


class StarsGiven(Wire):
    """Half steps from 0.5 to 5. Where the catalogue holds play counts they are left out: the film is known."""

    stars: Stars | None = None
    rated_at: RatedAt | None = Field(default=None, description="When, if not now.")


class RatingResult(BaseModel):
    """The result of a rating: the stars that the film has now, and those that it had before."""

    film: Named
    stars: float | None
    previous_stars: float | None
    changed: bool


class ManyRatings(Wire):
    ratings: list[Given] = Field(max_length=MOST_RATINGS)


class RatingsResult(BaseModel):
    """How many films have other stars than before, and which ones the catalogue does not have."""

    changed: int
    unknown: list[FilmRef]


@router.get("/ratings", dependencies=READS)
def ratings(shelf: OnShelf, store: InStore, now: Now, person: PersonId) -> Ratings:
    """Return what somebody rated."""
    taste = store.site_taste(person, now)
    rated = [
        Rated(film=_named(shelf, rating.movie_id), stars=rating.stars, rated_at=rating.rated_at)
        for rating in taste.ratings
    ]
    return Ratings(ratings=rated, waiting=taste.waiting)


@router.put("/ratings/{film}", dependencies=WRITES, responses=may_answer(404, 413))
def rate(
    services: Serving, shelf: OnShelf, store: InStore, now: Now, person: PersonId, film: FilmInPath, given: StarsGiven
) -> RatingResult:
    """Give a film its stars, or others. The next picks know it. The same again changes nothing."""
    found, stars = film_named(shelf, film), stars_of(shelf, given.stars, "body.stars")
    user_id = store.site_person(person, now)
    if given.rated_at is None:
        act, _ = store.rate(user_id, found.id, stars, now)
        return RatingResult(film=named(found), stars=stars, previous_stars=act.previous_stars, changed=act.changed)
    before = store.taste(user_id, now).stars_for(found.id)
    if before != stars:
        store.spend(user_id, Limited.RATINGS, services.settings.ratings_a_day, now)
    changed = store.rate_many(user_id, [(found.id, stars, min(given.rated_at, now))], now)
    return RatingResult(film=named(found), stars=stars, previous_stars=before, changed=bool(changed))


@router.delete("/ratings/{film}", dependencies=WRITES, responses=may_answer(404))
def remove_rating(shelf: OnShelf, store: InStore, now: Now, person: PersonId, film: FilmInPath) -> RatingResult:
    """Take a rating back. Nothing happens if there is none."""
    found, user_id = film_named(shelf, film), store.find_site_person(person)
    if user_id is None:
        return RatingResult(film=named(found), stars=None, previous_stars=None, changed=False)
    act = store.remove_rating(user_id, found.id, now)
    return RatingResult(film=named(found), stars=None, previous_stars=act.previous_stars, changed=act.changed)


IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[!-~]{1,64}$",
        description="Any text of yours that names this call. Sent again within a day, it gets the same answer.",
    ),
]


@router.post("/ratings", responses=may_answer(409, 413))
def rate_many(
    services: Serving,
    shelf: OnShelf,
    store: InStore,
    now: Now,
    person: PersonId,
    many: ManyRatings,
    caller: Annotated[Caller, Depends(one_person(Scope.WRITE))],
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> RatingsResult:
    """Give many films their stars, as from a file. Films that the catalogue lacks are named and passed over."""
    call = hashlib.sha256(f"{person}\n{many.model_dump_json()}".encode()).digest()
    key_id = caller.key.id if caller.key is not None else 0
    known = store.answer(key_id, idempotency_key) if idempotency_key is not None else None
    if known is not None:
        if known[0] != call:
            detail = "this key named another call within the last day: take a new one"
            raise Problem(HTTPStatus.CONFLICT, "idempotency", detail, field="header.idempotency-key")
        response.headers["Idempotent-Replayed"] = "true"
        return RatingsResult.model_validate(known[1])
    given, unknown = [], []
    for at, rating in enumerate(many.ratings):
        try:
            film = film_named(shelf, rating.film)
        except NoSuchFilm:
            unknown.append(rating.film)
            continue
        stars = stars_of(shelf, rating.stars, f"body.ratings.{at}.stars")
        given.append((film.id, stars, min(rating.rated_at or now, now)))
    user_id = store.site_person(person, now)
    if caller.is_person(person):  # a browser; the site's own keys bring in whole histories
        store.spend(user_id, Limited.IMPORTS, services.settings.imports_a_day, now)
    done = RatingsResult(changed=len(store.rate_many(user_id, given, now)), unknown=unknown)
    if idempotency_key is not None:
        store.keep_answer(key_id, idempotency_key, call, user_id, done.model_dump(), now)
    return done


# --- Put aside --------------------------------------------------------------------------------------------------------


class PutAside(BaseModel):
    film: Named
    kind: Dismissal
    since: datetime
    until: datetime | None


class Aside(BaseModel):
    films: list[PutAside]


class Change(BaseModel):
    """Whether anything is other than before."""

    changed: bool


@router.get("/aside", dependencies=READS)
def aside(shelf: OnShelf, store: InStore, now: Now, person: PersonId, kind: Dismissal | None = None) -> Aside:
    """Return what somebody has put aside: seen, not for them, or on the watchlist. Newest first."""
    put = store.site_taste(person, now).put_aside
    films = [
        PutAside(film=_named(shelf, p.movie_id), kind=p.kind, since=p.dismissed_at, until=p.expires_at)
        for p in put
        if kind is None or p.kind == kind
    ]
    return Aside(films=films)


@router.put("/aside/{kind}/{film}", dependencies=WRITES, responses=may_answer(404))
def put_aside(
    services: Serving, shelf: OnShelf, now: Now, person: PersonId, kind: Dismissal, film: FilmInPath
) -> Change:
    """Put a film aside: seen and not_for_me keep it out of the picks, the second for some months; watchlist keeps it
    for later."""
    found, store = film_named(shelf, film), services.store
    days = timedelta(days=services.settings.not_for_me_days)
    until = now + days if kind is Dismissal.NOT_FOR_ME else None
    user_id = store.site_person(person, now)
    return Change(changed=store.put_aside(user_id, found.id, kind, now, expires_at=until))


@router.delete("/aside/{kind}/{film}", dependencies=WRITES, responses=may_answer(404))
def take_back(shelf: OnShelf, store: InStore, person: PersonId, kind: Dismissal, film: FilmInPath) -> Change:
    """Put it aside no longer."""
    found, user_id = film_named(shelf, film), store.find_site_person(person)
    return Change(changed=user_id is not None and store.take_back(user_id, found.id, kind))


# --- What they were shown ---------------------------------------------------------------------------------------------


class Shown(Wire):
    """A list that was on somebody's screen. Left out, ``films`` are all of it; ``opened`` are those that they looked at
    more closely, which says that they were shown too."""

    list_id: ListId
    films: list[FilmRef] | None = Field(default=None, max_length=100)
    opened: list[FilmRef] = Field(default=[], max_length=100)


class FilmReception(BaseModel):
    """What became of one film of a list; null is not yet. ``stars`` are those given after it was first shown."""

    film: Named
    shown_at: datetime | None
    opened_at: datetime | None
    stars: float | None
    rated_at: datetime | None


class ListReception(BaseModel):
    """In the order of the list."""

    model_version: int | None
    films: list[FilmReception]


@router.post("/shown", status_code=204, dependencies=WRITES, responses=may_answer(404, 413))
def note_shown(shelf: OnShelf, store: InStore, now: Now, person: PersonId, shown: Shown) -> None:
    """Say that a list was really shown, and which of its films somebody opened, so that models are judged by what
    people take from them. Kept for 90 days. Said again, it changes nothing."""
    held = list_of(shown.list_id, "body.list_id")
    if held.model_version is not None:
        store.model_version(held.model_version)
    opened = _in_list(shelf, held, shown.opened, "body.opened")
    films = set(held.films) if shown.films is None else _in_list(shelf, held, shown.films, "body.films")
    user_id = store.site_person(person, now)
    store.note_shown(user_id, held.model_version, films | opened, now)
    store.note_opened(user_id, held.model_version, opened, now)


@router.get("/lists/{list_id}", dependencies=READS)
def reception(
    shelf: OnShelf, store: InStore, now: Now, person: PersonId, list_id: Annotated[str, Path(pattern=LIST_PATTERN)]
) -> ListReception:
    """Return what became of a list: which of its films this person was shown, opened, and rated afterwards.

    Films that a model's lists showed more than once were shown when they first were.
    """
    held, user_id = list_of(list_id, "path.list_id"), store.find_site_person(person)
    shown = {} if user_id is None else store.shown_by(user_id, held.model_version, held.films)
    rated = {rating.movie_id: rating for rating in store.site_taste(person, now).ratings}
    films = []
    for movie_id in held.films:
        told, rating = shown.get(movie_id), rated.get(movie_id)
        later = rating if told is not None and rating is not None and rating.rated_at > told.shown_at else None
        films.append(
            FilmReception(
                film=_named(shelf, movie_id),
                shown_at=told and told.shown_at,
                opened_at=told and told.opened_at,
                stars=later and later.stars,
                rated_at=later and later.rated_at,
            )
        )
    return ListReception(model_version=held.model_version, films=films)


def _in_list(shelf: Shelf, held: ListShown, refs: Sequence[FilmRef], field: str) -> set[int]:
    """Raises:
    Problem: the list has no such film.
    """
    films = set()
    for at, ref in enumerate(refs):
        film = film_named(shelf, ref)
        if film.id not in held.films:
            detail = f"{film.display_title} is not in this list"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not_in_list", detail, field=f"{field}.{at}")
        films.add(film.id)
    return films


# --- All that is kept of somebody -------------------------------------------------------------------------------------


class PastAct(BaseModel):
    """One line of somebody's history. ``model_version`` is the first model that has learned from it."""

    film: Named
    act: str
    stars: float | None
    previous_stars: float | None
    happened_at: datetime
    model_version: int | None


class Export(BaseModel):
    """All that is kept of somebody: what they rated and put aside now, and every act, oldest first. Somebody who is
    linked to the chat is one person, and this is all of them; ``linked_at`` says since when."""

    person: str
    linked_at: datetime | None
    ratings: list[Rated]
    aside: list[PutAside]
    acts: list[PastAct]


class Token(BaseModel):
    """A key for one person's own affairs, to be handed to their browser."""

    token: str
    expires_at: datetime


class TokenWanted(Wire):
    minutes: int = Field(default=60, ge=1, le=60 * 24 * 30, description="How long it is to be good for.")


@router.get("/export", dependencies=READS)
def export(shelf: OnShelf, store: InStore, now: Now, person: PersonId) -> Export:
    """Return all that is kept of somebody."""
    user_id = store.find_site_person(person)
    events = [] if user_id is None else store.events_of(user_id)
    acts = [
        PastAct(
            film=_named(shelf, event.movie_id),
            act=event.act,
            stars=event.stars,
            previous_stars=event.previous_stars,
            happened_at=event.happened_at,
            model_version=event.model_version,
        )
        for event in events
    ]
    link = None if user_id is None else store.link_of(user_id)
    return Export(
        person=person,
        linked_at=link and link.linked_at,
        ratings=ratings(shelf, store, now, person).ratings,
        aside=aside(shelf, store, now, person).films,
        acts=acts,
    )


@router.delete("", status_code=204, dependencies=WRITES)
def forget(store: InStore, person: PersonId) -> None:
    """Delete somebody, their ratings, what they put aside, their lists and tokens: at once and for good.

    Somebody who is linked to the chat is one person and is deleted there too. To part them first, delete the link.
    """
    user_id = store.find_site_person(person)
    if user_id is not None:
        store.forget(user_id)


@router.post("/tokens", status_code=201, dependencies=[Depends(site(Scope.WRITE))], responses=may_answer(413))
def make_token(store: InStore, now: Now, person: PersonId, wanted: TokenWanted) -> Token:
    """Make a token with which this person's browser may read and change their own affairs, and nobody else's."""
    user_id, expires_at = store.site_person(person, now), now + timedelta(minutes=wanted.minutes)
    secret, digest = keys.new_secret()
    number = store.add_key("token", Scope.PERSON, digest, now, user_id=user_id, expires_at=expires_at)
    return Token(token=keys.spell(number, secret), expires_at=expires_at)


def _named(shelf: Shelf, movie_id: int) -> Named:
    """Return a film's name; one that went with another edition of the data set has none."""
    film = shelf.films.by_id.get(movie_id)
    return Named(id=movie_id, title="") if film is None else named(film)
