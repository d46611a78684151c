"""The steps that every update passes, whichever feature answers it: turns, errors, the log."""

import asyncio
import gc
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import InvalidToken
from telegram.ext import (
    CallbackQueryHandler,
    CommandHandler,
    InlineQueryHandler,
    MessageHandler,
    filters,
)

from bot.frame.application import build_application
from bot.frame.context import App, Context, Handler, Services
from bot.frame.errors import DATABASE_DOWN, SOMETHING_WRONG
from bot.frame.flood import FloodLimits, Slots
from bot.frame.talk import Visit, command, tap
from bot.frame.turns import InTurn, pseudonym
from bot.speech.buttons import NewPicks, pack
from bot.speech.views import View, press
from bot.speech.words import Html
from engine.domain import BadStars
from engine.log import set_up_logging
from engine.store import Store, StoreUnavailable
from tests.chat.conftest import ANNA
from tests.fakes import TOKEN, ApiError, FakeTelegram

Runs = Callable[..., AbstractAsyncContextManager[App]]
Callback = Callable[[Update, Context], Any]


def feature(*handlers: Handler, jobs: Callable[[App], None] | None = None) -> Any:
    """A module of features with these handlers."""
    return SimpleNamespace(handlers=lambda: list(handlers), **({"jobs": jobs} if jobs else {}))


@pytest.fixture
def runs(services: Services, telegram: FakeTelegram) -> Runs:
    """Run a bot of a few handlers: ``async with runs(handler, …):``."""

    @asynccontextmanager
    async def run(*handlers: Handler, jobs: Callable[[App], None] | None = None) -> AsyncIterator[App]:
        application = build_application(services, [feature(*handlers, jobs=jobs)], request=telegram)
        async with telegram.runs(application):
            yield application

    return run


def raising(error: Exception) -> Callback:
    async def fail(update: Update, context: Context) -> None:
        raise error

    return fail


def on_text(callback: Callback) -> Handler:
    return MessageHandler(filters.TEXT, callback)


def on_tap(callback: Callback) -> Handler:
    return CallbackQueryHandler(callback)


def unreachable() -> StoreUnavailable:
    """The store's error if no database listens at its address."""
    try:
        Store("postgresql://nobody:secret@127.0.0.1:1/none").ping()
    except StoreUnavailable as e:
        return e
    raise AssertionError("somebody listens on port 1")


# Turns


async def test_updates_of_one_person_are_handled_in_the_order_in_which_they_came(runs: Runs, telegram: FakeTelegram):
    """Even if the first takes longest."""
    done: list[str] = []

    async def answer(update: Update, context: Context) -> None:
        text = update.message.text
        await asyncio.sleep({"first": 0.05, "second": 0.02}.get(text, 0))
        done.append(text)

    anna = telegram.person(ANNA)
    async with runs(on_text(answer)):
        await asyncio.gather(*(anna.says(text) for text in ("first", "second", "third")))
    assert done == ["first", "second", "third"]


async def test_different_people_do_not_wait_for_each_other(runs: Runs, telegram: FakeTelegram):
    both_are_here = asyncio.Barrier(2)
    met: set[str] = set()

    async def answer(update: Update, context: Context) -> None:
        await asyncio.wait_for(both_are_here.wait(), 5)
        met.add(update.message.text)

    async with runs(on_text(answer)):
        await asyncio.gather(telegram.person(1).says("a"), telegram.person(2).says("b"))
    assert met == {"a", "b"}


def message_from(telegram_id: int) -> Update:
    telegram = FakeTelegram()
    person = telegram.person(telegram_id)
    update = Update.de_json(telegram.message_update(person.user, person.chat, "x"), None)
    assert update is not None
    return update


