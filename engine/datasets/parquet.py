"""Writes ratings as Parquet for Spark: one row for a user and a film, sorted by user, in parts of even size.

Ratings come in any order and may not fit into memory. They are spooled to disk once, and then each part picks its users
out of the spool. Only one part must fit into memory, and a few numbers for every user and film.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.datasets.ratings import NO_TIME, Chunk
from engine.datasets.report import EXAMPLES, LoadProgress, Problems
from engine.domain import Feedback

FORMAT = "1"
"""It is part of every fingerprint. Raise it when files must be written anew."""

_ROWS_PER_GROUP = 500_000

_TEN_STARS_FROM = 0.25  # with a larger share of values above 5, a set counts as having a scale of 0 to 10
_NO_CHANCE = 20  # so many rows of one star and less are no stars at all
_SPOOLED = pa.schema([("user", pa.int32()), ("movie", pa.int32()), ("value", pa.float32()), ("time", pa.int64())])


@dataclass(frozen=True, slots=True)
class Written:
    """Facts about the Parquet files. ``counts`` and ``sums`` (of stars or plays) are in the order of the sorted film
    ids.

    ``halved`` says that the stars came on a scale of 0 to 10.
    """

    ratings: int
    users: int
    repeated: int
    halved: bool
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]


class Spool:
    """Collects ratings in one temporary file on disk, then writes them as Parquet.

    Users are numbered in the order in which they came.
    """

    def __init__(self, path: Path, feedback: Feedback) -> None:
        self.feedback = feedback
        self._path = path
        self._writer = pa.ipc.new_file(str(path), _SPOOLED)
        self._known = np.empty(0, dtype=np.int64)  # dataset user ids, sorted
        self._index = np.empty(0, dtype=np.int64)  # and the number of each
        self._rows_of_user = np.empty(0, dtype=np.int64)
        self._odd_rows_of_user = np.empty(0, dtype=np.int64)
        self._above_five = 0
        self._highest = 0.0
        self._odd: list[tuple[int, float]] = []  # (line, value) of the first values outside 0.5 to 5

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self._writer.close()
        self._path.unlink(missing_ok=True)

    def add(self, chunk: Chunk) -> None:
        """Add some ratings; their film ids must fit into 32 bits."""
        if not len(chunk):
            return
        users = self._numbered(chunk.users)
        self._rows_of_user = _added(self._rows_of_user, np.bincount(users))
        if self.feedback is Feedback.STARS:
            above = chunk.values > 5
            odd = np.flatnonzero(above | (chunk.values < 0.5))
            self._above_five += int(above.sum())
            self._highest = max(self._highest, float(chunk.values.max()))
            self._odd_rows_of_user = _added(self._odd_rows_of_user, np.bincount(users[odd]))
            first = odd[: EXAMPLES - len(self._odd)]
            self._odd += zip(chunk.lines[first].tolist(), chunk.values[first].tolist(), strict=True)
        columns: list[NDArray[Any]] = [
            users.astype(np.int32),
            chunk.films.astype(np.int32),
            chunk.values.astype(np.float32),
            chunk.times,
        ]
        self._writer.write_batch(pa.record_batch([pa.array(column) for column in columns], schema=_SPOOLED))

    @property
    def ten_stars(self) -> bool:
        """Whether the values so far are on a scale of 0 to 10.

        A few values above 5 are mistakes in a set of 0.5 to 5; halving everything because of them would ruin it.
        """
        return self._above_five > 0 and self._above_five >= _TEN_STARS_FROM * self._rows_of_user.sum()

    @property
    def yes_or_no(self) -> bool:
        """Whether these are no stars: nothing is above 1, in so many rows that it is no chance."""
        return self._highest <= 1 and self._rows_of_user.sum() >= _NO_CHANCE

    def note_odd(self, file: str, problems: Problems) -> None:
        """Report values outside the set's scale to ``problems``."""
        count = 0 if self.ten_stars else int(self._odd_rows_of_user.sum())
        if count:
            problems.add_all(file, "rating is outside 0.5 to 5", count, self._odd)

    def users(self) -> NDArray[np.int64]:
        """Return the dataset's ids of the users with usable ratings, in the order in which they first came."""
        by_number = self._known[np.argsort(self._index)]
        return by_number[self._usable_rows() > 0]

    def rows(self) -> int:
        """Return how many usable ratings came, those that came again included."""
        return int(self._usable_rows().sum())

    def write(
        self,
        folder: Path,
        user_ids: NDArray[np.int32],
        movie_ids: NDArray[np.int64],
        progress: LoadProgress,
        *,
        rows_per_part: int = 2_000_000,
    ) -> Written:
        """Write the parts to ``folder`` and return facts about them. No ratings can be added afterwards.

        Args:
            folder: the folder to write to; it is created.
            user_ids: our ids of the users, in the order of ``users()``.
            movie_ids: the ids of all films, sorted.
            progress: called for each part.
            rows_per_part: the approximate number of rows in a part; users are not split between parts.
        """
        self._writer.close()
        folder.mkdir()
        rows = self._usable_rows()
        ours = np.full(len(rows), -1, dtype=np.int64)
        ours[rows > 0] = user_ids
        # A user's part is decided by the row number that their first rating would have without repeats.
        order = np.argsort(ours, kind="stable")
        starts = np.empty(len(rows), dtype=np.int64)
        starts[order] = np.cumsum(rows[order]) - rows[order]
        part_of_user = np.where(rows > 0, starts // rows_per_part, -1)
        parts = np.unique(part_of_user[part_of_user >= 0]).tolist()

        total = Counter[str]()
        counts, sums = np.zeros(len(movie_ids), dtype=np.int64), np.zeros(len(movie_ids))
        with pa.memory_map(str(self._path)) as source:
            spooled = pa.ipc.open_file(source)
            batches = [spooled.get_batch(at) for at in range(spooled.num_record_batches)]
            wanted = [set(np.unique(part_of_user[_column(batch, "user")]).tolist()) for batch in batches]
            for number, part in enumerate(parts):
                progress("write", number / len(parts), f"part {number + 1} of {len(parts)}")
                inside = [batch for batch, has in zip(batches, wanted, strict=True) if part in has]
                users, films, values, times, came = self._settled(inside, ours, part_of_user, part)
                _write_part(folder / f"part-{number:05}.parquet", users, films, values, times, self.feedback)
                total.update(ratings=len(users), repeated=came - len(users), users=len(np.unique(users)))
                at = np.searchsorted(movie_ids, films)
                counts += np.bincount(at, minlength=len(movie_ids))
                sums += np.bincount(at, weights=values, minlength=len(movie_ids))
        progress("write", 1.0, f"{total['ratings']:,} rows")
        return Written(total["ratings"], total["users"], total["repeated"], self.ten_stars, counts, sums)

    def _numbered(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        distinct, inverse = np.unique(users, return_inverse=True)
        at = np.searchsorted(self._known, distinct)
        new = np.ones(len(distinct), dtype=bool)
        inside = at < len(self._known)
        new[inside] = self._known[at[inside]] != distinct[inside]
        numbers = len(self._known) + np.arange(new.sum())
        self._known = np.insert(self._known, at[new], distinct[new])
        self._index = np.insert(self._index, at[new], numbers)
        return self._index[np.searchsorted(self._known, distinct)][inverse]

    def _usable_rows(self) -> NDArray[np.int64]:
        if self.ten_stars:
            return self._rows_of_user
        return _added(self._rows_of_user, -self._odd_rows_of_user)

    def _settled(
        self, batches: list[pa.RecordBatch], ours: NDArray[np.int64], part_of_user: NDArray[np.int64], part: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], int]:
        """Return one part's users, films, values and times, each pair once, and the number of rows before that."""
        picked: list[list[NDArray[Any]]] = []
        for batch in batches:
            users, values = _column(batch, "user"), _column(batch, "value")
            here = part_of_user[users] == part
            if self.feedback is Feedback.STARS and not self.ten_stars:
                here &= (values >= 0.5) & (values <= 5)
            picked.append(
                [ours[users[here]], _column(batch, "movie")[here], values[here], _column(batch, "time")[here]]
            )
        users, films, values, times = (np.concatenate(columns) for columns in zip(*picked, strict=True))
        pairs = (users.astype(np.int64) << 32) | films
        order = np.lexsort((times, pairs))  # stable: keeps the order of equal pairs
        pairs = pairs[order]
        last = np.append(pairs[1:] != pairs[:-1], True)
        if self.feedback is Feedback.STARS:
            values = _half_steps(values[order][last], halve=self.ten_stars)
        else:
            first = np.flatnonzero(np.append(True, last[:-1]))
            values = np.add.reduceat(values[order].astype(np.float64), first)
        kept = order[last]
        return users[kept], films[kept], values, times[kept], len(order)


def write_tags(path: Path, counts: Counter[tuple[int, str]]) -> None:
    """Write how often each film was given each tag, sorted by film."""
    rows = sorted((movie_id, tag, count) for (movie_id, tag), count in counts.items())
    schema = pa.schema([("movie_id", pa.int32()), ("tag", pa.string()), ("count", pa.int32())])
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    pq.write_table(
        pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema), path
    )


