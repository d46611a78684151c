"""How does the bot bear an hour of a thousand people, over HTTP, on SQLite and on Postgres, with a retrain meanwhile?

    python -m benchmarks.speed.soak                     an hour's worth of updates, on each database: eleven minutes
    python -m benchmarks.speed.soak --updates 900       a quarter of that

The real bot runs as a process of its own, against a Bot API over HTTP on this machine, on the demo's films and a model
that is made up. A thousand people send 3,600 updates at random moments: /top and its pages, films of the list, titles,
stars, /my, /surprise, /help. Halfway the engine begins to train, on the same machine, and publishes. A latency is the
time from the moment an update was due until the bot's first message or edit for that person arrived at Telegram;
polling, waiting for its turn, and waiting for Telegram's limits (25 calls a second) are included. Says every few
seconds how far it is. Prints latencies by command, alone and while the engine trained; the memory of the bot
(resident, a reading each second); and how many updates were never answered. Exits with 1 if there were any.
"""

import argparse
import asyncio
import math
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.speed.chat import publish
from bot.speech import buttons
from bot.terminal.telegram import Files, Message
from engine.store import Store
from tests.conftest import Program
from tests.fakes import TOKEN, FakeTelegram, Json, Person, serve_bot_api
from tests.postgres import postgres

FIRST_ID = 10_000
PATIENCE_SECONDS = 60.0
TAPS = {buttons.Rate: "stars", buttons.OpenFilm: "a film of the list", buttons.Picks: "the next page"}
SAY_SECONDS = 15.0
SCREEN = ("sendMessage", "editMessageText", "sendPhoto", "editMessageCaption")


@dataclass
class Waiting:
    """An update that has not been answered yet."""

    command: str
    due: float
    answered: Callable[[], None]


