"""The compiled half-step, compared with numpy row by row, and the cache of machine code."""

import os
import shutil
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.learning.solver import CHUNK, FixedSide, Observations, half_step
from engine.serving.factors import fold_in

ROOT = Path(__file__).parents[2]


def made_side(counts: list[int], n_columns: int, *, seed: int = 0, weights_from: float = 0.0) -> Observations:
    """Rows with so many observations each, of random columns, weights up to 4 and targets."""
    rng = np.random.default_rng(seed)
    total = sum(counts)
    return Observations(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.concatenate([rng.choice(n_columns, n, replace=False) for n in counts] or [[]]).astype(np.int32),
        (weights_from + rng.random(total) * 4).astype(np.float32),
        rng.normal(size=total).astype(np.float32),
        0.1 + 5 * rng.random(len(counts)),
    )


def one_by_one(
    side: Observations, factors: np.ndarray, *, unobserved: float, prior: np.ndarray | None = None
) -> np.ndarray:
    """The bot's arithmetic, which knows w₀ = 0 and 1."""
    gram = factors.astype(np.float64).T @ factors if unobserved else None
    rows = []
    for i in range(len(side)):
        own = slice(side.starts[i], side.starts[i + 1])
        of_row = (side.columns[own], side.weights[own], side.targets[own])
        rows.append(fold_in(factors, *of_row, ridge=float(side.ridge[i]), gram=gram, prior=prior)[0])
    return np.array(rows)


FACTORS = (np.random.default_rng(1).normal(size=(1000, 24)) * 0.3).astype(np.float32)


@pytest.mark.parametrize("unobserved", [0.0, 1.0], ids=["explicit", "implicit"])
@pytest.mark.parametrize("drawn", [False, True], ids=["to 0", "to a prior"])
def test_every_row_is_the_one_that_the_bot_folds_in(unobserved: float, drawn: bool) -> None:
    """Short rows and long ones, empty ones, and those whose observations come in several chunks."""
    side = made_side([0, 1, 2, 5, 15, 16, 17, 23, 24, 25, 100, CHUNK, CHUNK + 1, 900], 1000)
    prior = np.linspace(-0.5, 0.5, 24) if drawn else None
    rows = half_step(side, FACTORS, unobserved=unobserved, prior=prior)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, one_by_one(side, FACTORS, unobserved=unobserved, prior=prior), atol=5e-6)


@given(st.integers(0, 2**31), st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_any_sizes_will_do(seed: int, counts: list[int], rank: int) -> None:
    factors = np.random.default_rng(seed).normal(size=(50, rank)).astype(np.float32)
    side = made_side(counts, 50, seed=seed)
    rows = half_step(side, factors, unobserved=1.0)
    np.testing.assert_allclose(rows, one_by_one(side, factors, unobserved=1.0), atol=2e-5)


def test_an_observation_without_weight_still_has_a_target() -> None:
    """With w = 0 a pair has the weight of an unobserved one, but keeps its target t: this happens with three stars and
    the signed target."""
    side = made_side([3, 40], 1000)
    side.weights[:] = 0
    rows = half_step(side, FACTORS, unobserved=1.0)
    np.testing.assert_allclose(rows, one_by_one(side, FACTORS, unobserved=1.0), atol=5e-6)


def test_any_number_of_threads_gives_the_same_numbers() -> None:
    side = made_side([(7 * i) % 90 for i in range(300)], 1000)
    one = half_step(side, FACTORS, unobserved=1.0)
    for threads in (2, 3, 16):
        assert (half_step(side, FACTORS, unobserved=1.0, threads=threads) == one).all()


def test_rows_do_not_depend_on_their_neighbours() -> None:
    """So it does not matter how they are spread over blocks."""
    whole = made_side([3, 0, 60, 10], 1000)
    held = FixedSide.of(FACTORS)
    rows = held.solve(whole, unobserved=1.0)
    cut = slice(whole.starts[2], whole.starts[3])
    alone = Observations(
        np.array([0, 60]), whole.columns[cut], whole.weights[cut], whole.targets[cut], whole.ridge[2:3]
    )
    np.testing.assert_allclose(held.solve(alone, unobserved=1.0), rows[2:3], atol=1e-6)


def test_what_another_process_sent_may_be_read_only() -> None:
    side = made_side([3, 60], 1000)
    sent = Observations(*(np.frombuffer(part.tobytes(), part.dtype) for part in astuple(side)))
    assert (half_step(sent, FACTORS, unobserved=1.0) == half_step(side, FACTORS, unobserved=1.0)).all()


def test_no_rows_are_no_rows() -> None:
    assert half_step(made_side([], 1000), FACTORS, unobserved=1.0, threads=4).shape == (0, 24)


@pytest.mark.slow
class TestKeptMachineCode:
    """The image's machine code in a read-only folder is used, without compiling and without writing."""

    def test_it_is_taken_from_a_folder_that_is_read_only(self, tmp_path: Path) -> None:
        assert "data saved to" in run_solver(tmp_path)
        said = run_solver(tmp_path, may_write=False)
        assert "data loaded from" in said
        assert "saved" not in said

    def test_it_is_taken_by_code_that_comes_in_a_zip(self, tmp_path: Path) -> None:
        """As it does on the executors of a Spark cluster."""
        assert "data saved to" in run_solver(tmp_path)
        package = shutil.make_archive(str(tmp_path.parent / "engine"), "zip", ROOT, "engine")
        said = run_solver(tmp_path, package, may_write=False)
        assert "data loaded from" in said
        assert "saved" not in said

    def test_without_any_it_is_compiled_for_the_moment(self, tmp_path: Path) -> None:
        assert "saved" not in run_solver(tmp_path, may_write=False)
        assert not list(tmp_path.iterdir())


READ_ONLY = """
import os, sys

def refuse(event, args):
    writes = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR)
    if writes and str(args[0]).startswith(os.environ["NUMBA_CACHE_DIR"]):
        raise OSError(30, "Read-only file system")

sys.addaudithook(refuse)
"""
"""Permissions are not enough, because tests may run as root."""


def run_solver(folder: Path, path: str = str(ROOT), *, may_write: bool = True) -> str:
    """Import the solver in a process of its own, and return what numba says about its cache."""
    switches = {
        "NUMBA_CACHE_DIR": str(folder),
        "NUMBA_CACHE_LOCATOR_CLASSES": "engine.learning.compiled.SharedFolder",
        "NUMBA_DEBUG_CACHE": "1",
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    program = ("" if may_write else READ_ONLY) + "import engine.learning.solver as solver; print(solver.__file__)"
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, env=os.environ | switches, cwd=folder, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    assert path in found.stdout
    return found.stdout