async def test_one_persons_flood_holds_nobody_up():
    """Two updates may be in progress at once. One person sends ten that take for ever, and another person is still
    answered."""
    turns, anna_may_go_on, handled = InTurn("secret", Slots(2)), asyncio.Event(), []

    async def wait() -> None:
        await anna_may_go_on.wait()

    async def note() -> None:
        handled.append("bert")

    flood = [asyncio.create_task(turns.process_update(message_from(1), wait())) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.wait_for(turns.process_update(message_from(2), note()), 5)
    assert handled == ["bert"]
    anna_may_go_on.set()
    await asyncio.gather(*flood)


async def test_who_writes_in_the_name_of_a_group_does_not_wait_for_those_of_another(runs: Runs, telegram: FakeTelegram):
    both_are_here = asyncio.Barrier(2)

    async def answer(update: Update, context: Context) -> None:
        await asyncio.wait_for(both_are_here.wait(), 5)

    async with runs(on_text(answer)):
        groups = telegram.group(-1), telegram.group(-2)
        await asyncio.gather(*(telegram.in_the_name_of(group).says("x") for group in groups))


async def test_no_more_than_so_many_are_worked_on_at_once():
    turns, now, most = InTurn("secret", Slots(3)), 0, 0

    async def work() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1

    await asyncio.gather(*(turns.process_update(message_from(person), work()) for person in range(1, 20)))
    assert most == 3


async def test_people_who_have_left_take_no_memory():
    turns = InTurn("secret", Slots(1))

    async def nothing() -> None:
        pass

    await asyncio.gather(*(turns.process_update(message_from(person), nothing()) for person in range(1, 50)))
    gc.collect()
    assert not turns._turns


async def test_the_same_update_twice_is_harmless(runs: Runs, telegram: FakeTelegram):
    """The tap is handled twice; the second answer comes too late for Telegram, which is no error."""

    async def show(update: Update, context: Context) -> None:
        await update.message.reply_html("Rate it", reply_markup=keyboard("5"))

    async def answer(update: Update, context: Context) -> None:
        await update.callback_query.answer("Saved")
        await update.callback_query.edit_message_text("You gave it 5")

    anna = telegram.person(ANNA)
    async with runs(on_text(show), on_tap(answer)):
        await anna.says("heat")
        await anna.presses("5")
        await anna.repeats()
    assert [message.text for message in anna.messages] == ["You gave it 5"]


def keyboard(*labels: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=label) for label in labels]])


# Errors


async def test_a_database_that_is_down_is_said_so(runs: Runs, telegram: FakeTelegram):
    anna = telegram.person(ANNA)
    async with runs(on_text(raising(unreachable()))):
        await anna.says("/top")
    assert [message.text for message in anna.messages] == [DATABASE_DOWN]


async def test_an_error_after_a_tap_is_shown_over_the_button(runs: Runs, telegram: FakeTelegram):
    anna = telegram.person(ANNA)
    async with runs(on_tap(raising(unreachable()))):
        await anna.forges("rate:20:5", inline=True)
    assert anna.toast == DATABASE_DOWN
    assert telegram.answers[-1].alert
    assert anna.messages == []


@pytest.mark.parametrize("inline", [False, True])
async def test_an_error_after_a_tap_that_was_answered_is_said_once_in_the_chat(
    runs: Runs, telegram: FakeTelegram, inline: bool
):
    """Handlers answer a tap first of all, and Telegram shows one answer."""

    async def show(visit: Visit) -> None:
        await visit.tell(View.of(Html("Rate it"), [[press("5", NewPicks(ANNA))]]))

    async def fail(visit: Visit, _: NewPicks) -> None:
        raise unreachable()

    anna = telegram.person(ANNA)
    async with runs(command("rate", show), tap(NewPicks, fail)):
        await anna.says("/rate")
        await (anna.forges(pack(NewPicks(ANNA)), inline=True) if inline else anna.presses("5"))
    assert [message.text for message in anna.messages] == ["Rate it", DATABASE_DOWN]
    assert anna.toast == ""


async def test_an_error_with_words_for_people_is_told_in_these_words(runs: Runs, telegram: FakeTelegram):
    anna = telegram.person(ANNA)
    async with runs(on_text(raising(BadStars(7)))):
        await anna.says("7 <b>&")
    assert anna.sees == "7 is not a rating: give 0.5 to 5.0 in half steps."


