"""Two hundred people at once, each with films and stars of their own, held to Telegram's flood limits."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import Services
from bot.frame.turns import GROUP_AT_ONCE
from bot.speech import buttons
from bot.speech.words import name
from bot.speech.words import stars as in_words
from tests import world
from tests.chat.reading import ENTRY, titles
from tests.clockwork import FastForward
from tests.fakes import FakeTelegram, Person

PEOPLE = 200
FILMS = {name(film): film.id for film in world.FILMS}
WELL_KNOWN = ("Heat", "Fargo", "Alien", "Casablanca", "Psycho", "High Noon", "The Matrix", "Amelie", "Unforgiven")
TITLES = {title.rpartition(" (")[0]: title for title in FILMS}


class Checker:
    """Somebody with ratings of their own, who checks every answer."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.chance = random.Random(person.id)
        self.ratings: dict[str, float] = {}
        self.taps = 0

    async def stay(self) -> None:
        await self.answer_questions()
        await self.look_at_picks()
        await self.change_their_mind()
        await self.write_faster_than_they_are_answered()
        await self.read_their_own_ratings()

    async def answer_questions(self) -> None:
        await self.person.says("/start")
        for number in range(1, 6):
            assert f"{number} of 5" in self.person.sees
            film, stars = self.person.sees.splitlines()[-1].partition(" · ")[0], self.stars()
            assert film not in self.ratings, "a film is asked about once"
            await self.press(in_words(stars))
            self.ratings[film] = stars
        assert "a first guess, from 5 ratings" in self.person.sees
        self.check_picks()

    async def look_at_picks(self) -> None:
        await self.person.says(self.chance.choice(["/top", "/top", "/top crime", "/top sci-fi after 1970"]))
        self.check_picks()
        if "Next ten" in self.person.buttons:
            await self.press("Next ten")
            self.check_picks()

    def check_picks(self) -> None:
        shown = titles(self.person.sees)
        assert shown
        assert not set(shown) & set(self.ratings)
        assert all(title in FILMS for title in shown)

    async def change_their_mind(self) -> None:
        """Rate two films by their cards, and take one of the two back."""
        unrated = [called for called in WELL_KNOWN if TITLES[called] not in self.ratings]
        for called in self.chance.sample(unrated, 2):
            stars = self.stars()
            await self.person.says(called.lower())
            assert self.person.sees.startswith(TITLES[called])
            await self.press(in_words(stars))
            assert self.person.sees.startswith(f"{called}, {in_words(stars)}. ")
            self.ratings[TITLES[called]] = stars
        await self.press("Undo")
        del self.ratings[TITLES[called]]

    async def write_faster_than_they_are_answered(self) -> None:
        calls = self.chance.sample(WELL_KNOWN, 3)
        await asyncio.gather(*(self.person.says(called) for called in calls))
        answers = [message.text for message in self.person.messages[-3:]]
        assert [text.partition(" · ")[0] for text in answers] == [TITLES[called] for called in calls]

    async def read_their_own_ratings(self) -> None:
        await self.person.says("/my")
        lines = [line for line in self.person.sees.splitlines() if ENTRY.match(line)]
        read = {film: line.split(" · ")[1] for line in lines for film in titles(line)}
        assert read == {film: in_words(stars) for film, stars in self.ratings.items()}

    async def press(self, label: str) -> None:
        await self.person.presses(label)
        self.taps += 1

    def stars(self) -> float:
        return self.chance.randint(1, 10) / 2


@pytest.mark.slow
def test_two_hundred_people_at_once_each_get_their_own_answers_and_none_is_lost(
    services: Services, telegram: FakeTelegram
):
    checkers = [Checker(telegram.person(1_000_000 + number, f"P{number}")) for number in range(PEOPLE)]
    with capture_logs() as lines:
        in_its_own_time(services, telegram, lambda: asyncio.gather(*(checker.stay() for checker in checkers)))

    assert {line["outcome"] for line in lines if line["event"] == "update_handled"} == {"ok"}
    assert not [line for line in lines if line["log_level"] not in ("info", "debug")]
    assert not telegram.open_queries, "every tap was answered"
    for checker in checkers:
        person = checker.person
        assert sum(answer.telegram_id == person.id for answer in telegram.answers) == checker.taps
        data = [button.data for message in person.messages for row in message.rows for button in row if button.data]
        assert {buttons.parse(value).owner for value in data} <= {0, person.id}
        known = services.store.find_person(person.id)
        assert known is not None
        kept = {rating.movie_id: rating.stars for rating in services.store.taste(known.id, world.NOW).ratings}
        assert kept == {FILMS[film]: stars for film, stars in checker.ratings.items()}
    assert services.store.people_counts()["ratings"] == sum(len(checker.ratings) for checker in checkers)
    assert complaints(services) == []


