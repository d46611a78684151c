"""No tap is lost, and none is answered twice: when an answer fails, the process ends, or an update comes again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from telegram.error import RetryAfter, TimedOut

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import App, Services
from bot.frame.errors import DATABASE_DOWN
from bot.frame.flood import FloodLimits, Slots
from bot.frame.inbox import Inbox
from engine.store import Store
from engine.store.chat.inbox import MOST_TRIES, REMEMBERED
from tests import world
from tests.chat.conftest import ANNA
from tests.clockwork import FastForward
from tests.fakes import ApiError, FakeTelegram, Json, Person, too_many_requests


@dataclass(frozen=True)
class Bot:
    """A running bot, seen from its intake of updates."""

    application: App
    inbox: Inbox

    async def takes(self, *updates: Json) -> None:
        """Have updates come in, and wait until they have been handled."""
        await self.inbox.receive(self.application, updates)
        await self.has_handled_all()

    async def takes_up_what_was_left(self) -> None:
        await self.inbox.replay(self.application)
        await self.has_handled_all()

    async def has_handled_all(self) -> None:
        async with asyncio.timeout(30):
            while self.inbox.at_hand:  # noqa: ASYNC110 - a number of the bot's, which tells nobody
                await asyncio.sleep(0.005)


Runs = Callable[[], AbstractAsyncContextManager[Bot]]


@pytest.fixture
def runs(services: Services, telegram: FakeTelegram) -> Runs:
    """Run the bot: ``async with runs() as bot:``."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Bot]:
        application = build_application(services, FEATURES, request=telegram)
        async with telegram.runs(application):
            yield Bot(application, application.bot_data["inbox"])

    return run


@pytest.fixture
def someone(telegram: FakeTelegram) -> Person:
    """Anna, where the bot need not be running."""
    return telegram.person(ANNA)


def said(person: Person, text: str) -> Json:
    return person.telegram.message_update(person.user, person.chat, text)


def tapped(person: Person, label: str) -> Json:
    """The update of a tap on a button of what the person sees."""
    button = person.message.button(label)
    assert button is not None, f"no button {label!r}; on screen:\n{person.screen}"
    assert button.data is not None
    return person.telegram.press_update(person.user, person.message, button.data)


def left_behind(store: Store, *updates: Json, answered: bool = False) -> None:
    """A process took these updates in, and was killed."""
    store.keep_updates({update["update_id"]: json.dumps(update) for update in updates})
    store.keep_updates(answered={update["update_id"]: answered for update in updates})


def stars(store: Store) -> dict[str, float]:
    """Anna's stars, by film."""
    person = store.find_person(ANNA)
    ratings = () if person is None else store.taste(person.id, world.NOW).ratings
    return {world.NAMES[rating.movie_id]: rating.stars for rating in ratings}


def acts(store: Store) -> list[str]:
    person = store.find_person(ANNA)
    return [] if person is None else [event.act for event in store.events_of(person.id)]


@contextmanager
def down(store: Store) -> Iterator[None]:
    """Make the database unreachable during the block."""
    there, store.db = store.db, Store("postgresql://nobody:none@127.0.0.1:1/none").db
    try:
        yield
    finally:
        store.db = there


# An answer that fails


@pytest.mark.parametrize(
    "error",
    [ApiError(500, "Internal Server Error"), TimedOut(), httpx.ReadError("broken"), too_many_requests(1)],
    ids=["500", "time-out", "broken connection", "429"],
)
async def test_a_tap_counts_though_its_answer_fails(
    anna: Person, telegram: FakeTelegram, store: Store, error: Exception
):
    await anna.says("heat")
    if isinstance(error, httpx.TransportError):
        telegram.loses("answerCallbackQuery", error)
    else:
        telegram.fails("answerCallbackQuery", error)
    with telegram.allows_errors() as errors:
        await anna.presses("4½")
    assert errors == []
    assert stars(store) == {"Heat": 4.5}
    assert anna.sees.startswith("Heat, 4½.")


async def test_what_was_not_saved_is_said_over_the_button_where_the_first_answer_failed(
    anna: Person, telegram: FakeTelegram, store: Store
):
    await anna.says("heat")
    telegram.fails("answerCallbackQuery", ApiError(500, "Internal Server Error"))
    with down(store):
        await anna.presses("4½")
    assert anna.toast == DATABASE_DOWN
    assert stars(store) == {}


# A process that ends


