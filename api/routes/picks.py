"""Picks: for a person of the site, and for nobody in particular, from ratings that are sent along."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query

from api.context import InStore, Now, OnShelf
from api.guard import PersonId, anybody, one_person
from api.lists import cursor_of, list_id_of, shown_by
from api.problems import may_answer
from api.routes import Routes
from api.routes.films import FilmInPath
from api.shapes import (
    Film,
    FilmId,
    FilmList,
    Pick,
    Picks,
    PicksWanted,
    Question,
    QuestionWanted,
    Wanted,
    WantedOf,
    film_named,
    known_ids,
    stars_of,
)
from api.shapes import Taste as TasteSent
from engine.domain import Rating
from engine.serving import advice, answers
from engine.serving.library import Shelf
from engine.store import Dismissal, Put, Scope, Store, Taste

sent_along = Routes(
    prefix="/v1", tags=["picks"], dependencies=[Depends(anybody)], responses=may_answer(401, 404, 413, 422, 429, 503)
)
of_person = Routes(
    prefix="/v1/people/{person}",
    tags=["picks"],
    dependencies=[Depends(one_person(Scope.READ))],
    responses=may_answer(401, 403, 413, 422, 429, 503),
)


@sent_along.post("/picks")
def picks_for_ratings(store: InStore, shelf: OnShelf, now: Now, wanted: PicksWanted) -> Picks:
    """Return picks for somebody whose ratings come with the request. Nothing is kept."""
    taste = _taste_sent(shelf, wanted, now)
    return _page(store, shelf, taste, wanted, wanted)


@sent_along.post("/question")
def question_for_ratings(shelf: OnShelf, now: Now, wanted: QuestionWanted) -> Question:
    """Return the film that somebody should be asked to rate next. Nothing is kept."""
    taste = _taste_sent(shelf, wanted, now)
    return _question(shelf, taste, known_ids(shelf, wanted.not_seen))


@of_person.get("/picks")
def picks_of_person(
    store: InStore, shelf: OnShelf, now: Now, person: PersonId, wanted: Annotated[Wanted, Query()]
) -> Picks:
    """Return somebody's picks, best first, as their latest rating wants them; none that they rated or put aside.

    An unknown person gets the average person's picks.
    """
    return _page(store, shelf, store.site_taste(person, now), wanted, None)


@of_person.post("/picks")
def picks_among(store: InStore, shelf: OnShelf, now: Now, person: PersonId, wanted: WantedOf) -> Picks:
    """Return somebody's picks, chosen from films that are named, or without them."""
    return _page(store, shelf, store.site_taste(person, now), wanted, wanted)


@of_person.get("/question")
def question(
    store: InStore,
    shelf: OnShelf,
    now: Now,
    person: PersonId,
    not_seen: Annotated[list[FilmId] | None, Query(max_length=500, description="Films not to ask about.")] = None,
) -> Question:
    """Return the film that this person should be asked to rate next."""
    return _question(shelf, store.site_taste(person, now), not_seen or ())


@of_person.get("/similar/{film}", responses=may_answer(404))
def similar_for(
    store: InStore,
    shelf: OnShelf,
    now: Now,
    person: PersonId,
    film: FilmInPath,
    limit: Annotated[int, Query(ge=1, le=20)] = 10,
) -> FilmList:
    """Return films like one, most alike first, without those that this person has seen or does not want."""
    found = film_named(shelf, film)
    films = advice.like(shelf, store.site_taste(person, now), found, store.similar(found.id))
    return FilmList(films=[Film.of(other) for other in films[:limit]])


def _taste_sent(shelf: Shelf, sent: TasteSent, now: datetime) -> Taste:
    stars = {
        film_named(shelf, given.film).id: stars_of(shelf, given.stars, f"body.ratings.{at}.stars")
        for at, given in enumerate(sent.ratings)
    }
    ratings = tuple(Rating(movie_id, value, now) for movie_id, value in stars.items())
    aside = tuple(Put(film, Dismissal.NOT_FOR_ME, now, None) for film in known_ids(shelf, sent.not_for_me))
    return Taste(0, ratings, aside, waiting=len(ratings))


def _page(store: Store, shelf: Shelf, taste: Taste, wanted: Wanted, among: WantedOf | None) -> Picks:
    shown = shown_by(wanted.cursor)
    out = shown if among is None else shown | known_ids(shelf, among.exclude)
    lines = answers.current_picks(
        store,
        shelf,
        taste,
        wanted.wish(shelf),
        leave_out=out,
        only=None if among is None or among.only is None else known_ids(shelf, among.only),
        limit=wanted.limit,
        reasons=wanted.reasons,
        diversity=wanted.diversity,
    )
    full = len(lines) == wanted.limit
    return Picks(
        list_id=list_id_of(shelf.version, [line.film.id for line in lines]),
        model_version=shelf.version,
        ratings=len(taste.ratings),
        films=[Pick.at(len(shown) + at, line) for at, line in enumerate(lines, start=1)],
        next=cursor_of(shown | {line.film.id for line in lines}) if full else None,
    )


def _question(shelf: Shelf, taste: Taste, not_seen: Collection[int]) -> Question:
    film = advice.question(shelf, taste, not_seen)
    return Question(film=None if film is None else Film.of(film))
