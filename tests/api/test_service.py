"""The operator's part of the API: models, runs, groups of people, health, figures, the schema."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from api.application import build_application
from api.context import Services
from api.routes import runs
from engine.domain import RunKind, RunState
from engine.store import ModelsShown, Scope, Store
from tests import world
from tests.api.conftest import Site, new_key

MATRIX, BLADE_RUNNER, CASABLANCA, BEFORE_SUNRISE = 20, 21, 40, 46


def test_the_live_model_and_past_ones_are_told_with_their_figures(site: Site, full: Store) -> None:
    world.publish(full, [1, 2, 3], ndcg_at_10=0.333)
    told = site.get("/v1/models")
    assert told["live"] == 2
    assert [(model["version"], model["state"]) for model in told["models"]] == [(2, "live"), (1, "retired")]
    assert site.get("/v1/models/live")["metrics"]["ndcg_at_10"] == 0.333
    assert site.refused("GET", "/v1/models/77", 404)["type"] == "/docs#no_such_model"


def test_only_an_admin_rolls_back_and_only_to_what_was_live(site: Site, admin: Site, full: Store) -> None:
    world.publish(full, [1, 2, 3])
    site.refused("POST", "/v1/models/1/rollback", 403)
    assert admin.ask("POST", "/v1/models/1/rollback")["state"] == "live"
    candidate = world.create(full, ndcg_at_10=0.2)
    admin.refused("POST", f"/v1/models/{candidate}/rollback", 404)
    assert full.live_version() == 1


def test_a_run_is_asked_for_once_and_followed_to_its_end(admin: Site, full: Store, services: Services) -> None:
    asked = admin.ask("POST", "/v1/runs", json={"kind": "tune", "model": "rating", "minutes": 5})
    assert (asked["state"], asked["open"], asked["asked_by"]) == ("queued", True, "api:test")
    problem = admin.refused("POST", "/v1/runs", 409, json={})
    assert problem["type"] == "/docs#conflict"
    run = full.claim_run(services.clock())
    assert run is not None
    assert run.options == {"model": "rating", "budget": "5m"}

    events: list[dict[str, Any]] = []
    with admin.http.stream("GET", f"/v1/runs/{run.id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
                if len(events) == 1:
                    full.report_run(run.id, services.clock(), stage="search", fraction=0.5, detail="trial 3 of 6")
                elif len(events) == 2:
                    full.finish_run(run.id, RunState.DONE, services.clock())
    assert [(event["state"], event["fraction"]) for event in events[1:]] == [("running", 0.5), ("done", 0.5)]
    assert admin.get("/v1/runs")["runs"][0]["state"] == "done"
    assert admin.refused("GET", "/v1/runs/99/events", 404)["type"] == "/docs#no_such_run"


def test_a_run_is_followed_while_the_database_is_away(
    admin: Site, full: Store, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "STILL_THERE_SECONDS", 0)  # so every look without news is told
    run = full.request_run(RunKind.TRAIN, "test", services.clock(), take=True)
    with admin.http.stream("GET", f"/v1/runs/{run.id}/events") as stream:
        told = (line for line in stream.iter_lines() if line.startswith(("data: ", ": ")))
        assert '"running"' in next(told)
        with full.write() as connection:
            connection.execute(sa.text("ALTER TABLE runs RENAME TO gone"))
        assert [next(told), next(told)] == [": still there"] * 2
        with full.write() as connection:
            connection.execute(sa.text("ALTER TABLE gone RENAME TO runs"))
        full.finish_run(run.id, RunState.DONE, services.clock())
        assert any('"done"' in line for line in told)


def test_a_waiting_run_is_cancelled_at_once(admin: Site) -> None:
    run = admin.ask("POST", "/v1/runs", json={})
    assert admin.ask("POST", f"/v1/runs/{run['id']}/cancel")["state"] == "cancelled"
    assert admin.ask("POST", f"/v1/runs/{run['id']}/cancel")["state"] == "cancelled"


def test_a_picture_is_a_png_once_one_has_been_drawn(admin: Site, full: Store, services: Services) -> None:
    assert admin.get("/v1/pictures") == {"pictures": []}
    admin.refused("GET", "/v1/pictures/models", 404)
    full.keep_picture(b"\x89PNG...", ModelsShown((1,), (True,), 1, ()), services.clock())
    assert admin.get("/v1/pictures") == {"pictures": ["models"]}
    drawn = admin.http.get("/v1/pictures/models")
    assert (drawn.headers["content-type"], drawn.content) == ("image/png", b"\x89PNG...")


def test_films_for_a_group_suit_all_and_none_has_been_seen_by_any(site: Site) -> None:
    site.rate("ann", MATRIX, BLADE_RUNNER)
    site.rate("bob", CASABLANCA, BEFORE_SUNRISE)
    wanted: dict[str, Any] = {"people": ["ann", "bob", "newcomer"], "limit": 5}
    page = site.ask("POST", "/v1/groups/picks", json=wanted)
    films = [film["id"] for film in page["films"]]
    assert len(films) == 5
    assert not {MATRIX, BLADE_RUNNER, CASABLANCA, BEFORE_SUNRISE} & {*films}
    later = site.ask("POST", "/v1/groups/picks", json=wanted | {"cursor": page["next"]})
    assert not {*films} & {film["id"] for film in later["films"]}
    only = site.ask("POST", "/v1/groups/picks", json=wanted | {"only": [10, 11, MATRIX], "exclude": [11]})
    assert [film["id"] for film in only["films"]] == [10]
    for people in ([], ["a b"]):
        site.refused("POST", "/v1/groups/picks", 422, json={"people": people})


def test_health_needs_no_key_and_figures_need_an_admins(address: str, site: Site, admin: Site) -> None:
    assert Site(address).http.get("/healthz").text == "healthy: 43 films\n"
    Site(address).refused("GET", "/metrics", 401)
    site.get("/v1/films", q="heat")
    figures = admin.http.get("/metrics").text
    assert 'matinee_api_requests_total{method="GET",route="/v1/films",status="200"}' in figures


def test_a_key_says_what_it_may_do(services: Services, address: str, site: Site) -> None:
    assert site.get("/v1/key") == {"scope": "write", "person": None}
    token = site.ask("POST", "/v1/people/ann/tokens", json={})["token"]
    assert Site(address, token).get("/v1/key") == {"scope": "person", "person": "ann"}
    assert Site(address, new_key(services, Scope.READ)).get("/v1/key")["scope"] == "read"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("PATCH", "/v1/films", 405)])
def test_what_is_not_there_is_a_problem_too(site: Site, method: str, path: str, status: int) -> None:
    site.refused(method, path, status)


def test_every_verb_is_described_and_says_how_it_may_fail(services: Services) -> None:
    schema = build_application(services).openapi()
    assert schema["openapi"].startswith("3.1")
    assert "ProblemDetails" in schema["components"]["schemas"]
    for path, verbs in schema["paths"].items():
        for verb in verbs.values():
            assert verb["summary"]
            if path.startswith("/v1"):
                assert {"401", "429", "503"} <= {*verb["responses"]}, path
                assert verb["security"], path
