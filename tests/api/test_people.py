"""People by the site's own id: ratings in and out, put aside, exported, forgotten; never anybody of the chat."""

from datetime import timedelta

import pytest

from api.context import Services
from api.lists import list_id_of
from engine.store import NoSuchCode, Store
from tests import world
from tests.api.conftest import Site
from tests.clockwork import SettableClock

MATRIX, BLADE_RUNNER, HEAT = 20, 21, 30


def test_a_rating_is_given_changed_taken_back_and_waits_for_the_next_training(site: Site, full: Store) -> None:
    path = f"/v1/people/ann/ratings/{MATRIX}"
    assert site.ask("PUT", path, json={"stars": 4}) == {
        "film": {"id": MATRIX, "title": "The Matrix"}, "stars": 4, "previous_stars": None, "changed": True,
    }  # fmt: skip
    assert site.ask("PUT", path, json={"stars": 4})["changed"] is False
    assert site.ask("PUT", path, json={"stars": 2.5})["previous_stars"] == 4
    assert full.read_queue().event_ids.size == 2
    held = site.get("/v1/people/ann/ratings")
    assert [(rating["film"]["id"], rating["stars"]) for rating in held["ratings"]] == [(MATRIX, 2.5)]
    assert held["waiting"] == 1
    assert site.ask("DELETE", path)["previous_stars"] == 2.5
    assert site.ask("DELETE", path)["changed"] is False
    assert site.get("/v1/people/ann/ratings")["ratings"] == []


def test_a_rating_of_earlier_keeps_its_time_and_none_is_of_the_future(site: Site) -> None:
    site.ask("PUT", f"/v1/people/ann/ratings/{MATRIX}", json={"stars": 4, "rated_at": "2020-05-01T10:00:00+02:00"})
    future = (world.NOW + timedelta(days=3)).isoformat()
    site.ask("PUT", f"/v1/people/ann/ratings/{HEAT}", json={"stars": 4, "rated_at": future})
    times = {r["film"]["id"]: r["rated_at"] for r in site.get("/v1/people/ann/ratings")["ratings"]}
    assert times == {MATRIX: "2020-05-01T08:00:00Z", HEAT: world.NOW.isoformat().replace("+00:00", "Z")}


@pytest.mark.parametrize("stars", [0, 0.4, 5.5, 3.3, None, "NaN", True])
def test_stars_that_are_none_are_refused(site: Site, stars: object) -> None:
    problem = site.refused("PUT", f"/v1/people/ann/ratings/{MATRIX}", 422, json={"stars": stars})
    assert problem["errors"][0]["field"] == "body.stars"


def test_json_that_does_not_say_so_is_told_which_header_is_missing(site: Site) -> None:
    problem = site.refused("PUT", f"/v1/people/ann/ratings/{MATRIX}", 422, content=b'{"stars": 4.5}')
    assert problem["detail"] == "body: send it with the header Content-Type: application/json"


def test_many_ratings_go_in_at_once_and_unknown_films_are_named(site: Site) -> None:
    many = [{"film": "imdb:tt0133093", "stars": 5}, {"film": 30, "stars": 2}, {"film": "tmdb:1", "stars": 3}]
    done = site.ask("POST", "/v1/people/ann/ratings", json={"ratings": many})
    assert done == {"changed": 2, "unknown": ["tmdb:1"]}
    assert {rating["film"]["id"] for rating in site.get("/v1/people/ann/ratings")["ratings"]} == {MATRIX, HEAT}


def test_the_same_call_again_gets_the_same_answer_and_does_nothing(
    site: Site, full: Store, clock: SettableClock
) -> None:
    many, key = {"ratings": [{"film": MATRIX, "stars": 5}]}, {"Idempotency-Key": "import-7"}
    first = site.http.post("/v1/people/ann/ratings", json=many, headers=key)
    site.ask("DELETE", f"/v1/people/ann/ratings/{MATRIX}")
    again = site.http.post("/v1/people/ann/ratings", json=many, headers=key)
    assert first.json() == again.json() == {"changed": 1, "unknown": []}
    assert again.headers["idempotent-replayed"] == "true"
    assert site.get("/v1/people/ann/ratings")["ratings"] == []

    other = {"ratings": [{"film": HEAT, "stars": 5}]}
    problem = site.refused("POST", "/v1/people/ann/ratings", 409, json=other, headers=key)
    assert problem["type"] == "/docs#idempotency"


