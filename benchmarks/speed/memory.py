"""How much memory does the bot keep, and how long does it take to read films and model?

    python -m benchmarks.speed.memory

Starts a process for each size that puts the bot together as ``python -m bot run`` does, reads films and model from the
database, and answers a search and a /top; prints what it keeps then, the most it had, and how long it read. A tenth of
the films has no ratings, so their rows are guessed while the model is loaded. The aim is 200 MB with as many films as
ml-latest-small has and 500 MB with 87,000. Exits with 1 if it is missed by far (a third). Linux only.
"""

import bot  # noqa: F401 - first, as in the bot itself: it says how many threads numpy may use

# isort: split
import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pydantic import SecretStr

AIMS_MB = {10_000: 200, 87_000: 500}

UNRATED = 0.1
"""The share of films that nobody has rated."""

PEOPLE = 20
"""Number of people who ask for a /top in turn."""


def kept_mb() -> float:
    """Return the resident memory of this process now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def prepare(home: Path, count: int) -> None:
    from benchmarks.speed import chat
    from engine.store import Store

    store = Store(f"sqlite:///{home}/matinee.db")
    films = chat.catalogue_of(count)
    viewers = chat.load(store, films, 10)
    chat.publish(store, films, viewers, [], unrated=int(UNRATED * count))
    store.close()


def serve(url: str) -> None:
    """Build a bot, answer, and print its memory. This imports nothing that the bot does not.

    Prints the films, the MB before and after they were read and the most there were, the milliseconds of a /top (median
    and 99th percentile of 200), and the seconds that reading took.
    """
    from bot.features import FEATURES
    from bot.features.memory import Memory
    from bot.features.picks import work_out
    from bot.frame.application import build_application
    from bot.frame.context import Services
    from bot.settings import BotSettings
    from engine.clock import utc_now
    from engine.log import set_up_logging
    from engine.serving.library import Library
    from engine.serving.wish import ANYTHING
    from engine.store import Store

    token = SecretStr("123456:TEST-TOKEN")
    settings = BotSettings(_env_file=None, database_url=SecretStr(url), telegram_token=token)
    set_up_logging("WARNING")
    store = Store(settings.url)
    services = Services(settings=settings, store=store, library=Library(store))
    build_application(services, FEATURES)
    empty = kept_mb()
    begun = time.perf_counter()
    shelf = asyncio.run(services.library.settle())
    loading = time.perf_counter() - begun
    shelf.find("the matrx", 8)
    now = utc_now()
    well_known = sorted(shelf.films.by_id, key=lambda movie_id: -shelf.films.by_id[movie_id].rating_count)
    taken = []
    for number in range(PEOPLE):
        person = store.person(1001 + number, "en", now)
        for movie_id in well_known[number : number + 20]:
            store.rate(person.id, movie_id, 4.0, now)
        for _ in range(200 // PEOPLE):
            start = time.perf_counter()
            assert work_out(store, shelf, person, now, Memory().begin(ANYTHING), 1).lines
            taken.append(1000 * (time.perf_counter() - start))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    taken.sort()
    top = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    print(len(shelf.films.by_id), empty, kept_mb(), most, *top, loading)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--prepare", type=Path, metavar="HOME", help=argparse.SUPPRESS)
    parser.add_argument("--films", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve is not None:
        serve(asked.serve)
        return 0
    if asked.prepare is not None:
        prepare(asked.prepare, asked.films)
        return 0
    well = True
    for count, aim in AIMS_MB.items():
        with tempfile.TemporaryDirectory() as home:
            me = [sys.executable, "-m", "benchmarks.speed.memory"]
            subprocess.run([*me, "--prepare", home, "--films", str(count)], check=True)
            said = subprocess.run(
                [*me, "--serve", f"sqlite:///{home}/matinee.db"], check=True, capture_output=True, text=True
            ).stdout
        films, empty, kept, most, *_, loading = map(float, said.split())
        memory = f"{kept:5.0f} MB (aim {aim}), {most:5.0f} at the most, {empty:4.0f} before the films"
        print(f"{films:7,.0f} films: {memory}; read in {loading:.1f} s")
        well &= kept <= aim * 4 / 3
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
