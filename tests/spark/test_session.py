"""Where Spark's Java leaves its files."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_what_java_writes_lies_in_the_sessions_folder(spark: SparkSession) -> None:
    """That folder is deleted with the session or by the next run; files in /tmp could not be told apart."""
    session = Path(spark.conf.get("spark.local.dir") or "")
    assert (session.parent.name, session.is_dir()) == ("spark", True)
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    assert Path(jvm.java.lang.System.getProperty("java.io.tmpdir")) == session
    assert jvm.java.io.File.createTempFile("matinee", None).getParent() == str(session)