def in_its_own_time(services: Services, telegram: FakeTelegram, work: Callable[[], Awaitable[object]]) -> float:
    """Do something with the bot held to the limits, and return how many seconds it would have taken."""

    async def run() -> float:
        loop = asyncio.get_running_loop()
        telegram.limits_floods(loop.time)
        async with telegram.runs(build_application(services, FEATURES, request=telegram, flood_limits=True)):
            began = loop.time()
            await work()
            return loop.time() - began

    with asyncio.Runner(loop_factory=FastForward) as runner:
        seconds = runner.run(run())
    assert not telegram.floods_refused
    return seconds


def complaints(services: Services) -> list[object]:
    """The result of SQLite's integrity check."""
    with contextlib.closing(sqlite3.connect(services.settings.folder / "matinee.db")) as connection:
        found = (
            connection.execute("PRAGMA integrity_check").fetchall()
            + connection.execute("PRAGMA foreign_key_check").fetchall()
        )
    return [row for row in found if row != ("ok",)]


# Flood limits


def test_quick_fingers_wait_for_their_answers_and_nobody_else_does(services: Services, telegram: FakeTelegram):
    """Telegram refuses a bot that tells one person too much; it must not come to that."""
    anna, boris = telegram.person(1), telegram.person(2)
    waited: dict[str, float] = {}

    async def ask(person: Person, name: str, times: int) -> None:
        for _ in range(times):
            await person.says("/help")
        waited[name] = asyncio.get_running_loop().time()

    seconds = in_its_own_time(services, telegram, lambda: asyncio.gather(ask(anna, "anna", 40), ask(boris, "boris", 3)))
    assert len(anna.messages) == 40
    assert 30 <= seconds <= 40
    assert waited["boris"] < 2


def test_a_group_is_told_no_more_than_it_may_be(services: Services, telegram: FakeTelegram):
    """Messages that would wait for more than a minute are silently dropped; the log says so once."""
    club = telegram.group()
    people = [telegram.person(number).at(club) for number in range(1, 31)]

    async def ask() -> None:
        await asyncio.gather(*(person.says("/help") for person in people))

    with capture_logs() as lines:
        seconds = in_its_own_time(services, telegram, ask)
    assert len(people[0].messages) == GROUP_AT_ONCE
    assert 55 <= seconds <= 65
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["group_turned_away"]


@pytest.mark.parametrize("tapping", [False, True])
def test_a_busy_group_holds_nobody_up(services: Services, telegram: FakeTelegram, tapping: bool):
    """More people of a group write, or tap, than are worked on at once; a private chat goes on."""
    club = telegram.group()
    crowd = [telegram.person(number).at(club) for number in range(100, 190)]
    anna = telegram.person(1)
    waited: list[float] = []

    async def ask() -> None:
        await crowd[0].says("/top")
        message = crowd[0].message
        busy = [
            asyncio.create_task(
                person.forges(buttons.pack(buttons.NewPicks(person.id)), in_message=message)
                if tapping
                else person.says("/top")
            )
            for person in crowd
        ]
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(1)
        await anna.says("/help")
        waited.append(asyncio.get_running_loop().time() - began)
        await asyncio.gather(*busy)

    in_its_own_time(services, telegram, ask)
    assert anna.messages
    assert waited[0] < 6


def test_when_telegram_asks_for_patience_all_wait_and_nothing_is_lost(services: Services, telegram: FakeTelegram):
    people = [telegram.person(number) for number in range(1, 21)]
    telegram.floods("sendMessage", retry_after_seconds=7, times=1)
    seconds = in_its_own_time(services, telegram, lambda: asyncio.gather(*(person.says("/help") for person in people)))
    assert [len(person.messages) for person in people] == [1] * 20
    assert seconds >= 7