async def test_a_bug_is_logged_with_its_traceback_and_then_owned_up_to(runs: Runs, telegram: FakeTelegram):
    said_when_logged: list[list[Any]] = []

    def look(_logger: Any, _method: str, facts: Any) -> Any:
        if facts["event"] == "update_failed":
            said_when_logged.append(list(telegram.messages.values()))
        return facts

    anna = telegram.person(ANNA)
    with capture_logs(processors=[look]) as lines:
        async with runs(on_text(raising(ZeroDivisionError("no films")))):
            with telegram.allows_errors() as errors:
                await anna.says("something private")
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert anna.sees == SOMETHING_WRONG
    assert said_when_logged == [[]], "it was told before it was logged"
    (failed,) = (line for line in lines if line["event"] == "update_failed")
    assert "ZeroDivisionError: no films" in failed["exception"]


async def test_the_log_does_not_repeat_what_people_write(runs: Runs, telegram: FakeTelegram):
    async def quote(update: Update, context: Context) -> None:
        raise ValueError(f"cannot read {update.message.text!r} or {' '.join(context.args)!r}")

    anna = telegram.person(ANNA)
    with capture_logs() as lines:
        async with runs(CommandHandler("rate", quote)):
            with telegram.allows_errors():
                await anna.says("/rate something private")
    assert any(line["event"] == "update_failed" for line in lines)
    assert "private" not in json.dumps(lines, default=str)


async def test_nor_what_they_type_inline_or_say_of_a_file(runs: Runs, telegram: FakeTelegram):
    """An error may also quote it as a program writes texts, with \\n for the end of a line."""

    async def quote(update: Update, context: Context) -> None:
        message, query = update.message, update.inline_query
        said = query.query if message is None else (message.document.file_name, message.caption)
        raise ValueError(f"cannot read {said!r}")

    anna = telegram.person(ANNA)
    with capture_logs() as lines:
        async with runs(InlineQueryHandler(quote), MessageHandler(filters.Document.ALL, quote)):
            with telegram.allows_errors() as errors:
                await anna.asks_inline("something\nprivate")
                await anna.sends_document("private.csv", b"x", caption="quite private")
    assert [type(error) for error in errors] == [ValueError] * 2
    assert "private" not in json.dumps(lines, default=str)


async def test_a_test_fails_where_the_bot_fails(runs: Runs, telegram: FakeTelegram):
    async with runs(on_text(raising(KeyError("bug")))):
        with pytest.raises(AssertionError, match="the bot failed: KeyError"):
            await telegram.person(ANNA).says("hello")


async def test_a_test_fails_where_a_tap_is_left_unanswered(runs: Runs, telegram: FakeTelegram):
    async def ignore(update: Update, context: Context) -> None:
        pass

    async with runs(on_tap(ignore)):
        with pytest.raises(AssertionError, match="the tap on 'x' was left unanswered"):
            await telegram.person(ANNA).forges("x", inline=True)


async def say(update: Update, context: Context) -> None:
    await update.effective_chat.send_message("hello")


async def test_who_blocks_the_bot_is_noted_and_left_alone(runs: Runs, telegram: FakeTelegram, services: Services):
    services.store.person(ANNA, "en", services.clock())
    anna = telegram.person(ANNA)
    async with runs(on_text(say)):
        await anna.blocks(silently=True)
        await anna.says("hi")
        person = services.store.find_person(ANNA)
    assert person is not None
    assert not person.active
    assert len(telegram.called("sendMessage")) == 1


async def test_who_blocks_the_bot_and_lets_it_in_again(runs: Runs, telegram: FakeTelegram, services: Services):
    services.store.person(ANNA, "en", services.clock())

    def active() -> bool:
        person = services.store.find_person(ANNA)
        assert person is not None
        return person.active

    anna = telegram.person(ANNA)
    async with runs():
        await anna.blocks()
        assert not active()
        await anna.unblocks()
        assert active()
    assert telegram.called("sendMessage") == []


