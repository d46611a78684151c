"""Scratch folders are deleted when their user is done or was killed, but never while they are in use."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from engine.spark.scratch import own_folder
from tests.conftest import ROOT

AT_WORK = """
import sys
from pathlib import Path
from engine.spark.scratch import own_folder

with own_folder(Path(sys.argv[1])) as folder:
    (folder / "ratings").write_text("1,2,3")
    print(folder, flush=True)
    sys.stdin.read()
"""


def at_work(above: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a program that works in a folder of its own until its input ends; and that folder."""
    command = [sys.executable, "-c", AT_WORK, str(above)]
    program = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout
    return program, Path(program.stdout.readline().strip())


def folders(above: Path) -> list[Path]:
    return [path for path in above.iterdir() if path.is_dir()]


def test_a_folder_is_gone_afterwards_whatever_happened(tmp_path: Path) -> None:
    with suppress(RuntimeError), own_folder(tmp_path / "scratch") as folder:
        (folder / "ratings").write_text("1,2,3")
        raise RuntimeError("power cut")
    assert folders(tmp_path / "scratch") == []


def test_a_folder_in_use_stays_and_that_of_a_killed_program_goes(tmp_path: Path) -> None:
    other, theirs = at_work(tmp_path)
    with other:
        with own_folder(tmp_path) as ours:
            assert set(folders(tmp_path)) == {theirs, ours}
            assert (theirs / "ratings").read_text() == "1,2,3"
        other.kill()
    assert folders(tmp_path) == [theirs]
    with own_folder(tmp_path) as ours:
        assert folders(tmp_path) == [ours]


def test_what_has_no_lock_is_nobodys(tmp_path: Path) -> None:
    """Spark's own folders had no lock before they were put into one of ours."""
    (tmp_path / "blockmgr-1" / "0e").mkdir(parents=True)
    (tmp_path / "engine.zip").write_bytes(b"")
    with own_folder(tmp_path) as ours:
        assert {path.name for path in tmp_path.iterdir()} == {".lock", ours.name}


def test_many_at_one_moment_leave_each_other_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        others = list(pool.map(at_work, [tmp_path] * 8))
    assert all((folder / "ratings").exists() for _, folder in others)
    for other, _ in others:
        other.communicate("")
        assert other.returncode == 0
    assert folders(tmp_path) == []
