"""`make run`: from an empty folder to a chat, a retraining asked for in the chat, and clean ends of all kinds."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from engine.domain import RunState
from engine.store import Store
from tests.conftest import ROOT, FirstStart, Program
from tests.fakes import TOKEN, FakeTelegram, serve_bot_api

pytestmark = [pytest.mark.system, pytest.mark.spark]

SOON, LONG = 40, 400
"""Seconds: what an answer may take where the machine is busy, and what a training may."""


class Chat:
    """A conversation with a program that runs: say a line, read until a text appears."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self.read = ""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def says(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.writelines(f"{line}\n" for line in lines)
        self.process.stdin.flush()

    def hears(self, text: str, seconds: float = SOON) -> str:
        """Return what was printed since the last time, up to the line with ``text``."""
        heard, end = "", time.monotonic() + seconds
        while text not in heard:
            try:
                heard += self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"never heard {text!r}, only:\n{heard}") from None
        return heard

    def ends(self) -> int:
        """Close the input, as Ctrl-D does, and return the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(SOON)


@contextmanager
def up(program: Program) -> Iterator[Chat]:
    """Everything, running; its engine and bot are gone afterwards."""
    with (program.home / "stderr").open("a") as stderr:
        process = program.start("engine", "up", stdin=subprocess.PIPE, stderr=stderr, start_new_session=True)
    try:
        yield Chat(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def family(chat: Chat) -> list[psutil.Process]:
    """The processes that it has started: the engine and the bot."""
    return psutil.Process(chat.process.pid).children(recursive=True)


def engine_of(chat: Chat) -> psutil.Process | None:
    for process in family(chat):
        with contextlib.suppress(psutil.Error):  # one that has just died has no command line
            if "serve" in process.cmdline():
                return process
    return None


def all_gone(processes: list[psutil.Process], seconds: float = SOON) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


# --- From nothing -----------------------------------------------------------------------------------------------------


def test_from_an_empty_folder_to_picks(first_start: FirstStart) -> None:
    """`printf '/start\\n>9\\n/top\\n' | make run` on a machine that has never seen it."""
    assert first_start.code == 0, first_start.told
    assert "Rate five that you know" in first_start.said
    assert "Ten for you" in first_start.said
    assert "\n      10  " in first_start.said


def test_what_is_written_is_for_its_owner_alone(first_start: FirstStart) -> None:
    """Database, figures, pages, logs: people are in them."""
    written = list(first_start.home.rglob("*"))
    programs = first_start.home / "java"  # of nobody, if Java had to be brought
    open_to_others = [path for path in written if path.stat().st_mode & 0o077 and programs not in path.parents]
    assert open_to_others == []
    assert first_start.home / "demo" / "matinee.db" in written


def test_what_is_being_done_is_told_beside_the_chat(first_start: FirstStart) -> None:
    told = first_start.told
    assert "Loaded demo" in told
    assert "simulated" in told
    assert "Training the first model" in told
    for stage in ("ingest", "train", "evaluate", "refit", "score", "publish"):
        assert f"%  {stage}: " in told, stage


def test_a_training_leaves_pictures_for_admins(demo: Program) -> None:
    assert "[picture: How model 1 measured\n" in demo.run("bot", "chat", input="/models\n").stdout
    said = demo.run("bot", "chat", input="/stats\n").stdout
    assert "[picture: Stars given: 3 most often (25 %)" in said
    for name in ("models.png", "data.png"):
        (found,) = demo.home.rglob(name)
        with Image.open(found) as picture:
            assert len(picture.convert("RGB").getcolors(maxcolors=10**6) or ()) > 50


def test_the_engine_keeps_out_of_the_chat(first_start: FirstStart) -> None:
    """Its log is in a file, whose path was told."""
    log = first_start.home / "demo" / "logs" / "engine.log"
    assert f"The engine's log: {log}" in first_start.told
    assert "engine_started" in log.read_text()
    assert "run_ended" in log.read_text()
    assert "engine_started" not in first_start.said + first_start.told


# --- And again --------------------------------------------------------------------------------------------------------


def test_a_second_start_is_ready_at_once_and_has_lost_nothing(demo: Program) -> None:
    started = time.monotonic()
    again = demo.run("engine", "up", input="/my\n/top\n")
    assert again.returncode == 0, again.stderr
    assert "4½" in again.stdout
    assert "Ten for you" in again.stdout
    assert "Training" not in again.stderr
    assert "Loaded" not in again.stderr
    assert time.monotonic() - started < SOON


def test_the_api_runs_beside_the_chat_where_it_has_a_port_and_goes_with_it(demo: Program) -> None:
    """Films and picks need no key there; who is on this machine has the database anyway."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Program(demo.home, demo.settings | {"MATINEE_API_PORT": str(port)})
    with up(program) as chat:
        chat.says("/top")
        chat.hears("Ten for you")
        page = f"http://127.0.0.1:{port}"
        until = time.monotonic() + SOON
        while program.run("api", "healthcheck").returncode:
            assert time.monotonic() < until, (demo.home / "demo" / "logs" / "api.log").read_text()
        assert httpx.get(f"{page}/v1/films?q=the+matrix", timeout=SOON).json()["sure"]
        processes = family(chat)
        chat.process.kill()
        assert chat.process.stdin is not None
        chat.process.stdin.close()  # the bot goes with whoever talks to it
        assert all_gone(processes)
    assert program.run("api", "healthcheck").returncode == 1


