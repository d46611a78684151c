"""Pictures of people's taste: asked for, drawn, sent once; on both databases."""

from datetime import timedelta

import sqlalchemy as sa

from engine.store import Bar, Panel, Sheet, Store
from tests.contract.conftest import ANN, at, plans
from tests.world import NOW

SHEET = Sheet("My taste", "me", "everyone", (Panel("Genres", (Bar("Western", 4.5, 3.9), Bar("War", 3.0)), stars=True),))
OTHER = Sheet("Mein Geschmack", "ich", "alle", ())
LONG_AGO = NOW - timedelta(days=1)


def test_a_picture_is_asked_for_drawn_and_sent_once(films: Store, ann: int, bob: int) -> None:
    films.ask_portrait(ann, SHEET, "de", at(0))
    films.ask_portrait(bob, OTHER, None, at(1))
    waiting, other = films.waiting_portraits(10)
    assert (waiting.user_id, waiting.sheet, other.sheet) == (ann, SHEET, OTHER)
    assert [one.user_id for one in films.waiting_portraits(1)] == [ann]
    assert films.take_portraits(LONG_AGO, at(2)) == []
    assert films.keep_portrait(waiting, b"png", at(2))
    assert not films.keep_portrait(waiting, b"again", at(2)), "two engines"
    (finished,) = films.take_portraits(LONG_AGO, at(3))
    assert (finished.user_id, finished.telegram_id, finished.language, finished.png) == (ann, ANN, "de", b"png")
    assert films.take_portraits(LONG_AGO, at(4)) == []
    films.note_portrait_sent(ann, "file")
    assert (films.portrait_sent(ann), films.portrait_sent(bob)) == ("file", None)


def test_one_that_nobody_draws_is_told_once_and_then_not_drawn_any_more(films: Store, ann: int) -> None:
    films.ask_portrait(ann, SHEET, None, at(0))
    (waiting,) = films.waiting_portraits(10)
    (finished,) = films.take_portraits(at(0), at(1))
    assert finished.png is None
    assert films.waiting_portraits(10) == []
    assert not films.keep_portrait(waiting, b"late", at(2))
    assert films.take_portraits(at(5), at(5)) == []


def test_one_that_cannot_be_drawn_is_told_too(films: Store, ann: int) -> None:
    films.ask_portrait(ann, SHEET, None, at(0))
    (waiting,) = films.waiting_portraits(10)
    assert films.keep_portrait(waiting, None, at(1))
    assert [finished.png for finished in films.take_portraits(LONG_AGO, at(2))] == [None]


def test_whoever_asks_again_gets_the_newer_picture(films: Store, ann: int) -> None:
    films.ask_portrait(ann, SHEET, None, at(0))
    (old,) = films.waiting_portraits(10)
    films.ask_portrait(ann, OTHER, None, at(1))
    assert not films.keep_portrait(old, b"old", at(2))
    (new,) = films.waiting_portraits(10)
    assert new.sheet == OTHER


def test_someone_who_is_forgotten_leaves_no_picture(films: Store, ann: int) -> None:
    films.ask_portrait(ann, SHEET, None, at(0))
    (waiting,) = films.waiting_portraits(10)
    films.keep_portrait(waiting, b"png", at(1))
    films.forget(ann)
    assert films.waiting_portraits(10) == []
    assert films.take_portraits(at(9), at(9)) == []
    assert films.portrait_sent(ann) is None


def test_looking_for_pictures_reads_those_alone_that_were_not_sent(films: Store) -> None:
    """Engine and bot look twice a second, and everybody who ever asked has a row."""
    with plans(films, "portraits") as ways:
        films.waiting_portraits(10)
        films.take_portraits(LONG_AGO, at(0))
    assert ways == ["SEARCH portraits USING INDEX ix_portraits_sent_at_asked_at (sent_at=?)"] * 2


def test_no_copy_stays_of_a_picture_that_went_out(films: Store, ann: int) -> None:
    """Nor of one that Telegram did not take."""
    films.ask_portrait(ann, SHEET, None, at(0))
    (waiting,) = films.waiting_portraits(10)
    films.keep_portrait(waiting, b"png", at(1))
    (finished,) = films.take_portraits(LONG_AGO, at(2))
    assert finished.png == b"png"
    with films.read() as connection:
        assert connection.scalar(sa.text("SELECT png FROM portraits")) is None