async def test_a_group_that_throws_the_bot_out_says_nothing_of_its_people(
    runs: Runs, telegram: FakeTelegram, services: Services
):
    services.store.person(ANNA, "en", services.clock())
    club = telegram.group()
    async with runs(on_text(say)):
        telegram.fails("sendMessage", ApiError(403, "Forbidden: bot was kicked from the supergroup chat"))
        await telegram.person(ANNA).at(club).says("/night")
        person = services.store.find_person(ANNA)
    assert person is not None
    assert person.active


async def test_when_telegram_asks_to_slow_down_nothing_more_is_sent(runs: Runs, telegram: FakeTelegram):
    async with runs(on_text(say)):
        telegram.floods("sendMessage", retry_after_seconds=30)
        await telegram.person(ANNA).says("hi")
    assert len(telegram.called("sendMessage")) == 1, "no apology follows the call that was refused"


async def test_a_message_that_may_have_arrived_is_not_sent_again(runs: Runs, telegram: FakeTelegram):
    anna = telegram.person(ANNA)
    async with runs(on_text(say)):
        telegram.times_out("sendMessage", arrives=True)
        await anna.says("hi")
    assert [message.text for message in anna.messages] == ["hello"]


async def test_an_edit_that_changes_nothing_is_no_error(runs: Runs, telegram: FakeTelegram):
    async def show(update: Update, context: Context) -> None:
        await update.message.reply_html("Page 1", reply_markup=keyboard("Again"))

    async def again(update: Update, context: Context) -> None:
        await update.callback_query.edit_message_text("Page 1", reply_markup=keyboard("Again"))

    anna = telegram.person(ANNA)
    async with runs(on_text(show), on_tap(again)):
        await anna.says("hi")
        await anna.presses("Again")
    assert len(anna.messages) == 1
    assert anna.toast == "", "the tap was answered, without a word"


async def test_an_inline_query_that_fails_is_answered_with_nothing(runs: Runs, telegram: FakeTelegram):
    async with runs(InlineQueryHandler(raising(unreachable()))):
        assert await telegram.person(ANNA).asks_inline("heat") == []


async def test_an_error_in_a_job_is_logged_and_the_bot_goes_on(runs: Runs, telegram: FakeTelegram, services: Services):
    services.store.person(ANNA, "en", services.clock())

    async def digest(context: Context) -> None:
        await context.bot.send_message(ANNA, "your digest")

    def jobs(application: App) -> None:
        application.job_queue.run_repeating(digest, interval=60, name="digest", chat_id=ANNA)

    anna = telegram.person(ANNA)
    with capture_logs() as lines:
        async with runs(on_text(say), jobs=jobs):
            await anna.says("hi")
            await anna.blocks(silently=True)
            await telegram.run_jobs("digest")
            person = services.store.find_person(ANNA)
            await anna.unblocks()
            await anna.says("hi again")
    assert person is not None
    assert not person.active
    assert {"event": "person_left", "job": "digest"}.items() <= lines[1].items()
    assert len(anna.messages) == 2


async def test_a_long_list_comes_in_several_messages_with_the_buttons_under_the_last(
    runs: Runs, telegram: FakeTelegram
):
    """It does so even if it should replace a message."""
    films = [f"{number}  Film number {number} &amp; its sequel" for number in range(300)]

    async def show(visit: Visit, *_: object) -> None:
        await visit.show(View.of(Html("\n".join(films)), [[press("Again", NewPicks(ANNA))]]))

    anna = telegram.person(ANNA)
    async with runs(command("films", show), tap(NewPicks, show)):
        await anna.says("/films")
        await anna.presses("Again")
    assert len(anna.messages) == 6
    assert [bool(message.buttons) for message in anna.messages] == [False, False, True] * 2
    read = [line for message in anna.messages for line in message.text.splitlines()]
    assert read == [film.replace("&amp;", "&") for film in films] * 2


# The log and the metrics


async def test_each_update_leaves_one_line_without_names_or_words(runs: Runs, telegram: FakeTelegram):
    anna = telegram.person(ANNA, "Anna")
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with runs(CommandHandler("hi", say)):
            await anna.says("/hi there")
            await anna.says("what is this")
    handled, ignored = lines
    assert handled.pop("milliseconds") >= 0
    assert handled == {
        "event": "update_handled",
        "log_level": "info",
        "handler": "test_frame.say",
        "outcome": "ok",
        "user": pseudonym(ANNA, TOKEN),
    }
    assert (ignored["handler"], ignored["outcome"]) == ("none", "ignored")


