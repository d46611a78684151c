"""/settings and their effects: another language, and three films every Friday."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.features import digest, picks, surprise
from bot.features.digest import FROM_HOUR, HOURS, next_digest
from bot.features.memory import Memory, in_preferences
from bot.frame.context import Services
from engine.serving.wish import ANYTHING
from engine.store import Store
from tests import world
from tests.chat.conftest import ANNA, SettableClock
from tests.chat.reading import rates, titles
from tests.fakes import FakeTelegram, Person

WEEK = timedelta(days=7)


@pytest.fixture
async def subscriber(anna: Person, store: Store, clock: SettableClock) -> Person:
    """Anna, who has rated three films and wants more on Fridays; the clock says when the first is due."""
    await rates(anna, high_noon="5", rio_bravo="5", heat="4")
    await anna.says("/settings")
    await anna.presses("Films on Fridays")
    clock.now = next_digest(id_of(store), clock())
    return anna


def id_of(store: Store) -> int:
    person = store.find_person(ANNA)
    assert person is not None
    return person.id


def sent(telegram: FakeTelegram) -> list[str]:
    return [call["text"] for call in telegram.called("sendMessage") if "for your weekend" in call["text"]]


async def test_a_language_is_chosen_and_spoken_at_once(anna: Person, store: Store):
    await anna.says("/settings")
    assert "I speak English with you." in anna.sees
    await anna.presses("Español")
    assert len(anna.messages) == 1
    person = store.find_person(ANNA)
    assert person is not None
    assert person.language == "es"
    assert "Hablo español contigo." in anna.sees
    await anna.presses("English")
    assert "I speak English with you." in anna.sees


async def test_whole_stars_are_enough_for_some(anna: Person, store: Store):
    await anna.says("/settings")
    assert "You give stars in halves" in anna.sees
    await anna.presses("Whole stars")
    assert len(anna.messages) == 1
    assert "You give whole stars" in anna.sees
    await anna.says("heat")
    assert anna.buttons[:5] == ["1", "2", "3", "4", "5"]
    assert "½" not in anna.buttons
    await anna.presses("4")
    await anna.says("/rate")
    assert anna.buttons[:5] == ["1", "2", "3", "4", "5"]
    await anna.says("/top")  # remembers a list among the same settings
    await anna.says("/settings")
    await anna.presses("Half stars")
    await anna.says("heat")
    assert "4½" in anna.buttons


async def test_what_is_noted_while_an_answer_is_worked_out_is_kept(anna: Person, store: Store, services: Services):
    """A digest goes out, or another language is chosen, while the bot still works with what it read before."""
    await rates(anna, high_noon="5", rio_bravo="5", heat="4")
    before = store.find_person(ANNA)
    assert before is not None
    store.set_language(before.id, "es")
    store.change_preferences(before.id, in_preferences(lambda memory: memory.show([20, 21], world.NOW)))
    shelf = await services.library.shelf()
    surprise.choose(store, shelf, before, world.NOW)
    picks.work_out(store, shelf, before, world.NOW, Memory().begin(ANYTHING), 1)
    after = store.find_person(ANNA)
    assert after is not None
    assert after.language == "es"
    assert {20, 21} <= Memory.parse(after.preferences).rests.keys()
    assert Memory.parse(after.preferences).surprised


async def test_nobody_is_written_to_who_did_not_ask(anna: Person, telegram: FakeTelegram, clock: SettableClock):
    await rates(anna, heat="4")
    for _ in range(8):
        clock.advance(days=1)
        await telegram.run_jobs("send_digests")
    assert sent(telegram) == []


async def test_three_new_films_come_every_friday(subscriber: Person, telegram: FakeTelegram, clock: SettableClock):
    clock.advance(minutes=-1)
    await telegram.run_jobs("send_digests")
    assert sent(telegram) == []
    seen: set[str] = set()
    for _ in range(3):
        clock.advance(minutes=1)
        await telegram.run_jobs("send_digests")
        await telegram.run_jobs("send_digests")
        assert "3 films for your weekend:" in subscriber.sees
        films = titles(subscriber.sees)
        assert len(films) == 3
        assert not {"High Noon (1952)", "Rio Bravo (1959)", "Heat (1995)"} & set(films)
        assert not seen & set(films), "no film comes twice"
        seen |= set(films)
        clock.now += WEEK - timedelta(minutes=1)
    assert len(sent(telegram)) == 3


async def test_what_a_list_has_shown_is_not_sent(subscriber: Person, telegram: FakeTelegram):
    await subscriber.says("/top")
    listed = titles(subscriber.sees)
    await telegram.run_jobs("send_digests")
    assert not set(titles(subscriber.sees)) & set(listed)


async def test_what_was_sent_is_in_no_list_of_that_day(subscriber: Person, telegram: FakeTelegram):
    await telegram.run_jobs("send_digests")
    friday = titles(subscriber.sees)
    await subscriber.says("/top")
    assert not set(titles(subscriber.sees)) & set(friday)
    assert "Left out: 3 films that I showed you lately." in subscriber.sees


async def test_what_could_not_be_sent_may_be_in_a_list(subscriber: Person, telegram: FakeTelegram):
    telegram.floods("sendMessage", retry_after_seconds=30)
    await telegram.run_jobs("send_digests")
    await subscriber.says("/top")
    assert "Left out" not in subscriber.sees


async def test_its_buttons_open_a_film_and_stop_it(subscriber: Person, telegram: FakeTelegram, clock: SettableClock):
    await telegram.run_jobs("send_digests")
    message = subscriber.message
    await subscriber.presses("1")
    assert "You: not rated" in subscriber.sees
    await subscriber.presses("No films on Fridays", in_message=message)
    assert "I never message you on my own." in subscriber.sees
    clock.now += WEEK
    await telegram.run_jobs("send_digests")
    assert len(sent(telegram)) == 1


async def test_who_blocks_the_bot_gets_none_until_they_come_back(
    subscriber: Person, telegram: FakeTelegram, clock: SettableClock, store: Store
):
    await subscriber.blocks(silently=True)
    await telegram.run_jobs("send_digests")
    person = store.find_person(ANNA)
    assert person is not None
    assert not person.active
    attempts = len(telegram.called("sendMessage"))
    clock.now += WEEK
    await telegram.run_jobs("send_digests")
    assert len(telegram.called("sendMessage")) == attempts
    await subscriber.unblocks()
    await telegram.run_jobs("send_digests")
    assert "for your weekend" in subscriber.sees


async def test_a_flood_is_waited_for(subscriber: Person, telegram: FakeTelegram, clock: SettableClock):
    telegram.floods("sendMessage", retry_after_seconds=30)
    await telegram.run_jobs("send_digests")
    await telegram.run_jobs("send_digests")
    assert "for your weekend" not in subscriber.sees
    clock.advance(seconds=31)
    await telegram.run_jobs("send_digests")
    assert "for your weekend" in subscriber.sees


@pytest.mark.parametrize("lost", [httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_one_that_may_have_arrived_is_not_sent_again(
    subscriber: Person, telegram: FakeTelegram, clock: SettableClock, lost: type[httpx.TransportError]
):
    telegram.loses("sendMessage", lost("no answer"), arrives=True)
    await telegram.run_jobs("send_digests")
    clock.advance(hours=1)
    await telegram.run_jobs("send_digests")
    assert len(sent(telegram)) == 1


@pytest.mark.parametrize("lost", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_one_that_surely_did_not_is_sent_later(
    subscriber: Person, telegram: FakeTelegram, clock: SettableClock, lost: type[httpx.TransportError]
):
    telegram.loses("sendMessage", lost("no connection"))
    await telegram.run_jobs("send_digests")
    assert "for your weekend" not in subscriber.sees
    clock.advance(minutes=16)
    await telegram.run_jobs("send_digests")
    assert "3 films for your weekend:" in subscriber.sees


async def test_all_that_is_due_is_sent(
    anna: Person, telegram: FakeTelegram, store: Store, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
):
    """Digests go out in one job, also when there are more than one query reads."""
    monkeypatch.setattr(digest, "AT_ONCE", 2)
    for number in range(5):
        reader = telegram.person(2_000 + number)
        await rates(reader, heat="4")
        await reader.says("/settings")
        await reader.presses("Films on Fridays")
    clock.now = next_digest(1, clock()).replace(hour=FROM_HOUR + HOURS, minute=0)
    await telegram.run_jobs("send_digests")
    assert len(sent(telegram)) == 5


async def test_a_bot_that_was_away_over_the_weekend_leaves_it_out(
    subscriber: Person, telegram: FakeTelegram, clock: SettableClock
):
    clock.advance(days=2)
    await telegram.run_jobs("send_digests")
    assert sent(telegram) == []
    clock.advance(days=5)
    await telegram.run_jobs("send_digests")
    assert len(sent(telegram)) == 1


@given(
    st.integers(1, 2**31 - 1),
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_everybody_has_their_own_minute_of_a_friday(user_id: int, after: datetime) -> None:
    due = next_digest(user_id, after)
    assert after < due <= after + WEEK
    assert due.weekday() == 4
    assert FROM_HOUR <= due.hour < FROM_HOUR + HOURS
    assert next_digest(user_id, due) == due + WEEK


def test_a_thousand_of_them_are_spread_over_the_afternoon() -> None:
    friday = datetime(2026, 3, 6, tzinfo=UTC)
    minutes = [next_digest(user_id, friday) for user_id in range(1000)]
    assert max(map(minutes.count, set(minutes))) < 15
