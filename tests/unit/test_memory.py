"""The bot's memory of a person between messages."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.features.memory import LISTINGS, MOST_RESTING, MOST_SKIPPED, REST, SITTING, SKIP_DAYS, Batch, Listing, Memory
from engine.serving.wish import Wish

NOW = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
COMEDIES = Wish(("Comedy",), since=1990)

films = st.lists(st.integers(1, 500), max_size=10, unique=True)


def test_nothing_is_remembered_of_a_stranger():
    assert Memory.parse({}) == Memory()


@given(st.lists(films, max_size=5), st.dictionaries(st.integers(1, 99), st.just(NOW)))
def test_it_comes_back_from_json(pages: list[list[int]], skipped: dict[int, datetime]):
    memory = Memory(other={"digest": True}, batch=Batch(3, 9, len(pages), undone=True) if pages else None)
    for film, at in skipped.items():
        memory = memory.skip(film, at)
    listing = memory.begin(COMEDIES, again=len(pages) > 2)
    for number, page in enumerate(pages, 1):
        listing = listing.with_page(number, page)
        memory = memory.show(page, NOW + timedelta(minutes=number // 2))
    memory = memory.remember(listing)
    assert Memory.parse(json.loads(json.dumps(memory.as_preferences()))) == memory


@given(st.lists(films, min_size=1, max_size=8), st.data())
def test_a_page_must_not_show_what_any_other_page_has_ever_shown(pages: list[list[int]], data: st.DataObject):
    """Also what it showed before it was worked out anew."""
    listing, ever_shown = Listing(1), dict[int, set[int]]()
    for page in pages:
        number = data.draw(st.integers(1, len(listing.pages) + 1))
        allowed = [film for film in page if film not in listing.elsewhere(number)]
        listing = listing.with_page(number, allowed)
        for film in allowed:
            ever_shown.setdefault(film, set()).add(number)
    assert all(len(numbers) == 1 for numbers in ever_shown.values())


def test_a_skipped_film_is_asked_about_again_after_some_months():
    memory = Memory().skip(603, NOW)
    assert memory.not_seen(NOW + timedelta(days=SKIP_DAYS - 1)) == {603}
    assert memory.not_seen(NOW + timedelta(days=SKIP_DAYS)) == frozenset()
    assert memory.unskip(603).not_seen(NOW) == frozenset()


def test_only_the_latest_skips_and_lists_are_kept():
    memory = Memory()
    for number in range(MOST_SKIPPED + 7):
        memory = memory.skip(number, NOW)
    assert len(memory.skipped) == MOST_SKIPPED
    assert 0 not in memory.skipped
    for _ in range(LISTINGS + 2):
        memory = memory.remember(memory.begin(Wish()))
    assert [listing.id for listing in memory.listings] == [3, 4, 5]
    assert memory.listing(2) is None


def test_a_film_rests_from_the_end_of_the_sitting_for_two_weeks():
    memory = Memory().show([603], NOW)
    assert memory.resting(NOW) == frozenset()
    assert memory.resting(NOW + SITTING - timedelta(seconds=1)) == frozenset()
    assert memory.resting(NOW + SITTING) == {603}
    assert memory.resting(NOW + SITTING + REST - timedelta(seconds=1)) == {603}
    assert memory.resting(NOW + SITTING + REST) == frozenset()
    assert memory.shown_lately(NOW) == {603}


def test_a_film_that_is_shown_while_it_rests_rests_no_longer_for_that():
    memory = Memory().show([603], NOW).show([603], NOW + timedelta(days=3))
    assert memory == Memory().show([603], NOW)
    afterwards = NOW + SITTING + REST
    assert memory.show([603], afterwards).resting(afterwards + SITTING) == {603}


@given(st.lists(st.tuples(films, st.integers(0, 40)), max_size=80))
def test_what_rests_stays_small(pages: list[tuple[list[int], int]]):
    """Settings are written with every page."""
    memory, now = Memory(), NOW
    for page, hours in pages:
        now += timedelta(hours=hours)
        memory = memory.show(page, now)
        assert set(page) <= memory.shown_lately(now) or len(page) > MOST_RESTING
        assert len(memory.rests) <= MOST_RESTING
        assert all(now < since + REST for since in memory.rests.values())


def test_of_too_many_films_those_shown_first_come_up_again():
    memory = Memory()
    for page in range(40):
        memory = memory.show(range(page * 10, page * 10 + 10), NOW + timedelta(minutes=page))
    assert set(memory.rests) == set(range(400 - MOST_RESTING, 400))
    assert len(json.dumps(memory.as_preferences()["rests"])) < 4_000
