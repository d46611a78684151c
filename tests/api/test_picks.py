"""Picks over HTTP: they know what was rated a moment ago, never repeat, and keep to what was asked."""

import pytest

from engine.store import Store
from tests import world
from tests.api.conftest import Site

MATRIX, BLADE_RUNNER, ALIEN, HEAT, CASABLANCA = 20, 21, 23, 30, 40
WESTERNS = [10, 11, 12, 13, 14, 15, 16]


def genres_of(page: dict) -> list[set[str]]:  # type: ignore[type-arg]
    return [set(film["genres"]) for film in page["films"]]


def test_a_rating_changes_the_very_next_picks_and_is_named_as_the_reason(site: Site) -> None:
    before = site.get("/v1/people/ann/picks")
    site.rate("ann", MATRIX, BLADE_RUNNER)
    after = site.get("/v1/people/ann/picks")
    assert before["films"] != after["films"]
    first = after["films"][0]
    assert "Sci-Fi" in first["genres"]
    assert {film["id"] for film in first["because"]} <= {MATRIX, BLADE_RUNNER}
    assert first["because"]
    assert 0.5 <= first["predicted_stars"] <= 5
    assert not {MATRIX, BLADE_RUNNER} & {film["id"] for film in after["films"]}


def test_somebody_nobody_knows_gets_what_the_average_person_likes_and_is_not_added(site: Site, full: Store) -> None:
    page = site.get("/v1/people/nobody/picks")
    assert len(page["films"]) == 10
    assert page["ratings"] == 0
    assert full.find_site_person("nobody") is None


def test_pages_go_on_without_a_repeat_to_the_last_film(site: Site) -> None:
    site.rate("ann", MATRIX)
    seen: list[int] = []
    cursor, positions = None, []
    while True:
        page = site.get("/v1/people/ann/picks", limit=7, **({"cursor": cursor} if cursor else {}))
        seen += [film["id"] for film in page["films"]]
        positions += [film["position"] for film in page["films"]]
        cursor = page["next"]
        if cursor is None:
            break
    known = {film.id for film in world.FILMS if film.rating_count}
    assert len(seen) == len(set(seen))
    assert set(seen) == known - {MATRIX}
    assert positions == list(range(1, len(seen) + 1))


def test_a_page_knows_what_was_rated_since_the_page_before(site: Site) -> None:
    site.rate("ann", MATRIX)
    first = site.get("/v1/people/ann/picks", limit=3)
    site.rate("ann", CASABLANCA)
    second = site.get("/v1/people/ann/picks", limit=3, cursor=first["next"])
    assert second["ratings"] == 2
    assert not {film["id"] for film in first["films"]} & {film["id"] for film in second["films"]}


@pytest.mark.parametrize("cursor", ["!", "AAA", "A" * 1999, "ÄÖ"])
def test_a_cursor_that_is_none_of_ours_is_refused(site: Site, cursor: str) -> None:
    problem = site.refused("GET", "/v1/people/ann/picks", 422, params={"cursor": cursor})
    assert problem["type"] == "/docs#bad_cursor"


def test_genres_and_years_are_kept_to(site: Site) -> None:
    page = site.get("/v1/people/ann/picks", genre="western", without="Drama", since=1960, until=1970)
    assert {film["title"] for film in page["films"]} == {"The Good, the Bad and the Ugly", "True Grit"}


def test_a_genre_that_the_catalogue_lacks_is_named_with_those_it_has(site: Site) -> None:
    problem = site.refused("GET", "/v1/people/ann/picks", 422, params={"genre": "Polka"})
    assert problem["errors"][0]["field"] == "genre"
    assert "Western" in problem["detail"]


def test_only_what_is_in_stock_is_picked_and_nothing_that_is_excluded(site: Site) -> None:
    site.rate("ann", MATRIX)
    stock = [*WESTERNS, "imdb:tt0083658", 123456]  # a shop has films that the catalogue lacks
    page = site.ask("POST", "/v1/people/ann/picks", json={"only": stock, "exclude": [10], "limit": 50})
    assert {film["id"] for film in page["films"]} == {*WESTERNS, BLADE_RUNNER} - {10}
    assert page["films"][0]["id"] == BLADE_RUNNER
    assert page["next"] is None


def test_an_empty_stock_gives_no_picks(site: Site) -> None:
    assert site.ask("POST", "/v1/people/ann/picks", json={"only": []})["films"] == []


def test_diversity_brings_other_kinds_of_films_into_the_list(site: Site) -> None:
    site.rate("ann", MATRIX, BLADE_RUNNER, ALIEN)
    same = genres_of(site.get("/v1/people/ann/picks", diversity=0, limit=8))
    mixed = genres_of(site.get("/v1/people/ann/picks", diversity=5, limit=8))
    assert len(set().union(*mixed)) > len(set().union(*same))


def test_anonymous_picks_are_those_of_a_person_with_these_ratings_and_keep_nothing(site: Site, full: Store) -> None:
    given = {MATRIX: 5, BLADE_RUNNER: 4.5, HEAT: 1.5}
    for film, stars in given.items():
        site.rate("ann", film, stars=stars)
    people = full.people_counts()
    sent = {"ratings": [{"film": film, "stars": stars} for film, stars in given.items()]}
    anonymous, of_ann = site.ask("POST", "/v1/picks", json=sent), site.get("/v1/people/ann/picks")
    assert anonymous == of_ann
    assert full.people_counts() == people


def test_what_is_put_aside_is_not_picked(site: Site) -> None:
    first = site.get("/v1/people/ann/picks")["films"][0]["id"]
    site.ask("PUT", f"/v1/people/ann/aside/not_for_me/{first}")
    assert first not in {film["id"] for film in site.get("/v1/people/ann/picks", limit=50)["films"]}
    sent = {"not_for_me": [first], "limit": 50}
    assert first not in {film["id"] for film in site.ask("POST", "/v1/picks", json=sent)["films"]}


def test_the_question_is_never_about_a_film_that_they_know(site: Site) -> None:
    asked: list[int] = []
    for _ in range(6):
        film = site.ask("POST", "/v1/question", json={"not_seen": asked})["film"]["id"]
        assert film not in asked
        asked.append(film)
    site.rate("ann", MATRIX)
    film = site.get("/v1/people/ann/question", not_seen=asked)["film"]["id"]
    assert film not in {*asked, MATRIX}


def test_similar_films_for_somebody_leave_out_what_they_have_seen(site: Site) -> None:
    alike = [film["id"] for film in site.get(f"/v1/films/{MATRIX}/similar")["films"]]
    site.ask("PUT", f"/v1/people/ann/aside/seen/{alike[0]}")
    site.rate("ann", alike[1])
    theirs = [film["id"] for film in site.get(f"/v1/people/ann/similar/{MATRIX}")["films"]]
    assert not {alike[0], alike[1]} & set(theirs)
    assert alike[2] in theirs
