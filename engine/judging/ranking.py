"""nDCG of many people's orders at once, in numpy, for choices made within one Spark task or on the driver.

``evaluation`` measures people one by one, by every metric, in the executors. A search needs one metric of thousands of
orders, and has all its ratings in memory.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from engine.domain import Floats

BLOCK_SCORES = 10_000_000
"""Number of scores held at a time: 40 MB, and as much again to sort them."""

Scorer = Callable[[NDArray[np.intp]], Floats]
"""Takes rows of people, shape (n,), and scores all films for them, shape (n, n_items)."""


def ndcg(
    scorer: Scorer, seen: csr_matrix, relevant: csr_matrix, people: NDArray[np.intp], *, top: int = 10
) -> NDArray[np.float64]:
    """Return each person's nDCG at ``top``, with binary gains, as ``evaluation.ranking`` computes it.

    Args:
        scorer: gives the scores to measure; its result is overwritten.
        seen: people × films, with entries for training ratings: those films are never in the person's list.
        relevant: the same, with entries for held-out films that should have been shown.
        people: rows with at least one relevant film.

    Films without any rating in ``seen`` are unknown to the model and never in a list, as in an evaluation.
    """
    n_items = seen.shape[1]
    unknown = np.bincount(seen.indices, minlength=n_items) == 0
    discounts = 1 / np.log2(np.arange(2, top + 2))
    best = np.cumsum(discounts)
    found = np.zeros(len(people))
    step = max(BLOCK_SCORES // n_items, 1)
    for start in range(0, len(people), step):
        rows = people[start : start + step]
        scores = scorer(rows)
        scores[:, unknown] = -np.inf
        scores[_places(seen[rows])] = -np.inf
        wanted = relevant[rows]
        gains = np.zeros(scores.shape, bool)
        gains[_places(wanted)] = True
        first = _top(scores, top)
        hits = np.take_along_axis(gains & np.isfinite(scores), first, axis=1)
        ideal = best[np.minimum(np.diff(wanted.indptr), top) - 1]
        found[start : start + step] = hits @ discounts[: hits.shape[1]] / ideal
    return found


def _places(entries: csr_matrix) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    return np.repeat(np.arange(entries.shape[0]), np.diff(entries.indptr)), entries.indices


def _top(scores: Floats, top: int) -> NDArray[np.intp]:
    """Return the columns of each row's largest scores, best first."""
    top = min(top, scores.shape[1])
    columns = np.argpartition(-scores, top - 1, axis=1)[:, :top]
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
