"""A full disk is recognised in every program's errors. /dev/full is one that every Linux has."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from engine import disk
from engine.runs.worker import in_words
from tests.conftest import Program

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def by_python(file: Path) -> None:
    with file.open("w") as full:
        full.write("ratings")


def by_arrow(file: Path) -> None:
    parquet.write_table(pa.table({"stars": [4.5]}), file)


def while_clearing_up(file: Path) -> None:
    """A Spark session does this when it closes, and then fails with another error."""
    try:
        by_python(file)
    finally:
        raise KeyError("spark")


def by_java(_file: Path) -> None:
    error = type("Py4JJavaError", (Exception,), {})
    raise error("An error occurred while calling o1.parquet.\n: java.io.IOException: No space left on device\n\tat x")


@pytest.mark.parametrize("act", [by_python, by_arrow, while_clearing_up, by_java])
def test_a_full_disk_is_called_a_full_disk(act: Callable[[Path], None], tmp_path: Path) -> None:
    file = tmp_path / "full"  # a link: Arrow removes what it could not write, and tests may run as root
    file.symlink_to(FULL)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        act(file)
    assert disk.is_full(caught.value)
    assert in_words(caught.value) == "the disk is full: free some space, then try again"


def test_a_load_onto_a_full_disk_says_so_in_a_line(tmp_path: Path) -> None:
    """A real one, of a third of a megabyte, where this system lets us mount it."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=300k tmpfs "$0" && exec "$@"', str(small)]
    try:
        subprocess.run([*mounted, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    program = Program(tmp_path, {"MATINEE_HOME": str(small / "home")})
    load = [*mounted, sys.executable, "-m", "engine", "load", "demo"]
    done = subprocess.run(load, cwd=tmp_path, env=program.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(r"^the disk( of the database)? is full.*: free some space, then try again$", done.stderr, re.M)
    assert "Traceback" not in done.stderr


def test_an_error_that_has_to_ask_a_dead_java_for_its_text_is_told_all_the_same() -> None:
    class Asks(Exception):
        def __str__(self) -> str:
            raise ConnectionRefusedError(111, "Connection refused")

    refused = ConnectionRefusedError(111, "Connection refused")
    refused.__context__ = Asks()
    assert not disk.is_full(refused)
    assert "Java process died" in in_words(refused)
    assert in_words(Asks()) == "Asks"


def test_other_errors_are_not() -> None:
    assert not disk.is_full(FileNotFoundError(2, "No such file or directory"))
    assert not disk.is_full(ValueError("full"))
