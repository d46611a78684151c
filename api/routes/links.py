"""Links a person of the site with the same person in the chat, by a code, and unlinks them."""

from datetime import datetime, timedelta

from fastapi import Depends
from pydantic import BaseModel, Field

from api.context import InStore, Now
from api.guard import PersonId, one_person
from api.problems import may_answer
from api.routes import Routes
from api.shapes import Wire
from engine.store import Scope

router = Routes(prefix="/v1/people/{person}/link", tags=["links"], responses=may_answer(401, 403, 422, 429, 503))

WRITES = [Depends(one_person(Scope.WRITE))]


class CodeWanted(Wire):
    minutes: int = Field(default=15, ge=1, le=60, description="How long the code is to be good for.")


class Code(BaseModel):
    """The texts to show the person: ``say`` is for them to send to the chat, ``start`` goes into a link to it,
    https://t.me/YOUR_BOT?start=… The code is good once, and only the last one is."""

    code: str = Field(examples=["7KQ4-M2XD"])
    say: str = Field(examples=["/link 7KQ4-M2XD"])
    start: str = Field(examples=["link_7KQ4M2XD"])
    expires_at: datetime


class LinkState(BaseModel):
    """Since when this person and one of the chat are one; null if they are not."""

    linked_at: datetime | None


@router.post("", status_code=201, dependencies=WRITES, responses=may_answer(409, 413))
def ask_code(store: InStore, now: Now, person: PersonId, wanted: CodeWanted) -> Code:
    """Ask for a code that the person says in the chat, to be one person there and here.

    From then on whatever is rated in one place counts in both; of two ratings of one film the newer stays.
    """
    expires_at = now + timedelta(minutes=wanted.minutes)
    code = store.offer_link(store.site_person(person, now), now, expires_at)
    dashed = f"{code[:4]}-{code[4:]}"
    return Code(code=dashed, say=f"/link {dashed}", start=f"link_{code}", expires_at=expires_at)


@router.get("", dependencies=[Depends(one_person(Scope.READ))])
def link(store: InStore, person: PersonId) -> LinkState:
    """Return whether somebody is linked to the chat, without saying to whom."""
    user_id = store.find_site_person(person)
    held = None if user_id is None else store.link_of(user_id)
    return LinkState(linked_at=held and held.linked_at)


@router.delete("", status_code=204, dependencies=WRITES)
def unlink(store: InStore, now: Now, person: PersonId) -> None:
    """Part the two: this person has again what they had before, and the chat keeps what was rated since."""
    user_id = store.find_site_person(person)
    if user_id is not None:
        store.unlink(user_id, now)
