"""Access: keys, scopes, one person's tokens, rate limits, the size of a body; and no secret in any log."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from api import keys
from api.context import Services
from api.settings import ApiSettings
from engine.log import set_up_logging
from engine.serving.library import Library
from engine.store import Scope, Store
from tests import world
from tests.api.conftest import Site, new_key, served
from tests.clockwork import SettableClock

MATRIX, HEAT = 20, 30


@contextmanager
def open_to(services: Services, **settings: object) -> Iterator[str]:
    changed = services.settings.model_copy(update=settings)
    with served(replace(services, settings=changed, library=Library(services.store))) as address:
        yield address


def test_without_a_key_and_with_one_that_was_never_made_nothing_is_told(services: Services, address: str) -> None:
    assert Site(address).refused("GET", "/v1/films?q=heat", 401)["type"] == "/docs#key_missing"
    good = new_key(services, Scope.READ)
    for wrong in (
        "x",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.replace("_1_", "_2_"),
        "matinee_9_" + "A" * 43,
    ):
        answer = Site(address, wrong).http.get("/v1/films?q=heat")
        assert (answer.status_code, answer.json()["type"]) == (401, "/docs#key_unknown")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_only_a_hash_of_the_secret_is_kept(services: Services, full: Store) -> None:
    key = new_key(services, Scope.READ)
    number, secret = keys.parse(key) or (0, "")
    held = full.key(number)
    assert held is not None
    assert held.digest == keys.digest_of(secret)
    assert secret.encode() not in held.digest


def test_a_key_of_too_small_a_scope_is_told_which_it_needs(services: Services, address: str) -> None:
    reader = Site(address, new_key(services, Scope.READ))
    assert "write" in reader.refused("PUT", f"/v1/people/ann/ratings/{MATRIX}", 403, json={"stars": 4})["detail"]
    assert "admin" in reader.refused("GET", "/metrics", 403)["detail"]
    assert reader.picks("ann")


def test_a_revoked_key_opens_nothing_after_a_second(services: Services, full: Store) -> None:
    now = 0.0
    remembering = replace(services, known_keys=keys.KnownKeys(lambda: now), library=Library(services.store))
    with served(remembering) as address:
        key = new_key(services, Scope.READ)
        caller = Site(address, key)
        assert caller.picks("ann")
        assert full.revoke_key((keys.parse(key) or (0, ""))[0], world.NOW)
        now = keys.REMEMBERED_SECONDS
        caller.refused("GET", "/v1/people/ann/picks", 401)


def test_a_wrong_secret_opens_nothing_while_the_right_one_is_in_use(services: Services, address: str) -> None:
    key = new_key(services, Scope.READ)
    for _ in range(2):
        assert Site(address, key).picks("ann")
        Site(address, key[:-1] + ("A" if key[-1] != "A" else "B")).refused("GET", "/v1/people/ann/picks", 401)


def test_a_key_that_is_too_old_opens_nothing(services: Services, address: str, clock: SettableClock) -> None:
    caller = Site(address, new_key(services, Scope.READ, expires_at=clock() + timedelta(days=1)))
    assert caller.picks("ann")
    clock.advance(days=1)
    caller.refused("GET", "/v1/people/ann/picks", 401)


def test_a_persons_token_is_for_their_own_affairs_alone_and_goes_with_them(
    site: Site, address: str, clock: SettableClock
) -> None:
    made = site.ask("POST", "/v1/people/ann/tokens", json={"minutes": 30})
    browser = Site(address, made["token"])
    browser.rate("ann", MATRIX)
    assert browser.picks("ann")
    assert browser.get("/v1/films", q="heat")["total"]
    browser.refused("GET", "/v1/people/bob/picks", 403)
    browser.refused("POST", "/v1/people/ann/tokens", 403, json={})
    browser.refused("GET", "/metrics", 403)
    clock.advance(minutes=31)
    browser.refused("GET", "/v1/people/ann/picks", 401)

    again = Site(address, site.ask("POST", "/v1/people/ann/tokens", json={})["token"])
    assert again.picks("ann")
    site.ask("DELETE", "/v1/people/ann")
    again.refused("GET", "/v1/people/ann/picks", 401)


def test_who_calls_too_often_is_told_when_to_come_back_and_others_are_not(services: Services) -> None:
    now = 0.0
    paced = replace(services, limits=keys.Limits(lambda: now), library=Library(services.store))
    with served(paced) as address:
        hasty = Site(address, new_key(services, Scope.READ, per_minute=3))
        for _ in range(3):
            hasty.get("/v1/films", q="heat")
        answer = hasty.http.get("/v1/films?q=heat")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
        assert answer.json()["type"] == "/docs#too_fast"
        Site(address, new_key(services, Scope.READ)).get("/v1/films", q="heat")
        now = 20.0
        hasty.get("/v1/films", q="heat")
        hasty.refused("GET", "/v1/films?q=heat", 429)


def test_a_person_may_change_so_many_ratings_a_day_however_they_are_dated(
    services: Services, settings: ApiSettings, database_url: str, clock: SettableClock
) -> None:
    limited = Store(database_url, ratings_a_day=2)
    changed = settings.model_copy(update={"ratings_a_day": 2})
    with served(replace(services, settings=changed, store=limited, library=Library(limited))) as address:
        site = Site(address, new_key(services, Scope.WRITE))
        site.rate("ann", MATRIX, MATRIX, stars=4)  # the second time is no change
        path, dated = f"/v1/people/ann/ratings/{HEAT}", {"stars": 3, "rated_at": "2020-05-01T10:00:00Z"}
        for _ in range(2):
            site.ask("PUT", path, json=dated)
        for more in ({"stars": 2}, dated | {"stars": 1}):
            assert site.refused("PUT", path, 429, json=more)["type"] == "/docs#enough_for_today"
        site.refused("DELETE", path, 429)
        site.rate("bob", MATRIX)
        assert [rating["stars"] for rating in site.get("/v1/people/ann/ratings")["ratings"]] == [4, 3]
        clock.advance(days=1)
        site.ask("DELETE", path)
    limited.close()


def test_a_browser_brings_so_many_files_a_day_and_the_site_as_many_as_it_likes(
    services: Services, clock: SettableClock
) -> None:
    path = "/v1/people/ann/ratings"
    with open_to(services, imports_a_day=2) as address:
        site = Site(address, new_key(services, Scope.WRITE))

        def token() -> str:
            return str(site.ask("POST", "/v1/people/ann/tokens", json={})["token"])

        browser = Site(address, token())
        for stars in (1, 2):
            browser.ask("POST", path, json={"ratings": [{"film": MATRIX, "stars": stars}]})
        three = {"ratings": [{"film": MATRIX, "stars": 3}]}
        assert "at most 2 calls" in browser.refused("POST", path, 429, json=three)["detail"]
        assert [rating["stars"] for rating in browser.get(path)["ratings"]] == [2]
        site.ask("POST", path, json=three)
        clock.advance(days=1)
        Site(address, token()).ask("POST", path, json=three)


@pytest.mark.parametrize("says_how_large", [True, False])
def test_a_body_that_is_too_large_is_refused(services: Services, says_how_large: bool) -> None:
    with open_to(services, api_body_kb=1) as address:
        caller = Site(address, new_key(services, Scope.WRITE))
        body = b'{"ratings": []' + b" " * 2000 + b"}"
        content = body if says_how_large else iter([body[:700], body[700:1400], body[1400:]])
        problem = caller.refused("POST", "/v1/people/ann/ratings", 413, content=content)
        assert "1 KiB" in problem["detail"]
        assert caller.ask("POST", "/v1/people/ann/ratings", json={"ratings": []}) == {"changed": 0, "unknown": []}


def test_where_it_is_open_films_and_anonymous_picks_need_no_key_and_people_do(services: Services) -> None:
    with open_to(services, api_open=True) as address:
        anybody = Site(address)
        assert anybody.get("/v1/films", q="heat")["total"]
        assert anybody.ask("POST", "/v1/picks", json={"ratings": [{"film": MATRIX, "stars": 5}]})["films"]
        anybody.refused("GET", "/v1/people/ann/picks", 401)
        Site(address, "matinee_1_" + "A" * 43).refused("GET", "/v1/films?q=heat", 401)


def test_browsers_of_named_sites_may_call_and_others_may_not(services: Services, address: str) -> None:
    ask = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in Site(address).http.options("/v1/films", headers=ask).headers
    with open_to(services, api_origins=("https://shop.example",)) as named:
        assert (
            Site(named).http.options("/v1/films", headers=ask).headers["access-control-allow-origin"] == ask["Origin"]
        )
        other = ask | {"Origin": "https://evil.example"}
        assert "access-control-allow-origin" not in Site(named).http.options("/v1/films", headers=other).headers


def test_no_key_and_nothing_that_was_asked_is_in_the_log(
    services: Services, site: Site, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("DEBUG")
    said = io.StringIO()
    for handler in logging.getLogger().handlers:
        handler.setStream(said)  # type: ignore[attr-defined]
    try:
        key = new_key(services, Scope.READ)
        caller = Site(address, key)
        caller.get("/v1/films", q="the matrix")
        caller.get("/v1/people/somebody-we-know/picks")
        Site(address, key[:-3] + "xyz").http.get("/v1/films?q=heat")
    finally:
        logging.getLogger().handlers.clear()
    log = said.getvalue()
    assert '"/v1/films"' in log or "/v1/films" in log
    for secret in ((keys.parse(key) or (0, ""))[1][:20], "the matrix", "somebody-we-know"):
        assert secret not in log