def _half_steps(stars: NDArray[np.float32], *, halve: bool) -> NDArray[np.float64]:
    """Return stars rounded to half steps from 0.5 to 5; a value in the middle is rounded up."""
    doubled = stars.astype(np.float64) * (1 if halve else 2)
    return np.clip(np.floor(doubled + 0.5) / 2, 0.5, 5.0)


def _added(numbers: NDArray[np.int64], more: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of two arrays, the shorter one filled up with zeros."""
    longer, shorter = (numbers, more) if len(numbers) >= len(more) else (more, numbers)
    total = longer.copy()
    total[: len(shorter)] += shorter
    return total


def _column(batch: pa.RecordBatch, name: str) -> NDArray[Any]:
    column: NDArray[Any] = batch.column(name).to_numpy()
    return column


def _write_part(
    path: Path,
    users: NDArray[np.int64],
    films: NDArray[np.int64],
    values: NDArray[np.float64],
    times: NDArray[np.int64],
    feedback: Feedback,
) -> None:
    unknown = times == NO_TIME
    columns = {
        "user_id": pa.array(users.astype(np.int32)),
        "movie_id": pa.array(films.astype(np.int32)),
        "stars" if feedback is Feedback.STARS else "plays": pa.array(values.astype(np.float32)),
        "rated_at": pa.array(np.where(unknown, 0, times) * 1_000_000, pa.timestamp("us", tz="UTC"), mask=unknown),
    }
    pq.write_table(pa.table(columns), path, row_group_size=_ROWS_PER_GROUP)
