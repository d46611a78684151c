"""The values that everything else uses: films, stars, runs, errors. Pure, no I/O."""

import enum
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STARS = tuple(half / 2 for half in range(1, 11))
"""Every value that a rating can have: 0.5 to 5.0 in half steps."""


WHOLE_STARS = STARS[1::2]
"""The same in whole steps, for those who want fewer buttons."""


class Feedback(enum.StrEnum):
    """The kind of a data set's values: stars, or how often somebody watched or played something."""

    STARS = "stars"
    COUNTS = "counts"


class ItemKind(enum.StrEnum):
    """The kind of titles in a catalogue. All code calls them films; only texts in the chat use the right word."""

    FILM = "film"
    ARTIST = "artist"


@dataclass(frozen=True, slots=True)
class Film:
    """A title of the catalogue.

    ``title`` is the data set's text ("Matrix, The (1999)"), ``display_title`` the form that people say ("The Matrix").
    ``imdb_id`` keeps its leading zeros. ``rating_count`` and ``mean_stars`` are those of the data set's own ratings;
    ``mean_stars`` is None if there are none.
    """

    id: int
    title: str
    display_title: str
    alternative_titles: tuple[str, ...] = ()
    year: int | None = None
    genres: tuple[str, ...] = ()
    imdb_id: str | None = None
    tmdb_id: int | None = None
    rating_count: int = 0
    mean_stars: float | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """The stars that one person gave one film, and when (aware UTC)."""

    movie_id: int
    stars: float
    rated_at: datetime


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The data set that the store holds.

    ``fingerprint`` changes whenever the data does; ``simulated`` says that its ratings are not from real people;
    ``terms`` is the line that we show about its licence; ``kind`` is the kind of its titles.
    """

    dataset: str
    fingerprint: str
    simulated: bool
    feedback: Feedback
    terms: str
    rating_count: int
    user_count: int
    movie_count: int
    loaded_at: datetime
    kind: ItemKind = ItemKind.FILM

    @property
    def item(self) -> str:
        """The word for one title of the catalogue: film, artist, or for unknown items, title."""
        plays = self.feedback is Feedback.COUNTS
        return "title" if plays and self.kind is ItemKind.FILM else str(self.kind)


class RunKind(enum.StrEnum):
    TRAIN = "train"
    TUNE = "tune"
    ROLLBACK = "rollback"
    BACKUP = "backup"  # noted only when a scheduled one has failed, so that admins are told


class RunState(enum.StrEnum):
    """The states of a run. The first two are open, and at most one run is open."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"  # the run did its work; a training has published
    REJECTED = "rejected"  # trained, but the gate kept the old model
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  # its process stopped reporting


class Stage(enum.StrEnum):
    """The steps of a training run, in order; a search for hyperparameters ingests, then searches."""

    INGEST = "ingest"
    TRAIN = "train"
    EVALUATE = "evaluate"
    GATE = "gate"
    REFIT = "refit"
    SCORE = "score"
    PUBLISH = "publish"
    SWEEP = "sweep"
    SEARCH = "search"


class ModelState(enum.StrEnum):
    CANDIDATE = "candidate"
    LIVE = "live"
    RETIRED = "retired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FactorRows:
    """The item factors of both models as they are stored: ``movie_ids`` (n,) ascending, ``preference`` (n, rank),
    ``rating`` (n, rank), ``bias`` (n,)."""

    movie_ids: NDArray[np.int32]
    preference: Floats
    rating: Floats
    bias: Floats


class MatineeError(Exception):
    """Base class of every error that Matinee raises on purpose. Its text says what to do."""


class BadStars(MatineeError):
    """A rating that is not 0.5 to 5.0 in half steps."""

    def __init__(self, stars: object) -> None:
        super().__init__(f"{stars!r} is not a rating: give 0.5 to 5.0 in half steps")
        self.stars = stars


PLAYED = 5.0
"""The value stored in place of stars in a catalogue of play counts: somebody who taps that they know a title counts as
having played it this often."""


def check_stars(stars: float) -> float:
    """Return ``stars`` if it is a rating.

    Raises:
        BadStars: it is not 0.5 to 5.0 in half steps.
    """
    if stars not in STARS:
        raise BadStars(stars)
    return float(stars)
