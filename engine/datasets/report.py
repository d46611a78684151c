"""Reports of loading a data set: progress, unusable lines, the result, and errors."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from typing import Protocol

from engine.domain import Catalogue, Feedback, MatineeError

EXAMPLES = 20
"""Number of unusable lines that a report shows."""


class DatasetError(MatineeError):
    """A data set cannot be loaded as it is."""


class DatasetMismatch(DatasetError):
    """The database holds another data set, and it can hold only one."""

    def __init__(self, held: str, wanted: str) -> None:
        super().__init__(
            f"this database already holds the data set {held!r}, so {wanted!r} cannot go into it. Set"
            f" MATINEE_DATABASE_URL to a new database for {wanted!r}, or MATINEE_DATASET={held} to stay with this one"
        )
        self.held, self.wanted = held, wanted


class DatasetShrank(DatasetError):
    """The data set of that name that is loaded has more than twice the ratings: the new one was perhaps cut short."""

    def __init__(self, dataset: str, held: int, found: int) -> None:
        super().__init__(
            f"this {dataset!r} has {found:,} ratings, and the one that is loaded has {held:,}: was the file cut short?"
            f" To load it all the same: python -m engine load --force"
        )
        self.held, self.found = held, found


class NoStars(DatasetError):
    """The ratings of a set are 0 and 1, as of people who said yes or no."""

    def __init__(self, file: str, source: str) -> None:
        super().__init__(
            f"{file} has no rating above 1, so these are no stars. If 1 says that somebody liked or saw a film, load"
            f" them as play counts: python -m engine load {source} --feedback counts"
        )


class DownloadFailed(DatasetError):
    """A data set could not be fetched: there is no network, or the server failed. Its text says how to do it by
    hand."""

    def __init__(self, url: str, why: str, to: Path) -> None:
        super().__init__(
            f"could not fetch {url}: {why}. Try again later (it goes on where it stopped), or download that file in a"
            f" browser and give its path, as in: python -m engine load {to}"
        )
        self.url = url


class LoadProgress(Protocol):
    """Called with a load's stage ("fetch", "check", "read", "write", "save"), a fraction or None, and a detail."""

    def __call__(self, stage: str, done: float | None, detail: str) -> None: ...


def silent(stage: str, done: float | None, detail: str) -> None:
    """A LoadProgress that does nothing."""


@dataclass(frozen=True, slots=True, order=True)
class Unusable:
    """A line that was left out. ``line`` counts from 1, the header included."""

    file: str
    line: int
    reason: str


class Problems:
    """Collects unusable lines: counts all of them by kind, and remembers the first few of each."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._first: defaultdict[tuple[str, str], list[Unusable]] = defaultdict(list)

    def add(self, file: str, line: int, kind: str, fact: object) -> None:
        """Note one line. ``kind`` is the same for all lines with this problem; ``fact`` is this line's value, and is
        quoted if it is text."""
        self.add_all(file, kind, 1, [(line, fact)])

    def add_all(self, file: str, kind: str, count: int, first: Iterable[tuple[int, object]]) -> None:
        """Note ``count`` lines of one kind; ``first`` has some of them as examples, as (line, fact)."""
        self._counts[file, kind] += count
        seen = self._first[file, kind]
        for line, fact in islice(first, EXAMPLES - len(seen)):
            text = repr(fact) if isinstance(fact, str) else str(fact)
            seen.append(Unusable(file, line, f"{kind}: {_shortened(text)}"))

    def counts(self) -> dict[str, int]:
        """Return the number of lines with each kind of problem, most frequent first."""
        return {f"{file}: {kind}": count for (file, kind), count in self._counts.most_common()}

    def examples(self) -> tuple[Unusable, ...]:
        """Return at most 20 lines, in order; each kind of problem gets its share."""
        by_turn = zip_longest(*self._first.values())
        fair = [example for turn in by_turn for example in turn if example is not None]
        return tuple(sorted(fair[:EXAMPLES]))

    def summary(self) -> str:
        """Return a text about the first problem, empty if there is none."""
        examples = self.examples()
        return (
            f"The first problem: {examples[0].file}, line {examples[0].line}: {examples[0].reason}" if examples else ""
        )


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _shortened(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How a load ended.

    ``changed`` is false if the database held just this data already. ``ratings`` is the folder of Parquet files for
    Spark, ``tags`` the file of tags if there are any. ``repeated`` counts the ratings that a later one of the same user
    and film replaced (for play counts: that were added up). ``unusable`` counts the lines left out, by kind of problem;
    ``examples`` names up to 20. ``notes`` are decisions worth knowing, such as halved stars.
    """

    catalogue: Catalogue
    changed: bool
    ratings: Path
    tags: Path | None = None
    repeated: int = 0
    unusable: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Unusable, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the report as lines to print."""
        held = self.catalogue
        plays = held.feedback is Feedback.COUNTS
        what = "play count" if plays else "rating"
        simulated = "simulated " if held.simulated else ""
        ratings = _counted(held.rating_count, f"{simulated}{what}", f"{simulated}{what}s")
        people = _counted(held.user_count, f"{simulated}person", f"{simulated}people")
        titles = _counted(held.movie_count, str(held.kind), f"{held.kind}s")
        begins = "Loaded" if self.changed else "Already loaded, nothing to do:"
        counted = f"{ratings} by {people} of {titles}"
        lines = [f"{begins} {held.dataset}: {counted}", f"Terms: {held.terms}", *self.notes]
        if self.repeated:
            then = "added up" if plays else "the latest one counts"
            lines.append(f"{self.repeated:,} {what}s came again for the same person and title: {then}")
        if self.unusable:
            lines.append(f"Lines that could not be used: {sum(self.unusable.values()):,}")
            lines += [f"  {count:,} × {kind}" for kind, count in self.unusable.items()]
            lines.append("For example:")
            lines += [f"  {example.file}, line {example.line}: {example.reason}" for example in self.examples]
        return lines
