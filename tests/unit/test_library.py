"""The library: memory follows the database, and nobody waits for it."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import structlog.testing

from engine.domain import Rating
from engine.serving import advice
from engine.serving.library import LOOK_EVERY_SECONDS, EmptyCatalogue, Facts, Library, Recent
from engine.serving.shared import SharedArrays
from engine.serving.wish import Wish
from engine.store import Dismissal, NoSuchFilm, Put, Store, StoreUnavailable, Taste
from engine.store.migrate import migrate
from tests import world


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'world.db'}")
    migrate(store)
    yield store
    store.close()


class Stopwatch:
    """A monotonic clock that goes on when told to."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Slow(Store):
    """A store whose films can be held back, and that counts how often they were read."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.go = threading.Event()
        self.go.set()
        self.reads = self.looks = 0

    def films(self):
        self.reads += 1
        assert self.go.wait(10)
        return super().films()

    def live_version(self):
        self.looks += 1
        return super().live_version()


@pytest.fixture
def slow(store: Store, tmp_path: Path) -> Iterator[Slow]:
    slow = Slow(f"sqlite:///{tmp_path / 'world.db'}")
    yield slow
    slow.close()


async def test_an_empty_database_gives_an_empty_shelf(store: Store):
    shelf = await Library(store).shelf()
    assert shelf.model is None
    assert shelf.version is None
    with pytest.raises(EmptyCatalogue):
        shelf.find("heat", 8)
    with pytest.raises(NoSuchFilm):
        shelf.film(603)


async def test_films_and_model_are_there_at_once(store: Store):
    world.build(store)
    shelf = await Library(store).shelf()
    assert shelf.version == 1
    assert shelf.film(30).display_title == "Heat"
    assert shelf.find("the matrx", 8).sure
    assert shelf.is_simulated


async def test_a_published_model_is_found_after_a_second(store: Store):
    world.build(store)
    clock = Stopwatch()
    library = Library(store, monotonic=clock)
    first = await library.shelf()
    world.publish(store, [1, 2, 3])
    assert (await library.shelf()).version == 1  # nobody has looked yet
    clock.seconds += LOOK_EVERY_SECONDS
    second = await library.shelf()
    assert second.version == 2
    assert second.films is first.films  # not read again


async def test_what_was_loaded_before_there_was_an_event_loop_is_not_read_again(store: Store, slow: Slow):
    world.build(store)
    library = Library(slow)
    await asyncio.to_thread(library.load)  # as in a process that forks workers
    before = slow.reads
    shelf = await library.shelf()
    assert (shelf.version, shelf.film(30).display_title) == (1, "Heat")
    assert slow.reads == before == 1


async def test_a_model_of_another_data_set_is_as_none_and_that_is_said_once(store: Store):
    """Its film ids would name other films."""
    world.build(store)
    clock = Stopwatch()
    library = Library(store, monotonic=clock)
    assert (await library.shelf()).model is not None
    catalogue = store.catalogue()
    assert catalogue is not None
    store.save_catalogue(type(catalogue)(**{**fields_of(catalogue), "dataset": "another", "fingerprint": "1" * 64}))
    with structlog.testing.capture_logs() as logged:
        shelf = await library.settle()
        for _ in range(3):
            clock.seconds += LOOK_EVERY_SECONDS
            assert await library.shelf() is shelf
    assert (shelf.model, shelf.version, shelf.facts) == (None, None, None)
    assert shelf.film(30).display_title == "Heat"
    assert [line["event"] for line in logged].count("model_of_another_dataset") == 1


async def test_while_a_reload_takes_long_the_old_shelf_is_served_and_there_is_one_reload(store: Store, slow: Slow):
    world.build(store)
    clock = Stopwatch()
    library = Library(slow, monotonic=clock)
    old = await library.shelf()
    catalogue = store.catalogue()
    assert catalogue is not None
    store.save_catalogue(type(catalogue)(**{**fields_of(catalogue), "fingerprint": "1" * 64}))
    clock.seconds += LOOK_EVERY_SECONDS
    slow.go.clear()
    shelves = await asyncio.gather(*(library.shelf() for _ in range(20)))
    assert all(shelf is old for shelf in shelves)
    assert slow.reads == 2
    slow.go.set()
    new = await library.settle()
    assert new is not old
    assert slow.reads == 2


def fields_of(catalogue) -> dict:
    return {name: getattr(catalogue, name) for name in catalogue.__dataclass_fields__}


async def test_many_who_come_first_wait_for_one_reading(store: Store, slow: Slow):
    world.build(store)
    library = Library(slow)
    shelves = await asyncio.gather(*(library.shelf() for _ in range(20)))
    assert len({id(shelf) for shelf in shelves}) == 1
    assert slow.reads == 1


async def test_the_database_is_asked_at_most_once_a_second(store: Store, slow: Slow):
    world.build(store)
    clock = Stopwatch()
    library = Library(slow, monotonic=clock)
    await library.shelf()
    looks = slow.looks
    for _ in range(50):
        await library.shelf()
    assert slow.looks == looks


async def test_without_a_database_the_first_shelf_fails_and_later_ones_are_what_was_read(store: Store):
    with pytest.raises(StoreUnavailable):
        await Library(Store("postgresql://x:y@127.0.0.1:1/z")).shelf()
    world.build(store)
    clock = Stopwatch()
    library = Library(store, monotonic=clock)
    shelf = await library.shelf()
    with store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE live RENAME TO elsewhere")
    clock.seconds += LOOK_EVERY_SECONDS
    assert await library.shelf() is shelf
    with store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO live")
    world.publish(store, [1, 2, 3])
    clock.seconds += LOOK_EVERY_SECONDS
    assert (await library.shelf()).version == 2


async def test_wishes_pick_the_same_films_by_row_as_film_by_film(store: Store):
    world.build(store)
    shelf = await Library(store).shelf()
    assert shelf.model is not None
    facts = Facts.of(shelf.model, shelf.films)
    for wish in (
        Wish(),
        Wish(("Comedy",)),
        Wish(("Sci-Fi", "Horror")),
        Wish(("Comedy",), ("Horror",)),
        Wish(("Nothing",)),
        Wish((), ("Nothing",)),
        Wish(since=1990),
        Wish(until=1960),
        Wish(since=1990, until=1999),
    ):
        rows = facts.fitting(wish)
        by_row = {int(film) for film in shelf.model.movie_ids[rows]}
        known = set(shelf.model.movie_ids.tolist())
        assert by_row == {film.id for film in world.FILMS if film.id in known and wish.fits(film)}


async def test_two_that_share_arrays_hold_one_file_of_each_and_pick_as_one_alone(store: Store, tmp_path: Path):
    world.build(store)
    store.rate(store.person(1, "en", world.NOW).id, 20, 5, world.NOW)
    taste = store.taste(1, world.NOW)
    folder = tmp_path / "shared"
    alone, *sharing = [
        await Library(store, shared=shared).shelf()
        for shared in (None, SharedArrays(folder, smallest_bytes=0), SharedArrays(folder, smallest_bytes=0))
    ]
    assert len({path.name for path in folder.iterdir()}) == len(list(folder.iterdir())) >= 3
    for shelf in sharing:
        assert shelf.model is not None
        assert isinstance(shelf.model.order_vectors.base, np.memmap)
        assert advice.picks(shelf, taste) == advice.picks(alone, taste)


async def test_films_of_genres_are_those_that_share_most_and_of_equals_the_best_known(store: Store):
    films = (await Library(world.build(store)).shelf()).films
    for film in films.by_id.values():
        mine = set(film.genres)
        sharing = [other for other in films.well_known if mine & set(other.genres)]
        sharing.sort(key=lambda other: -len(mine & set(other.genres)) / len(mine | set(other.genres)))
        assert films.of_genres(film.genres, 7) == sharing[:7]
    assert films.of_genres((), 7) == films.of_genres(("no such",), 7) == []


class Worked:
    """Notes whose tastes something was worked out from."""

    def __init__(self, room: int) -> None:
        self.recent, self.times = Recent(room), list[int]()

    def out(self, taste: Taste, what: str = "scores") -> list[float]:
        def work() -> list[float]:
            self.times.append(taste.user_id)
            return [rating.stars for rating in taste.ratings]

        return self.recent.of(what, taste, work, lambda _: 10)


def test_what_was_worked_out_holds_until_the_taste_changes() -> None:
    worked = Worked(100)
    before = Taste(1, (Rating(603, 4.0, world.NOW),))
    aside = Put(604, Dismissal.SEEN, world.NOW, None)
    for taste in (before, replace(before, ratings=(Rating(603, 4.5, world.NOW),)), replace(before, put_aside=(aside,))):
        times = len(worked.times)
        for _ in range(3):
            assert worked.out(taste) == [taste.ratings[0].stars]
        assert len(worked.times) == times + 1
    worked.out(before, "another")
    assert worked.times == [1] * 4


def test_there_is_room_for_the_latest_people() -> None:
    worked = Worked(30)
    for user_id in (1, 2, 3, 1, 4, 1, 3, 2):
        worked.out(Taste(user_id))
    assert worked.times == [1, 2, 3, 4, 2], "the one who asked longest ago made room for each new one"
