"""A set grown for benchmarks has the wanted size and the long tail of real ones."""

import numpy as np
import pytest

from benchmarks.grown import Rated, grow


def small_set(seed: int = 0) -> Rated:
    """Ratings of 200 people for 500 films, a few of which are rated by nearly everybody."""
    rng = np.random.default_rng(seed)
    chance = np.outer(rng.pareto(2, 200) + 0.2, 1 / (1 + np.arange(500)))
    users, films = np.nonzero(rng.random((200, 500)) < chance)
    return users.astype(np.int32), films.astype(np.int32), rng.choice([3.0, 4.0], len(users)).astype(np.float32)


def share_of_the_most_popular(films: np.ndarray) -> float:
    count = np.sort(np.bincount(films))[::-1]
    return float(count[: len(count) // 50].sum() / count.sum())


def test_it_has_the_size_that_was_asked_for_and_no_pair_twice() -> None:
    small = small_set()
    users, films, stars = grow(small, 10 * len(small[0]), people=8, films=3)
    assert len(users) == pytest.approx(10 * len(small[0]), rel=0.03)
    assert users.max() < 8 * 200
    assert films.max() < 3 * 500
    assert len(np.unique(users.astype(np.int64) * 1500 + films)) == len(users) == len(stars)


def test_its_tail_is_at_least_as_long() -> None:
    small = small_set()
    _, films, _ = grow(small, 10 * len(small[0]), people=8, films=3)
    assert share_of_the_most_popular(films) >= share_of_the_most_popular(small[1])


def test_it_does_not_pretend_to_more_than_there_can_be() -> None:
    with pytest.raises(ValueError, match="hold no"):
        grow(small_set(), 10_000_000, people=2, films=2)
