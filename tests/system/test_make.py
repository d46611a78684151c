"""The Makefile and the locks: what people meet before any of our programs runs."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT, Program

pytestmark = pytest.mark.system

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = Program(folder).environment
    return subprocess.run(["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def test_help_names_every_target() -> None:
    said = make().stdout
    for target in re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE):
        assert f"make {target} " in said
    assert "make run " in said
    assert "make test " in said


@pytest.mark.parametrize("python", ["", "/nonexistent/python3", "/bin/false"])
def test_without_a_python_that_fits_it_says_which_one_to_get(tmp_path: Path, python: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    done = make("run", f"PYTHON={python}", folder=tmp_path)
    assert done.returncode != 0
    assert "Python 3.11, 3.12 or 3.13" in done.stderr
    assert "make run PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_and_hashes_everything_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+ ", entry), entry
        assert "--hash=sha256:" in entry


def test_the_locks_hold_every_direct_dependency_and_agree_with_each_other() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = {
        "build": ["setuptools", "wheel"],
        "bot": PROJECT["dependencies"],
        "api": PROJECT["dependencies"] + extras["api"],
        "engine": PROJECT["dependencies"] + extras["engine"] + extras["api"],
        "dev": PROJECT["dependencies"] + extras["engine"] + extras["api"] + extras["dev"],
        "java": extras["java"],
    }
    assert {lock.stem for lock in LOCKS} == set(wanted)
    pinned: dict[str, set[str]] = {}
    for lock in LOCKS:
        pins = re.findall(r"^([a-z0-9-]+)==(.+?) \\$", lock.read_text(), re.MULTILINE)
        direct = {re.split(r"[\[>=<]", requirement)[0] for requirement in wanted[lock.stem]}
        assert direct <= {name for name, _ in pins}, lock.name
        for name in {name for name, _ in pins}:
            versions = {version.split(" ;")[0] for pin, version in pins if pin == name}
            assert pinned.setdefault(name, versions) == versions, f"{name} differs in {lock.name}"
