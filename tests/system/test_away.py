"""A database that goes away while a run is under way: nothing is lost but the time."""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from engine.clock import utc_now
from engine.domain import FactorRows, RunKind, RunState, Stage
from engine.runs.patience import patient
from engine.runs.retrain import Outcome, Report
from engine.runs.worker import execute
from engine.store import Store, StoreUnavailable
from engine.store.models import CHUNK_ROWS
from tests.away import Proxy
from tests.conftest import NewDatabase, Program
from tests.genres import write_films
from tests.world import FILMS

pytestmark = pytest.mark.system

AWAY_SECONDS = 0.3
PEOPLE = 3
LIST = CHUNK_ROWS


@pytest.fixture
def proxy(new_database: NewDatabase) -> Iterator[Proxy]:
    proxy = Proxy(new_database("postgres"))
    yield proxy
    proxy.remove()


def test_a_run_goes_on_once_its_database_is_back_wherever_it_was_cut(proxy: Proxy) -> None:
    """Before each act, in the middle of the rows of a list, and before the run's end is noted."""
    store = Store(proxy.url)
    store.save_films(FILMS)
    people = [store.person(1_000 + i, "en", utc_now()).id for i in range(PEOPLE)]
    event = store.rate(people[0], FILMS[0].id, 4.0, utc_now())[0].event_id
    run = store.request_run(RunKind.TRAIN, "test", utc_now(), take=True)
    rows = [(user, place, 10_000 + place, 1.0, 4.0) for user in people for place in range(1, LIST + 1)]

    def cut_half_way() -> Iterator[tuple[int, int, int, float, float]]:
        for number, row in enumerate(rows):
            if number == LIST + LIST // 2:
                proxy.closed_for(AWAY_SECONDS)
            yield row

    def pipeline(report: Report) -> Outcome:
        ours = patient(store)

        def away() -> Store:
            proxy.closed_for(AWAY_SECONDS)
            report(Stage.PUBLISH, 0.5, "this does not get through, and costs nothing")
            return ours

        queue = away().read_queue()
        version = away().create_version(
            dataset="d", dataset_fingerprint="f", hyperparameters={}, metrics={}, counts={}, now=utc_now()
        )
        films = FactorRows(np.arange(3, dtype=np.int32), *(np.ones((3, n), np.float32) for n in (4, 2)), np.ones(3))
        away().write_item_factors(version, films)
        assert ours.write_recommendations(version, cut_half_way()) == len(rows)
        away().write_similar(version, [(1, 1, 2, 0.9, None, None)])
        away().check_version(version, lists=(np.array(people, np.int32), np.full(PEOPLE, LIST, np.int32)))
        away().publish(version, event_ids=queue.event_ids, now=utc_now(), run_id=run.id)
        away().sweep(3)
        proxy.closed_for(AWAY_SECONDS)
        return Outcome(RunState.DONE, version, "better", {"ndcg_at_10": 0.3})

    execute(run, store, pipeline, now=utc_now)
    ended = store.run(run.id)
    assert (ended.state, ended.error) == (RunState.DONE, None)
    assert store.live_version() == ended.model_version
    assert [len(store.recommendations(user, limit=2 * LIST)) for user in people] == [LIST] * PEOPLE
    with store.read() as connection:
        used = connection.scalar(sa.text("SELECT model_version FROM rating_events WHERE id = :id"), {"id": event})
    assert used == ended.model_version
    store.close()


def test_a_chunk_whose_commit_was_not_answered_is_not_written_twice(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(proxy.url)
    user = store.person(1_000, "en", utc_now()).id
    version = store.create_version(
        dataset="d", dataset_fingerprint="f", hyperparameters={}, metrics={}, counts={}, now=utc_now()
    )
    lost: list[bool] = []

    @sa.event.listens_for(store.db, "checkin")
    def lose_the_answer(*_: object) -> None:
        if not lost:  # the first transaction has been committed, and its connection is handed back
            lost.append(True)
            raise StoreUnavailable("the connection was lost")

    rows = [(user, place, 10_000 + place, 1.0, 4.0) for place in range(1, 11)]
    assert patient(store).write_recommendations(version, iter(rows)) == len(rows)
    assert lost
    with store.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM recommendations")) == len(rows)
    store.close()


def test_a_database_that_stays_away_is_not_waited_for_for_ever(proxy: Proxy) -> None:
    store = Store(proxy.url)
    proxy.close()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        patient(store, seconds=1.0).live_version()
    assert time.monotonic() - began >= 1.0
    store.close()


def test_a_run_whose_database_goes_away_while_its_process_starts_waits_for_it(proxy: Proxy, tmp_path: Path) -> None:
    """It then gets as far as it can: there are no films."""
    store = Store(proxy.url)
    run = store.request_run(RunKind.TRAIN, "test", utc_now(), take=True)
    proxy.close()
    program = Program(tmp_path, {"MATINEE_DATABASE_URL": proxy.url})
    process = program.start("engine", "train", "--run", str(run.id), stdin=subprocess.PIPE)
    assert process.stderr is not None
    assert "database_awaited" in process.stderr.readline()
    proxy.open()
    process.stderr.read()  # its standard input stays open: that is its engine
    process.communicate(timeout=60)
    ended = store.run(run.id)
    assert ended.state is RunState.FAILED
    assert "engine load" in (ended.error or "")
    store.close()


@pytest.mark.spark
def test_a_training_survives_a_database_that_goes_away_at_every_stage(proxy: Proxy, tmp_path: Path) -> None:
    """A real one, by an engine that claims it while the database comes and goes."""
    films = write_films(tmp_path / "films")
    settings = {"MATINEE_DATASET": str(films), "MATINEE_DATABASE_URL": proxy.url}
    program = Program(tmp_path, settings)
    loaded = program.run("engine", "load")
    assert loaded.returncode == 0, loaded.stderr
    store = Store(proxy.url)
    for model in ("preference", "rating"):
        tuned = store.request_run(RunKind.TUNE, "test", utc_now(), take=True)
        metrics = {"model": model, "dataset": "films", "feedback": "stars", "winner": {"rank": 8, "iterations": 5}}
        store.finish_run(tuned.id, RunState.DONE, utc_now(), metrics=metrics)
    training = program.start("engine", "train", "--json")
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(training.communicate()))
    reader.start()
    cut: list[str | None] = []
    while reader.is_alive():
        try:
            run = store.last_runs(1)[0]
        except StoreUnavailable:
            run = None
        if run is not None and run.is_open and run.stage not in cut:
            cut.append(run.stage)
            proxy.closed_for(1.0)
        time.sleep(0.05)
    assert training.returncode == 0, said
    assert {Stage.INGEST.value, Stage.TRAIN.value, Stage.SCORE.value, Stage.PUBLISH.value} & set(cut)
    assert (store.last_runs(1)[0].state, store.live_version()) == (RunState.DONE, 1)
    store.close()
