"""Fetches data sets of GroupLens: resumes downloads, checks them, and names a file only when it is complete."""

import hashlib
import lzma
import os
import re
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import httpx

from engine.datasets.report import DownloadFailed, LoadProgress

GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
GROUPLENS_NAMES = ("ml-latest-small", "ml-latest", "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m")
GROUPLENS_TERMS = (
    "MovieLens data by GroupLens, University of Minnesota: free for research, not for commercial use without"
    " permission; cite Harper and Konstan (2015), https://doi.org/10.1145/2827872; full terms in the set's README"
)

_ATTEMPTS = 5
_TIMEOUT_SECONDS = 30


def fetch(
    name: str,
    downloads: Path,
    *,
    base_url: str = GROUPLENS,
    progress: LoadProgress,
    wait: Callable[[float], None] = time.sleep,
) -> Path:
    """Return the path of the data set's zip in ``downloads``, fetched if it is not there yet.

    Data goes to a ``.part`` file, which a later try continues. The file gets its name only if its checksum is the one
    that GroupLens publishes (or, if there is none, if every file in the zip passes its own).

    Raises:
        DownloadFailed: the file could not be fetched; the text says how to do it by hand.
    """
    archive = downloads / f"{name}.zip"
    if archive.exists():
        return archive
    url = f"{base_url.rstrip('/')}/{archive.name}"
    part = archive.with_suffix(".zip.part")
    downloads.mkdir(parents=True, exist_ok=True)
    try:
        with httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=True) as client:
            md5 = _published_md5(client, url)
            resumed = part.exists()
            _download(client, url, part, progress, wait)
            if resumed and not _is_whole(part, md5, progress):
                # The beginning may be from an older edition of the file: try once more from the start.
                part.unlink()
                _download(client, url, part, progress, wait)
    except httpx.HTTPStatusError as e:
        raise DownloadFailed(url, f"the server answered {e.response.status_code}", archive) from e
    except httpx.TransportError as e:
        raise DownloadFailed(url, str(e) or type(e).__name__, archive) from e
    if not _is_whole(part, md5, progress):
        part.unlink()
        raise DownloadFailed(url, "what arrived does not match its checksum", archive)
    return part.replace(archive)


def _published_md5(client: httpx.Client, url: str) -> str | None:
    answer = client.get(f"{url}.md5")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    found = re.search(r"\b[0-9a-f]{32}\b", answer.raise_for_status().text.lower())
    return found[0] if found else None


def _download(
    client: httpx.Client, url: str, part: Path, progress: LoadProgress, wait: Callable[[float], None]
) -> None:
    """Download ``url`` to ``part``, continuing after an answer that breaks off."""
    failures = 0
    while True:
        had = part.stat().st_size if part.exists() else 0
        try:
            _download_once(client, url, part, had, progress)
        except httpx.TransportError:
            # An answer that brought any data does not count as a failure.
            failures = 0 if part.exists() and part.stat().st_size > had else failures + 1
            if failures == _ATTEMPTS:
                raise
            wait(2.0**failures)
        else:
            return


def _download_once(client: httpx.Client, url: str, part: Path, had: int, progress: LoadProgress) -> None:
    asked = {"Range": f"bytes={had}-"} if had else {}
    with client.stream("GET", url, headers={**asked, "Accept-Encoding": "identity"}) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the server has nothing more to send; the checksum will show whether the file is right
        answer.raise_for_status()
        if answer.status_code != httpx.codes.PARTIAL_CONTENT:
            had = 0  # the server sends the whole file
        total = had + int(answer.headers.get("Content-Length", 0))
        with part.open("r+b" if had else "wb") as file:
            file.seek(had)
            for piece in answer.iter_bytes():
                file.write(piece)
                done = file.tell()
                progress("fetch", min(done / total, 1.0) if total else None, f"{done / 1e6:,.1f} MB of {url}")
            file.flush()
            os.fsync(file.fileno())


def _is_whole(part: Path, md5: str | None, progress: LoadProgress) -> bool:
    progress("check", None, part.name)
    if md5:
        with part.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5
    try:
        with zipfile.ZipFile(part) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, OSError):
        return False
