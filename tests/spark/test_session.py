"""Where Spark's Java leaves its files."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from engine.spark.session import _address_towards

pytestmark = pytest.mark.spark


def test_what_java_writes_lies_in_the_sessions_folder(spark: SparkSession) -> None:
    """That folder is deleted with the session or by the next run; files in /tmp could not be told apart."""
    session = Path(spark.conf.get("spark.local.dir") or "")
    assert (session.parent.name, session.is_dir()) == ("spark", True)
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    assert Path(jvm.java.lang.System.getProperty("java.io.tmpdir")) == session
    assert jvm.java.io.File.createTempFile("matinee", None).getParent() == str(session)


def test_a_cluster_is_given_the_address_on_the_masters_network() -> None:
    """A machine with two networks has two addresses; executors reach the one that leads to their master."""
    assert _address_towards("spark://127.0.0.1:7077") == "127.0.0.1"
    assert _address_towards("spark://127.0.0.1:7077,other:7077") == "127.0.0.1"
    assert _address_towards("yarn") is None
    assert _address_towards("k8s://https://127.0.0.1:6443") is None
