"""Random conversations: any command, any button on screen, any text, forged data; always an answer, never a failure."""

import random
import string

import pytest

from bot.features import account_views, admin_views
from bot.frame.context import App
from bot.speech import buttons
from engine.store import Store
from tests import world
from tests.chat.conftest import ANNA, SettableClock
from tests.chat.reading import listed, titles
from tests.fakes import FakeTelegram, Message, Person

STEPS = 120
WORDS = [
    *world.NAMES.values(), "sci-fi 80s", "comedy -horror after 1990", "m_20", "m_9999", "1", "the matrx", "sabrina",
    "<b>&amp;", "🎬", "%s", "{title}", "\\", "a" * 300, "2", "western",
]  # fmt: skip
COMMANDS = [name for name, _ in (*account_views.COMMANDS, *admin_views.COMMANDS)] + ["nonsense"]


class Walker:
    """Somebody who does random things."""

    def __init__(self, person: Person, chance: random.Random, *, at_home: bool = True) -> None:
        self.person = person
        self.chance = chance
        self.at_home = at_home
        self.done: list[str] = []

    async def step(self) -> None:
        """Do one thing, and demand an answer to it."""
        person, chance = self.person, self.chance
        messages, toasts = shown(person), len(person.telegram.answers)
        act = chance.choices(["press", "command", "text", "forge", "old"], [8, 4, 2 * self.at_home, 2, 2])[0]
        if act in ("press", "old") and person.messages:
            message = person.message if act == "press" else chance.choice(person.messages)
            labels = [button.label for row in message.rows for button in row if button.data is not None]
            if not labels:
                return
            label = chance.choice(labels)
            self.done.append(f">{label} in {message.text[:40]!r}")
            await person.presses(label, in_message=message)
            assert len(person.telegram.answers) > toasts
        elif act == "forge" and person.messages:
            data = self.forged()
            self.done.append(f"forged {data}")
            await person.forges(data)
            assert len(person.telegram.answers) > toasts
        else:
            words = chance.choice(WORDS) if act == "text" or chance.random() < 0.5 else ""
            commands = COMMANDS if self.at_home else COMMANDS[:-1]  # an unknown one may be another bot's
            text = words if act == "text" else f"/{chance.choice(commands)} {words}".strip()
            self.done.append(text)
            await person.says(text)
            assert shown(person) > messages, f"no answer to {text!r}"

    def forged(self) -> str:
        chance = self.chance
        code = chance.choice([*buttons.kinds(), "zz", ""])
        values = [str(self.person.id), *(str(chance.choice([0, 1, 2, 9, 20, 603, 2**31, -1])) for _ in range(3))]
        values += [chance.choice(["-0_1", "p1_1", "x", "s", "n", "w"])]
        data = ":".join([code, *chance.sample(values, chance.randint(0, 4))])
        return data if chance.random() < 0.9 else "".join(chance.choices(string.printable, k=20))


def shown(person: Person) -> int:
    """How much has been shown to somebody so far."""
    return max((message.at for message in person.messages), default=0)


def check_picks(message: Message, store: Store, clock: SettableClock) -> bool:
    """Check that a list of picks holds no film that was rated or put aside before it was shown.

    Returns:
        Whether the message is a list of picks.
    """
    person = store.find_person(ANNA)
    picks = "for you ·" in message.text or message.text.startswith("Liked by most people")
    if person is None or not picks or not listed(message.text):
        return False
    hidden = store.taste(person.id, clock()).hidden
    names = {f"{film.display_title} ({film.year})" for film in world.FILMS if film.id in hidden}
    assert not set(titles(message.text)) & names
    return True


@pytest.mark.parametrize("seed", range(8))
async def test_every_step_of_any_conversation_is_answered(
    seed: int, anna: Person, admin: Person, telegram: FakeTelegram, store: Store, clock: SettableClock
):
    chance = random.Random(seed)
    walkers = [Walker(anna, chance), Walker(admin, chance)]
    for _ in range(STEPS):
        walker = chance.choices(walkers, [3, 1])[0]
        try:
            await walker.step()
            if anna.messages and walker.person is anna:
                check_picks(anna.message, store, clock)
            if chance.random() < 0.1:
                await walker.person.repeats()
            if chance.random() < 0.1:
                clock.advance(minutes=chance.choice([1, 100, 200_000]))
                await telegram.run_jobs("follow_runs")
        except AssertionError as error:
            raise AssertionError(f"after {walker.done[-6:]}: {error}") from error
    await everything_undone(anna, store, clock)
    await anna.says("/top")
    assert check_picks(anna.message, store, clock), anna.sees


@pytest.mark.parametrize("seed", range(4))
async def test_every_step_in_a_group_is_answered(
    seed: int, application: App, telegram: FakeTelegram, clock: SettableClock
):
    """Three people at once, with each other's buttons; only their talk among themselves is not answered."""
    chance, club = random.Random(seed), telegram.group()
    people = [telegram.person(2000 + n, f"P{n}", language) for n, language in enumerate(("en", "de", "es"))]
    walkers = [Walker(person.at(club), chance, at_home=False) for person in people]
    for _ in range(STEPS):
        walker = chance.choice(walkers)
        try:
            await walker.step()
            if chance.random() < 0.05:
                clock.advance(minutes=chance.choice([1, 100, 600]))
                await telegram.run_jobs("end_nights")
        except AssertionError as error:
            raise AssertionError(f"after {walker.done[-6:]}: {error}") from error
    others = [call for call in telegram.calls if call.params.get("chat_id") not in (None, club["id"])]
    assert not others, "what is asked in a group is answered there"


async def everything_undone(anna: Person, store: Store, clock: SettableClock) -> None:
    """Check that an undo restores exactly the state before."""
    person = store.find_person(ANNA)
    before = {rating.movie_id: rating.stars for rating in store.taste(person.id, clock()).ratings} if person else {}
    await anna.says("/settings")
    await anna.presses("English")
    await anna.says("heat")
    await anna.presses("½" if before.get(30) != 0.5 else "5")
    await anna.presses("Undo")
    person = store.find_person(ANNA)
    assert person is not None
    assert {rating.movie_id: rating.stars for rating in store.taste(person.id, clock()).ratings} == before
