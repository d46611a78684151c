"""The engine's part of /me: it draws what the bot asked for, and nothing that it is given ends it."""

import io
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from PIL import Image

from engine.pages import portrait
from engine.runs.portraits import draw_waiting, drawing
from engine.store import Bar, Panel, Sheet, Store
from tests import world
from tests.conftest import NewDatabase
from tests.world import NOW

SHEET = Sheet(
    "Mein Geschmack: 124 Filme",
    "ich",
    "alle",
    (
        Panel("Genres", (Bar("Komödie", 3.2, 3.6), Bar("Western $9.99", 4.8)), stars=True),
        Panel("Jahrzehnte", (Bar("1990er", 40), Bar("2000er", 0))),
    ),
)


@pytest.fixture
def store(new_database: NewDatabase) -> Iterator[Store]:
    store = Store(new_database("sqlite"))
    yield world.build(store)
    store.close()


def size(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as image:
        return image.size


@pytest.mark.parametrize(
    "sheet",
    [
        SHEET,
        Sheet("", "", "", ()),
        Sheet(
            "x" * 999,
            "y" * 99,
            "z" * 99,
            (Panel("t" * 999, tuple(Bar("n" * 99, 5.0, 0.5) for _ in range(99)), True),) * 99,
        ),
        Sheet("one", "me", "all", (Panel("p", (Bar("b", 0.5),), stars=True),)),
        Sheet("none", "me", "all", (Panel("p", ()), Panel("q", (Bar("b", 0.0),)))),
    ],
)
def test_any_sheet_becomes_a_picture_for_a_phone(sheet: Sheet):
    width, height = size(portrait.draw(sheet))
    assert width == 1000
    assert 50 < height < 4 * 1000, "Telegram takes no picture that is twenty times as long as wide"


def test_what_waits_is_drawn_once(store: Store):
    person = store.person(1001, "en", NOW)
    store.ask_portrait(person.id, SHEET, "en", NOW)
    assert draw_waiting(store, lambda: NOW) == 1
    assert draw_waiting(store, lambda: NOW) == 0
    (finished,) = store.take_portraits(NOW - timedelta(days=1), NOW)
    assert finished.png is not None
    assert size(finished.png)[0] == 1000


def test_a_sheet_of_another_release_is_noted_as_not_drawn(store: Store):
    person = store.person(1001, "en", NOW)
    store.ask_portrait(person.id, SHEET, "en", NOW)
    with store.write() as connection:
        connection.execute(sa.text("""UPDATE portraits SET sheet = '{"panels": "many"}'"""))
    assert draw_waiting(store, lambda: NOW) == 1
    assert [finished.png for finished in store.take_portraits(NOW - timedelta(days=1), NOW)] == [None]


def test_a_drawing_that_fails_is_noted_and_the_next_one_is_drawn(store: Store):
    """A value that no chart can show."""
    bad = Sheet("bad", "me", "all", (Panel("p", (Bar("b", float("inf")),)),))
    for telegram_id, sheet in ((1001, bad), (1002, SHEET)):
        store.ask_portrait(store.person(telegram_id, "en", NOW).id, sheet, "en", NOW)
    assert draw_waiting(store, lambda: NOW) == 2
    finished = store.take_portraits(NOW - timedelta(days=1), NOW)
    assert {one.telegram_id: one.png is not None for one in finished} == {1001: False, 1002: True}


def test_the_thread_draws_beside_the_runs_and_ends_with_them(store: Store):
    person = store.person(1001, "en", NOW)
    before = threading.active_count()
    drawn = threading.Event()
    keep = store.keep_portrait

    def noted(*args, **named):
        done = keep(*args, **named)
        drawn.set()
        return done

    store.keep_portrait = noted  # type: ignore[method-assign]
    with drawing(store, now=lambda: NOW):
        store.ask_portrait(person.id, SHEET, "en", NOW)
        assert drawn.wait(60)
    assert threading.active_count() == before
