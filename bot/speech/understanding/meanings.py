"""The meanings that a text can have, and the facts that they depend on. Pure."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.domain import Film
from engine.serving.library import Films
from engine.serving.title_index import Found
from engine.serving.wish import Wish


class Titles(Protocol):
    """The part of the catalogue's title search that this module needs."""

    def named(self, text: str) -> Sequence[Film]:
        """Return the films with exactly this name, the best known first."""

    def find(self, text: str, limit: int = 8) -> Found:
        """Return the films that ``text`` may mean."""

    @property
    def most_ratings(self) -> int:
        """The number of ratings of the best known film."""

    def at(self, text: str) -> Film | None:
        """Return the film whose IMDb id or page address ``text`` is."""


class Courtesy(enum.StrEnum):
    """Courtesies, short answers and remarks."""

    GREETING = "greeting"
    THANKS = "thanks"
    BYE = "bye"
    HELP = "help"
    YES = "yes"
    NO = "no"
    REPROACH = "reproach"
    UNNAMED = "unnamed"
    """A statement about a film that is not named: "seen it"."""
    ASIDE = "aside"
    """A remark that asks for nothing: "haha"."""


class Stance(enum.StrEnum):
    """A person's opinion of a film."""

    RATED = "rated"
    LOVED = "loved"
    LIKED = "liked"
    DISLIKED = "disliked"
    SEEN = "seen"
    LATER = "later"
    UNWANTED = "unwanted"


@dataclass(frozen=True, slots=True)
class SpokenCourtesy:
    """A courtesy."""

    courtesy: Courtesy


@dataclass(frozen=True, slots=True)
class SpokenCommand:
    """A command in words: "undo", "next", "my" …, the keys of [do] in the vocabulary."""

    command: str


@dataclass(frozen=True, slots=True)
class SpokenWish:
    """A wish for films.

    ``like`` is the film that they should be like; ``left_out`` are the words that were not understood, as written.
    """

    wish: Wish = field(default_factory=Wish)
    like: Film | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about a film, with the ``stars`` that it names."""

    stance: Stance
    film: Film
    stars: float | None = None


@dataclass(frozen=True, slots=True)
class Filmmaker:
    """A person of the cinema whose films are asked for."""

    name: str


@dataclass(frozen=True, slots=True)
class TitleOf:
    """A text that surely means one film."""

    film: Film


@dataclass(frozen=True, slots=True)
class Which:
    """A text that may mean several films. ``like`` says that films like it are wanted."""

    text: str
    found: Found
    like: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """A text that was not understood. ``page`` says that it is the address of a film that is not in the catalogue."""

    text: str
    page: bool = False


Meaning = SpokenCourtesy | SpokenCommand | SpokenWish | Statement | Filmmaker | TitleOf | Which | Nothing


@dataclass(frozen=True, slots=True)
class World:
    """The facts that meanings depend on: the catalogue's titles and genres, its newest year (None: its films have no
    years), and the present year."""

    titles: Titles
    genres: tuple[str, ...]
    newest: int | None
    this_year: int

    @classmethod
    def of(cls, films: Films, this_year: int) -> "World":
        return cls(films.titles, films.genres, films.newest, this_year)
