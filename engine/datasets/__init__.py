"""Loads data sets: from a name or path to Parquet files for Spark and a catalogue in the store."""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.datasets import demo
from engine.datasets.catalogue import read_aliases, read_films, read_tags
from engine.datasets.fetching import GROUPLENS, GROUPLENS_NAMES, GROUPLENS_TERMS, fetch
from engine.datasets.files import DataFiles, open_files
from engine.datasets.parquet import FORMAT, Spool, Written, write_tags
from engine.datasets.ratings import Chunk, feedback_of, read_ratings
from engine.datasets.report import (
    DatasetError,
    DatasetMismatch,
    DatasetShrank,
    DownloadFailed,
    LoadProgress,
    LoadReport,
    NoStars,
    Problems,
    Unusable,
    silent,
)
from engine.domain import Catalogue, Feedback, Film, ItemKind

__all__ = [
    "GROUPLENS_NAMES",
    "DatasetError",
    "DatasetMismatch",
    "DatasetShrank",
    "DatasetStore",
    "DownloadFailed",
    "LoadProgress",
    "LoadReport",
    "NoStars",
    "Unusable",
    "dataset_name",
    "full_source",
    "load",
    "ratings_folder",
    "silent",
    "tags_file",
]

DEMO = "demo"

SHRINKS_BELOW = 0.5
"""A set with a smaller share of the ratings of the one that it replaces was perhaps cut short."""

_ASIDE = ".loading-"
_DEMO_TERMS = "made for this project; the films are real, the ratings are simulated"


