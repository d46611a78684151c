"""Archives: which files in them are read, and how much of them.

Nothing is written to disk, so names in an archive cannot do harm; they only tell which file is which. Sizes that an
archive claims are not trusted: reading stops once there is too much.
"""

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from bot.features.ratings_file.rows import MOST_BYTES, TOO_LARGE, NotRatings
from bot.speech.language import marked

MOST_ENTRIES = 5_000
"""Files in an archive. Letterboxd's has one for each of somebody's lists."""

MOST_UNPACKED = 2 * MOST_BYTES
"""Bytes of all files that are read together."""

MOST_READ = 50
"""Files that are read. Trakt cuts what somebody watched into many."""

READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Other compression methods cannot limit the size of the unpacked data."""

ENCRYPTED = 0x1

ENTRY = re.compile(rb"PK\x01\x02")

OF_LETTERBOXD = ("ratings.csv", "watched.csv", "watchlist.csv")

OF_TRAKT = re.compile(r"(ratings-movies|watched-movies|(watched-)?history|(lists-)?watchlist)(-\d{1,4})?\.json")

NOT_THEIRS = frozenset({"likes", "deleted", "orphaned", "__macosx"})
"""Folders whose files have the same names, and say something else."""

NOTHING_IN_IT = marked("it is an archive without ratings.csv, watched.csv or watchlist.csv, or Trakt's lists")
BROKEN = marked("it is an archive that is broken: download it once more")
TOO_MANY = marked("it is an archive of more than {most} files")
LOCKED = marked("it is an archive with a password")
STRANGE = marked("it is packed in a way that I don't unpack: send the file that is in it")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive, under its name without folders."""

    name: str
    content: bytes


def is_archive(content: bytes) -> bool:
    """Say whether a file means to be a zip."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def unpack(content: bytes) -> list[Member]:
    """Return the files of an archive that say something of films: Letterboxd's, or else Trakt's, or else its only one.

    Raises:
        NotRatings: there are none, or they cannot or should not be unpacked.
    """
    if _has_too_many(content):
        raise NotRatings(TOO_MANY, most=MOST_ENTRIES)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read(archive, _chosen(archive.infolist()))
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError, OSError) as e:
        raise NotRatings(BROKEN) from e


def names(content: bytes) -> list[str]:
    """Return the names of the files in an archive; none if it cannot be read."""
    if _has_too_many(content):
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return []


def _has_too_many(content: bytes) -> bool:
    """Say so before the list of files is read: each has a mark in it."""
    return len(ENTRY.findall(content)) > MOST_ENTRIES


def _chosen(entries: Sequence[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    # The file in the highest folder is the right one: deeper ones are copies or parts.
    paths = [(entry.filename.replace("\\", "/").casefold().split("/"), entry) for entry in entries]
    for (*folders, name), entry in sorted(paths, key=lambda found: (len(found[0]), found[0])):
        if not NOT_THEIRS.intersection(folders):
            found.setdefault(name, entry)
    letterboxd = [found[name] for name in OF_LETTERBOXD if name in found]
    trakt = [entry for name, entry in found.items() if OF_TRAKT.fullmatch(name)]
    only = [entry for name, entry in found.items() if name.endswith((".csv", ".json"))]
    if not letterboxd and not trakt and len(only) != 1:
        raise NotRatings(NOTHING_IN_IT)
    return letterboxd or trakt[:MOST_READ] or only


def _read(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> list[Member]:
    members: list[Member] = []
    left = MOST_UNPACKED
    for entry in entries:
        if entry.flag_bits & ENCRYPTED:
            raise NotRatings(LOCKED)
        if entry.compress_type not in READABLE:
            raise NotRatings(STRANGE)
        most = min(MOST_BYTES, left)
        with archive.open(entry) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise NotRatings(TOO_LARGE, megabytes=MOST_BYTES // 1_000_000)
        left -= len(content)
        members.append(Member(entry.filename.rpartition("/")[2], content))
    return members
