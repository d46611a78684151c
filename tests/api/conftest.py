"""The real API: uvicorn on a port of its own, asked over HTTP about the tiny world."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from api import keys
from api.application import build_application
from api.context import Services
from api.settings import ApiSettings
from engine.serving.library import Library
from engine.store import Scope, Store
from tests import world
from tests.clockwork import SettableClock


@contextmanager
def served(services: Services) -> Iterator[str]:
    """Serve the API in a thread, and return its address."""
    config = uvicorn.Config(build_application(services), port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


class Site:
    """A program of the site: calls with one key, and looks at every answer."""

    def __init__(self, address: str, key: str | None = None) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=address, headers=headers, timeout=30)

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """Return the answer of a call that must succeed."""
        answer = self.http.request(method, path, **request)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, **parameters: Any) -> Any:
        return self.ask("GET", path, params=parameters)

    def refused(self, method: str, path: str, status: int, **request: Any) -> dict[str, Any]:
        """Return the problem details of a call that must fail."""
        answer = self.http.request(method, path, **request)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        assert problem["status"] == status
        assert problem["detail"]
        return problem

    def rate(self, person: str, *films: int, stars: float = 5) -> None:
        for film in films:
            self.ask("PUT", f"/v1/people/{person}/ratings/{film}", json={"stars": stars})

    def picks(self, person: str, **wanted: Any) -> list[str]:
        return [film["title"] for film in self.get(f"/v1/people/{person}/picks", **wanted)["films"]]


@pytest.fixture
def backend() -> str:
    """SQLite is enough: the store's own tests, and that of same answers, run on Postgres too."""
    return "sqlite"


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(world.NOW)


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    return ApiSettings(_env_file=None, home=tmp_path / "home", dataset="tiny", database_url=None)


@pytest.fixture
def full(store: Store) -> Store:
    """The store with the tiny world in it."""
    return world.build(store)


@pytest.fixture
def services(settings: ApiSettings, full: Store, clock: SettableClock) -> Services:
    return Services(settings=settings, store=full, library=Library(full), clock=clock)


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    with served(services) as address:
        yield address


def new_key(services: Services, scope: Scope, **facts: Any) -> str:
    """Make a key as `python -m api keys add` does."""
    secret, digest = keys.new_secret()
    return keys.spell(services.store.add_key("test", scope, digest, services.clock(), **facts), secret)


@pytest.fixture
def site(services: Services, address: str) -> Site:
    """The site's own program, which may read and write."""
    return Site(address, new_key(services, Scope.WRITE))


@pytest.fixture
def admin(services: Services, address: str) -> Site:
    return Site(address, new_key(services, Scope.ADMIN))
