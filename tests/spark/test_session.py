"""Where Spark's Java leaves its files."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from engine.spark.session import _address_towards, _holds_sockets
from tests.conftest import ROOT

pytestmark = pytest.mark.spark


def test_what_java_writes_lies_in_the_sessions_folder(spark: SparkSession) -> None:
    """That folder is deleted with the session or by the next run; files in /tmp could not be told apart."""
    session = Path(spark.conf.get("spark.local.dir") or "")
    assert (session.parent.name, session.is_dir()) == ("spark", True)
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    assert Path(jvm.java.lang.System.getProperty("java.io.tmpdir")) == session
    assert jvm.java.io.File.createTempFile("matinee", None).getParent() == str(session)


def test_tasks_of_every_kind_run_in_workers_of_one_process_that_has_loaded_the_solver(spark: SparkSession) -> None:
    """Otherwise each kind of task would wait until its own workers have loaded everything."""

    def parent(_: object) -> tuple[int, bool]:
        import os
        import sys

        return os.getppid(), "engine.learning.solver" in sys.modules

    def of_frame(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            yield pa.RecordBatch.from_pylist([dict(zip(("parent", "loaded"), parent(None), strict=True))])

    of_rdd = spark.sparkContext.parallelize([0], 1).map(parent).collect()
    frame = spark.range(0, 1, 1, 1).mapInArrow(of_frame, "parent long, loaded boolean")
    assert [tuple(row) for row in frame.collect()] == of_rdd
    assert of_rdd[0][1]


def test_a_cluster_is_given_the_address_on_the_masters_network() -> None:
    """A machine with two networks has two addresses; executors reach the one that leads to their master."""
    assert _address_towards("spark://127.0.0.1:7077") == "127.0.0.1"
    assert _address_towards("spark://127.0.0.1:7077,other:7077") == "127.0.0.1"
    assert _address_towards("yarn") is None
    assert _address_towards("k8s://https://127.0.0.1:6443") is None


def test_workers_do_not_look_for_garbage_in_what_they_were_forked_with(spark: SparkSession) -> None:
    """Spark collects garbage after each task; among all the modules that took as long as a small task."""

    def numbers(_: object) -> tuple[int, int]:
        import gc

        return gc.get_freeze_count(), len(gc.get_objects())

    ((frozen, watched),) = spark.sparkContext.parallelize([0], 1).map(numbers).collect()
    assert frozen > 10 * watched


def test_java_and_python_talk_by_sockets_of_the_sessions_folder(spark: SparkSession) -> None:
    """Over TCP each task waits for an acknowledgement that the other side delays."""
    folder = Path(spark.conf.get("spark.local.dir") or "")
    assert spark.conf.get("spark.python.unix.domain.socket.enabled") == "true"
    spark.sparkContext.parallelize([0], 1).map(abs).collect()
    assert any(path.is_socket() for path in folder.glob(".*.sock"))


def test_a_folder_whose_path_is_too_long_for_sockets_gets_none(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    assert not _holds_sockets(deep)
    with TemporaryDirectory() as short:
        assert _holds_sockets(Path(short))
        assert not list(Path(short).iterdir())


AHEAD = """
import sys
from pathlib import Path

import psutil

from engine.settings import EngineSettings
from engine.spark.session import java_ahead, spark_session

settings = EngineSettings(_env_file=None, home=Path(sys.argv[1]))
with java_ahead(settings, log=settings.spark_log), spark_session(settings, log=settings.spark_log) as spark:
    print(spark.range(3).count(), len(psutil.Process().children()))
"""


def test_a_session_takes_the_java_that_was_started_ahead(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AHEAD, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["3", "1"], done.stderr
    assert (tmp_path / "demo" / "logs" / "spark.log").exists()
    assert [path for path in (tmp_path / "demo" / "spark").iterdir() if path.is_dir()] == []
