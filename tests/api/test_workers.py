"""`python -m api serve --workers 2`: several processes on one port, watched by the one that they come from."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from engine.store import Store
from engine.store.migrate import migrate
from tests import world
from tests.conftest import Program, free_port

SOON = 60


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + SOON
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.1)
    return held


class Served:
    """A running `serve --workers 2`."""

    def __init__(self, parent: psutil.Process, port: int) -> None:
        self.parent = parent
        self.address = f"http://127.0.0.1:{port}/healthz"

    def workers(self) -> list[psutil.Process]:
        return [child for child in self.parent.children() if child.status() != psutil.STATUS_ZOMBIE]

    def answers(self) -> bool:
        try:
            return httpx.get(self.address, headers={"Connection": "close"}, timeout=10).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    url, port = f"sqlite:///{tmp_path / 'tiny.db'}", free_port()
    store = Store(url)
    store.make_file()
    migrate(store)
    world.build(store)
    store.close()
    program = Program(tmp_path, {"MATINEE_DATABASE_URL": url, "MATINEE_API_PORT": str(port)})
    with told_nothing(program) as parent:
        served = Served(parent, port)
        assert eventually(served.answers)
        yield served


@contextmanager
def told_nothing(program: Program) -> Iterator[psutil.Process]:
    log = (program.home / "api.log").open("w")
    process = program.start("api", "serve", "--workers", "2", stdout=log, stderr=log)
    parent = psutil.Process(process.pid)
    try:
        yield parent
    finally:
        for each in (*parent.children(recursive=True), parent) if parent.is_running() else ():
            each.kill()
        process.wait(SOON)
        log.close()


def test_a_worker_that_dies_is_replaced_and_somebody_answers_all_the_while(served: Served) -> None:
    first, second = served.workers()
    first.kill()
    first.wait(SOON)
    assert eventually(lambda: len(served.workers()) == 2)
    assert second in served.workers()
    second.kill()
    assert eventually(served.answers)


def test_told_to_stop_all_stop(served: Served) -> None:
    workers = served.workers()
    served.parent.terminate()
    assert psutil.wait_procs([served.parent, *workers], SOON)[1] == []


def test_workers_do_not_outlive_the_process_that_they_come_from(served: Served) -> None:
    workers = served.workers()
    served.parent.kill()
    assert psutil.wait_procs(workers, SOON)[1] == []
