"""Finds a data set in a folder or a zip: knows the published layouts, and which file has which role in them."""

import hashlib
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, TypeVar, cast

from engine.datasets.report import DatasetError, LoadProgress

SUPPORTED = """What can be loaded:
  demo         the bundled films with a simulated audience
  a name       ml-latest-small, ml-latest, ml-100k, ml-1m, ml-10m, ml-20m, ml-25m, ml-32m (fetched from GroupLens)
  a path       a folder or a .zip file with
                 ratings.csv and movies.csv, each with a header; links.csv and tags.csv too, if there are any
                 ratings.dat and movies.dat, with :: between the fields
                 u.data and u.item
                 user_artist_data*.txt and artist_data*.txt (play counts)"""

Result = TypeVar("Result")

BLOCK_BYTES = 16 * 2**20

# A file in a zip may not unpack to more than this many times its size: ratings shrink to a fourth or fifth, a zip bomb
# to a thousandth.
_MAX_UNPACKED_BYTES = 32 * 2**30
_MAX_RATIO = 200
_RATIO_MATTERS_ABOVE_BYTES = 64 * 2**20


_SAMPLE_BYTES = 65_536
_TEXT = bytes(byte for byte in range(256) if byte >= 0x20 or byte in b"\t\n\r\f")
_MOST_ODD = 0.02
"""The share of control characters above which a file is no text; a few slip into any large one."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A published layout: the file name of each role, and the separator of a rating's fields."""

    separator: str
    roles: Mapping[str, str]

    def files(self, names: list[str]) -> dict[str, str]:
        """Return the file among ``names`` for each role."""
        found = {}
        for role, pattern in self.roles.items():
            fitting = [name for name in names if re.fullmatch(pattern, PurePosixPath(name).name, re.IGNORECASE)]
            if fitting:
                found[role] = min(fitting)
        return found


CSV = Layout(
    ",",
    {
        "ratings": r"(ratings?|plays|counts)\.csv",
        "titles": r"(movies?|films?|items|artists)\.csv",
        "links": r"links?\.csv",
        "tags": r"tags?\.csv",
    },
)
DAT = Layout("::", {"ratings": r"ratings\.dat", "titles": r"(movies|items)\.dat", "tags": r"tags\.dat"})
U_DATA = Layout("\t", {"ratings": r"u\.data", "titles": r"u\.item"})
AUDIOSCROBBLER = Layout(
    " ",
    {"ratings": r"user_artist_data.*\.txt", "titles": r"artist_data.*\.txt", "aliases": r"artist_alias.*\.txt"},
)


class _Storage(Protocol):
    """A folder or a zip. Names are relative, in POSIX form, with at most one folder in them."""

    def names(self) -> list[str]: ...
    def size(self, name: str) -> int: ...
    def open(self, name: str) -> IO[bytes]: ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        found = [*self._path.glob("*"), *self._path.glob("*/*")]
        return [file.relative_to(self._path).as_posix() for file in found if file.is_file()]

    def size(self, name: str) -> int:
        return (self._path / name).stat().st_size

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")


