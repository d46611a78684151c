"""/link: links a person in the chat with their account on a site, by a code of the site."""

from datetime import timedelta

import pytest

from bot.features.link import TRIES_A_DAY
from engine.store import Store
from tests.chat.conftest import ANNA
from tests.chat.reading import rates, titles
from tests.clockwork import SettableClock
from tests.fakes import FakeTelegram, Person

MATRIX, ALIEN = 20, 23


@pytest.fixture
def code(store: Store, clock: SettableClock) -> str:
    """The code of the site's person buyer, who rated two films."""
    buyer = store.site_person("buyer", clock())
    store.rate_many(buyer, [(MATRIX, 5, clock()), (ALIEN, 4, clock())], clock())
    return store.offer_link(buyer, clock(), clock() + timedelta(minutes=15))


async def test_a_code_links_after_a_tap_and_the_sites_ratings_are_in_the_chat(anna: Person, store: Store, code: str):
    await rates(anna, heat="4")
    await anna.says(f"/link {code[:4].lower()}-{code[4:].lower()}")
    assert "Link this chat with buyer on the site?" in anna.sees
    assert "sees what you tell me here" in anna.sees
    assert store.find_site_person("buyer") != person_id(store)
    await anna.presses("Link")
    assert anna.sees.startswith("Linked. Everything you told the site is here now")
    assert store.find_site_person("buyer") == person_id(store)
    await anna.says("/my")
    assert {"The Matrix (1999)", "Alien (1979)", "Heat (1995)"} == set(titles(anna.sees))


async def test_undo_parts_them_at_once(anna: Person, store: Store, clock: SettableClock, code: str):
    await rates(anna, heat="4")
    await anna.says(f"/link {code}")
    await anna.presses("Link")
    await anna.presses("Undo")
    assert anna.sees.startswith("Unlinked.")
    assert len(store.taste(person_id(store), clock()).ratings) == 1
    await anna.says("/link")
    assert "not linked to a site" in anna.sees


async def test_link_alone_says_how_it_stands_and_unlinks(anna: Person, code: str):
    await anna.says("/link")
    assert "/link CODE" in anna.sees
    await anna.says(f"/link {code}")
    await anna.presses("Link")
    await anna.says("/link")
    assert "This chat has been linked with buyer on the site since" in anna.sees
    old = anna.message
    await anna.presses("Unlink")
    assert anna.sees.startswith("Unlinked.")
    await anna.presses("Unlink", in_message=old)
    assert "not linked to a site" in anna.sees


async def test_a_site_may_send_them_with_the_code(anna: Person, code: str):
    await anna.says(f"/start link_{code}")
    assert "Link this chat with buyer" in anna.sees
    await anna.presses("Don't link")
    assert anna.sees == "Everything stays as it is."


async def test_the_same_tap_twice_links_once_and_says_so(anna: Person, code: str):
    await anna.says(f"/link {code}")
    ask = anna.message.button("Link")
    assert ask is not None
    assert ask.data is not None
    await anna.presses("Link")
    await anna.forges(ask.data)
    assert anna.sees.startswith("Linked.")


async def test_a_code_that_is_wrong_old_or_used_links_nobody(
    anna: Person, telegram: FakeTelegram, clock: SettableClock, code: str
):
    for wrong in ("hello", "AAAA-AAAA", "1"):
        await anna.says(f"/link {wrong}")
        assert anna.sees.startswith("I don't know that code")
    await anna.says(f"/link {code}")
    clock.advance(minutes=16)
    await anna.presses("Link")
    assert anna.sees.startswith("I don't know that code")


async def test_nobody_guesses_their_way_in(anna: Person, clock: SettableClock, code: str):
    for _ in range(TRIES_A_DAY):
        await anna.says("/link AAAA-AAAA")
    await anna.says(f"/link {code}")
    assert anna.sees.startswith("You have tried many codes today")
    clock.advance(days=1)
    await anna.says("/link AAAA-AAAA")
    assert anna.sees.startswith("I don't know that code")


async def test_one_chat_goes_with_one_person_of_the_site(anna: Person, store: Store, clock: SettableClock, code: str):
    await anna.says(f"/link {code}")
    await anna.presses("Link")
    other = store.offer_link(store.site_person("other", clock()), clock(), clock() + timedelta(minutes=15))
    await anna.says(f"/link {other}")
    assert anna.sees.startswith("This chat is linked to a site already")


async def test_forget_deletes_them_on_the_site_too_and_privacy_says_what_a_link_keeps(
    anna: Person, store: Store, code: str
):
    await anna.says("/privacy")
    assert "If you link this chat to a site" in anna.sees
    await anna.says(f"/link {code}")
    await anna.presses("Link")
    await anna.says("/forget")
    await anna.presses("Delete everything")
    assert store.find_site_person("buyer") is None
    assert store.people_counts()["ratings"] == 0


async def test_in_a_group_it_leads_to_the_private_chat(telegram: FakeTelegram, anna: Person, code: str):
    there = anna.at(telegram.group())
    await there.says(f"/link {code}")
    assert "buyer" not in there.sees


def person_id(store: Store) -> int:
    person = store.find_person(ANNA)
    assert person is not None
    return person.id
