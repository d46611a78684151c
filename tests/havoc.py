"""Programs that are killed at random moments while people rate and models are trained, and whether it all adds up.

    python -m tests.havoc --kills 60 --seed 7 --database postgres

A bot, an engine and a database run for real, on the demo's films; people tap stars five times a second, and a run is
always under way. Then one of them is killed (kill -9): the bot, the engine, a run's own process, its Java, one of its
Python workers, or, on Postgres, the database with all that belongs to it. What has died is started again, as a service
manager would. Prints each kill with the stage that the run had reached; at the end, how much went through, and what
does not add up (``tests.ledger``). Exits with 1 if anything does not. The seed decides who is killed when; the machine
decides what they are doing at that moment.
"""

import argparse
import asyncio
import math
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bot.frame.errors import DATABASE_DOWN
from engine.clock import utc_now
from engine.domain import RunKind, RunState
from engine.store import Run, RunAlreadyOpen, Store, StoreUnavailable
from tests.conftest import Program
from tests.fakes import TOKEN, FakeTelegram, serve_bot_api
from tests.ledger import faults, files_left, processes_of
from tests.postgres import postgres
from tests.taps import FIRST_ID, Club

PEOPLE, TAPS_PER_SECOND = 20, 5.0
KEEP = 3
"""Versions that can be rolled back to: MATINEE_KEEP_VERSIONS."""

WENT_THROUGH = (RunState.DONE, RunState.REJECTED)
"""The gate may say no to a model: so few ratings tell little."""

DYING_SECONDS = 20.0
"""What was killed gets this long to be gone."""

PATIENCE_SECONDS = 900.0
MOST_SECONDS = 60.0


