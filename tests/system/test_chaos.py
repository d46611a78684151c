"""A few kills at random moments, and then all that is kept is looked at; `make chaos` does it sixty times."""

import random
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.havoc import havoc

pytestmark = [pytest.mark.system, pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1500)]


def test_whoever_is_killed_and_whenever_it_adds_up_afterwards(demo: Program, tmp_path: Path) -> None:
    """The bot, the engine, a run's own process, its Java and one of its Python workers: each once."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    with havoc(tmp_path / "havoc", seed, database="sqlite", loaded=demo.home, seconds=4) as there:
        there.wreak(len(there.targets), print)
        assert there.settle() == [], f"seed {seed}"
