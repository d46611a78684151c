"""The bot as a process of its own, against a Telegram over HTTP on this machine, and the chat through a real pipe."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
from structlog.testing import capture_logs

from bot.frame.application import build_application, polling_request
from bot.frame.context import Services
from bot.frame.serving import STALLED, Intake, Polling, WatchedRequest, serve
from bot.frame.webhook import Webhook
from bot.settings import BotSettings
from engine.health import Heartbeat
from engine.serving.library import Library
from engine.store import Store
from engine.store.migrate import migrate
from tests import world
from tests.conftest import ROOT, Program, free_port
from tests.fakes import TOKEN, FakeTelegram, Person, post_update, serve_bot_api

pytestmark = pytest.mark.system


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with a database of the tiny world."""
    store = Store(f"sqlite:///{tmp_path}/tiny/matinee.db")
    migrate(store)
    world.build(store)
    store.close()
    return tmp_path


@pytest.fixture
def telegram() -> FakeTelegram:
    return FakeTelegram()


@pytest.fixture
def url(telegram: FakeTelegram) -> Iterator[str]:
    with serve_bot_api(telegram) as url:
        yield url


@pytest.fixture
def environment(home: Path, url: str) -> dict[str, str]:
    settings = {"MATINEE_DATASET": "tiny", "MATINEE_TELEGRAM_API": url, "MATINEE_TELEGRAM_TOKEN": TOKEN}
    return Program(home, settings).environment


