"""What Matinee talks about: films, stars, runs, and what can go wrong. Pure values, no I/O."""

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
    """What a value of the data set says: stars that someone gave, or how often they watched or played."""

    STARS = "stars"
    COUNTS = "counts"


class ItemKind(enum.StrEnum):
    """What the titles of a catalogue are. Everything else calls them films and films; only the chat must not."""

    FILM = "film"
    ARTIST = "artist"


@dataclass(frozen=True, slots=True)
class Film:
    """A title of the catalogue.

    ``title`` is as the data set wrote it ("Matrix, The (1999)"), ``display_title`` as people say it ("The Matrix").
    ``imdb_id`` keeps its leading zeros. ``rating_count`` and ``mean_stars`` speak of the data set's own ratings;
    ``mean_stars`` is null when there are none.
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
    """What one person gave one film, and when (aware UTC)."""

    movie_id: int
    stars: float
    rated_at: datetime


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Which data set the store holds.

    ``fingerprint`` changes whenever the data does; ``simulated`` says that no real person gave its ratings;
    ``terms`` is the line on its licence that we show; ``kind`` is what its titles are.
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
        """What one thing in the catalogue is called: film, artist, or where people play who knows what, title."""
        plays = self.feedback is Feedback.COUNTS
        return "title" if plays and self.kind is ItemKind.FILM else str(self.kind)


class RunKind(enum.StrEnum):
    TRAIN = "train"
    TUNE = "tune"
    ROLLBACK = "rollback"


class RunState(enum.StrEnum):
    """Where a run stands. The first two are open; of those there is at most one."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"  # did what was asked; for a training: published
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
    """Both models' item side as it is stored: ``movie_ids`` (n,) ascending, ``preference`` (n, rank), ``rating``
    (n, rank), ``bias`` (n,)."""

    movie_ids: NDArray[np.int32]
    preference: Floats
    rating: Floats
    bias: Floats


class MatineeError(Exception):
    """Base of every error that Matinee raises on purpose. Its text says what to do."""


class BadStars(MatineeError):
    """A rating that is not 0.5 to 5.0 in half steps."""

    def __init__(self, stars: object) -> None:
        super().__init__(f"{stars!r} is not a rating: give 0.5 to 5.0 in half steps")
        self.stars = stars


PLAYED = 5.0
"""Where a data set holds play counts nobody gives stars: who taps that they know a title is taken to have played it so
often. Stored in the place of stars."""


def check_stars(stars: float) -> float:
    """Return ``stars`` if it is a rating.

    Raises:
        BadStars: it is not 0.5 to 5.0 in half steps.
    """
    if stars not in STARS:
        raise BadStars(stars)
    return float(stars)