def test_a_person_of_the_site_is_nobody_of_the_chat_though_the_ids_are_alike(site: Site, full: Store) -> None:
    of_chat = full.person(1001, "en", world.NOW)
    full.rate(of_chat.id, HEAT, 5, world.NOW)
    site.rate("1001", MATRIX)
    assert full.find_site_person("1001") not in (None, of_chat.id)
    assert [r["film"]["id"] for r in site.get("/v1/people/1001/ratings")["ratings"]] == [MATRIX]
    assert [rating.movie_id for rating in full.taste(of_chat.id, world.NOW).ratings] == [HEAT]


def test_films_are_put_aside_and_taken_back(site: Site, clock: SettableClock) -> None:
    assert site.ask("PUT", f"/v1/people/ann/aside/watchlist/{MATRIX}")["changed"]
    assert not site.ask("PUT", f"/v1/people/ann/aside/watchlist/{MATRIX}")["changed"]
    site.ask("PUT", f"/v1/people/ann/aside/not_for_me/{HEAT}")
    aside = site.get("/v1/people/ann/aside")["films"]
    assert {(put["film"]["id"], put["kind"], put["until"] is None) for put in aside} == {
        (MATRIX, "watchlist", True),
        (HEAT, "not_for_me", False),
    }
    clock.advance(days=181)
    assert [put["film"]["id"] for put in site.get("/v1/people/ann/aside")["films"]] == [MATRIX]
    assert site.ask("DELETE", f"/v1/people/ann/aside/watchlist/{MATRIX}")["changed"]
    assert site.get("/v1/people/ann/aside", kind="watchlist")["films"] == []


def test_the_export_holds_every_act_and_forgetting_leaves_nothing(site: Site, full: Store) -> None:
    site.rate("ann", MATRIX, stars=4)
    site.rate("ann", MATRIX, stars=5)
    site.ask("PUT", f"/v1/people/ann/aside/seen/{HEAT}")
    held = site.get("/v1/people/ann/export")
    assert [act["act"] for act in held["acts"]] == ["rated", "changed"]
    assert [put["film"]["title"] for put in held["aside"]] == ["Heat"]

    site.ask("DELETE", "/v1/people/ann")
    site.ask("DELETE", "/v1/people/ann")
    assert full.find_site_person("ann") is None
    assert site.get("/v1/people/ann/export") == {
        "person": "ann", "linked_at": None, "ratings": [], "aside": [], "acts": [],
    }  # fmt: skip


@pytest.mark.parametrize("person", ["a b", "ä", "x" * 129, "a%00b"])
def test_an_id_that_no_column_could_hold_is_refused(site: Site, person: str) -> None:
    site.refused("GET", f"/v1/people/{person}/picks", 422)


# --- One with a person of the chat ------------------------------------------------------------------------------------


def test_by_a_code_a_person_of_the_site_and_one_of_the_chat_become_one_and_part_again(
    site: Site, full: Store, clock: SettableClock
) -> None:
    anna = full.person(1001, "en", clock()).id
    full.rate(anna, HEAT, 2, clock())
    site.rate("ann", MATRIX, stars=4)
    asked = site.ask("POST", "/v1/people/ann/link", json={})
    assert asked["say"] == f"/link {asked['code']}"
    assert asked["start"] == f"link_{asked['code'].replace('-', '')}"
    assert site.get("/v1/people/ann/link") == {"linked_at": None}

    full.link(anna, asked["code"].replace("-", ""), clock())
    assert site.get("/v1/people/ann/link")["linked_at"] is not None
    held = site.get("/v1/people/ann/export")
    assert {(rating["film"]["id"], rating["stars"]) for rating in held["ratings"]} == {(HEAT, 2), (MATRIX, 4)}
    assert held["linked_at"] is not None
    site.rate("ann", BLADE_RUNNER, stars=5)
    assert full.taste(anna, clock()).stars_for(BLADE_RUNNER) == 5
    problem = site.refused("POST", "/v1/people/ann/link", 409, json={})
    assert problem["type"] == "/docs#linked"

    site.ask("DELETE", "/v1/people/ann/link")
    site.ask("DELETE", "/v1/people/ann/link")
    assert [rating["film"]["id"] for rating in site.get("/v1/people/ann/ratings")["ratings"]] == [MATRIX]
    assert {rating.movie_id for rating in full.taste(anna, clock()).ratings} == {HEAT, BLADE_RUNNER}