def test_a_retraining_asked_for_in_the_chat_learns_what_was_rated(demo: Program) -> None:
    store = Store(demo.database_url)
    with up(demo) as chat:
        chat.says("/start", ">9", ">8", ">10", ">2")  # with the one of the first start, that makes five
        chat.hears("Ten for you")
        chat.says("/rate casablanca", ">9")
        assert "6 ratings wait" in chat.hears("Casablanca, 4½")
        assert store.waiting_ratings() == 6
        assert {event.model_version for event in store.events_of(person(store))} == {None}
        chat.says("/retrain")
        chat.hears("Training", LONG)
        heard = chat.hears("Model 2 is live", LONG)
        assert "nDCG@10" in heard
        assert "was" in heard
        assert store.waiting_ratings() == 0
        assert {event.model_version for event in store.events_of(person(store))} == {2}
        chat.says("/top")
        picks = chat.hears("10  ")
        assert "Casablanca (1942)" not in picks
        assert chat.ends() == 0
    run = store.last_runs(1)[0]
    assert (run.state, run.model_version) == (RunState.DONE, 2)
    assert store.recommendations(person(store)), "the new model has a list for somebody of the chat"
    store.close()


def person(store: Store) -> int:
    found = store.find_person(1)  # who the terminal chat takes you for
    assert found is not None
    return found.id


# --- The end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(demo: Program, number: signal.Signals) -> None:
    """Ctrl-C in a terminal goes to the chat too; SIGTERM comes to us alone."""
    with up(demo) as chat:
        chat.says("/help")
        chat.hears("/top")
        processes = family(chat)
        assert len(processes) == 2
        if number == signal.SIGINT:
            os.killpg(chat.process.pid, number)
        else:
            chat.process.terminate()
        assert chat.process.wait(SOON) == 0
        assert all_gone(processes)


def test_the_engine_goes_with_us_even_if_we_are_killed(demo: Program) -> None:
    """The bot ends too, although somebody talks to it."""
    with up(demo) as chat:
        chat.says("/help")
        chat.hears("/top")
        processes = family(chat)
        engine = engine_of(chat)
        assert engine is not None
        chat.process.kill()
        assert all_gone([engine])
        assert chat.process.stdin is not None
        chat.process.stdin.close()
        assert all_gone(processes)


def test_an_engine_that_dies_is_started_again(demo: Program) -> None:
    with up(demo) as chat:
        chat.says("/help")
        chat.hears("/top")
        engine = engine_of(chat)
        assert engine is not None
        engine.kill()
        end = time.monotonic() + SOON
        while (now := engine_of(chat)) is None or now.pid == engine.pid:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert chat.ends() == 0


# --- When it cannot ---------------------------------------------------------------------------------------------------


def tiny_data(folder: Path, header: str = "userId,movieId,rating,timestamp") -> Path:
    folder.mkdir()
    (folder / "movies.csv").write_text("movieId,title,genres\n1,Heat (1995),Crime\n2,Alien (1979),Horror\n")
    rows = [f"{user},{film},4.0,1000000000" for user in range(1, 6) for film in (1, 2)]
    (folder / "ratings.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_ten_ratings_are_too_few_and_it_says_so(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "ten")
    done = Program(tmp_path, {"MATINEE_DATASET": str(data)}).run("engine", "up", timeout=LONG)
    assert done.returncode == 1
    assert "the first training was failed" in done.stderr
    assert "ratings" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_with_a_missing_column_is_named(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "odd", header="userId,movieId,timestamp,mood")
    done = Program(tmp_path, {"MATINEE_DATASET": str(data)}).run("engine", "up")
    assert done.returncode == 1
    assert "ratings.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_data_set_in_the_same_database_is_refused(demo: Program, tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "other")
    settings = {"MATINEE_DATASET": str(data), "MATINEE_DATABASE_URL": demo.database_url}
    done = Program(demo.home, settings).run("engine", "up")
    assert done.returncode == 1
    assert "MATINEE_DATABASE_URL" in done.stderr


# --- On Telegram ------------------------------------------------------------------------------------------------------


async def test_with_a_token_in_env_the_chat_is_on_telegram(demo: Program) -> None:
    (demo.home / ".env").write_text(f"MATINEE_TELEGRAM_TOKEN={TOKEN}\n")
    telegram = FakeTelegram()
    anna = telegram.person(5_000_000_001, "Anna")
    with serve_bot_api(telegram) as url, up(Program(demo.home, {"MATINEE_TELEGRAM_API": url})) as chat:
        await anna.says("/start")
        assert "Rate five" in await anna.hears(SOON)
        processes = family(chat)
        chat.process.terminate()
        assert chat.process.wait(SOON) == 0
        assert all_gone(processes)


def test_a_token_that_telegram_refuses_ends_it_with_what_to_do(demo: Program) -> None:
    with serve_bot_api(FakeTelegram()) as url:
        settings = {"MATINEE_TELEGRAM_TOKEN": "1:wrong", "MATINEE_TELEGRAM_API": url}
        done = Program(demo.home, settings).run("engine", "up")
    assert done.returncode == 1
    assert "BotFather" in done.stderr
    assert "Traceback" not in done.stderr


# --- make -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not (ROOT / ".venv" / "engine.stamp").exists(), reason="these tests run in an environment that make did not make"
)
def test_make_run_passes_the_conversation_on(demo: Program) -> None:
    done = subprocess.run(
        ["make", "run"],
        cwd=ROOT,
        env=demo.environment,
        input="/top\n/quit\n",
        capture_output=True,
        text=True,
        timeout=2 * SOON,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("you   /top")
    assert "Ten for you" in done.stdout
    assert "Requirement" not in done.stderr
