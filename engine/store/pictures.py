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
    """How one metric went from model to model; ``bars`` is what was measured beside each. Null where it was not."""

    key: str
    title: str
    values: tuple[float | None, ...]
    bar_name: str
    bars: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ModelsShown:
    """How models measured, oldest first. ``served`` says which were ever live, ``live`` is the one that was then."""

    versions: tuple[int, ...]
    served: tuple[bool, ...]
    live: int | None
    courses: tuple[Course, ...]


@dataclass(frozen=True, slots=True)
class StarsGiven:
    """How often a number of stars was given: ``ratings`` of all, and as a share."""

    stars: float
    ratings: int
    share: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How positive whole numbers are spread; ``counts[i]`` of them lie from ``edges[i]`` to below the next edge."""

    smallest: float
    median: float
    mean: float
    largest: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decade:
    """How many films of the catalogue are of these ten years; ``decade`` is the first of them."""

    decade: int
    films: int


@dataclass(frozen=True, slots=True)
class DataShown:
    """What a data set is like; what its picture leaves out is null or empty."""

    dataset_fingerprint: str
    feedback: Feedback
    stars: tuple[StarsGiven, ...]
    mean_stars: float | None
    per_person: Spread
    per_film: Spread | None
    decades: tuple[Decade, ...]


@dataclass(frozen=True, slots=True)
class Picture(Generic[Facts]):
    """A PNG, and the facts that it shows: whoever sends it says them in words."""

    png: bytes
    facts: Facts


_KINDS: dict[type, tuple[str, TypeAdapter[ModelsShown] | TypeAdapter[DataShown]]] = {
    ModelsShown: ("models", TypeAdapter(ModelsShown)),
    DataShown: ("data", TypeAdapter(DataShown)),
}
"""The name in the table of each kind of picture, and what reads its facts."""


class PictureStore(Database):
    def keep_picture(self, png: bytes, facts: ModelsShown | DataShown, now: datetime) -> None:
        """Keep a picture in place of the one that shows the same kind of facts, whole or not at all."""
        name, _ = _KINDS[type(facts)]
        with self.write() as connection:
            row = upsert(connection, pictures, ["name"])
            connection.execute(row.values(name=name, png=png, facts=asdict(facts), drawn_at=now))

    def picture(self, showing: type[Facts]) -> Picture[Facts] | None:
        """Return the newest picture of such facts; None if there is none, or none that this release can read."""
        name, reader = _KINDS[showing]
        query = sa.select(pictures.c.png, pictures.c.facts).where(pictures.c.name == name)
        with self.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        try:
            facts = reader.validate_python(row.facts)
        except ValidationError:  # drawn by another release; the next training draws it anew
            return None
        return Picture(bytes(row.png), cast(Facts, facts))
