"""Lines and fields of text files: names of columns, records of CSV, numbers."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Set

from engine.datasets.report import DatasetError, Problems

_QUOTED_LINES = 4  # no title is longer; an unclosed quote must not swallow the rest of the file


CSV_SEPARATORS = (",", ";")


def plain_name(name: str) -> str:
    """Return a column's name in a common form: "User ID" and "user_id" become "userid"."""
    return re.sub(r"[\s_]", "", name).lower()


def separator_of(header: str) -> str:
    """Return the separator of a CSV by its first line: a comma, or the semicolon that some countries write."""
    return ";" if header.count(";") > header.count(",") else ","


def header_names(file: str, line: str) -> list[str]:
    """Return the names of the columns that the first line of a CSV gives.

    Raises:
        DatasetError: it is no line of a CSV.
    """
    try:
        return next(csv.reader([line.strip()], delimiter=separator_of(line)), [])
    except csv.Error as e:
        raise DatasetError(f"{file}, line 1, cannot be read: {e}") from e


def places(
    file: str, header: list[str], wanted: Mapping[str, Set[str]], optional: Set[str] = frozenset()
) -> dict[str, int | None]:
    """Return where each wanted column stands in the header; null for an optional one that is missing.

    ``wanted`` gives the names that a column may have, in lower case without spaces and underscores.

    Raises:
        DatasetError: a column is missing; the text names the file, the columns found and the columns wanted.
    """
    names = [plain_name(name) for name in header]
    found = {
        column: next((place for place, name in enumerate(names) if name in accepted), None)
        for column, accepted in wanted.items()
    }
    missing = [column for column, place in found.items() if place is None and column not in optional]
    if missing:
        must = ", ".join(column for column in wanted if column not in optional)
        may = "".join(f", {column} (optional)" for column in wanted if column in optional)
        raise DatasetError(
            f"{file} has no column {' and no column '.join(missing)}. Found in its first line:"
            f" {_printable(', '.join(header)[:200]) or 'nothing'}. Wanted: {must}{may}"
        )
    return found


def _printable(text: str) -> str:
    """Return text that does nothing to a terminal, whatever file it is from."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def csv_rows(
    file: str, text: str, wanted: Mapping[str, Set[str]], problems: Problems, *, optional: Set[str] = frozenset()
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the wanted fields of each record of a CSV with a header, in the order of ``wanted``.

    A missing optional column gives empty fields. Records of another width than the header go to ``problems``.
    """
    first = text.partition("\n")[0]
    header = header_names(file, first)
    at = list(places(file, header, wanted, optional).values())
    records = _records(text, len(header), separator_of(first))
    next(records, None)  # the header
    for line, fields in records:
        if len(fields) != len(header):
            problems.add(file, line, f"not {len(header)} columns", len(fields))
        else:
            yield line, ["" if place is None else fields[place] for place in at]


def _records(text: str, width: int, separator: str) -> Iterator[tuple[int, list[str]]]:
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start, record = at, lines[at].removesuffix("\r")
        at += 1
        if not record.strip():
            continue
        fields = _csv_fields(record, separator)
        if len(fields) < width and record.count('"') % 2:
            for end in range(at, min(start + _QUOTED_LINES, len(lines))):
                record += "\n" + lines[end].removesuffix("\r")
                longer = _csv_fields(record, separator)
                if record.count('"') % 2 == 0 and len(longer) == width:
                    fields, at = longer, end + 1
                    break
        yield start + 1, fields


def _csv_fields(record: str, separator: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=separator))
    except csv.Error:  # a line end in the middle, or a field of more than 128 kB
        return []


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers. Only LF and CRLF end a line, not Unicode's other line
    ends."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.removesuffix("\r")


def fields_of(line: str, separator: str) -> list[str]:
    """Split one line of a file of ratings."""
    if separator == " ":
        return line.split()
    if separator in CSV_SEPARATORS and '"' in line:
        return _csv_fields(line, separator)
    return line.split(separator)


def whole_number(text: str) -> int | None:
    """Return the number that ``text`` writes ("0104257", "12", "12.0"), null if it is none or takes over 64 bits."""
    written = re.fullmatch(r"\s*([+-]?[0-9]{1,30})(?:\.0*)?\s*", text)
    number = int(written[1]) if written else None
    return number if number is not None and -(2**63) < number < 2**63 else None


def number(text: str) -> float | None:
    """Return the number that ``text`` writes, null if it is none. NaN and infinities are returned as such."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None