def test_people_have_the_same_pseudonym_each_time_and_another_with_another_token():
    assert pseudonym(ANNA, "a") == pseudonym(ANNA, "a")
    assert len({pseudonym(1, "a"), pseudonym(2, "a"), pseudonym(1, "b")}) == 3
    assert str(ANNA) not in pseudonym(ANNA, "a")


async def test_updates_and_errors_are_counted(runs: Runs, telegram: FakeTelegram):
    def count(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0

    handled = {"handler": "test_frame.say", "outcome": "ok"}
    before = count("matinee_bot_updates_total", **handled), count("matinee_bot_errors_total", reason="BadStars")
    async with runs(CommandHandler("hi", say), on_text(raising(BadStars(7)))):
        await telegram.person(ANNA).says("/hi")
        await telegram.person(ANNA).says("7")
    after = count("matinee_bot_updates_total", **handled), count("matinee_bot_errors_total", reason="BadStars")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
    assert count("matinee_bot_handler_seconds_count", handler="test_frame.say") >= 1


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """Logging as in real life, at its most talkative, into a file; afterwards as pytest had it."""
    root, hook, configuration = logging.getLogger(), sys.excepthook, structlog.get_config()
    handlers, level = root.handlers[:], root.level
    file = tmp_path / "bot.log"
    set_up_logging("DEBUG", file, hide=[TOKEN])
    yield file
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.configure(**configuration)


async def test_the_token_is_in_no_log(runs: Runs, telegram: FakeTelegram, log_file: Path):
    """It is kept out of our lines, an exception and its cause, a library's log, and the bot's own description."""

    async def fail(update: Update, context: Context) -> None:
        logging.getLogger("httpx").info("HTTP Request: POST https://api.telegram.org/bot%s/getMe", TOKEN)
        logging.getLogger("telegram.Bot").warning("something about %s", context.bot)
        try:
            raise InvalidToken(f"The token `{TOKEN}` was rejected by the server.")
        except InvalidToken as e:
            raise RuntimeError(repr(context.bot)) from e

    async with runs(on_text(fail)):
        with telegram.allows_errors():
            await telegram.person(ANNA).says("hi")
    written = await asyncio.to_thread(log_file.read_text)
    assert "RuntimeError" in written
    assert "<hidden>" in written
    assert TOKEN not in written
    assert TOKEN.partition(":")[2] not in written
    assert "HTTP Request" not in written
    for line in written.splitlines():
        json.loads(line)


# Putting it together


def test_the_bot_on_the_network_keeps_to_telegrams_limits(services: Services):
    application = build_application(services, [])
    assert isinstance(application.bot.rate_limiter, FloodLimits)
    assert application.concurrent_updates > 1


def test_handlers_are_asked_in_the_order_of_their_features(services: Services, telegram: FakeTelegram):
    first, second = CommandHandler("a", say), CommandHandler("b", say)
    application = build_application(services, [feature(first), feature(second)], request=telegram)
    assert application.handlers[0][:2] == [first, second]


async def test_a_job_that_is_late_still_runs(runs: Runs):
    """By default APScheduler silently skips it once it is a second late."""

    async def digest(context: Context) -> None: ...

    def jobs(application: App) -> None:
        application.job_queue.run_daily(digest, time(18, 0), name="digest")

    async with runs(jobs=jobs) as application:
        (job,) = application.job_queue.jobs()
    assert (job.job.misfire_grace_time, job.job.coalesce) == (300, True)


async def test_handlers_reach_the_services(runs: Runs, telegram: FakeTelegram, services: Services):
    found: list[Services] = []

    async def look(update: Update, context: Context) -> None:
        found.append(context.services)

    async with runs(on_text(look)):
        await telegram.person(ANNA).says("hi")
    assert found == [services]