def bot(*arguments: str, env: dict[str, str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT,
        env=env,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextlib.contextmanager
def serving(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running bot, until the end of the block; its log goes to a file."""
    with log.open("wb") as stderr:
        process = subprocess.Popen([sys.executable, "-m", "bot", "run"], cwd=ROOT, env=env, stderr=stderr)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def until(true: Any, what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.05)


@pytest.fixture
def anna(telegram: FakeTelegram) -> Person:
    return telegram.person(1001)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_answers_is_healthy_and_stops_when_told_to(
    environment: dict[str, str], anna: Person, tmp_path: Path, number: signal.Signals
):
    log = tmp_path / "log"
    before = await asyncio.to_thread(bot, "healthcheck", env=environment)
    assert (before.returncode, before.stdout[:9]) == (1, "unhealthy")

    await anna.says("/start")  # while the bot is away
    with serving(environment, log) as process:
        assert await anna.hears(60)
        await anna.says("heat")
        assert "Heat" in await anna.hears()

        after = await asyncio.to_thread(bot, "healthcheck", env=environment)
        assert (after.returncode, after.stdout[:8]) == (0, "healthy:")

        told = time.monotonic()
        process.send_signal(number)
        assert await asyncio.to_thread(process.wait, 20) == 0
        assert time.monotonic() - told < 5
    written = log.read_text()
    events = [json.loads(line)["event"] for line in written.splitlines()]
    assert {"polling", "update_handled", "stopping"} <= set(events)
    assert TOKEN not in written
    assert "heat" not in written


async def test_an_update_is_asked_for_no_more_once_it_is_handled(
    environment: dict[str, str], anna: Person, telegram: FakeTelegram, tmp_path: Path
):
    await anna.says("/help")
    for _ in range(2):
        telegram.calls.clear()
        with serving(environment, tmp_path / "log") as process:
            await until(lambda: len(telegram.called("getUpdates")) > 1 or anna.messages, "an answer")
            await until(lambda: telegram.called("getUpdates"), "a poll")
            process.terminate()
            assert await asyncio.to_thread(process.wait, 20) == 0
    assert len(anna.messages) == 1


async def get(port: int, path: str) -> str:
    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(read)


async def test_healthz_and_metrics_are_served(environment: dict[str, str], anna: Person, tmp_path: Path):
    port = free_port()
    with serving(environment | {"MATINEE_BOT_PORT": str(port)}, tmp_path / "log"):
        await anna.says("/help")
        await anna.hears(60)
        assert (await get(port, "healthz")).startswith("healthy:")
        metrics = await get(port, "metrics")
    for name in (
        "matinee_bot_updates_total{",
        "matinee_bot_handler_seconds_bucket{",
        "matinee_bot_last_poll_age_seconds ",
        "process_resident_memory_bytes ",
    ):
        assert f"\n{name}" in metrics


def test_without_a_token_it_says_how_to_get_one(environment: dict[str, str]):
    del environment["MATINEE_TELEGRAM_TOKEN"]
    done = bot("run", env=environment)
    assert done.returncode == 1
    assert "https://t.me/BotFather" in done.stderr
    assert "python -m bot chat" in done.stderr


@pytest.mark.parametrize("token", ["654321:SOMEBODY-ELSES", "not a token"])
def test_a_wrong_token_is_said_to_be_wrong(environment: dict[str, str], token: str):
    done = bot("run", env=environment | {"MATINEE_TELEGRAM_TOKEN": token})
    assert done.returncode == 1
    assert "MATINEE_TELEGRAM_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr
    assert token not in done.stderr


@pytest.mark.parametrize("command", ["run", "chat"])
def test_a_database_without_tables_is_said_to_have_none(environment: dict[str, str], tmp_path: Path, command: str):
    done = bot(command, env=environment | {"MATINEE_HOME": str(tmp_path / "new")})
    assert done.returncode == 1
    assert "python -m engine migrate" in done.stderr
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "chat"])
def test_a_database_of_a_newer_matinee_is_refused(environment: dict[str, str], home: Path, command: str):
    with sqlite3.connect(home / "tiny" / "matinee.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    done = bot(command, env=environment)
    assert done.returncode == 1
    assert "newer Matinee (tables 9999): update this program" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "chat"])
def test_a_database_that_is_down_is_said_to_be_down(environment: dict[str, str], command: str):
    done = bot(command, env=environment | {"MATINEE_DATABASE_URL": "postgresql://matinee:hush@127.0.0.1:1/matinee"})
    assert done.returncode == 1
    assert "MATINEE_DATABASE_URL" in done.stderr
    assert "hush" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [(), ("run",), ("chat",), ("healthcheck",)])
def test_help_says_what_each_does(command: tuple[str, ...], environment: dict[str, str]):
    done = bot(*command, "--help", env=environment)
    assert done.returncode == 0
    assert "Exits with" in done.stdout or not command


# Webhooks


@pytest.fixture
def hooked(environment: dict[str, str], telegram: FakeTelegram) -> dict[str, str]:
    """The settings of a bot with a webhook; our Telegram is one of those that bring updates to any address."""
    telegram.local = True
    port = free_port()
    webhook = {"MATINEE_WEBHOOK_URL": f"http://127.0.0.1:{port}/films", "MATINEE_WEBHOOK_PORT": str(port)}
    return environment | webhook | {"MATINEE_LOG_LEVEL": "DEBUG", "MATINEE_BOT_PORT": str(free_port())}


async def test_with_a_webhook_it_is_brought_updates_answers_and_stops_when_told_to(
    hooked: dict[str, str], anna: Person, telegram: FakeTelegram, tmp_path: Path
):
    log = tmp_path / "log"
    await anna.says("/start")  # while the bot is away
    with serving(hooked, log) as process:
        assert await anna.hears(60)
        await anna.says("heat")
        assert "Heat" in await anna.hears()

        def well() -> bool:
            done = bot("healthcheck", env=hooked)
            return done.returncode == 0 and done.stdout.startswith("healthy: the last good look at the webhook")

        assert await asyncio.to_thread(well)
        assert (await get(int(hooked["MATINEE_BOT_PORT"]), "healthz")).startswith("healthy:")

        told = time.monotonic()
        process.terminate()
        assert await asyncio.to_thread(process.wait, 20) == 0
        assert time.monotonic() - told < 5

    (asked,) = telegram.called("setWebhook")
    assert asked["url"] == hooked["MATINEE_WEBHOOK_URL"]
    assert asked["secret_token"] not in TOKEN
    assert set(asked["allowed_updates"]) == {"message", "callback_query", "inline_query", "my_chat_member"}
    assert not asked.get("drop_pending_updates")
    assert not telegram.called("getUpdates")
    assert telegram.webhook is not None, "Telegram keeps what comes until we are back"
    written = log.read_text()
    assert {"webhook", "update_handled", "stopping"} <= {json.loads(line)["event"] for line in written.splitlines()}
    for hidden in (TOKEN, TOKEN.partition(":")[2], asked["secret_token"], "heat", "Heat"):
        assert hidden not in written


@pytest.mark.parametrize("headers", [{}, {"X-Telegram-Bot-Api-Secret-Token": "opensesame"}])
async def test_what_comes_without_the_secret_is_refused(
    hooked: dict[str, str], anna: Person, telegram: FakeTelegram, tmp_path: Path, headers: dict[str, str]
):
    log = tmp_path / "log"
    with serving(hooked, log):
        await anna.says("/help")
        await anna.hears(60)
        forged = telegram.message_update(anna.user, anna.chat, "forged words")
        for _ in range(3):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                await asyncio.to_thread(post_update, hooked["MATINEE_WEBHOOK_URL"], forged, headers)
        await anna.says("/help")
        await anna.hears()
        metrics = await get(int(hooked["MATINEE_BOT_PORT"]), "metrics")
    assert len(anna.messages) == 2
    assert "\nmatinee_bot_webhook_refused_total 3.0" in metrics
    written = log.read_text()
    assert written.count("webhook_refused") == 1, "strangers shall not fill the log"
    assert "forged" not in written
    assert "opensesame" not in written


async def test_a_restart_of_a_bot_with_a_webhook_loses_nothing(
    hooked: dict[str, str], telegram: FakeTelegram, tmp_path: Path
):
    """It is told to stop in the middle of a stream of updates. One may come twice, as Telegram sometimes does."""
    people = [telegram.person(2000 + number) for number in range(120)]
    for number, (those, enough) in enumerate([(people[:60], 1), (people[60:], len(people))]):
        for person in those:
            await person.says("/start")
        with serving(hooked, tmp_path / f"log{number}") as process:
            await until(lambda enough=enough: sum(bool(person.messages) for person in people) >= enough, "answers")
            process.terminate()
            assert await asyncio.to_thread(process.wait, 20) == 0
    for person in people:
        assert "1 of 5" in person.sees


async def test_polling_takes_away_a_webhook_that_was_left_behind(
    environment: dict[str, str], anna: Person, telegram: FakeTelegram, tmp_path: Path
):
    telegram.local = True
    telegram.call("setWebhook", {"url": "http://127.0.0.1:1/"}, {})
    await anna.says("/help")
    with serving(environment, tmp_path / "log"):
        assert await anna.hears(60)
    assert telegram.webhook is None
    assert not any(call.get("drop_pending_updates") for call in telegram.called("deleteWebhook"))


def test_an_address_that_telegram_refuses_is_said_to_be(hooked: dict[str, str], telegram: FakeTelegram):
    telegram.local = False
    done = bot("run", env=hooked)
    assert done.returncode == 1
    assert "MATINEE_WEBHOOK_URL: Telegram refuses" in done.stderr
    assert "https url must be provided" in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_to_be(hooked: dict[str, str]):
    with socket.create_server(("127.0.0.1", int(hooked["MATINEE_WEBHOOK_PORT"]))):
        done = bot("run", env=hooked)
    assert done.returncode == 1
    assert f"MATINEE_WEBHOOK_PORT: port {hooked['MATINEE_WEBHOOK_PORT']} cannot be had" in done.stderr
    assert "Traceback" not in done.stderr


# When Telegram is silent


@pytest.fixture
async def inside(home: Path, url: str, tmp_path: Path) -> Any:
    """Serve from this process, with less patience: ``await inside(patience_seconds)`` returns the exit code."""
    settings = BotSettings(
        _env_file=None, home=home, dataset="tiny", database_url=None, telegram_token=TOKEN, telegram_api=url
    )
    store = Store(settings.url)
    heartbeat = Heartbeat(tmp_path / "beat")

    async def live(patience_seconds: float, intake: Intake | None = None) -> int:
        heartbeat.start()
        services = Services(settings=settings, store=store, library=Library(store))
        request = WatchedRequest(polling_request(), heartbeat.beat)
        application = build_application(services, [], get_updates_request=request)
        return await serve(application, heartbeat, intake or Polling(), patience_seconds=patience_seconds)

    yield live
    store.close()


@pytest.fixture
def webhook(telegram: FakeTelegram) -> Webhook:
    """A webhook that is looked after at short intervals."""
    telegram.local = True
    port = free_port()
    return Webhook(f"http://127.0.0.1:{port}", port, "secret", look_seconds=0.1)


async def told_to_stop(serving: asyncio.Task[int]) -> int:
    os.kill(os.getpid(), signal.SIGTERM)
    return await asyncio.wait_for(serving, 30)


async def test_polling_that_brings_nothing_ends_the_program(inside: Any, telegram: FakeTelegram):
    """Telegram is there, but every poll is refused."""
    telegram.fails_for_ever("getUpdates")
    assert await asyncio.wait_for(inside(1.0), 30) == STALLED


async def test_a_telegram_that_cannot_be_reached_at_the_start_ends_the_program_too(inside: Any, telegram: FakeTelegram):
    telegram.fails_for_ever("getMe")
    assert await asyncio.wait_for(inside(1.0), 30) == STALLED


async def test_a_short_silence_is_sat_out(inside: Any, telegram: FakeTelegram):
    for method in ("getMe", "deleteWebhook", "getUpdates"):
        telegram.fails_for_ever(method)
    serving = asyncio.create_task(inside(20))
    await until(lambda: telegram.called("getMe"), "a call")
    telegram.recovers()
    telegram.fails_for_ever("deleteWebhook")
    await until(lambda: telegram.called("deleteWebhook"), "another")
    telegram.recovers()
    await until(lambda: telegram.called("getUpdates"), "a poll")
    assert await told_to_stop(serving) == 0


async def test_a_webhook_is_set_once_telegram_can_be_reached(inside: Any, telegram: FakeTelegram, webhook: Webhook):
    telegram.fails_for_ever("setWebhook")
    serving = asyncio.create_task(inside(20, webhook))
    await until(lambda: telegram.called("setWebhook"), "a call")
    telegram.recovers()
    await until(lambda: telegram.called("getWebhookInfo"), "a look")
    assert await told_to_stop(serving) == 0


@pytest.mark.parametrize("lost", ["setWebhook", "getWebhookInfo", "the address"])
async def test_a_webhook_that_is_lost_ends_the_program(
    inside: Any, telegram: FakeTelegram, webhook: Webhook, lost: str
):
    """Another program polls with our token, for one."""
    if lost != "the address":
        telegram.fails_for_ever(lost)
    serving = asyncio.create_task(inside(1.5, webhook))
    if lost == "the address":
        await until(lambda: len(telegram.called("getWebhookInfo")) > 1, "a look")
        telegram.call("deleteWebhook", {}, {})
    assert await asyncio.wait_for(serving, 30) == STALLED


async def test_updates_that_telegram_could_not_bring_are_a_warning(
    inside: Any, telegram: FakeTelegram, webhook: Webhook, anna: Person
):
    """Told once, with what to look at; a restart would not help."""
    astray = replace(webhook, url=f"http://127.0.0.1:{free_port()}/astray")
    with capture_logs() as lines:
        serving = asyncio.create_task(inside(1.5, astray))
        await until(lambda: len(telegram.called("getWebhookInfo")) > 1, "a look")
        await anna.says("/help")
        await until(lambda: any(line["event"] == "webhook_not_reached" for line in lines), "the warning")
        await asyncio.sleep(2)
        assert not serving.done()
        assert await told_to_stop(serving) == 0
    warning = next(line for line in lines if line["event"] == "webhook_not_reached")
    assert (warning["pending_updates"], warning["log_level"]) == (1, "warning")
    assert "certificate" in warning["hint"]


def test_a_piped_conversation_reads_as_one(environment: dict[str, str]):
    """With no token, and whether the end of the last line is there or not."""
    del environment["MATINEE_TELEGRAM_TOKEN"]
    done = bot("chat", env=environment, given="/start\n/no_such_command\n>99\nheat")
    assert done.returncode == 0
    assert done.stderr == ""
    said = done.stdout.splitlines()
    assert said[0] == "you   /start"
    assert said[1].startswith("bot   ")
    assert "you   heat" in said
    assert any("Heat" in line for line in said[said.index("you   heat") + 1 :])


def test_the_terminals_person_is_an_admin(environment: dict[str, str]):
    """Under a Telegram id above 2**31, too."""
    done = bot("chat", "--as", "5000000001", env=environment, given="/status\n")
    assert done.returncode == 0
    assert "not" not in done.stdout.partition("bot ")[2].splitlines()[0].lower()


def test_an_empty_conversation_ends_well(environment: dict[str, str]):
    done = bot("chat", env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def talking(environment: dict[str, str]) -> tuple[subprocess.Popen[str], IO[str], IO[str]]:
    """Begin a chat in a terminal, and return its process, what is typed into it, and what it prints."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "bot", "chat"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    return process, process.stdin, process.stdout


def test_what_the_chat_received_is_for_its_owner_alone_and_goes_with_forget(environment: dict[str, str], home: Path):
    bot("chat", env=environment, given="/rate heat\n>9\n/export\n")
    received = home / "tiny" / "received" / "1"
    files = [received / "matinee-ratings.csv", received / "matinee-everything.csv", home / "tiny" / "chat.log"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    assert "Heat" in files[0].read_text()
    done = bot("chat", env=environment, given="/forget\n>Delete everything\n")
    assert done.returncode == 0, done.stderr
    assert not received.exists(), done.stdout


def test_a_reader_who_leaves_early_ends_the_chat_without_a_complaint(environment: dict[str, str]):
    """As in `python -m bot chat | head -1`."""
    process, typed, printed = talking(environment)
    assert process.stderr is not None
    typed.write("/start\n")
    typed.flush()
    assert "/start" in printed.readline()
    printed.close()
    typed.write("/top\n/help\n" * 20)
    typed.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == ""


def test_ctrl_c_ends_the_chat_while_it_waits(environment: dict[str, str]):
    process, typed, printed = talking(environment)
    typed.write("/help\n")
    typed.flush()
    assert printed.readline() == "you   /help\n"
    assert printed.readline().startswith("bot   ")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
