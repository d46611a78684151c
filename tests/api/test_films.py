"""Films over HTTP: found as people type them, named by any number they have, and not sent twice."""

import asyncio

import pytest
from pydantic import SecretStr

from api.__main__ import _unopened
from api.context import Services
from api.settings import ApiSettings
from engine.store import Scope, Store
from tests import world
from tests.api.conftest import Site, new_key, served

MATRIX, BLADE_RUNNER = 20, 21


def test_a_misspelled_title_finds_its_film(site: Site) -> None:
    found = site.get("/v1/films", q="the matrx")
    assert [film["title"] for film in found["films"]] == ["The Matrix"]
    assert found["sure"]


def test_the_operators_own_names_for_films_are_known_here_too(settings: ApiSettings, full: Store) -> None:
    settings.own_names.parent.mkdir()
    settings.own_names.write_text("Heat (1995)\tHitze\n", encoding="utf-8")
    services = _unopened(settings.model_copy(update={"database_url": SecretStr(full.url())}))
    with served(services) as address:
        found = Site(address, new_key(services, Scope.READ)).get("/v1/films", q="hitze")
    assert [film["title"] for film in found["films"]] == ["Heat"]


@pytest.mark.parametrize("ref", ["20", "imdb:tt0133093", "imdb:133093", "tmdb:603"])
def test_a_film_is_found_by_any_of_its_numbers(site: Site, ref: str) -> None:
    assert site.get(f"/v1/films/{ref}") == {
        "id": MATRIX,
        "title": "The Matrix",
        "year": 1999,
        "genres": ["Action", "Sci-Fi", "Thriller"],
        "imdb_id": "tt0133093",
        "tmdb_id": 603,
        "rating_count": 278,
        "mean_stars": 4.2,
    }


@pytest.mark.parametrize("ref", ["999999", "imdb:tt9", "tmdb:1"])
def test_a_film_that_is_not_there_is_a_problem_that_says_what_to_do(site: Site, ref: str) -> None:
    problem = site.refused("GET", f"/v1/films/{ref}", 404)
    assert problem["type"] == "/docs#no_such_film"
    assert "search" in problem["detail"]


def test_similar_films_do_not_name_the_film_itself(site: Site) -> None:
    films = [film["id"] for film in site.get(f"/v1/films/{MATRIX}/similar", limit=5)["films"]]
    assert len(films) == 5
    assert MATRIX not in films


def test_what_has_not_changed_is_not_sent_again_until_another_model_is_live(site: Site, full: Store) -> None:
    path = f"/v1/films/{MATRIX}/similar"
    first = site.http.get(path)
    again = site.http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]

    world.publish(full, [1, 2, 3])
    asyncio.run(asyncio.sleep(0))
    for _ in range(200):  # the library looks once a second
        later = site.http.get(path, headers={"If-None-Match": first.headers["etag"]})
        if later.status_code == 200:
            break
        asyncio.run(asyncio.sleep(0.02))
    assert later.status_code == 200
    assert later.headers["etag"] != first.headers["etag"]


def test_a_field_that_is_wrong_is_named_and_what_was_sent_is_not_repeated(site: Site) -> None:
    problem = site.refused("GET", "/v1/films", 422, params={"q": "heat", "limit": "many-secret"})
    assert problem["errors"][0]["field"] == "query.limit"
    assert "many-secret" not in str(problem)


def test_films_need_no_key_only_where_the_settings_say_so(services: Services, address: str) -> None:
    Site(address).refused("GET", "/v1/films?q=heat", 401)
    assert Site(address, new_key(services, Scope.READ)).get("/v1/films", q="heat")["total"] >= 1