def test_a_code_is_too_old_after_a_while_and_a_token_may_ask_for_its_own_persons_only(
    site: Site, services: Services, address: str, clock: SettableClock
) -> None:
    asked = site.ask("POST", "/v1/people/ann/link", json={"minutes": 5})
    clock.advance(minutes=5)
    with pytest.raises(NoSuchCode):
        services.store.link_offered(asked["code"].replace("-", ""), clock())
    browser = Site(address, site.ask("POST", "/v1/people/ann/tokens", json={})["token"])
    assert browser.ask("POST", "/v1/people/ann/link", json={})["code"]
    browser.refused("POST", "/v1/people/bob/link", 403, json={})


# --- What became of lists ---------------------------------------------------------------------------------------------


def test_a_list_is_told_to_be_shown_opened_and_rated_and_speaks_for_its_model(
    site: Site, admin: Site, clock: SettableClock
) -> None:
    page = site.get("/v1/people/ann/picks", limit=3)
    first, second, third = (film["id"] for film in page["films"])
    told = {"list_id": page["list_id"], "films": [first], "opened": [second]}
    site.ask("POST", "/v1/people/ann/shown", json=told)
    shown_at = clock().isoformat().replace("+00:00", "Z")
    clock.advance(days=1)
    site.ask("POST", "/v1/people/ann/shown", json=told)  # again: the first time counts
    site.rate("ann", first, third, stars=4.5)
    became = site.get(f"/v1/people/ann/lists/{page['list_id']}")
    assert became["model_version"] == 1
    assert [film["film"]["id"] for film in became["films"]] == [first, second, third]
    assert [film["shown_at"] for film in became["films"]] == [shown_at, shown_at, None]
    assert [film["opened_at"] for film in became["films"]] == [None, shown_at, None]
    assert [film["stars"] for film in became["films"]] == [4.5, None, None]
    assert admin.get("/v1/models/1")["received"] == {"shown": 2, "opened": 1, "rated": 1, "liked": 1}


def test_left_out_films_are_the_whole_list_and_another_person_was_shown_nothing(site: Site, full: Store) -> None:
    page = site.get("/v1/people/ann/picks", limit=3)
    site.ask("POST", "/v1/people/ann/shown", json={"list_id": page["list_id"]})
    assert full.receptions()[1].shown == 3
    became = site.get(f"/v1/people/bob/lists/{page['list_id']}")
    assert {film["shown_at"] for film in became["films"]} == {None}
    assert full.find_site_person("bob") is None


def test_every_kind_of_list_has_an_id(site: Site) -> None:
    group = site.ask("POST", "/v1/groups/picks", json={"people": ["ann", "bob"], "limit": 2})
    site.ask("POST", "/v1/people/bob/shown", json={"list_id": group["list_id"]})
    shown = site.get(f"/v1/people/bob/lists/{group['list_id']}")["films"]
    assert [film["film"]["id"] for film in shown] == [film["id"] for film in group["films"]]
    sent = site.ask("POST", "/v1/picks", json={"limit": 2})
    assert sent["list_id"] == site.get("/v1/people/new/picks", limit=2)["list_id"]


def test_a_list_that_is_none_or_a_film_that_is_not_in_it_is_refused(site: Site) -> None:
    page = site.get("/v1/people/ann/picks", limit=2)
    films = {film["id"] for film in page["films"]}
    other = next(film for film in (MATRIX, BLADE_RUNNER, HEAT) if film not in films)
    for wrong in (page["list_id"][:-6], page["list_id"][6:], "AAAA", "x"):
        problem = site.refused("POST", "/v1/people/ann/shown", 422, json={"list_id": wrong})
        assert problem["errors"][0]["field"] == "body.list_id"
        site.refused("GET", f"/v1/people/ann/lists/{wrong}", 422)
    problem = site.refused("POST", "/v1/people/ann/shown", 422, json={"list_id": page["list_id"], "opened": [other]})
    assert (problem["type"], problem["errors"][0]["field"]) == ("/docs#not_in_list", "body.opened.0")
    site.refused("POST", "/v1/people/ann/shown", 404, json={"list_id": list_id_of(77, [MATRIX])})


def test_before_the_first_training_a_list_is_named_and_nothing_is_noted(site: Site, full: Store) -> None:
    site.ask("POST", "/v1/people/ann/shown", json={"list_id": list_id_of(None, [MATRIX])})
    assert full.receptions() == {}
