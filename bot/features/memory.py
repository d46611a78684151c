"""The bot's memory of one person between messages, besides their ratings. It is stored in ``users.settings``, so it
survives a restart and is deleted with the person. Values are immutable: every change returns a new one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from engine.serving.wish import ANYTHING, Wish

SKIP_DAYS = 180
"""A film that someone has not seen is not asked about again for this long."""

LISTINGS = 3
"""Number of lists of picks that are remembered; the buttons of older ones begin a new list."""

MOST_SHOWN = 300
"""Most films in one list of picks."""

MOST_SKIPPED = 500

SITTING = timedelta(hours=6)
"""A list keeps its films for this long, so that people find the same ones after a look at a card, or after dinner."""

REST = timedelta(days=14)
"""After that, a film that was shown without a reaction stays out of new lists for this long."""

MOST_RESTING = 300
"""Most films that rest at one time; beyond that, those shown first come back early."""

OWN_KEYS = frozenset(
    {"skipped", "listings", "surprised", "rests", "file_id", "file_name", "file_since", "imports", "batch", "undone"}
)
"""The keys of ``users.settings`` that belong to this module."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of picks that someone pages through.

    ``pages`` holds the films of each page as it was shown last; ``shown`` holds all films that the list ever showed. A
    page is computed again whenever it is shown, so that it uses the latest ratings, but films of other pages are left
    out: no film comes twice. ``again`` says that films shown on earlier days are wanted too; ``like`` is the film that
    those of the list are like, in a list of such.
    """

    id: int
    wish: Wish = ANYTHING
    pages: tuple[tuple[int, ...], ...] = ()
    shown: frozenset[int] = frozenset()
    again: bool = False
    like: int | None = None

    def on(self, page: int) -> frozenset[int]:
        """Return the films that ``page`` (from 1) showed last."""
        return frozenset(self.pages[page - 1]) if page <= len(self.pages) else frozenset()

    def elsewhere(self, page: int) -> frozenset[int]:
        """Return the films that ``page`` (from 1) must not show."""
        return self.shown - self.on(page)

    def with_page(self, page: int, movie_ids: Iterable[int]) -> "Listing":
        """Return the list after ``page``, which is one of its pages or the next, has shown these films."""
        films = tuple(movie_ids)
        pages = (*self.pages[: page - 1], films, *self.pages[page:])
        return replace(self, pages=pages, shown=self.shown | set(films))

    @property
    def is_full(self) -> bool:
        return len(self.shown) >= MOST_SHOWN


@dataclass(frozen=True, slots=True)
class Batch:
    """Acts that belong together: an import, or (``undone``) what took one back.

    ``first`` and ``last`` are the ids of the first and the last, ``size`` is how many there are; where there are none,
    ``last`` is the act before the import, and ``first`` the number after it. ``number`` is the import's, 0 for those of
    an earlier release, and ``aside`` how many films it marked as seen or put on the watchlist.
    """

    first: int
    last: int
    size: int
    undone: bool = False
    number: int = 0
    aside: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that is remembered about one person.

    ``skipped`` are films that the person has not seen, and when they said so; ``listings`` the latest lists of picks
    and ``surprised`` the films of earlier surprises, newest last; ``rests`` the films that were shown lately, those
    shown first to begin with, and from when each stays out of new lists; ``file_id`` is Telegram's name of a file that
    they may want to import, ``file_name`` theirs, ``file_since`` their latest act before that began (0: none);
    ``imports`` how many there have been, and ``batch`` the latest; ``undone`` is the event of the latest undo
    of a single change; ``other`` holds the other keys of their settings, which are written back unchanged.
    """

    skipped: Mapping[int, datetime] = field(default_factory=dict)
    listings: tuple[Listing, ...] = ()
    surprised: tuple[int, ...] = ()
    rests: Mapping[int, datetime] = field(default_factory=dict)
    file_id: str | None = None
    file_name: str = ""
    file_since: int | None = None
    imports: int = 0
    batch: Batch | None = None
    undone: int | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> "Memory":
        """Read the output of ``as_preferences``."""
        skipped = {int(film): datetime.fromisoformat(at) for film, at in settings.get("skipped", {}).items()}
        listings = tuple(
            Listing(
                kept["id"],
                Wish.parse(kept["wish"]),
                tuple(tuple(page) for page in kept["pages"]),
                frozenset(kept["gone"]).union(*kept["pages"]),
                kept.get("again", False),
                kept.get("like"),
            )
            for kept in settings.get("listings", ())
        )
        surprised = tuple(settings.get("surprised", ()))
        shown = ((datetime.fromisoformat(at), films) for at, films in settings.get("rests", ()))
        rests = {film: at for at, films in shown for film in films}
        batch = Batch(*settings["batch"]) if settings.get("batch") else None
        other = {key: settings[key] for key in settings if key not in OWN_KEYS}
        file = settings.get("file_id"), settings.get("file_name", ""), settings.get("file_since")
        imports, undone = settings.get("imports", 0), settings.get("undone")
        return cls(skipped, listings, surprised, rests, *file, imports, batch, undone, other)

    def as_preferences(self) -> dict[str, Any]:
        """Return this memory as values that JSON can hold."""
        listings = [
            {
                "id": listing.id,
                "wish": listing.wish.as_json(),
                "pages": [list(page) for page in listing.pages],
                "gone": sorted(listing.shown.difference(*listing.pages)),
                "again": listing.again,
                "like": listing.like,
            }
            for listing in self.listings
        ]
        skipped = {str(film): at.isoformat() for film, at in self.skipped.items()}
        return {
            **self.other,
            "skipped": skipped,
            "listings": listings,
            "surprised": list(self.surprised),
            # Films are grouped by page: they share one time, which is longer as text than their ids.
            "rests": [[at.isoformat(), list(films)] for at, films in groupby(self.rests, key=self.rests.__getitem__)],
            "file_id": self.file_id,
            "file_name": self.file_name,
            "file_since": self.file_since,
            "imports": self.imports,
            "batch": list(astuple(self.batch)) if self.batch is not None else None,
            "undone": self.undone,
        }

    def skip(self, movie_id: int, now: datetime) -> "Memory":
        """Remember not to ask about a film for some time."""
        others = {film: at for film, at in self.skipped.items() if film != movie_id}
        return replace(self, skipped=dict([*others.items(), (movie_id, now)][-MOST_SKIPPED:]))

    def unskip(self, movie_id: int) -> "Memory":
        return replace(self, skipped={film: at for film, at in self.skipped.items() if film != movie_id})

    def surprise(self, movie_ids: Iterable[int]) -> "Memory":
        """Remember these films as surprises, so that they are not repeated soon."""
        return replace(self, surprised=(*self.surprised, *movie_ids)[-MOST_SHOWN:])

    def not_seen(self, now: datetime) -> frozenset[int]:
        """Return the films that should not be asked about now."""
        return frozenset(film for film, at in self.skipped.items() if now - at < timedelta(days=SKIP_DAYS))

    def show(self, movie_ids: Iterable[int], now: datetime, *, sitting: timedelta = SITTING) -> "Memory":
        """Remember films as shown. They rest once the sitting is over. Films that rest already keep their date;
        otherwise a daily look at an old list would keep them out for ever."""
        rests = {film: since for film, since in self.rests.items() if now < since + REST}
        rests |= {film: now + sitting for film in movie_ids if film not in rests}
        return replace(self, rests=dict([*rests.items()][-MOST_RESTING:]))

    def resting(self, now: datetime) -> frozenset[int]:
        """Return the films that new lists leave out."""
        return frozenset(film for film, since in self.rests.items() if since <= now < since + REST)

    def shown_lately(self, now: datetime) -> frozenset[int]:
        """Return the films that rest, and those of this sitting."""
        return frozenset(film for film, since in self.rests.items() if now < since + REST)

    def begin(self, wish: Wish, *, again: bool = False, like: int | None = None) -> Listing:
        """Return a new, empty list of picks. It is remembered once a page of it is.

        Args:
            again: whether films that were shown on earlier days are wanted too.
            like: the film that those of the list are to be like.
        """
        return Listing(max((listing.id for listing in self.listings), default=0) + 1, wish, again=again, like=like)

    def listing(self, number: int) -> Listing | None:
        """Return a list of picks by its number, if it is still remembered."""
        return next((listing for listing in self.listings if listing.id == number), None)

    def remember(self, listing: Listing) -> "Memory":
        """Remember a list."""
        if self.listing(listing.id) is not None:
            kept = tuple(listing if old.id == listing.id else old for old in self.listings)
        else:
            kept = (*self.listings, listing)
        return replace(self, listings=kept[-LISTINGS:])


def in_preferences(change: Callable[[Memory], Memory]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Turn a change of the memory into a change of preferences, for ``Store.change_preferences``."""
    return lambda settings: change(Memory.parse(settings)).as_preferences()
