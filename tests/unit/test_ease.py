"""EASE as we compute it is EASE as it was published."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from engine.judging.ease import Ease


@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (15, 15)])
@pytest.mark.parametrize("smoothing", [0.5, 20.0])
def test_the_scores_of_films_not_yet_liked_are_those_of_the_formula(shape: tuple[int, int], smoothing: float) -> None:
    """B = I − P·diag(P)⁻¹ with P = (XᵀX + λI)⁻¹, Steck 2019; also with more films than people, and a film unseen."""
    x = (np.random.default_rng(5).random(shape) < 0.3).astype(np.float64)
    x[:, 3] = 0
    inverse = np.linalg.inv(x.T @ x + smoothing * np.eye(shape[1]))
    b = -inverse / np.diag(inverse)
    np.fill_diagonal(b, 0)

    scores = Ease.fit(csr_matrix(x)).scorer(smoothing)(np.arange(shape[0]))
    new = x == 0
    np.testing.assert_allclose(scores[new], (x @ b)[new], atol=1e-4)