class DatasetStore(Protocol):
    """The part of the store that loading needs."""

    def catalogue(self) -> Catalogue | None:
        """Return the stored catalogue, or None if nothing was loaded yet."""
        ...

    def save_films(self, films: Iterable[Film]) -> None:
        """Add films, or update those that exist."""
        ...

    def dataset_users(self, dataset_user_ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return our id of each user of the data set, in the order given; users that are new are created."""
        ...

    def save_catalogue(self, catalogue: Catalogue) -> None:
        """Replace the stored catalogue."""
        ...


def full_source(source: str) -> str:
    """Return a source in a form that works from any folder: an absolute path, or a name unchanged."""
    return source if source == DEMO or source in GROUPLENS_NAMES else str(Path(source).expanduser().absolute())


def dataset_name(source: str) -> str:
    """Return the name that a source is known by in the store: "demo", "ml-1m", "my-films" for "/x/My Films.zip"."""
    if source == DEMO or source in GROUPLENS_NAMES:
        return source
    path = Path(source).expanduser().resolve()
    name = path.stem if path.suffix.lower() == ".zip" else path.name
    slug = re.sub(r"[\W_]+", "-", name.lower()).strip("-")[:100] or "data"
    return f"{slug}-files" if slug == DEMO else slug


def ratings_folder(folder: Path, fingerprint: str) -> Path:
    """Return where the ratings of a data set lie: ``part-*.parquet`` with user_id, movie_id, stars, rated_at.

    With play counts the third column is ``plays``. ``rated_at`` is UTC, or null if the set has no times.
    """
    return folder / f"ratings-{fingerprint[:12]}"


def tags_file(folder: Path, fingerprint: str) -> Path:
    """Return where the tags of a data set lie, if it has any: one Parquet file with movie_id, tag, count."""
    return folder / f"tags-{fingerprint[:12]}.parquet"


def load(
    source: str,
    store: DatasetStore,
    folder: Path,
    downloads: Path,
    *,
    feedback: Feedback | None = None,
    force: bool = False,
    now: datetime,
    progress: LoadProgress = silent,
    base_url: str = GROUPLENS,
) -> LoadReport:
    """Bring a data set into the store and into Parquet files for Spark, and report what could not be used.

    Loading the same data again changes nothing. A set of the same name with changed content is loaded anew. Files are
    written under other names and renamed, and the catalogue is saved last, so an interrupted load leaves the old data
    in place. Files of earlier loads are deleted in the end, so do not load while a training reads them.

    Args:
        source: "demo", a name of GroupLens, or the path of a folder or zip.
        store: gets the films and users.
        folder: gets the Parquet files.
        downloads: keeps fetched zips.
        feedback: whether values are stars or play counts. None: the files decide.
        force: replace a set also by one with less than half of its ratings.
        now: the time of loading, aware.
        progress: called with the progress.
        base_url: the address of GroupLens' files.

    Raises:
        DatasetMismatch: the store holds a data set of another name.
        NoStars: the values say yes or no.
        DatasetShrank: it holds one of this name with more than twice the ratings, and ``force`` is not given.
        DownloadFailed: a named set could not be fetched.
        DatasetError: the source cannot be read as a data set, or nothing in it can be used.
    """
    name, held = dataset_name(source), store.catalogue()
    if held and held.dataset != name:
        raise DatasetMismatch(held.dataset, name)
    with _opened(source, feedback, downloads, base_url, progress) as data:
        feedback = data.feedback
        content = f"{FORMAT} {feedback} {data.fingerprint(progress)}"
        fingerprint = hashlib.sha256(content.encode()).hexdigest()
        ratings, tags = ratings_folder(folder, fingerprint), tags_file(folder, fingerprint)
        if held and held.fingerprint == fingerprint and held.kind is data.kind and ratings.exists():
            return LoadReport(held, changed=False, ratings=ratings, tags=tags if tags.exists() else None)

        problems = Problems()
        films = data.films(problems)
        movie_ids = np.array(sorted(film.id for film in films), dtype=np.int64)
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=_ASIDE, dir=folder) as scratch:
            aside = Path(scratch)
            with Spool(aside / "spool", feedback) as spool:
                for chunk in data.ratings(movie_ids, problems, progress):
                    spool.add(chunk)
                if feedback is Feedback.STARS and spool.yes_or_no:
                    raise NoStars(data.ratings_name, source)
                spool.note_odd(data.ratings_name, problems)
                users = spool.users()
                if not len(users):
                    raise DatasetError(f"{data.ratings_name} holds no usable rating. {problems.summary()}".rstrip())
                if held and not force and SHRINKS_BELOW * held.rating_count > spool.rows():
                    raise DatasetShrank(name, held.rating_count, spool.rows())
                written = spool.write(aside / "ratings", store.dataset_users(users), movie_ids, progress)
            counted = data.tags(movie_ids, problems)
            if counted is not None:
                write_tags(aside / "tags", counted)
                (aside / "tags").replace(tags)
            shutil.rmtree(ratings, ignore_errors=True)  # files of a load that was killed before it saved the catalogue
            (aside / "ratings").rename(ratings)

    progress("save", None, f"{len(films):,} titles")
    store.save_films(_rated(films, movie_ids, written, feedback))
    catalogue = Catalogue(
        dataset=name,
        fingerprint=fingerprint,
        simulated=data.simulated,
        feedback=feedback,
        terms=GROUPLENS_TERMS if name in GROUPLENS_NAMES else data.terms,
        rating_count=written.ratings,
        user_count=written.users,
        movie_count=len(films),
        loaded_at=now,
        kind=data.kind,
    )
    store.save_catalogue(catalogue)
    _sweep(folder, {ratings, tags})
    return LoadReport(
        catalogue,
        changed=True,
        ratings=ratings,
        tags=tags if counted is not None else None,
        repeated=written.repeated,
        unusable=problems.counts(),
        examples=problems.examples(),
        notes=("Its stars go from 0 to 10: halved",) if written.halved else (),
    )


def _rated(films: list[Film], movie_ids: NDArray[np.int64], written: Written, feedback: Feedback) -> Iterator[Film]:
    """Yield the films with the number and mean of their ratings."""
    for film, at in zip(films, np.searchsorted(movie_ids, [film.id for film in films]), strict=True):
        count, total = int(written.counts[at]), float(written.sums[at])
        mean_stars = total / count if count and feedback is Feedback.STARS else None
        yield replace(film, rating_count=count, mean_stars=mean_stars)


def _sweep(folder: Path, keep: set[Path]) -> None:
    """Remove the files of earlier loads, finished or not."""
    for pattern in ("ratings-*", "tags-*", f"{_ASIDE}*"):
        for path in set(folder.glob(pattern)) - keep:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


class _Data(Protocol):
    """A source that has been opened."""

    @property
    def simulated(self) -> bool: ...
    @property
    def kind(self) -> ItemKind: ...
    @property
    def feedback(self) -> Feedback: ...
    @property
    def terms(self) -> str: ...
    @property
    def ratings_name(self) -> str: ...
    def fingerprint(self, progress: LoadProgress) -> str: ...
    def films(self, problems: Problems) -> list[Film]: ...
    def ratings(self, movie_ids: NDArray[np.int64], problems: Problems, progress: LoadProgress) -> Iterator[Chunk]: ...
    def tags(self, movie_ids: NDArray[np.int64], problems: Problems) -> Counter[tuple[int, str]] | None: ...


@contextmanager
def _opened(
    source: str, feedback: Feedback | None, downloads: Path, base_url: str, progress: LoadProgress
) -> Iterator[_Data]:
    if source == DEMO:
        if feedback is Feedback.COUNTS:
            raise DatasetError("the demo's audience gives stars, so it cannot be loaded as play counts")
        yield _Demo()
        return
    path = Path(source).expanduser()
    if source in GROUPLENS_NAMES:
        path = fetch(source, downloads, base_url=base_url, progress=progress)
    with open_files(path) as files:
        yield _FromFiles(files, feedback or feedback_of(files))


class _FromFiles:
    simulated = False

    def __init__(self, files: DataFiles, feedback: Feedback) -> None:
        self._files, self.feedback = files, feedback
        self.terms, self.ratings_name = files.terms, files.name("ratings")
        self.kind = ItemKind.ARTIST if "artist" in files.name("titles").lower() else ItemKind.FILM

    def fingerprint(self, progress: LoadProgress) -> str:
        return self._files.fingerprint(progress)

    def films(self, problems: Problems) -> list[Film]:
        return read_films(self._files, problems)

    def ratings(self, movie_ids: NDArray[np.int64], problems: Problems, progress: LoadProgress) -> Iterator[Chunk]:
        aliases = read_aliases(self._files, movie_ids.tolist(), problems)
        return read_ratings(self._files, self.feedback, movie_ids, aliases, problems, progress)

    def tags(self, movie_ids: NDArray[np.int64], problems: Problems) -> Counter[tuple[int, str]] | None:
        return read_tags(self._files, movie_ids.tolist(), problems) if self._files.has("tags") else None


class _Demo:
    simulated, kind, feedback, terms, ratings_name = True, ItemKind.FILM, Feedback.STARS, _DEMO_TERMS, "demo"

    def __init__(self) -> None:
        self._films = demo.films()
        self._audience = demo.audience(self._films)

    def fingerprint(self, progress: LoadProgress) -> str:
        digest = hashlib.sha256(repr(self._films).encode())
        ratings = self._audience
        for column in (ratings.user_ids, ratings.movie_ids, ratings.stars, ratings.rated_at):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    def films(self, problems: Problems) -> list[Film]:
        return list(self._films)

    def ratings(self, movie_ids: NDArray[np.int64], problems: Problems, progress: LoadProgress) -> Iterator[Chunk]:
        ratings = self._audience
        yield Chunk(
            np.arange(1, len(ratings.user_ids) + 1),
            ratings.user_ids.astype(np.int64),
            ratings.movie_ids.astype(np.int64),
            ratings.stars.astype(np.float64),
            ratings.rated_at.astype(np.int64),
        )

    def tags(self, movie_ids: NDArray[np.int64], problems: Problems) -> Counter[tuple[int, str]] | None:
        return None
