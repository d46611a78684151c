"""Holds the films, their titles and the live model in memory, as of one moment."""

import asyncio
import threading
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from engine.domain import Catalogue, Feedback, Film, Floats, MatineeError
from engine.serving import names
from engine.serving.content import with_unrated
from engine.serving.factors import Hyperparameters, Model, Rows
from engine.serving.kinds import Kinds
from engine.serving.names import NO_NAMES, BadName, Names
from engine.serving.series import Part, parts_of
from engine.serving.shared import SharedArrays
from engine.serving.similar_titles import SimilarTitles
from engine.serving.title_index import Found, TitleIndex
from engine.serving.wish import Wish
from engine.store import NoSuchFilm, Store, Taste

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 1.0
"""The database is asked for news at most this often."""

PATIENCE_SECONDS = 0.25
"""The caller who set off a reload waits for it this long. Thousands of films take less, tens of thousands take
longer."""

RECENT_BYTES = 2**24
"""Room for what was worked out for people lately: for one to two hundred of them with 10,000 films."""

TYPICAL_RATINGS = 50
"""Without a model, films are ordered by a mean that is damped with this many ratings."""


class EmptyCatalogue(MatineeError):
    """No data set has been loaded yet."""

    def __init__(self) -> None:
        super().__init__("there are no films yet: run `python -m engine load demo`")


@dataclass(frozen=True, slots=True)
class Films:
    """The catalogue in memory.

    ``by_imdb`` and ``by_tmdb`` find films by the number of their page there; ``genres`` are sorted by how many films
    have them, the most first; ``newest`` is the latest year of any film, None where they have none; ``well_known`` are
    all films that anybody rated, by a mean that a few ratings cannot lift; ``most_seen`` the same films by the number
    of ratings; ``parts`` the place of films in their series, by film id. Among the ``well_known``, ``places`` says
    where the films of a genre stand, and ``genre_counts`` how many genres each film has. ``called`` are other names of
    films, those of the operator among them.
    """

    catalogue: Catalogue | None = None
    by_id: dict[int, Film] = field(default_factory=dict)
    by_imdb: dict[int, Film] = field(default_factory=dict)
    by_tmdb: dict[int, Film] = field(default_factory=dict)
    titles: TitleIndex = field(default_factory=lambda: TitleIndex(()))
    genres: tuple[str, ...] = ()
    newest: int | None = None
    well_known: tuple[Film, ...] = ()
    most_seen: tuple[Film, ...] = ()
    parts: dict[int, Part] = field(default_factory=dict)
    places: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    genre_counts: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    called: Names = NO_NAMES

    @classmethod
    def of(cls, catalogue: Catalogue | None, films: list[Film], called: Names = NO_NAMES) -> "Films":
        rated = [film for film in films if film.rating_count]
        stars = sum(film.rating_count * (film.mean_stars or 0) for film in rated)
        mean = stars / max(sum(film.rating_count for film in rated), 1)

        def damped(film: Film) -> float:
            total = film.rating_count * (film.mean_stars or 0) + TYPICAL_RATINGS * mean
            return total / (film.rating_count + TYPICAL_RATINGS)

        counts = Counter(genre for film in films for genre in film.genres)
        well_known = tuple(sorted(rated, key=lambda film: (-damped(film), film.id)))
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, film in enumerate(well_known):
            for genre in set(film.genres):
                places[genre].append(place)
        return cls(
            catalogue,
            {film.id: film for film in films},
            {number: film for film in films if (number := imdb_number(film.imdb_id)) is not None},
            {film.tmdb_id: film for film in films if film.tmdb_id is not None},
            TitleIndex(films, called),
            tuple(sorted(counts, key=lambda genre: (-counts[genre], genre))),
            max((film.year for film in films if film.year is not None), default=None),
            well_known,
            tuple(sorted(rated, key=lambda film: (-film.rating_count, film.id))),
            parts_of(films),
            {genre: np.array(found, np.int32) for genre, found in places.items()},
            np.array([len(set(film.genres)) for film in well_known], np.int32),
            called,
        )

    def of_genres(self, genres: Collection[str], most: int) -> list[Film]:
        """Return films that share most of these genres and have fewest others, of equals the best known first."""
        wanted = set(genres)
        found = [self.places[genre] for genre in wanted if genre in self.places]
        if not found:
            return []
        places, shared = np.unique(np.concatenate(found), return_counts=True)
        overlap = shared / (len(wanted) + self.genre_counts[places] - shared)
        best = places[np.argsort(-overlap, kind="stable")[:most]]
        return [self.well_known[place] for place in best.tolist()]

    @property
    def has_years(self) -> bool:
        """Whether any film has a year."""
        return self.newest is not None

    @property
    def gives_stars(self) -> bool:
        """Whether people give stars. In a catalogue of play counts they say which films they know:
        ``domain.PLAYED``."""
        return self.catalogue is None or self.catalogue.feedback is Feedback.STARS