class Watched(FakeTelegram):
    """Notes when a person's update is answered, and what they have on screen since."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: dict[int, Waiting] = {}
        self.screen: dict[int, Message] = {}
        self.taken: list[tuple[str, float, float]] = []

    def call(self, method: str, params: Json, files: Files) -> Any:
        result = super().call(method, params, files)
        if method in SCREEN and (chat := int(params["chat_id"])) in self.waiting:
            waited = self.waiting.pop(chat)
            now = time.perf_counter()
            self.taken.append((waited.command, waited.due, 1000 * (now - waited.due)))
            self.screen[chat] = self.messages[chat, result["message_id"]]
            waited.answered()
        return result


@dataclass
class Soak:
    """A thousand people, and how long they waited."""

    telegram: Watched
    people: list[Person]
    titles: list[str]
    dice: random.Random
    bot: psutil.Process
    megabytes: list[float] = field(default_factory=list)
    sent: int = 0

    async def live(self, updates: int, rate: float) -> None:
        """Send so many updates at random moments, ``rate`` a second; nobody sends a second before the first is
        answered."""
        loop = asyncio.get_running_loop()
        idle, due = list(self.people), time.perf_counter()
        for _ in range(updates):
            due += self.dice.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            while not idle:  # noqa: ASYNC110 - a thread of the Bot API makes it true
                await asyncio.sleep(0.01)
            person = idle.pop(self.dice.randrange(len(idle)))
            command, update = self._next(person)
            again = (lambda who: lambda: loop.call_soon_threadsafe(idle.append, who))(person)
            self.telegram.waiting[person.id] = Waiting(command, due, again)
            self.sent += 1
            await self.telegram.deliver(update)
        until = time.perf_counter() + PATIENCE_SECONDS
        while self.telegram.waiting and time.perf_counter() < until:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)

    def _next(self, person: Person) -> tuple[str, Json]:
        """Return what somebody does next: mostly they go on with what they see."""
        seen = self.telegram.screen.get(person.id)
        if seen is not None and self.dice.random() < 0.5:
            known = [
                (TAPS.get(type(buttons.parse(data))), data) for row in seen.rows for data in map(_data, row) if data
            ]
            taps = [(command, data) for command, data in known if command is not None]
            if taps:
                command = self.dice.choice(sorted({command for command, _ in taps}))
                data = self.dice.choice([data for of, data in taps if of == command])
                return command, self.telegram.press_update(person.user, seen, data)
        command = self.dice.choices(("/top", "a title", "/my", "/surprise", "/help"), (40, 40, 8, 8, 4))[0]
        text = self.dice.choice(self.titles) if command == "a title" else command
        return command, self.telegram.message_update(person.user, person.chat, text)

    async def watch_memory(self) -> None:
        while True:
            self.megabytes.append(self.bot.memory_info().rss / 2**20)
            await asyncio.sleep(1)

    async def say_how_far(self, updates: int) -> None:
        while True:
            await asyncio.sleep(SAY_SECONDS)
            lately = [waited for _, _, waited in self.telegram.taken[-int(10 * SAY_SECONDS) :]]
            p99 = f"p99 lately {np.percentile(lately, 99):.0f} ms" if lately else "nothing answered yet"
            line = f"  {self.sent} of {updates} sent, {len(self.telegram.waiting)} wait, {p99}"
            print(f"{line}, {self.megabytes[-1]:.0f} MB", file=sys.stderr, flush=True)


def _data(button: Any) -> str:
    return button.data or ""


def report(taken: list[tuple[str, float, float]], retrain: tuple[float, float]) -> None:
    """Print latencies by command, alone and between the moments at which a retrain began and ended."""
    by_command: defaultdict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for command, due, waited in taken:
        for name in (command, "all"):
            by_command[name][retrain[0] <= due < retrain[1]].append(waited)
    print(f"  {'':18} {'alone: n':>9} {'p50':>7} {'p99':>8}   {'retrain: n':>10} {'p50':>7} {'p99':>8}   ms")
    for name, both in sorted(by_command.items(), key=lambda item: -sum(map(len, item[1]))):
        cells = [(len(part), *(np.percentile(part, [50, 99]) if part else (np.nan, np.nan))) for part in both]
        (n, p50, p99), (m, q50, q99) = cells
        print(f"  {name:18} {n:9} {p50:7.1f} {p99:8.1f}   {m:10} {q50:7.1f} {q99:8.1f}")


async def soak(home: Path, database: str, asked: argparse.Namespace) -> int:
    telegram, settings = Watched(), {"MATINEE_DATASET": "demo", "MATINEE_TELEGRAM_TOKEN": TOKEN}
    with ExitStack() as stack:
        if database == "postgres":
            settings["MATINEE_DATABASE_URL"] = stack.enter_context(postgres()).get_uri()
        settings["MATINEE_TELEGRAM_API"] = stack.enter_context(serve_bot_api(telegram))
        program = Program(home, settings)
        for verb in (("migrate",), ("load", "demo")):
            done = await asyncio.to_thread(program.run, "engine", *verb, timeout=600)
            assert done.returncode == 0, done.stderr
        store = Store(program.database_url)
        stack.callback(store.close)
        films = store.films()
        publish(store, films, [], [])
        people = [telegram.person(FIRST_ID + number) for number in range(asked.people)]
        for person in people:
            telegram.chats[person.id] = person.chat
        with (home / "bot.log").open("w") as log:
            process = program.start("bot", "run", stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.kill)
        there = Soak(
            telegram, people, [film.display_title for film in films], random.Random(5), psutil.Process(process.pid)
        )
        await there.live(50, asked.rate)  # the first of everything is slow
        telegram.taken.clear()
        there.sent = 0
        aside = [asyncio.create_task(work) for work in (there.watch_memory(), there.say_how_far(asked.updates))]
        worked, started = there.bot.cpu_times(), time.perf_counter()
        await there.live(asked.updates // 2, asked.rate)
        begun, training = time.perf_counter(), None
        if not asked.no_retrain:
            training = asyncio.create_task(asyncio.to_thread(train, program))
        await there.live(asked.updates - asked.updates // 2, asked.rate)
        for task in aside:
            task.cancel()
        now, seconds = there.bot.cpu_times(), time.perf_counter() - started
        busy = now.user + now.system - worked.user - worked.system
        ended = math.inf if training is None else await training
        print(f"{database}: {len(telegram.taken)} updates of {asked.people} people at {asked.rate:.0f} a second")
        report(telegram.taken, (begun, ended) if training is not None else (math.inf, math.inf))
        each = 1000 * busy / max(len(telegram.taken), 1)
        print(f"  the bot's processor: {each:.1f} ms an update; {seconds:.0f} s in all")
        quarter = max(len(there.megabytes) // 4, 1)
        first, last = np.median(there.megabytes[:quarter]), np.median(there.megabytes[-quarter:])
        print(f"  its memory: first quarter {first:.0f} MB, last {last:.0f} MB, at most {max(there.megabytes):.0f} MB")
        print(f"  the retrain took {ended - begun:.0f} s" if training is not None else "  no retrain")
        print(f"  never answered: {len(telegram.waiting)}", flush=True)
        return len(telegram.waiting)


def train(program: Program) -> float:
    """Train and publish, and return the moment at which that ended."""
    trained = program.run("engine", "train", "--force", timeout=900)
    assert trained.returncode == 0, trained.stderr
    return time.perf_counter()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--updates", type=int, default=3600)
    parser.add_argument(
        "--rate", type=float, default=12.0, help="updates a second; the bot keeps to 25 calls, answers to taps included"
    )
    parser.add_argument("--database", choices=("sqlite", "postgres"), help="by default one after the other")
    parser.add_argument("--no-retrain", action="store_true")
    asked = parser.parse_args()
    unanswered = 0
    for database in [asked.database] if asked.database else ["sqlite", "postgres"]:
        with tempfile.TemporaryDirectory() as home:
            unanswered += asyncio.run(soak(Path(home), database, asked))
    return int(unanswered > 0)


if __name__ == "__main__":
    sys.exit(main())
