"""Starts everything together on one machine, for `make run`.

It makes tables, films and a first model if they are missing. Then it starts the worker, whose log goes to a file, the
API if it has a port, and the chat, each as a program of its own. Worker and API read a pipe that only this process
holds, so they end with it, however it ends.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from pydantic import SecretStr

from engine.clock import utc_now
from engine.domain import MatineeError, RunKind, RunState
from engine.progress import progress
from engine.settings import EngineSettings, StoreSettings, use_dataset
from engine.store import Run, RunAlreadyOpen, Store
from engine.store.migrate import migrate

ENGINE = (sys.executable, "-m", "engine", "serve", "--until-end-of-input")
API = (sys.executable, "-m", "api", "serve", "--until-end-of-input")
BOT = (sys.executable, "-m", "bot")

STALLED = 75
"""The bot's exit code when Telegram did not answer, which asks for a restart."""

LOG_BYTES = 10_000_000
"""A longer log is renamed at the start; one old log is kept."""

RESTART_SECONDS = 10.0
"""A program beside the chat that died is restarted, but at most this often."""

STOP_SECONDS = 12.0
"""This is longer than the engine takes to stop a run."""


class FrontSettings(StoreSettings):
    """The settings of bot and API that this module needs."""

    telegram_token: SecretStr | None = None
    """If it is set, the chat is on Telegram, else in this terminal."""

    api_port: int = 0
    """The port of the API; without one it is not started."""

    api_host: str = "127.0.0.1"
    """The address on which the API listens: by default only this machine can reach it."""

    api_open: bool | None = None
    """Whether reading films and picks needs no key."""

    @property
    def opens_api(self) -> bool:
        """Whether films and picks need no key: by default they need none if only this machine can ask."""
        return self.api_host in ("127.0.0.1", "::1", "localhost") if self.api_open is None else self.api_open


def up(store: Store, settings: EngineSettings) -> int:
    """Bring up what is missing, run worker and chat until the chat ends or we are told to stop; return the exit code.

    Raises:
        MatineeError: the data cannot be loaded, or no first model came of it; the text says what to do.
    """
    migrate(store)
    use_dataset(settings.dataset)  # for all programs that we start, even if another set is loaded meanwhile
    _load_if_missing(store, settings)
    logs = settings.folder / "logs"
    with _ProgramStop() as stop, _Beside(ENGINE, logs / "engine.log") as engine, ExitStack() as others:
        _say(f"The engine's log: {engine.log}")
        try:
            _train_if_nothing_is_live(store, engine, stop)
            beside = [engine]
            front = FrontSettings.load()
            if front.api_port:
                opened = {"MATINEE_API_OPEN": str(front.opens_api)}
                beside.append(others.enter_context(_Beside(API, logs / "api.log", opened)))
                _say(f"The API: http://127.0.0.1:{front.api_port} (its log: {beside[-1].log})")
            return _chat(beside, stop)
        except Interrupted:
            _say("Stopped. The next start goes on from here.")
            return 0


class Interrupted(Exception):
    """Ctrl-C or SIGTERM came before the chat began."""


class _ProgramStop:
    """Whether we have been told to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._told = threading.Event()

    def __enter__(self) -> "_ProgramStop":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._tell)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # after the first signal, only clean up

    def _tell(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        self._told.set()

    def wait(self, seconds: float) -> bool:
        """Wait this long, or until we are told to stop. Return whether we are."""
        return self._told.wait(seconds)


def _load_if_missing(store: Store, settings: EngineSettings) -> None:
    from engine.datasets import DatasetMismatch, dataset_name, load, ratings_folder

    held = store.catalogue()
    if held is not None and held.dataset != dataset_name(settings.dataset):
        raise DatasetMismatch(held.dataset, dataset_name(settings.dataset))
    # A database that came from another machine names its data set, but the files may be missing here.
    if held is None or not ratings_folder(settings.folder, held.fingerprint).exists():
        with progress() as show:
            downloads = settings.home / "downloads"
            report = load(settings.dataset, store, settings.folder, downloads, now=utc_now(), progress=show)
        _say("\n".join(report.lines()))


def _train_if_nothing_is_live(store: Store, engine: "_Beside", stop: _ProgramStop) -> None:
    if store.live_version() is not None:
        return
    _say("Training the first model. This is done once, and takes a minute or so.")
    with progress() as show:
        run = _ask(store)
        while run.is_open:
            show(run.stage or "start", run.fraction, run.detail)
            if stop.wait(0.3):
                raise Interrupted
            engine.keep_alive()
            run = store.run(run.id)
            if run.state is RunState.LOST:  # a run that an earlier start asked for
                run = _ask(store)
    if store.live_version() is None:
        hint = ". `python -m engine train --force` publishes it all the same" if run.state is RunState.REJECTED else ""
        raise MatineeError(f"the first training was {run.state}: {run.error}{hint}. The engine's log is {engine.log}")


def _ask(store: Store) -> Run:
    """Return the run that is open; ask for one if there is none."""
    try:
        return store.request_run(RunKind.TRAIN, "start", utc_now())
    except RunAlreadyOpen as e:
        return e.run


def _chat(beside: Sequence["_Beside"], stop: _ProgramStop) -> int:
    """Run the bot until it ends, and return its exit code."""
    where = "run" if FrontSettings.load().telegram_token else "chat"
    while True:
        with _bot(where) as bot:
            while bot.poll() is None and not stop.wait(0.2):
                for program in beside:
                    program.keep_alive()
            if stop.signal is not None:
                # On Ctrl-C the terminal has sent the signal to the bot too; a second signal would cut off its goodbye.
                _end(bot, patience=3.0 if stop.signal == signal.SIGINT else 0.0)
        if stop.signal is not None:
            return 0
        if bot.returncode != STALLED:
            return bot.returncode if bot.returncode >= 0 else 1
        stop.wait(RESTART_SECONDS)


@contextmanager
def _bot(where: str) -> Iterator[subprocess.Popen[bytes]]:
    bot = subprocess.Popen([*BOT, where])  # noqa: S603 - our own program
    try:
        yield bot
    finally:
        _end(bot)


class _Beside:
    """A program that runs beside the chat during the block; its output goes to a log."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def __enter__(self) -> "_Beside":
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        self._start()
        return self

    def _start(self) -> None:
        with self.log.open("ab") as file:
            # It gets a session of its own: Ctrl-C in the terminal goes to the chat, and we stop the others once the
            # chat has ended.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                start_new_session=True,
                env=self._environment,
            )
        self._started = time.monotonic()

    def keep_alive(self) -> None:
        """Start it again if it died."""
        dead = self._process is None or self._process.poll() is not None
        if dead and time.monotonic() > self._started + RESTART_SECONDS:
            self._start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            _end(self._process, kill_after=STOP_SECONDS)


def _end(process: subprocess.Popen[bytes], *, patience: float = 0.0, kill_after: float = 5.0) -> None:
    """Let a process end by itself, then ask it to, then kill it."""
    for seconds, tell in ((patience, process.terminate), (kill_after, process.kill)):
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            tell()
    process.wait()


def _say(text: str) -> None:
    """Print a line on stderr: stdout belongs to the chat."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
