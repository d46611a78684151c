"""Real data sets, which are no part of the project: a test that wants one is skipped where it is missing."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("MATINEE_TEST_DATA", Path(__file__).parents[1].parent / "shared" / "data"))


def real(name: str) -> Path:
    """Return the folder of a real set, or skip the test."""
    if not (FOLDER / name).is_dir():
        pytest.skip(f"{FOLDER / name} is not there (MATINEE_TEST_DATA)")
    return FOLDER / name