class _Zip:
    """A zip that is read in place. Nothing is written to paths that it names, so such a path can do no harm."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def names(self) -> list[str]:
        files = [member.filename for member in self._archive.infolist() if not member.is_dir()]
        return [name for name in files if len(PurePosixPath(name).parts) <= 2]

    def size(self, name: str) -> int:
        return self._archive.getinfo(name).file_size

    def open(self, name: str) -> IO[bytes]:
        member = self._archive.getinfo(name)
        ratio = member.file_size / max(member.compress_size, 1)
        swells = ratio > _MAX_RATIO and member.file_size > _RATIO_MATTERS_ABOVE_BYTES
        if swells or member.file_size > _MAX_UNPACKED_BYTES:
            raise DatasetError(
                f"{name} in the zip unpacks to {member.file_size / 1e9:,.1f} GB, {ratio:,.0f} times what it takes now."
                " If you trust it, unpack it yourself and give the folder"
            )
        if member.flag_bits & 1:
            raise DatasetError(f"{name} in the zip has a password. Unpack it yourself and give the folder")
        return cast(IO[bytes], _Member(name, lambda: self._archive.open(member)))


class _Member:
    """A file in a zip, for reading. All errors that a damaged file causes in its unpacker become one kind of error."""

    def __init__(self, name: str, unpack: Callable[[], IO[bytes]]) -> None:
        self._name = name
        self._file = self._told(unpack)

    def read(self, size: int = -1) -> bytes:
        return self._told(lambda: self._file.read(size))

    def __enter__(self) -> "_Member":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _told(self, act: Callable[[], Result]) -> Result:
        try:
            return act()
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as e:
            raise zipfile.BadZipFile(f"{_shown(self._name)}: {e}") from e


class DataFiles:
    """The files of one data set, each known by its role: "ratings", "titles", and "links", "tags", "aliases" if any."""

    def __init__(self, path: Path, storage: _Storage) -> None:
        names = [name for name in storage.names() if not re.search(r"(^|/)(\.|__MACOSX)", name)]
        self.layout, self._names = _find(path, names)
        self._storage = storage
        terms = [name for name in sorted(names) if re.match(r"licen[cs]e|readme", PurePosixPath(name).name.lower())]
        place = _shown(path.name)
        self.terms = f"see {_shown(terms[0])} in {place}" if terms else f"none are stated in {place}"

    def has(self, role: str) -> bool:
        return role in self._names

    def name(self, role: str) -> str:
        """Return the name to show people, without folders."""
        return _shown(PurePosixPath(self._names[role]).name)

    def size(self, role: str) -> int:
        """Return the unpacked size in bytes."""
        return self._storage.size(self._names[role])

    def open(self, role: str) -> IO[bytes]:
        return self._storage.open(self._names[role])

    def text(self, role: str) -> str:
        """Return a whole file, read as UTF-8, or else as Latin-1, with lines that end with LF or CRLF.

        NULs are dropped because no database takes them.

        Raises:
            DatasetError: it is no text.
        """
        with self.open(role) as file:
            content = file.read()
        if len(content[:_SAMPLE_BYTES].translate(None, _TEXT)) > _MOST_ODD * len(content[:_SAMPLE_BYTES]):
            raise DatasetError(f"{self.name(role)} is no text file in UTF-8: it is full of bytes that no text has")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        text = text.replace("\0", "")
        return text if "\n" in text else text.replace("\r", "\n")

    def fingerprint(self, progress: LoadProgress) -> str:
        """Return a hash of all files with a role: the same bytes in the same roles give the same hash."""
        digest = hashlib.sha256()
        total, done = sum(self.size(role) for role in self._names), 0
        for role in sorted(self._names):
            of_file = hashlib.sha256()
            with self.open(role) as file:
                while piece := file.read(BLOCK_BYTES):
                    of_file.update(piece)
                    done += len(piece)
                    progress("check", min(done / total, 1.0), self.name(role))
            digest.update(f"{role} {of_file.hexdigest()}\n".encode())
        return digest.hexdigest()


def _shown(name: str) -> str:
    """Return a file's name as text that can be printed and stored, whatever bytes the disk has for it."""
    return os.fsencode(name).decode("utf-8", "replace")


@contextmanager
def open_files(path: Path) -> Iterator[DataFiles]:
    """Open the data set in a folder or a zip for reading.

    Raises:
        DatasetError: there is none, or it cannot be read; the text says what is needed.
    """
    try:
        if path.is_dir():
            yield DataFiles(path, _Folder(path))
        elif path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield DataFiles(path, _Zip(archive))
        elif path.is_file() and path.suffix.lower() == ".zip":
            raise DatasetError(f"{path} is damaged or cut short: fetch or pack it again")
        elif path.exists():
            raise DatasetError(f"{path} is neither a folder nor a zip: give the folder that it lies in.\n{SUPPORTED}")
        else:
            raise DatasetError(f"there is no data set {str(path)!r}: it is no known name and no path.\n{SUPPORTED}")
    except PermissionError as e:
        raise DatasetError(f"no access to {e.filename or path}: {e.strerror}") from e
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as e:
        raise DatasetError(f"{path} is damaged, or packed in an unknown way ({e}): fetch or pack it again") from e


def _find(path: Path, names: list[str]) -> tuple[Layout, dict[str, str]]:
    """Return the layout of the data set among ``names``, and its files; a data set in a higher folder comes first."""
    by_folder: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: (name.count("/"), name)):
        by_folder.setdefault(str(PurePosixPath(name).parent), []).append(name)
    half = ""
    complete: dict[str, tuple[Layout, dict[str, str]]] = {}
    for folder, inside in by_folder.items():
        for layout in (CSV, DAT, U_DATA, AUDIOSCROBBLER):
            files = layout.files(inside)
            if "ratings" in files and "titles" in files:
                complete.setdefault(folder, (layout, files))
            elif "ratings" in files:
                half = half or f" {files['ratings']} is there, but the file with the titles is not."
    if "." in complete:
        return complete["."]
    if len(complete) == 1:
        return next(iter(complete.values()))
    if complete:
        raise DatasetError(f"{path} holds several data sets ({', '.join(complete)}): give the path of one of them")
    seen = ", ".join(names[:10]) or "nothing"
    raise DatasetError(f"{path} holds no data set that can be read.{half} Found: {seen}.\n{SUPPORTED}")
