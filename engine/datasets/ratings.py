"""Reads files of ratings, which can have tens of millions of lines, in blocks of a few megabytes.

Arrow's CSV reader parses each block. A block that Arrow rejects is parsed again in Python, which is slower but can tell
which lines are wrong.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from engine.datasets.files import AUDIOSCROBBLER, BLOCK_BYTES, CSV, DataFiles
from engine.datasets.report import EXAMPLES, DatasetError, LoadProgress, Problems
from engine.datasets.rows import (
    CSV_SEPARATORS,
    fields_of,
    header_names,
    number,
    places,
    plain_name,
    separator_of,
    whole_number,
)
from engine.domain import Feedback

NO_TIME = np.iinfo(np.int64).min
"""Stands for the missing time of a rating."""

USER = frozenset({"userid", "user", "personid", "person"})
MOVIE = frozenset({"movieid", "movie", "filmid", "film", "itemid", "item", "artistid", "artist"})
_VALUES = {
    Feedback.STARS: ("rating", frozenset({"rating", "stars", "score"})),
    Feedback.COUNTS: ("count", frozenset({"count", "counts", "plays", "playcount"})),
}
_TIME = frozenset({"timestamp", "time", "ratedat", "date"})

_EARLIEST, _LATEST = 0, 4_102_444_800  # 1970 to 2100; anything else is not in seconds
_MAX_LINE_BYTES, _MAX_HEADER_BYTES = 2**20, 2**16
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some ratings in file order, as columns of one length. ``times`` are seconds since 1970, or NO_TIME."""

    lines: NDArray[np.int64]
    users: NDArray[np.int64]
    films: NDArray[np.int64]
    values: NDArray[np.float64]
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, usable: NDArray[np.bool_]) -> "Chunk":
        """Return the rows that ``usable`` marks."""
        if usable.all():
            return self
        return Chunk(
            self.lines[usable], self.users[usable], self.films[usable], self.values[usable], self.times[usable]
        )


