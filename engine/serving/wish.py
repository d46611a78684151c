"""The kind of films that someone asks for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.domain import Film

FIRST_YEAR, LAST_YEAR = 1870, 2100


@dataclass(frozen=True, slots=True)
class Wish:
    """Films of all these genres and none of those, from and up to these years (inclusive; None: no bound).

    If ``either`` names genres, a film has one of them at least. ``count`` is how many are wanted; None: a page.
    """

    genres: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    either: tuple[str, ...] = ()
    count: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether any film will do."""
        return replace(self, count=None) == ANYTHING

    def fits(self, film: Film) -> bool:
        """Return whether a film fits. A film of unknown year fits no bound on years."""
        if not set(self.genres) <= set(film.genres) or set(self.without) & set(film.genres):
            return False
        if self.either and not set(self.either) & set(film.genres):
            return False
        if self.since is None and self.until is None:
            return True
        return film.year is not None and (self.since or 0) <= film.year <= (self.until or LAST_YEAR)

    def as_json(self) -> dict[str, Any]:
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Wish":
        """Read the output of ``as_json``."""
        return cls(
            tuple(values.get("genres", ())),
            tuple(values.get("without", ())),
            values.get("since"),
            values.get("until"),
            tuple(values.get("either", ())),
            values.get("count"),
        )


ANYTHING = Wish()
