"""Large arrays in files that several processes map: exact, private, swept, and never in the way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.serving.shared import SMALLEST_BYTES, SharedArrays


@dataclass(frozen=True)
class Held:
    large: NDArray[Any]
    small: NDArray[Any]
    name: str = "held"


def held(seed: int) -> Held:
    """Something with one array that is worth a file and one that is not."""
    dice = np.random.default_rng(seed)
    return Held(dice.random((SMALLEST_BYTES // 64, 32), np.float32), np.arange(3))


def is_mapped(array: NDArray[Any]) -> bool:
    base: Any = array
    while base is not None:
        if isinstance(base, np.memmap):
            return True
        base = getattr(base, "base", None)
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shared"


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_two_processes_hold_one_file_and_read_what_each_had(folder: Path) -> None:
    one, two = held(1), held(2)
    for _ in range(2):
        first, second = SharedArrays(folder).hold(one, two)
        assert is_mapped(first.large)
        assert not is_mapped(first.small)
        assert np.array_equal(first.large, one.large)
        assert np.array_equal(second.large, two.large)
        assert (first.name, first.small.tolist()) == ("held", [0, 1, 2])
        assert len(files(folder)) == 2


def test_it_is_for_its_owner_alone_and_cannot_be_written_to(folder: Path) -> None:
    first, _ = SharedArrays(folder).hold(held(1), held(2))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in files(folder)} == {0o600}
    with pytest.raises(ValueError, match="read-only"):
        first.large[0, 0] = 1


def test_files_of_an_earlier_model_go_while_who_has_them_reads_on(folder: Path) -> None:
    arrays = SharedArrays(folder)
    before, _ = arrays.hold(held(1), held(2))
    arrays.hold(held(3), held(2))
    assert len(files(folder)) == 2
    assert np.array_equal(before.large, held(1).large)


@pytest.mark.parametrize("broken", [b"", b"no array", None])
def test_a_file_that_holds_something_else_is_replaced(folder: Path, broken: bytes | None) -> None:
    SharedArrays(folder).hold(held(1), held(1))
    (path,) = files(folder)
    if broken is None:
        np.save(path, held(2).large)
    else:
        path.write_bytes(broken)
    first, _ = SharedArrays(folder).hold(held(1), held(1))
    assert np.array_equal(first.large, held(1).large)
    assert np.array_equal(np.load(path), held(1).large)


def test_where_nothing_can_be_written_each_has_its_own_memory(folder: Path) -> None:
    folder.write_text("in the way")
    first, _ = SharedArrays(folder).hold(held(1), held(2))
    assert not is_mapped(first.large)
    assert np.array_equal(first.large, held(1).large)
