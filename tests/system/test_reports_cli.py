"""``explore``, ``report`` and ``models export|import|publish``, run for real on the demo with a made-up model."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engine.store import Store
from tests.conftest import Program
from tests.system.test_reports import publish

pytestmark = pytest.mark.system
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The engine with the demo loaded and a live model, number 1, of a handful of people."""
    program = Program(tmp_path_factory.mktemp("home"))
    for verb in ("migrate", "load"):
        done = program.run("engine", verb)
        assert done.returncode == 0, done.stderr
    store = Store(program.database_url)
    publish(store, NOW, gain=1.0)
    store.close()
    users = program.home / "demo" / "models" / "1" / "users"
    users.mkdir(parents=True)
    rows = pa.array([[0.1, 0.2, 0.3, 0.4]] * 5, pa.list_(pa.float32()))
    ids = pa.array(range(1, 6), pa.int32())
    bias = pa.array(np.zeros(5), pa.float32())
    table = pa.table({"user_id": ids, "preference": rows, "rating": rows, "bias": bias})
    parquet.write_table(table, users / "part-00000.parquet")
    return program


@pytest.fixture
def store(program: Program) -> Iterator[Store]:
    store = Store(program.database_url)
    yield store
    store.close()


def test_explore_prints_where_its_page_is(program: Program) -> None:
    done = program.run("engine", "explore")
    page = Path(done.stdout.strip())
    assert page == program.home / "demo" / "reports" / "explore.html"
    assert page.read_text().startswith("<!doctype html>")
    assert done.stderr == ""


def test_explore_prints_its_numbers_as_json(program: Program) -> None:
    facts = json.loads(program.run("engine", "explore", "--json", "--output", "mine.html").stdout)
    assert facts["page"] == str(program.home / "mine.html")
    assert facts["simulated"] is True
    assert sum(row["ratings"] for row in facts["stars"]) == facts["ratings"]


def test_report_is_about_the_live_model_unless_another_is_named(program: Program) -> None:
    for arguments in ([], ["1"]):
        page = Path(program.run("engine", "report", *arguments).stdout.strip())
        assert page.name == "model-1.html"
    facts = json.loads(program.run("engine", "report", "1", "--json").stdout)
    assert facts["metrics"]["ndcg_at_10"] == 0.31
    assert len(facts["people"]) == 3
    refused = program.run("engine", "report", "99")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "there is no model 99" in refused.stderr


def test_a_model_goes_out_comes_in_and_goes_live(program: Program, store: Store) -> None:
    done = program.run("engine", "models", "export", "1", "saved")
    assert done.returncode == 0, done.stderr
    assert "5 people" in done.stdout
    again = program.run("engine", "models", "export", "1", "saved")
    assert again.returncode == 1
    assert "holds something already" in again.stderr

    facts = json.loads(program.run("engine", "models", "import", "saved", "--json").stdout)
    version = facts["version"]
    assert store.live_version() == 1
    assert "imported: model 1" in program.run("engine", "models").stdout
    done = program.run("engine", "models", "publish", str(version))
    assert done.stdout == f"Model {version} is live, in place of 1. The gate was not asked.\n"
    assert store.live_version() == version

    (program.home / "saved" / "rating" / "metadata" / "part-00000").write_text("{}")
    damaged = program.run("engine", "models", "import", "saved")
    assert damaged.returncode == 1
    assert "sha256" in damaged.stderr
    assert "Traceback" not in damaged.stderr