async def test_what_an_earlier_process_left_behind_is_done_in_its_order(runs: Runs, someone: Person, store: Store):
    async with runs() as bot:
        await bot.takes(said(someone, "heat"))
    left_behind(store, tapped(someone, "2"), tapped(someone, "4½"))
    async with runs() as bot:
        await bot.takes_up_what_was_left()
    assert stars(store) == {"Heat": 4.5}
    assert someone.sees.startswith("Heat, 4½.")
    assert store.waiting_updates() == [], "the inbox is empty again"


async def test_a_tap_that_was_done_before_the_end_is_one_act(
    runs: Runs, someone: Person, telegram: FakeTelegram, store: Store
):
    """The process was killed after it had saved the stars, and before it had noted that the tap was dealt with."""
    async with runs() as bot:
        await bot.takes(said(someone, "heat"))
        tap = tapped(someone, "4½")
        await bot.takes(tap)
    left_behind(store, tap | {"again": 1})
    async with runs() as bot:
        await bot.takes_up_what_was_left()
    assert acts(store) == ["rated"]
    assert len(someone.messages) == 1


async def test_an_answer_that_may_have_been_sent_is_not_sent_again(
    runs: Runs, someone: Person, telegram: FakeTelegram, store: Store
):
    left_behind(store, said(someone, "/top"), answered=True)
    async with runs() as bot:
        await bot.takes_up_what_was_left()
    assert telegram.called("sendMessage") == []
    assert store.waiting_updates() == []


async def test_an_answer_that_was_surely_not_sent_is_sent_after_the_restart(
    runs: Runs, someone: Person, telegram: FakeTelegram, store: Store
):
    """Telegram had asked to wait, and the process ended while it did."""
    update = said(someone, "/help")
    async with runs() as bot:
        telegram.floods("sendMessage", retry_after_seconds=30)
        await bot.takes(update)
    assert someone.messages == []
    assert not store.keep_updates({update["update_id"]: json.dumps(update)}), "it has been seen"
    async with runs() as bot:
        left_behind(store, update | {"again": 1})
        await bot.takes_up_what_was_left()
    assert len(someone.messages) == 1


async def test_undo_is_not_undone_by_doing_it_again(runs: Runs, someone: Person, store: Store):
    """/undo takes back the latest act; done a second time it would take back the undo."""
    async with runs() as bot:
        await bot.takes(said(someone, "heat"))
        await bot.takes(tapped(someone, "4½"))
        undo = said(someone, "/undo")
        await bot.takes(undo)
        assert stars(store) == {}
    left_behind(store, undo | {"again": 1}, answered=True)
    async with runs() as bot:
        await bot.takes_up_what_was_left()
    assert stars(store) == {}


async def test_what_ends_the_process_each_time_is_given_up_and_nothing_else(
    services: Services, someone: Person, telegram: FakeTelegram, store: Store
):
    """Updates that only waited behind it, as often, have not been tried."""
    deadly, harmless = said(someone, "/top"), said(someone, "/help")
    left_behind(store, deadly, harmless)
    for _ in range(MOST_TRIES):
        application = build_application(services, FEATURES, request=telegram)
        inbox = application.bot_data["inbox"]
        await inbox.replay(application)
        assert inbox.at_hand == 2
        await inbox.begins(deadly["update_id"])  # and the process ends
    assert [json.loads(waiting.body) for waiting in store.waiting_updates()] == [harmless]


async def test_what_is_at_hand_when_the_bot_stops_is_left_for_the_next(
    runs: Runs, someone: Person, services: Services, store: Store
):
    """A stop waits some seconds; then connections close, and updates that fail because of that count as unhandled."""
    async with runs() as bot:
        await bot.takes(said(someone, "heat"))
        await bot.inbox.close()
        await bot.inbox.receive(bot.application, [tapped(someone, "4½")])
        await bot.application.update_queue.join()
    assert len(store.waiting_updates()) == 1


# An update that returns


async def test_an_update_that_comes_twice_is_answered_once(runs: Runs, someone: Person, telegram: FakeTelegram):
    """At the same moment, later, and after a restart."""
    update = said(someone, "/help")
    async with runs() as bot:
        await bot.takes(update, update)
        await bot.takes(update)
    async with runs() as bot:
        await bot.takes(update)
    assert len(someone.messages) == 1


