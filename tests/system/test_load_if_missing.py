"""`python -m engine load --if-missing`: what containers do at every start."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.domain import RunKind
from engine.store import Store
from tests.conftest import NewDatabase, Program

pytestmark = pytest.mark.system


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A data set of two films."""
    folder = tmp_path / "two-films"
    folder.mkdir()
    (folder / "movies.csv").write_text("movieId,title,genres\n1,Heat (1995),Crime\n2,Alien (1979),Horror\n")
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.5,964982703\n1,2,4.0,964982704\n")
    return folder


@pytest.fixture
def program(tmp_path: Path, films: Path, new_database: NewDatabase) -> Program:
    settings = {"MATINEE_DATASET": str(films), "MATINEE_DATABASE_URL": new_database("sqlite")}
    return Program(tmp_path, settings)


def load(program: Program, *options: str) -> dict[str, Any]:
    done = program.run("engine", "load", "--json", *options)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_it_loads_what_is_missing_and_then_leaves_it_alone(program: Program, films: Path) -> None:
    assert load(program, "--if-missing")["changed"]
    with (films / "ratings.csv").open("a") as file:
        file.write("2,1,3.0,964982705\n")
    assert not load(program, "--if-missing")["changed"]
    assert load(program)["changed"]


def test_a_run_that_a_power_cut_left_open_does_not_keep_a_loaded_set_from_starting(program: Program) -> None:
    load(program)
    store = Store(program.database_url)
    store.request_run(RunKind.TRAIN, "test", datetime.now(UTC), take=True)
    store.close()
    assert program.run("engine", "load").returncode == 1
    assert not load(program, "--if-missing")["changed"]


def test_a_restored_database_gets_its_files_back(program: Program) -> None:
    ratings = Path(load(program)["ratings"])
    shutil.rmtree(ratings)
    assert load(program, "--if-missing")["changed"]
    assert list(ratings.glob("*.parquet"))


def test_another_data_set_is_refused(program: Program) -> None:
    load(program)
    program.settings["MATINEE_DATASET"] = "demo"
    refused = program.run("engine", "load", "--if-missing")
    assert refused.returncode == 1
    assert "two-films" in refused.stderr