@dataclass
class Havoc:
    """The programs, the people, and what has been done to them."""

    club: Club
    dice: random.Random
    postgres: Any = None
    engine: subprocess.Popen[str] | None = None
    seconds: float = 0.0
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    own_exits: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _counted: int = 0

    @property
    def targets(self) -> list[str]:
        return ["bot", "engine", "child", "java", "worker"] + (["database"] if self.postgres is not None else [])

    @property
    def store(self) -> Store:
        return self.club.store

    # The programs.

    def tend(self) -> None:
        """Start again what is not there, as a service manager does."""
        for name, process in (("bot", self.club.process), ("engine", self.engine)):
            if process is not None and process.poll() is not None:
                if process.returncode != -signal.SIGKILL:
                    self.own_exits.append(f"{name} ended by itself with {process.returncode}")
            elif process is not None:
                continue
            if name == "bot":
                self.club.start()
            else:
                with (self.club.program.home / "engine.log").open("a") as log:
                    self.engine = self.club.program.start("engine", "serve", stdout=log, stderr=log)

    def victims(self, target: str) -> list[psutil.Process]:
        """Return the processes that are a target now; none if there is none of them."""
        if target == "bot":
            return [] if self.club.process is None else [psutil.Process(self.club.process.pid)]
        if target == "database":
            postmaster = psutil.Process(self.postgres.get_pid())
            return [postmaster, *postmaster.children(recursive=True)]
        assert self.engine is not None
        engine = psutil.Process(self.engine.pid)
        if target == "engine":
            return [engine]
        below = engine.children(recursive=True)
        java = [process for process in below if process.name() == "java"]
        if target == "child":
            return engine.children()
        if target == "java":
            return java
        workers = [process for one in java for process in one.children(recursive=True) if "python" in process.name()]
        return [self.dice.choice(workers)] if workers else []

    def kill(self, target: str) -> bool:
        """Kill a target where it stands; return whether there was one."""
        with suppress(psutil.NoSuchProcess):
            found = self.victims(target)
            if found:
                self.kills[target, self.stage()] += 1
                for process in found:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                ours = [process for process in (self.club.process, self.engine) if process is not None]
                for program in ours:  # before psutil does: an exit is told once
                    if program.pid in {process.pid for process in found}:
                        program.wait()
                psutil.wait_procs(found, timeout=3)
                return True
        return False

    def stage(self) -> str:
        try:
            run = self.store.open_run()
        except StoreUnavailable:
            return "no database"
        return "no run" if run is None else (run.stage or run.state.value)

    # The runs.

    def keep_training(self) -> Run | None:
        """Return the run that is open; ask for one if none is."""
        try:
            if (run := self.store.open_run()) is None:
                return self.store.request_run(RunKind.TRAIN, "test", utc_now())
            return run
        except (RunAlreadyOpen, StoreUnavailable):
            return None

    def complete_run(self) -> Run:
        """Let a run go through, and return it."""
        until = time.monotonic() + PATIENCE_SECONDS
        while (asked := self.keep_training()) is None:
            assert time.monotonic() < until, "no run could be asked for"
            time.sleep(0.2)
        while (run := self.store.run(asked.id)).is_open:
            assert time.monotonic() < until, f"run {run.id} does not end: {run.state} {run.stage} {run.detail}"
            self.tend()
            time.sleep(0.2)
        return run

    # The havoc.

    def wreak(self, kills: int, say: Callable[[str], None], *, minutes: float = math.inf) -> None:
        """Kill so many, each kind as often as any other, in an order and at moments that the dice give; fewer if it
        takes so many minutes."""
        deck: list[str] = []
        until = time.monotonic() + 60 * minutes
        for number in range(1, kills + 1):
            if time.monotonic() > until:
                return
            if not deck:
                deck = self.dice.sample(self.targets, len(self.targets))
            target = deck.pop()
            at = self._strike(target)
            say(f"{number:3} {target:8} at {at}")

    def _strike(self, target: str) -> str:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            self._pass(self.dice.uniform(0, self.seconds))
            at = self.stage()
            if self.kill(target):
                if target == "database":
                    self._pass(self.dice.uniform(0.2, 3))
                    self.postgres.ensure_postgres_running()
                self.tend()
                return at
        raise AssertionError(f"there was no {target} to kill")

    def _pass(self, seconds: float) -> None:
        """Let time pass, with a run under way and the programs tended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tend()
            self.keep_training()
            time.sleep(min(0.2, max(0.0, until - time.monotonic())))

    # The people.

    def tap_on(self) -> None:
        """Tap until told to stop; in a thread of its own."""
        while not self._stop.wait(random.expovariate(TAPS_PER_SECOND)):
            asyncio.run(self.club.tap(random.choice(self.club.people)))

    def told_unsaved(self) -> int:
        """Return how often people were told that a tap was not saved."""
        over = sum(answer.text == DATABASE_DOWN for answer in self.club.telegram.answers)
        below = sum(message.text == DATABASE_DOWN for person in self.club.people for message in person.messages)
        return over + below

    # The end.

    def settle(self) -> list[str]:
        """Let everything come to rest, and return what does not add up."""
        self._stop.set()
        asyncio.run(self.club.settle())
        lost, unsaved = self.club.fewest_lost(), self.told_unsaved()
        found = [] if lost is not None else ["somebody has stars that they never tapped"]
        if lost is not None and lost > unsaved:
            found.append(f"{lost} taps lost, {unsaved} people were told so")
        for person in self.club.people:
            asyncio.run(self.club.tap(person))
        asyncio.run(self.club.settle())
        found += [f"{person} sees or has other stars than they tapped" for person in self.club.astray()]
        last = self.complete_run()
        if last.state not in WENT_THROUGH:  # the last kill hit it
            last = self.complete_run()
        if last.state not in WENT_THROUGH:
            found.append(f"the last run, which nobody disturbed, is {last.state}: {last.error}")
        if self.postgres is None:  # without a database, a program that starts may give up
            found += self.own_exits
        for process in (self.engine, self.club.process):
            assert process is not None
            process.send_signal(signal.SIGTERM)
            if (code := process.wait(60)) != 0:
                found.append(f"told to stop, a program ended with {code}")
        found += faults(self.store, KEEP)
        version = self.store.live_version()
        assert version is not None
        self.store.check_version(version)
        home = self.club.program.home
        found += [f"{path} is left" for path in files_left(home / "demo")]
        _, alive = psutil.wait_procs(processes_of(home), timeout=DYING_SECONDS)
        found += [f"{process} still runs" for process in alive]
        for run in self.store.last_runs(1000):
            self.states[run.state.value] += 1
        return found


@contextmanager
def havoc(
    home: Path, seed: int, *, database: str, loaded: Path | None = None, seconds: float | None = None
) -> Iterator[Havoc]:
    """The demo with a model, a bot and an engine that are at work, and people who tap.

    Args:
        database: sqlite or postgres, which gets a server of its own.
        loaded: a home folder in which the demo stands and a model is live, on SQLite, to begin from a copy of it.
        seconds: into how many seconds from the last one on each kill falls; by default as many as a first run takes.
    """
    settings = {"MATINEE_DATASET": "demo", "MATINEE_TELEGRAM_TOKEN": TOKEN, "MATINEE_KEEP_VERSIONS": str(KEEP)}
    telegram = FakeTelegram()
    with ExitStack() as stack:
        server = stack.enter_context(postgres()) if database == "postgres" else None
        if server is not None:
            settings["MATINEE_DATABASE_URL"] = server.get_uri()
        settings["MATINEE_TELEGRAM_API"] = stack.enter_context(serve_bot_api(telegram))
        program = Program(home, settings)
        if loaded is not None:
            shutil.copytree(loaded, home)
        home.mkdir(exist_ok=True, parents=True)
        for verb in ("migrate", "load") if loaded is None else ():
            done = program.run("engine", verb, timeout=300)
            assert done.returncode == 0, done.stderr
        store = Store(program.database_url)
        film = store.films()[0]
        people = [telegram.person(FIRST_ID + number) for number in range(PEOPLE)]
        club = Club(telegram, program, store, home / "bot.log", people, film_id=film.id, title=film.display_title)
        club.open_cards()
        there = Havoc(club, random.Random(seed), server)
        try:
            there.tend()
            if seconds is None:
                started = time.monotonic()
                there.complete_run()
                seconds = min(time.monotonic() - started, MOST_SECONDS)
            there.seconds = seconds
            threading.Thread(target=there.tap_on, daemon=True).start()
            yield there
        finally:
            there._stop.set()
            for process in processes_of(home):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            store.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None, help="by default another one each time")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="postgres")
    parser.add_argument("--minutes", type=float, default=math.inf, help="fewer kills if they take longer")
    parser.add_argument("--seconds", type=float, help="from one kill to the next at most; by default as a run takes")
    parser.add_argument("--keep", type=Path, help="a folder for the logs, which is kept")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    print(f"seed {seed}, {asked.kills} kills on {asked.database}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home = (asked.keep or Path(folder)) / "home"
        with havoc(home, seed, database=asked.database, seconds=asked.seconds) as there:
            print(f"at most {there.seconds:.0f} s from one kill to the next", flush=True)
            there.wreak(asked.kills, lambda line: print(line, flush=True), minutes=asked.minutes)
            wrong = there.settle()
            of = Counter(target for target, _ in there.kills.elements())
            print("killed:", ", ".join(f"{target} {count}" for target, count in sorted(of.items())))
            print("runs:", ", ".join(f"{state} {count}" for state, count in sorted(there.states.items())))
            taps, events = there.club.taps.total(), there.club.taps.total() - there.club.missing()
            print("\n".join(there.own_exits))
            print(f"taps: {taps}, of which {events} became one act each and {there.told_unsaved()} were told otherwise")
    print("\n".join(wrong) if wrong else "everything adds up")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