async def test_another_telegram_may_count_from_where_this_one_did(runs: Runs, someone: Person):
    """Updates are also distinguished by their content: ids belong to one bot, and a database may see another bot."""
    update, other = said(someone, "/help"), said(someone, "/privacy")
    async with runs() as bot:
        await bot.takes(update)
        await bot.takes(other | {"update_id": update["update_id"]})
    assert len(someone.messages) == 2


def test_only_the_latest_updates_are_remembered_and_only_by_their_numbers(store: Store):
    for first in range(1, 2 * REMEMBERED, 100):
        ids = range(first, first + 100)
        store.keep_updates(dict.fromkeys(ids, "{}"))
        store.keep_updates(handled=ids)
    assert store.keep_updates(dict.fromkeys(range(1, 2 * REMEMBERED, 100), "{}")) == set(range(1, REMEMBERED, 100))


# A database that is away


async def test_while_the_database_is_away_an_update_is_kept_until_its_sender_knows(
    runs: Runs, someone: Person, store: Store
):
    """Telegram is told that we have it when ``receive`` returns."""
    async with runs() as bot:
        await bot.takes(said(someone, "heat"))
        with down(store):
            await bot.inbox.receive(bot.application, [said(someone, "/top")])
            assert someone.sees == DATABASE_DOWN
        await bot.takes(said(someone, "/help"))
    assert store.waiting_updates() == []


# Updates that the library cannot read


async def test_an_update_that_cannot_be_read_holds_nothing_up(runs: Runs, someone: Person, store: Store):
    unreadable = said(someone, "x")
    unreadable["message"]["poll"] = {"id": "1", "question": "private", "options": [{"text": "a", "voter_count": 0}]}
    with capture_logs() as lines:
        async with runs() as bot:
            await bot.takes(unreadable, said(someone, "/help"))
            await bot.takes(said(someone, "/help"))
    assert len(someone.messages) == 2
    assert store.waiting_updates() == []
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["update_unreadable"]
    assert "private" not in json.dumps(lines, default=str)


# Edits that change nothing


async def test_an_edit_that_changes_nothing_is_not_asked_for(anna: Person, telegram: FakeTelegram):
    await anna.says("heat")
    card = anna.message
    for _ in range(3):
        await anna.presses("4½", in_message=card)
    assert len(telegram.called("editMessageText")) == 1


async def test_a_message_whose_edit_failed_is_edited_again(anna: Person, telegram: FakeTelegram):
    await anna.says("heat")
    card = anna.message
    telegram.times_out("editMessageText")
    await anna.presses("4½", in_message=card)
    await anna.presses("4½", in_message=card)
    assert anna.sees.startswith("Heat, 4½.")


# How fast


def calls_of(work: Any) -> list[tuple[float, str]]:
    """Run ``work(limits, call)``; return when each call went out, and where."""
    went: list[tuple[float, str]] = []

    async def run() -> None:
        limits = FloodLimits(Slots(64))

        async def call(endpoint: str, *, refuse: list[int] | None = None, **data: Any) -> None:
            async def send() -> None:
                went.append((asyncio.get_running_loop().time(), f"{endpoint} {data.get('chat_id', '')}".strip()))
                if refuse:
                    raise RetryAfter(refuse.pop())

            await limits.process_request(send, (), {}, endpoint, data, None)

        await work(call)

    with asyncio.Runner(loop_factory=FastForward) as runner:
        runner.run(run())
    return went


def test_in_any_second_no_more_than_thirty_calls_go_out_answers_to_taps_too():
    async def burst(call: Any) -> None:
        people = range(1, 101)
        taps = [call("answerCallbackQuery") for _ in people]
        await asyncio.gather(*taps, *(call("editMessageText", chat_id=person) for person in people))

    times = [at for at, _ in calls_of(burst)]
    assert max(sum(start <= at < start + 1 for at in times) for start in times) <= 28  # polls come on top


def test_where_telegram_asks_one_chat_to_wait_others_do_not():
    async def work(call: Any) -> None:
        held = asyncio.create_task(call("sendMessage", chat_id=1, refuse=[30]))
        await asyncio.sleep(1)
        await asyncio.gather(
            held, call("sendMessage", chat_id=1), call("sendMessage", chat_id=2), call("answerCallbackQuery")
        )

    went = calls_of(work)
    when = {where: [at for at, there in went if there == where] for _, where in went}
    assert max(when["sendMessage 2"] + when["answerCallbackQuery"]) < 2
    first, *later = when["sendMessage 1"]
    assert first < 1
    assert len(later) == 2
    assert min(later) >= 30
