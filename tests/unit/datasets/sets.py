"""Small data sets in files, and a store that holds what a load leaves."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.datasets import LoadReport, load, silent
from engine.domain import Catalogue, Feedback, Film

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOVIES = "movieId,title,genres\n1,Heat (1995),Action|Crime\n2,Alien (1979),Horror|Sci-Fi\n3,Fargo (1996),Crime\n"
HEADER = "userId,movieId,rating,timestamp\n"


class InMemoryStore:
    """The part of the store that loading needs. Its user ids run in the opposite order to the data set's, so that
    mixing them up is noticed."""

    def __init__(self) -> None:
        self.held: Catalogue | None = None
        self.films: dict[int, Film] = {}
        self.users: dict[int, int] = {}

    def catalogue(self) -> Catalogue | None:
        return self.held

    def save_films(self, films: Iterable[Film]) -> None:
        self.films.update({film.id: film for film in films})

    def dataset_users(self, dataset_user_ids: NDArray[np.int64]) -> NDArray[np.int32]:
        for dataset_id in reversed(dataset_user_ids.tolist()):
            self.users.setdefault(dataset_id, 1000 + len(self.users))
        return np.array([self.users[dataset_id] for dataset_id in dataset_user_ids.tolist()], dtype=np.int32)

    def save_catalogue(self, catalogue: Catalogue) -> None:
        self.held = catalogue


@dataclass
class SmallSet:
    """A data set in files, with a store and the folders that a load needs."""

    path: Path
    store: InMemoryStore = field(default_factory=InMemoryStore)

    @property
    def source(self) -> Path:
        return self.path / "films"

    @property
    def parquet(self) -> Path:
        return self.path / "parquet"

    def write(self, **files: str | bytes) -> None:
        """Write files into the source: ``ratings_csv`` becomes ratings.csv."""
        self.source.mkdir(exist_ok=True)
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (self.source / re.sub(r"_(csv|dat|data|item|txt)$", r".\1", name)).write_bytes(data)

    def load(self, source: str | Path | None = None, feedback: Feedback | None = None, **settings) -> LoadReport:
        return load(
            str(source or self.source),
            self.store,
            self.parquet,
            self.path / "downloads",
            feedback=feedback,
            now=NOW,
            progress=settings.pop("progress", silent),
            **settings,
        )

    def ratings(self, report: LoadReport, value: str = "stars") -> dict[tuple[int, int], float]:
        """Return the written ratings by the data set's own user id and the film."""
        theirs = {ours: dataset_id for dataset_id, ours in self.store.users.items()}
        rows = pq.read_table(report.ratings).to_pylist()
        pairs = {(theirs[row["user_id"]], row["movie_id"]): row[value] for row in rows}
        assert len(pairs) == len(rows), "a pair comes twice"
        return pairs


def unusable(report: LoadReport) -> list[tuple[str, int, str]]:
    return [(each.file, each.line, each.reason) for each in report.examples]
