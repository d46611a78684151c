"""How much memory do 1, 2 and 4 workers of the API keep together, when they begin, in use, and after a training?

    python -m benchmarks.speed.workers
    python -m benchmarks.speed.workers --films 10000

Starts ``python -m api serve --workers N`` on made-up films with a model of rank 64 and 50, and adds up the proportional
set size (PSS) of all its processes: a page that n of them share counts 1/n for each. "Used" is after picks and mistyped
searches, which write to objects and so copy their pages; "trained" is after another model has gone live. Exits with 1
if four workers in use take more than three times what one takes. Linux only.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil

from benchmarks.speed.api import PORT, fill, running
from benchmarks.speed.chat import NOW, factors_of, new_version, similar_for
from engine.store import Store

WORKERS = (1, 2, 4)
CALLS = 150
"""Number of calls for each worker, each on its own connection, so that every worker answers some."""


def pss_mb(process: psutil.Process) -> float:
    """Return the proportional set size of a process and its children."""
    return float(sum(each.memory_full_info().pss for each in (process, *process.children(recursive=True)))) / 1e6


def use(address: str, key: str, titles: list[str], calls: int) -> None:
    """Ask for picks and for mistyped titles in turn."""
    dice = random.Random(5)
    for number in range(calls):
        title = dice.choice(titles)
        at = dice.randrange(len(title))
        for path, query in (
            (f"/v1/people/person-{number}/picks", {}),
            ("/v1/films", {"q": title[:at] + title[at + 1 :] or title}),
        ):
            headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
            httpx.get(f"{address}{path}", params=query, headers=headers, timeout=120).raise_for_status()


def measured(store: Store, key: str, home: Path, workers: int) -> Iterator[float]:
    """Yield the MB of so many workers when they begin, in use, and after another model has gone live."""
    films = store.films()
    settings = {
        "MATINEE_DATABASE_URL": store.url(),
        "MATINEE_HOME": str(home),
        "MATINEE_API_PORT": str(PORT),
        "MATINEE_API_PER_MINUTE": "10000000",
        "MATINEE_LOG_LEVEL": "ERROR",
    }
    with running(["api", "serve", "--workers", str(workers)], PORT, settings) as address:
        (server,) = (child for child in psutil.Process(os.getpid()).children() if "serve" in child.cmdline())
        use(address, key, [film.display_title for film in films], 5 * workers)
        yield pss_mb(server)
        use(address, key, [film.display_title for film in films], CALLS * workers)
        yield pss_mb(server)
        version = new_version(store)
        store.write_item_factors(version, factors_of(films))
        store.write_similar(version, similar_for(films))
        store.publish(version, event_ids=np.array([], np.int64), now=NOW)
        time.sleep(1)
        for _ in range(20):  # a worker reads the model when it is asked
            use(address, key, [film.display_title for film in films], 2 * workers)
            time.sleep(0.5)
        yield pss_mb(server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=87_000)
    films = parser.parse_args().films
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/matinee.db"
        key = fill(url, films)
        store = Store(url)
        print(f"{films:,} films; MB of all processes of the API together (PSS)")
        taken: dict[int, float] = {}
        for workers in WORKERS:
            begun, taken[workers], trained = measured(store, key, Path(folder), workers)
            print(
                f"{workers} workers   begun {begun:6.0f}   used {taken[workers]:6.0f}   trained {trained:6.0f}",
                flush=True,
            )
        store.close()
    if taken[4] > 3 * taken[1]:
        sys.exit(1)


if __name__ == "__main__":
    main()
