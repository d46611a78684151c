"""People who rate while something else happens: a process of its own, some thirty acts a second.

``python -m tests.rater URL FILE`` rates until it is ended, and notes in FILE each act as it is acknowledged or refused.
"""

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.clock import utc_now
from engine.store import DatabaseMoved, Store, StoreError
from tests.world import FILMS

A_SECOND = 30
PEOPLE = range(9001, 9061)
"""Their Telegram ids; each rates every film once."""

Act = tuple[int, int]
"""One rating: a person's Telegram id and a film."""


def acts() -> Iterator[Act]:
    return itertools.product(PEOPLE, (film.id for film in FILMS))


@dataclass(frozen=True)
class Rater:
    """The outcome of the ratings so far."""

    notes: Path
    process: subprocess.Popen[bytes]

    def acknowledged(self, outcome: str = "yes") -> list[Act]:
        """Return the acts that the database has taken, in their order; or those that it refused."""
        lines = [line.split() for line in self.notes.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(int(who), int(film)) for who, film, became in lines if became == outcome]

    def until(self, reached: Callable[[], bool]) -> None:
        """Return once this is so."""
        while not reached():
            assert self.process.poll() is None, "the rater died"
            time.sleep(0.02)

    def goes_on(self, more: int = 10) -> None:
        """Return once so many more acts have been acknowledged."""
        enough = len(self.acknowledged()) + more
        self.until(lambda: len(self.acknowledged()) >= enough)


@contextlib.contextmanager
def rating(url: str, notes: Path) -> Iterator[Rater]:
    """Let people rate while the block lasts."""
    notes.touch()
    with subprocess.Popen([sys.executable, "-m", "tests.rater", url, str(notes)]) as process:
        try:
            rater = Rater(notes, process)
            rater.goes_on()
            yield rater
        finally:
            process.kill()


def main(url: str, notes: Path) -> None:
    store = Store(url)
    with notes.open("a") as file:
        for who, film in acts():
            became = "no"
            while became == "no":
                try:
                    person = store.person(who, "en", utc_now())
                    store.rate(person.id, film, 4.0, utc_now())
                    became = "yes"
                except DatabaseMoved:
                    became = "moved"
                except StoreError:
                    pass  # as a person does, it tries the same again
                file.write(f"{who} {film} {became}\n")
                file.flush()
                time.sleep(1 / A_SECOND)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