def imdb_number(text: str | None) -> int | None:
    """Return the number in "tt0133093" or "0133093", or None."""
    digits = (text or "").strip().removeprefix("tt")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 12 else None


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a model's films that lists need, by the model's rows, each array (n,).

    ``known`` says that the catalogue has the film, ``new`` that it does and that the model was not trained on it;
    ``counts`` is how many people of the data set have rated it; ``familiarity`` is the chance that somebody has seen
    it, 0 to 1; ``years`` is 0 if unknown. ``series`` has for each film of a series the rows of all its parts, in order.
    """

    known: NDArray[np.bool_]
    new: NDArray[np.bool_]
    counts: NDArray[np.float32]
    familiarity: NDArray[np.float32]
    years: NDArray[np.int32]
    genres: dict[str, NDArray[np.bool_]]
    series: dict[int, tuple[int, ...]]

    @classmethod
    def of(cls, model: Model, films: Films) -> "Facts":
        listed = [films.by_id.get(movie_id) for movie_id in model.movie_ids.tolist()]
        counts = np.array([film.rating_count if film else 0 for film in listed], np.float32)
        people = films.catalogue.user_count if films.catalogue else 0
        genres = {genre: np.zeros(len(listed), np.bool_) for genre in films.genres}
        for row, film in enumerate(listed):
            for genre in film.genres if film else ():
                genres[genre][row] = True
        series: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for row, film in enumerate(listed):
            if film is not None and (part := films.parts.get(film.id)):
                series[part.series].append((part.number, row))
        in_order = [tuple(row for _, row in sorted(parts)) for parts in series.values()]
        known = np.array([film is not None for film in listed], np.bool_)
        return cls(
            known,
            known & ~model.learnt,
            counts,
            np.minimum(counts / max(people, float(counts.max(initial=1)), 1), 1),
            np.array([(film.year or 0) if film else 0 for film in listed], np.int32),
            genres,
            {row: parts for parts in in_order for row in parts},
        )

    def in_order(
        self, rows: Rows, relevance: Floats, *, seen: Rows, fits: NDArray[np.bool_], free: NDArray[np.bool_]
    ) -> tuple[Rows, Floats]:
        """Replace a later part of a series by the first part that somebody has not seen.

        A later part stays if an earlier one has been seen, or if the earlier ones do not fit the wish or have no
        ratings. It is dropped if they put the first part aside.

        Args:
            rows: candidates, best first.
            relevance: their scores.
            seen: rows of the films that they have seen.
            fits: whether each film fits the wish.
            free: whether each film may be shown.

        Returns:
            The rows and scores, best first, each film once.
        """
        known = set(seen.tolist())
        offered: dict[int, float] = {}
        for row, score, is_free in zip(rows.tolist(), relevance.tolist(), free[rows].tolist(), strict=True):
            if row not in self.series:
                if is_free:
                    offered.setdefault(row, score)
            elif free[first := self._first_unseen(row, known, fits)]:
                offered.setdefault(first, score)
        return np.array(list(offered), np.intp), np.array(list(offered.values()), np.float32)

    def _first_unseen(self, row: int, seen: set[int], fits: NDArray[np.bool_]) -> int:
        parts = self.series[row]
        before = parts[: parts.index(row)]
        if not seen.isdisjoint(before):
            return row
        return next((part for part in before if fits[part] and not self.new[part]), row)

    def fitting(self, wish: Wish) -> NDArray[np.bool_]:
        """Return for each row whether the film fits a wish."""
        fits = self.known.copy()
        for genre in wish.genres:
            fits &= self.genres.get(genre, False)
        if wish.either:
            fits &= np.logical_or.reduce([self.genres.get(genre, np.zeros_like(fits)) for genre in wish.either])
        for genre in wish.without:
            fits &= ~self.genres.get(genre, np.False_)
        if wish.since is not None or wish.until is not None:
            fits &= self.years >= max(wish.since or 0, 1)
        if wish.until is not None:
            fits &= self.years <= wish.until
        return fits


Result = TypeVar("Result")


class Recent:
    """What was worked out from people's tastes lately, for as long as a taste stays the same.

    Somebody who turns pages and opens cards is folded in once, and again after each rating. Any thread may ask.
    """

    def __init__(self, most_bytes: int = RECENT_BYTES) -> None:
        self._room = most_bytes
        self._kept: OrderedDict[tuple[str, int], tuple[Taste, Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, what: str, taste: Taste, work_out: Callable[[], Result], size: Callable[[Result], int]) -> Result:
        """Return what ``work_out`` gives, which must depend on nothing but the taste and the shelf, and never be
        changed.

        Args:
            what: its name; of each, one result is kept for a person.
            size: how many bytes a result takes.
        """
        key = (what, taste.user_id)
        with self._lock:
            if key in self._kept:
                before, found, _ = self._kept[key]
                if (before.ratings, before.put_aside) == (taste.ratings, taste.put_aside):
                    self._kept.move_to_end(key)
                    return found  # type: ignore[no-any-return]
        found = work_out()
        with self._lock:
            self._drop(key)
            self._kept[key] = taste, found, size(found)
            self._room -= size(found)
            while self._room < 0:
                self._drop(next(iter(self._kept)))
        return found

    def _drop(self, key: tuple[str, int]) -> None:
        if key in self._kept:
            self._room += self._kept.pop(key)[2]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A snapshot of films and live model. ``model``, ``facts`` and ``version`` are None before the first training."""

    films: Films = field(default_factory=Films)
    version: int | None = None
    model: Model | None = None
    facts: Facts | None = None
    similar: SimilarTitles | None = None
    kinds: Kinds | None = None
    recent: Recent = field(default_factory=Recent, compare=False, repr=False)

    @property
    def is_simulated(self) -> bool:
        return self.films.catalogue is not None and self.films.catalogue.simulated

    def film(self, movie_id: int) -> Film:
        """Return one film.

        Raises:
            NoSuchFilm: the catalogue has none of that id (any more).
        """
        film = self.films.by_id.get(movie_id)
        if film is None:
            raise NoSuchFilm(movie_id)
        return film

    def find(self, text: str, limit: int) -> Found:
        """Return the films that a typed text may mean.

        Raises:
            EmptyCatalogue: there are no films at all.
        """
        self.require_films()
        return self.films.titles.find(text, limit)

    def require_films(self) -> None:
        """Check that there are films.

        Raises:
            EmptyCatalogue: there are none.
        """
        if not self.films.by_id:
            raise EmptyCatalogue


