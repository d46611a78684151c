"""nDCG of many orders at once is nDCG of each, as an evaluation measures it."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from engine.judging.ease import LAMBDAS, Ease
from engine.judging.evaluation import ranking, top_n
from engine.judging.ranking import ndcg
from engine.judging.rivals import best_smoothing


@pytest.mark.parametrize("films", [7, 40])
def test_each_figure_is_that_of_the_person_alone(films: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where blocks of people end, where fewer films are left than a list has, and with films nobody rated."""
    monkeypatch.setattr("engine.judging.ranking.BLOCK_SCORES", 3 * films)
    rng = np.random.default_rng(3)
    draw = rng.random((20, films))
    draw[:, 2] = 0.9
    seen, relevant = csr_matrix(draw < 0.4), csr_matrix((draw > 0.6).astype(float))
    scores = rng.random((20, films)).astype(np.float32)
    people = np.flatnonzero(np.diff(relevant.indptr))
    assert len(people) > 10
    alone = []
    for person in people:
        own = scores[person].copy()
        own[seen[person].indices] = -np.inf
        own[2] = -np.inf
        wanted = relevant[person].indices
        alone.append(ranking(np.isin(top_n(own, 10), wanted), len(wanted))["ndcg"])
    found = ndcg(lambda rows: scores[rows].copy(), seen, relevant, people)
    np.testing.assert_allclose(found, alone, atol=1e-12)


def test_the_smoothing_that_is_chosen_is_the_best_on_what_was_held_out() -> None:
    """Two groups of different taste, and noise: too little smoothing learns the noise, too much learns only
    popularity."""
    rng = np.random.default_rng(4)
    camp = np.arange(80) % 2
    likes = rng.random((80, 60)) < np.where((np.arange(60) % 2)[None] == camp[:, None], 0.4, 0.1)
    held = rng.random(likes.shape) < 0.3
    ease, seen, relevant = Ease.fit(csr_matrix(likes & ~held)), csr_matrix(~held & likes), csr_matrix(likes & held)
    people = np.flatnonzero(np.diff(relevant.indptr))
    scores = {x: ndcg(ease.scorer(x), seen, relevant, people).mean() for x in LAMBDAS}
    found = best_smoothing(ease, seen, relevant)
    assert scores[found] >= max(scores.values()) - 0.01
    assert scores[found] > scores[LAMBDAS[-1]]
