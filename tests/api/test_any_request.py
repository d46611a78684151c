"""Any request, valid or not, gets an answer that the schema describes, and never a server error."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.context import Services
from engine.serving.library import Library
from engine.store import Scope
from tests.api.conftest import Site, new_key, served

CALLS = int(os.environ.get("MATINEE_TEST_CALLS", "600"))
"""How many calls in all; 5,000 take some minutes."""

ENDLESS = "/v1/runs/{run}/events"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def admin(services: Services) -> Iterator[Site]:
    unhurried = services.settings.model_copy(update={"api_per_minute": 10_000_000})
    with served(replace(services, settings=unhurried, library=Library(services.store))) as address:
        yield Site(address, new_key(services, Scope.ADMIN))


def test_no_request_brings_the_api_down_or_gets_an_answer_of_unknown_shape(admin: Site) -> None:
    headers = {"Authorization": admin.http.headers["Authorization"]}
    schema = schemathesis.openapi.from_dict(admin.get("/openapi.json"))
    schema.config.update(base_url=str(admin.http.base_url))
    verbs = [found.ok() for found in schema.get_all_operations()]
    verbs = [verb for verb in verbs if verb.path != ENDLESS]
    calls = 0
    for verb in verbs:
        for mode in GenerationMode:

            @settings(
                max_examples=max(1, CALLS // (2 * len(verbs))),
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=verb.as_strategy(generation_mode=mode))
            def send(case: schemathesis.Case) -> None:
                nonlocal calls
                calls += 1
                case.call_and_validate(headers=headers, checks=CHECKS, timeout=30)

            with suppress(Unsatisfiable):  # there is no way to call /healthz wrongly
                send()
    assert calls > CALLS / 4
