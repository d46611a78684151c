"""A data set of its own for each test."""

from pathlib import Path

import pytest

from tests.unit.datasets.sets import SmallSet


@pytest.fixture
def world(tmp_path: Path) -> SmallSet:
    return SmallSet(tmp_path)
