"""How many taps does the bot lose when it is killed, and what does losing none cost a tap?

    python -m benchmarks.speed.taps

The bot runs as a process of its own, against a Telegram over HTTP on this machine, on a SQLite file. People tap stars
on a film's card, ten times a second, and the bot is killed (kill -9) 20 times; then, five times, 200 people tap at once
and it is killed in the midst of that. Afterwards every tap must be one act in the database, and the last one must be on
screen. Then the same bot in this process, with a Telegram in memory, is brought one tap after the other, with its inbox
and past it. Prints the taps that were lost or done twice, and the time and processor that a tap takes both ways. Exits
with 1 if any was lost.
"""

import bot  # noqa: F401 - first, as in the bot itself: it says how many threads numpy may use

# isort: split
import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pydantic import SecretStr
from telegram import Update

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import App, Services
from bot.frame.inbox import Inbox, Json
from bot.settings import BotSettings
from engine.log import set_up_logging
from engine.serving.library import Library
from engine.store import Store
from tests.fakes import TOKEN
from tests.taps import Club, club

BURST = 200
TAPS_MEASURED = 400


async def kills(film_club: Club, times: int, per_second: float) -> int:
    """Kill the bot several times while people tap. Return the number of taps."""
    before = film_club.taps.total()
    for _ in range(times):
        tapping = asyncio.create_task(film_club.tap_on(4, per_second=per_second))
        await asyncio.sleep(random.uniform(1, 4))
        film_club.kill()
        film_club.start()
        await tapping
    await film_club.settle()
    return film_club.taps.total() - before


async def bursts(film_club: Club, times: int) -> int:
    """Have everybody tap at once and kill the bot meanwhile, several times. Return the number of taps."""
    before = film_club.taps.total()
    for _ in range(times):
        for person in film_club.people:
            await film_club.tap(person)
        await film_club.has_begun()
        film_club.kill()
        film_club.start()
        await film_club.settle()
    return film_club.taps.total() - before


async def lost(home: Path, asked: argparse.Namespace) -> bool:
    with club(home, people=BURST) as film_club:
        film_club.start()
        for what, taps in (
            (f"{asked.kills} kills under {asked.rate:.0f} taps a second", kills(film_club, asked.kills, asked.rate)),
            (f"{asked.bursts} kills in bursts of {BURST}", bursts(film_club, asked.bursts)),
        ):
            count = await taps
            missing, astray, twice = film_club.missing(), len(film_club.astray()), film_club.told_twice()
            print(
                f"{what}: {count} taps, {missing} lost, {astray} people astray, {twice} messages too many", flush=True
            )
        return missing != 0 or astray != 0


async def one_by_one(film_club: Club, application: App, *, past_the_inbox: bool) -> tuple[list[float], float]:
    """Deliver taps one after the other. Return each one's milliseconds, and the mean milliseconds of processor time."""
    inbox: Inbox = application.bot_data["inbox"]

    async def through(update: Json) -> None:
        await inbox.receive(application, [update])
        await application.update_queue.join()

    async def past(update: Json) -> None:
        parsed = Update.de_json(update, application.bot)
        await application.update_processor.process_update(parsed, application.process_update(parsed))

    taken, worked = [], time.process_time()
    for number in range(TAPS_MEASURED):
        person = film_club.people[number % BURST]
        update = film_club.tap_update(person)
        started = time.perf_counter()
        await (past if past_the_inbox else through)(update)
        taken.append((time.perf_counter() - started) * 1000)
    return taken, (time.process_time() - worked) * 1000 / TAPS_MEASURED


async def cost(home: Path) -> None:
    with club(home, people=BURST) as film_club:
        settings = BotSettings(
            _env_file=None, home=home, dataset="tiny", database_url=None, telegram_token=SecretStr(TOKEN)
        )
        store = Store(settings.url)
        services = Services(settings, store, Library(store))
        application = build_application(services, FEATURES, request=film_club.telegram)
        async with film_club.telegram.runs(application):
            for past_the_inbox in (True, False, True, False):  # the first two for the first of everything
                taken, worked = await one_by_one(film_club, application, past_the_inbox=past_the_inbox)
                p50, p99 = np.percentile(taken, [50, 99])
                way = "past the inbox " if past_the_inbox else "through the inbox"
                print(f"a tap {way}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {worked:.1f} ms of processor", flush=True)
        store.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=float, default=10.0, help="taps a second")
    parser.add_argument("--bursts", type=int, default=5)
    parser.add_argument("--cost-only", action="store_true", help="kill nobody")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        set_up_logging("INFO", Path(home) / "benchmark.log")
        failed = False if asked.cost_only else asyncio.run(lost(Path(home) / "killed", asked))
        asyncio.run(cost(Path(home) / "measured"))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
