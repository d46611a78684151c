"""Several people at once: films that suit them all."""

from typing import Annotated

from fastapi import Depends
from pydantic import Field, StringConstraints

from api.context import InStore, Now, OnShelf, Serving
from api.guard import PERSON_ID, site
from api.lists import cursor_of, list_id_of, shown_by
from api.problems import may_answer
from api.routes import Routes
from api.shapes import Among, Film, FilmList, Kind, known_ids
from engine.serving import group
from engine.store import Scope

router = Routes(prefix="/v1/groups", tags=["groups"], responses=may_answer(401, 403, 413, 422, 429, 503))


class GroupWanted(Kind, Among):
    """The people who are in, by the site's ids. A person without ratings counts as the average person."""

    people: list[Annotated[str, StringConstraints(pattern=PERSON_ID)]] = Field(min_length=1, max_length=50)
    misery: float | None = Field(
        default=None, ge=0, le=1, description="How much the least happy one counts: 1 only they do, 0 only the average."
    )


class GroupPicks(FilmList):
    """Best for all first. ``list_id`` names the list, for each person to whom it is shown; ``next`` asks for the films
    after these."""

    list_id: str
    next: str | None


@router.post("/picks", dependencies=[Depends(site(Scope.READ))])
def picks_for_all(services: Serving, store: InStore, shelf: OnShelf, now: Now, wanted: GroupWanted) -> GroupPicks:
    """Return films that suit a group: none that any of them has rated, seen, or does not want."""
    shown = shown_by(wanted.cursor)
    films = group.proposals(
        shelf,
        [store.site_taste(person, now) for person in dict.fromkeys(wanted.people)],
        wanted.wish(shelf),
        misery=services.settings.night_misery if wanted.misery is None else wanted.misery,
        leave_out=shown | known_ids(shelf, wanted.exclude),
        only=None if wanted.only is None else known_ids(shelf, wanted.only),
        limit=wanted.limit,
    ).films
    after = cursor_of(shown | {film.id for film in films}) if len(films) == wanted.limit else None
    list_id = list_id_of(shelf.version, [film.id for film in films])
    return GroupPicks(list_id=list_id, films=[Film.of(film) for film in films], next=after)
