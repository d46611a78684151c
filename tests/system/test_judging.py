"""Gate, search and evaluation, started from the command line.

On a data set whose right answer is known; every training is real.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import utc_now
from engine.domain import RunKind, RunState
from engine.judging.rivals import MODELS
from engine.serving.factors import RatingHyperparameters
from engine.store import NoSuchVersion, Store
from tests.conftest import Program
from tests.genres import write_films

pytestmark = [pytest.mark.system, pytest.mark.spark]

PATIENCE = 400
"""Seconds that a training may take where the machine is busy."""

REJECTED = 3


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_films(tmp_path_factory.mktemp("genres") / "films")


@pytest.fixture(scope="module")
def genres(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The data set, loaded, with hyperparameters that suit its size, as a search would have found them."""
    program = Program(tmp_path_factory.mktemp("home"), {"MATINEE_DATASET": str(films)})
    done = program.run("engine", "load")
    assert done.returncode == 0, done.stderr
    with_store = Store(database_url(program))
    for model in ("preference", "rating"):
        run = with_store.request_run(RunKind.TUNE, "test", utc_now(), take=True)
        metrics = {"model": model, "dataset": "films", "feedback": "stars", "winner": {"rank": 8, "iterations": 5}}
        with_store.finish_run(run.id, RunState.DONE, utc_now(), metrics=metrics)
    with_store.close()
    return program


def database_url(program: Program) -> str:
    return f"sqlite:///{program.home}/films/matinee.db"


@pytest.fixture
def store(genres: Program) -> Iterator[Store]:
    store = Store(database_url(genres))
    yield store
    store.close()


def answer(program: Program, *arguments: str, code: int = 0) -> Any:
    """A verb's JSON output."""
    done = program.run("engine", *arguments, "--json", timeout=PATIENCE)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


# --- The gate ---------------------------------------------------------------------------------------------------------


def test_a_worse_model_is_rejected_named_and_can_be_forced(genres: Program, films: Path, store: Store) -> None:
    """Somebody's file was shuffled: its model is kept with the reason, and the old one goes on serving."""
    first = answer(genres, "train")
    assert (first["state"], first["version"]) == ("done", 1)
    assert first["metrics"]["ndcg_at_10"] > 2 * first["metrics"]["popularity"]["ndcg_at_10"]
    lists = [store.recommendations(user) for user in (1, 2, 3)]

    write_films(films, shuffled=True)
    assert genres.run("engine", "load").returncode == 0
    dead = store.create_version(  # as a publish that was killed leaves it
        dataset="films",
        dataset_fingerprint="f",
        hyperparameters=store.model_version(1).hyperparameters,
        metrics={},
        counts={},
        now=utc_now(),
    )
    store.write_item_factors(dead, store.item_factors(1))
    second = answer(genres, "train", code=REJECTED)
    with pytest.raises(NoSuchVersion):
        store.item_factors(dead)
    assert second["state"] == "rejected"
    rejected, _, live = sorted(answer(genres, "models"), key=lambda model: -model["version"])
    assert (rejected["version"], rejected["state"]) == (second["version"], "rejected")
    assert rejected["reason"] == second["reason"]
    assert "does not beat" in rejected["reason"] or "worse than the live model" in rejected["reason"]
    assert second["reason"] in genres.run("engine", "models").stdout
    assert (live["version"], live["state"], store.live_version()) == (1, "live", 1)
    assert [store.recommendations(user) for user in (1, 2, 3)] == lists

    forced = answer(genres, "train", "--force")
    assert forced["state"] == "done"
    assert forced["reason"].startswith("published by force; the gate said: ")
    assert store.live_version() == forced["version"]

    write_films(films)  # and the way back
    assert genres.run("engine", "load").returncode == 0
    assert answer(genres, "rollback", "1") == {"live": 1, "before": forced["version"]}
    assert [store.recommendations(user) for user in (1, 2, 3)] == lists


# --- The search -------------------------------------------------------------------------------------------------------


def test_a_search_that_was_killed_goes_on_and_runs_no_trial_twice(genres: Program, store: Store) -> None:
    asked = ["tune", "--model", "rating", "--sample", "1", "--grid", "rank=2,4 reg=.1,.3 iterations=3"]
    searching = genres.start("engine", *asked, start_new_session=True)
    end = time.monotonic() + PATIENCE
    while not (names := store.searches("")) or len(store.trials(names[-1])) < 2:
        assert searching.poll() is None, searching.communicate()
        assert time.monotonic() < end, "no trial ended"
        time.sleep(0.05)
    os.killpg(searching.pid, signal.SIGKILL)
    searching.communicate()
    before = store.trials(names[-1])
    assert 2 <= len(before) < 8

    (dead,) = store.last_runs(1)
    store.lose_run(dead.id, dead.heartbeat_at, utc_now())  # as `tune` would after a minute of its silence
    found = answer(genres, *asked, "--resume")
    after = store.trials(names[-1])
    assert after[: len(before)] == before, "what had been measured stays as it was"
    assert len(after) == 4 + 4, "the grid, then the best three and what is in use on everybody"
    assert len({row.setting for row in after}) == len(after)
    assert (found["reused"], found["trials"], found["finished"]) == (len(before), len(after), True)
    assert found["winner"]["reg"] in (0.1, 0.3, RatingHyperparameters().reg)
    assert Path(found["heat_maps"]).read_bytes().startswith(b"\x89PNG")


# --- The evaluation ---------------------------------------------------------------------------------------------------

METRICS = {
    "rmse_warm", "rmse_all", "mae_warm", "mse_warm", "ndcg_at_10", "precision_at_10", "recall_at_10", "f1_at_10",
    "map_at_10", "coverage_at_10", "novelty_at_10", "roem", "precision_at_3_stars", "recall_at_3_stars",
    "f1_at_3_stars", "train_seconds",
}  # fmt: skip


def test_evaluate_compares_on_each_split_and_changes_nothing(genres: Program, store: Store) -> None:
    before = (store.live_version(), store.model_versions())
    found = answer(genres, "evaluate", "--splits", "60,80", "--split", "random")["splits"]
    assert [each["split"]["train_percent"] for each in found] == [60, 80]
    for each in found:
        assert set(each["models"]) == set(MODELS)
        assert all(set(metrics) >= METRICS for metrics in each["models"].values())
        assert each["models"]["popularity"]["rmse_warm"] is None
        ndcg = {name: metrics["ndcg_at_10"] for name, metrics in each["models"].items()}
        assert ndcg["matinee"] > 2 * ndcg["popularity"]
    assert (store.live_version(), store.model_versions()) == before
