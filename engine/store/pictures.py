"""Pictures that the engine draws and the bot sends, with the facts that they show."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Generic, TypeVar, cast

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from engine.domain import Feedback
from engine.store.database import Database, upsert
from engine.store.schema import PictureRow, table

pictures = table(PictureRow)

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Course:
    """One metric from model to model. ``bars`` holds the figure that each model was compared with. None marks what was
    not measured."""

    key: str
    title: str
    values: tuple[float | None, ...]
    bar_name: str
    bars: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ModelsShown:
    """Metrics of models, oldest first. ``served`` says which were ever live; ``live`` is the one that was live then."""

    versions: tuple[int, ...]
    served: tuple[bool, ...]
    live: int | None
    courses: tuple[Course, ...]


@dataclass(frozen=True, slots=True)
class StarsGiven:
    """How often a number of stars was given: as a number of ratings, and as a share of all."""

    stars: float
    ratings: int
    share: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of positive whole numbers; ``counts[i]`` of them lie from ``edges[i]`` to below the next
    edge."""

    smallest: float
    median: float
    mean: float
    largest: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decade:
    """Number of films of the catalogue from ten years; ``decade`` is the first of these years."""

    decade: int
    films: int


@dataclass(frozen=True, slots=True)
class DataShown:
    """The facts of a data set. A part that its picture leaves out is None or empty."""

    dataset_fingerprint: str
    feedback: Feedback
    stars: tuple[StarsGiven, ...]
    mean_stars: float | None
    per_person: Spread
    per_film: Spread | None
    decades: tuple[Decade, ...]


@dataclass(frozen=True, slots=True)
class Picture(Generic[Facts]):
    """A PNG, and the facts that it shows: the caption tells them in words."""

    png: bytes
    facts: Facts


_KINDS: dict[type, tuple[str, TypeAdapter[ModelsShown] | TypeAdapter[DataShown]]] = {
    ModelsShown: ("models", TypeAdapter(ModelsShown)),
    DataShown: ("data", TypeAdapter(DataShown)),
}
"""Each kind of picture, with its name in the table and the parser of its facts."""


class PictureStore(Database):
    def keep_picture(self, png: bytes, facts: ModelsShown | DataShown, now: datetime) -> None:
        """Store a picture in place of the earlier one of its kind, in one transaction."""
        name, _ = _KINDS[type(facts)]
        with self.write() as connection:
            row = upsert(connection, pictures, ["name"])
            connection.execute(row.values(name=name, png=png, facts=asdict(facts), drawn_at=now))

    def picture(self, showing: type[Facts]) -> Picture[Facts] | None:
        """Return the newest picture of a kind; None if there is none that this release can read."""
        name, reader = _KINDS[showing]
        query = sa.select(pictures.c.png, pictures.c.facts).where(pictures.c.name == name)
        with self.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        try:
            facts = reader.validate_python(row.facts)
        except ValidationError:  # drawn by another release; the next training redraws it
            return None
        return Picture(bytes(row.png), cast(Facts, facts))
