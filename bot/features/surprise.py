"""/surprise: one safe film, one near, one wild, and why."""

from datetime import datetime, timedelta

from bot.features import surprise_views
from bot.features.memory import Memory, in_preferences
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons
from engine.serving import advice
from engine.serving.advice import Surprise
from engine.serving.library import Shelf
from engine.store import Person, Store

AT_ONCE = timedelta(0)
"""A surprise begins to rest at once: no list needs to show it again soon."""


def handlers() -> list[Handler]:
    return [command("surprise", surprise, private=True), tap(buttons.MoreSurprises, more_surprises)]


async def surprise(visit: Visit) -> None:
    """/surprise: show three films that no earlier surprise, and lately nothing else, has shown."""
    films = await visit.store(choose, visit.shelf, visit.person, visit.now)
    await visit.show(surprise_views.surprise(visit.owner, films))


async def more_surprises(visit: Visit, _button: buttons.MoreSurprises) -> None:
    await surprise(visit)


def choose(store: Store, shelf: Shelf, person: Person, now: datetime) -> Surprise:
    """Choose three films, and remember that they were shown."""
    memory, taste = Memory.parse(person.preferences), store.taste(person.id, now)
    near = advice.favourite(shelf, taste, turn=len(memory.surprised) // 3)
    alike = store.similar(near.id) if near is not None else []
    published = store.recommendations(person.id) if not taste.waiting else []
    not_again = {*memory.surprised, *memory.resting(now)}
    films = advice.surprise(
        shelf, taste, near, alike, published=published, leave_out=not_again, shown=memory.shown_lately(now)
    )
    if not films.lines:  # lists have shown all others: repeating one is better than showing none
        films = advice.surprise(shelf, taste, near, alike, published=published, leave_out=memory.surprised)
    shown = [line.film.id for line in films.lines]
    noted = in_preferences(lambda memory: memory.surprise(shown).show(shown, now, sitting=AT_ONCE))
    store.note_shown(person.id, shelf.version, shown, now, remember=noted)
    return films