@dataclass(frozen=True, slots=True)
class Aliases:
    """Ids that are replaced by others: ``bad[i]`` means ``good[i]``; ``bad`` is sorted."""

    bad: NDArray[np.int64]
    good: NDArray[np.int64]

    def resolve(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        if not len(self.bad):
            return ids
        at = np.minimum(np.searchsorted(self.bad, ids), len(self.bad) - 1)
        return np.where(self.bad[at] == ids, self.good[at], ids)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The positions of a rating's fields in a line of ``width`` fields."""

    separator: str
    width: int
    user: int
    film: int
    value: int
    time: int | None
    dates: bool  # the time is written "2015-03-31 23:59:58", not in seconds

    def types(self) -> dict[str, pa.DataType]:
        types = {str(self.user): pa.int64(), str(self.film): pa.int64(), str(self.value): pa.float64()}
        if self.time is not None:
            types[str(self.time)] = pa.timestamp("s") if self.dates else pa.int64()
        return types


def read_ratings(
    files: DataFiles,
    feedback: Feedback,
    movie_ids: NDArray[np.int64],
    aliases: Aliases,
    problems: Problems,
    progress: LoadProgress,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Chunk]:
    """Yield the ratings of the films in ``movie_ids`` (sorted), in file order.

    Values are as in the file: 0 to 10 for stars (the scale is known only at the end), above 0 for play counts. Lines
    that cannot be used go to ``problems``. A chunk comes from about ``block_bytes`` of the file.

    Raises:
        DatasetError: the file is empty, lacks a column, or holds play counts where stars are wanted.
    """
    file, total = files.name("ratings"), files.size("ratings")
    if files.layout is AUDIOSCROBBLER and feedback is Feedback.STARS:
        raise DatasetError(f"{file} holds play counts, not stars: load it without --feedback stars")
    with files.open("ratings") as stream:
        blocks = _blocks(stream, file, block_bytes)
        first = next(blocks, b"").removeprefix(_BOM)
        if not first.strip():
            raise DatasetError(f"{file} is empty. {_wanted(feedback)}")
        line, done = 1, 0
        if files.layout is CSV:
            header, _, first = first.partition(b"\n")
            columns = _columns_by_name(file, header, first, feedback)
            line, done = 2, len(header) + 1
        else:
            columns = _columns_by_place(files, first)
        for block in _chain(first, blocks):
            chunk = _parse(block, line, columns) or _parse_slowly(block, line, columns, file, feedback, problems)
            chunk = Chunk(chunk.lines, chunk.users, aliases.resolve(chunk.films), chunk.values, chunk.times)
            yield _usable(chunk, files, feedback, movie_ids, problems)
            line += block.count(b"\n")
            done += len(block)
            progress("read", min(done / total, 1.0), f"{line - 1:,} lines of {file}")


def feedback_of(files: DataFiles) -> Feedback:
    """Return the kind of values: play counts if the layout or a column's name says so, else stars."""
    if files.layout is AUDIOSCROBBLER:
        return Feedback.COUNTS
    if files.layout is not CSV:
        return Feedback.STARS
    with files.open("ratings") as stream:
        start = stream.read(_MAX_HEADER_BYTES).removeprefix(_BOM).replace(b"\r", b"\n")
    names = _names(files.name("ratings"), start.partition(b"\n")[0])
    found = {feedback for feedback, (_, accepted) in _VALUES.items() if accepted & {plain_name(name) for name in names}}
    return Feedback.COUNTS if found == {Feedback.COUNTS} else Feedback.STARS


def _wanted(feedback: Feedback) -> str:
    return f"Wanted: userId, movieId, {_VALUES[feedback][0]}, timestamp (optional)"


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _blocks(stream: IO[bytes], file: str, block_bytes: int) -> Iterator[bytes]:
    """Cut a file into blocks that end where a line ends. Lines that end with CR alone are given LF in its place."""
    rest = b""
    old_mac: bool | None = None
    while piece := stream.read(block_bytes):
        if old_mac is None:
            old_mac = b"\r" in piece[:-1] and b"\n" not in piece
        if old_mac:
            piece = piece.replace(b"\r", b"\n")
        piece = rest + piece
        whole = piece.rfind(b"\n") + 1
        rest = piece[whole:]
        if len(rest) > _MAX_LINE_BYTES:
            raise DatasetError(f"{file} is no text file: it has a line of more than a million characters")
        if whole:
            yield piece[:whole]
    if rest:
        yield rest


def _columns_by_name(file: str, header: bytes, data: bytes, feedback: Feedback) -> _Columns:
    names = _names(file, header)
    value, value_names = _VALUES[feedback]
    if feedback is Feedback.COUNTS and not value_names & {plain_name(name) for name in names}:
        value_names = _VALUES[Feedback.STARS][
            1
        ]  # --feedback counts: a column "rating" that holds yes and no, as 1 and 0
    wanted = {"userId": USER, "movieId": MOVIE, value: value_names, "timestamp": _TIME}
    at = places(file, names, wanted, optional={"timestamp"})
    time = at["timestamp"]
    separator = separator_of(header.decode("utf-8", "replace"))
    sample = fields_of(data[:4096].decode("utf-8", "replace").partition("\n")[0], separator)
    dates = time is not None and time < len(sample) and "-" in sample[time][1:]
    return _Columns(separator, len(names), at["userId"] or 0, at["movieId"] or 0, at[value] or 0, time, dates)


def _names(file: str, header: bytes) -> list[str]:
    return header_names(file, header.decode("utf-8", "replace"))


def _columns_by_place(files: DataFiles, data: bytes) -> _Columns:
    """Return the columns of a file without header: user, film, value and mostly time, by the width of most of the first
    lines."""
    sample = data[:4096].decode("utf-8", "replace").split("\n")[:20]
    widths = Counter(len(fields_of(line, files.layout.separator)) for line in sample)
    width = 3 if files.layout is AUDIOSCROBBLER or widths[3] > widths[4] else 4
    return _Columns(files.layout.separator, width, 0, 1, 2, 3 if width == 4 else None, dates=False)


def _parse(block: bytes, first_line: int, columns: _Columns) -> Chunk | None:
    """Return the ratings of a block, or None unless every line is well formed."""
    count = block.count(b"\n") + (not block.endswith(b"\n"))
    separator = columns.separator
    if len(separator) > 1:  # Arrow needs one byte; this is the "unit separator", which no number contains
        block, separator = block.replace(separator.encode(), b"\x1f"), "\x1f"
    types = columns.types()
    try:
        table = pacsv.read_csv(
            pa.BufferReader(block),
            pacsv.ReadOptions(column_names=[str(place) for place in range(columns.width)]),
            pacsv.ParseOptions(
                delimiter=separator, quote_char='"' if separator in CSV_SEPARATORS else False, ignore_empty_lines=False
            ),
            pacsv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != count:
        return None
    has_times = columns.time is not None
    times = table[str(columns.time)].cast(pa.int64()).to_numpy() if has_times else np.full(count, NO_TIME)
    return Chunk(
        np.arange(first_line, first_line + count),
        table[str(columns.user)].to_numpy(),
        table[str(columns.film)].to_numpy(),
        table[str(columns.value)].to_numpy(),
        times,
    )


def _parse_slowly(
    block: bytes, first_line: int, columns: _Columns, file: str, feedback: Feedback, problems: Problems
) -> Chunk:
    """Parse a block line by line, and report lines that are wrong. Blank lines are skipped."""
    rows: list[tuple[int, int, int, float, int]] = []
    for line, raw in enumerate(block.split(b"\n"), first_line):
        text = raw.decode("utf-8", "replace").strip("\r")
        if not text.strip():
            continue
        fields = fields_of(text, columns.separator)
        if len(fields) != columns.width:
            problems.add(file, line, f"not {columns.width} columns", len(fields))
            continue
        user, film = whole_number(fields[columns.user]), whole_number(fields[columns.film])
        written = fields[columns.value]
        value = number(written.replace(",", ".") if columns.separator == ";" else written)
        time = NO_TIME if columns.time is None else _seconds(fields[columns.time])
        if user is None:
            problems.add(file, line, "userId is not a whole number", fields[columns.user])
        elif film is None:
            problems.add(file, line, "movieId is not a whole number", fields[columns.film])
        elif value is None:
            problems.add(file, line, f"{_VALUES[feedback][0]} is not a number", fields[columns.value])
        elif time is None:
            problems.add(file, line, "timestamp is not a time", fields[columns.time or 0])
        else:
            rows.append((line, user, film, value, time))
    lines, users, films, values, times = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return Chunk(
        np.array(lines, dtype=np.int64),
        np.array(users, dtype=np.int64),
        np.array(films, dtype=np.int64),
        np.array(values, dtype=np.float64),
        np.array(times, dtype=np.int64),
    )


def _seconds(text: str) -> int | None:
    """Return the seconds since 1970 that ``text`` writes, as a number or a date (UTC unless it says otherwise)."""
    text = text.strip()
    if not text:
        return NO_TIME
    seconds = number(text)
    if seconds is not None:
        return int(seconds) if abs(seconds) < 2**53 else None  # false for NaN
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())


def _usable(
    chunk: Chunk, files: DataFiles, feedback: Feedback, movie_ids: NDArray[np.int64], problems: Problems
) -> Chunk:
    """Return the usable rows, and report the others; a row with two faults is reported for the first."""
    value = _VALUES[feedback][0]
    if feedback is Feedback.STARS:
        outside, limits = (chunk.values < 0) | (chunk.values > 10), "outside 0.5 to 5"
    else:
        outside, limits = chunk.values <= 0, "not above 0"
    times = chunk.times
    at = np.minimum(np.searchsorted(movie_ids, chunk.films), len(movie_ids) - 1)
    faults: list[tuple[str, NDArray[np.bool_], NDArray[Any]]] = [
        (f"{value} is not a number", ~np.isfinite(chunk.values), chunk.values),
        (f"{value} is {limits}", outside, chunk.values),
        ("timestamp is not in seconds", (times != NO_TIME) & ((times < _EARLIEST) | (times > _LATEST)), times),
        (f"no such title in {files.name('titles')}", movie_ids[at] != chunk.films, chunk.films),
    ]
    usable = np.ones(len(chunk), dtype=bool)
    for kind, fault, facts in faults:
        here = np.flatnonzero(fault & usable)
        if len(here):
            first = here[:EXAMPLES]
            examples = zip(chunk.lines[first].tolist(), facts[first].tolist(), strict=True)
            problems.add_all(files.name("ratings"), kind, len(here), examples)
            usable[here] = False
    return chunk.where(usable)