class Library:
    """Hands out the shelf, and keeps it up to date.

    The first caller after a change starts one reload in a thread and waits a moment for it, which is mostly enough.
    Until it is done, other callers get the old shelf. Only for the very first shelf do all callers wait.
    """

    def __init__(
        self,
        store: Store,
        *,
        own_names: Path | None = None,
        shared: SharedArrays | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        own_names: a file with further names of films, in the form of ``engine/serving/names/called.tsv``.
        shared: where several processes of this machine hold the model's large arrays together; None is alone.
        """
        self._store = store
        self._own_names = own_names
        self._shared = shared
        self._monotonic = monotonic
        self._shelf: Shelf | None = None
        self._edition: tuple[object, ...] | None = None
        self._next_look = 0.0
        self._work: asyncio.Task[Shelf] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="library")  # tens of thousands of films take seconds

    def load(self) -> None:
        """Read everything now, before there is an event loop. Processes that are forked afterwards share it.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        self._edition = self._look()
        self._shelf = self._load(None)

    async def shelf(self) -> Shelf:
        """Return the films and the live model as of now.

        Raises:
            StoreUnavailable: the database does not answer, and nothing has been read from it yet.
        """
        shelf = self._shelf
        if shelf is None:
            shelf = await asyncio.shield(self._work or self._begin())
        elif self._work is None and self._monotonic() >= self._next_look:
            await asyncio.wait({self._begin()}, timeout=PATIENCE_SECONDS)
            shelf = self._shelf or shelf
        return shelf

    async def settle(self) -> Shelf:
        """Return the shelf once it holds everything that is in the database now."""
        if self._work is not None:
            await asyncio.wait({self._work})
        return await self._begin()

    def _begin(self) -> "asyncio.Task[Shelf]":
        self._work = asyncio.create_task(self._refresh())
        self._work.add_done_callback(self._refreshed)
        return self._work

    async def _refresh(self) -> Shelf:
        try:
            aside = asyncio.get_running_loop().run_in_executor  # in a thread of its own, so that no other work waits
            edition = await aside(self._reader, self._look)
            if self._shelf is None or edition != self._edition:
                self._shelf = await aside(self._reader, self._load, self._shelf)
                self._edition = edition
            return self._shelf
        finally:
            self._next_look = self._monotonic() + LOOK_EVERY_SECONDS

    def _refreshed(self, work: "asyncio.Task[Shelf]") -> None:
        self._work = None
        error = None if work.cancelled() else work.exception()
        if error is not None and self._shelf is not None:
            # A handler that needs the database gets the error itself; the films in memory stay usable.
            log.warning("library_not_refreshed", reason=type(error).__name__)

    def _look(self) -> tuple[object, ...]:
        """Return a value that changes whenever the shelf must be reloaded."""
        catalogue = self._store.catalogue()
        return self._store.live_version(), _edition_of(catalogue)

    def _names(self) -> Names:
        try:
            return names.read(self._own_names)
        except (BadName, OSError, UnicodeDecodeError) as error:
            log.warning("own_names_not_read", reason=str(error))
            return names.read()

    def _load(self, old: Shelf | None) -> Shelf:
        started = self._monotonic()
        catalogue = self._store.catalogue()
        if old is not None and _edition_of(old.films.catalogue) == _edition_of(catalogue):
            films = old.films
        else:
            films = Films.of(catalogue, self._store.films(), self._names())
        version = self._store.live_version()
        live = None if version is None else self._store.model_version(version)
        if live is None or version is None:
            shelf = Shelf(films)
        elif catalogue is not None and live.dataset != catalogue.dataset:
            # Its numbers name other films. The next training of this data set replaces it.
            log.warning("model_of_another_dataset", version=version, dataset=live.dataset, films_of=catalogue.dataset)
            shelf = Shelf(films)
        elif Hyperparameters.parse(live.hyperparameters).predicts_stars != films.gives_stars:
            log.warning("model_of_another_feedback", version=version)
            shelf = Shelf(films)
        else:
            trained = Model.assemble(self._store.item_factors(version), live.hyperparameters)
            pairs = self._store.similarities(version)
            model = with_unrated(trained, films.by_id.values(), pairs)
            similar = SimilarTitles.of(model.movie_ids, *pairs)
            if self._shared is not None:
                model, similar = self._shared.hold(model, similar)
            model.warm_up()
            kinds = Kinds.of(model, films.by_id.values())
            shelf = Shelf(films, version, model, Facts.of(model, films), similar, kinds)
        seconds = self._monotonic() - started
        log.info("library_loaded", version=version, films=len(films.by_id), seconds=round(seconds, 2))
        return shelf


def _edition_of(catalogue: Catalogue | None) -> tuple[str, datetime] | None:
    return None if catalogue is None else (catalogue.fingerprint, catalogue.loaded_at)
