"""EASE, a closed-form item-item model: the strong and simple ranking that ours is compared with. Pure numpy.

Its matrix has a row and a column for each film, so it suits small data only; nothing of it is served.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from engine.domain import Floats
from engine.serving.factors import Doubles

LAMBDAS = (50.0, 100.0, 150.0, 200.0, 300.0, 500.0, 800.0)
"""From where too little smoothing hurts to where too much does, on data of the size that this is for."""

LARGEST = 60_000_000
"""The most people times films, which is how many numbers its factors have: 8,000 by 8,000 take minutes, not hours."""


@dataclass(frozen=True)
class Ease:
    """EASE for every λ at once: of the Gram matrix of the smaller side only the eigenvalues meet λ.

    ``fit`` solves B = I − P·diag(P)⁻¹ with P = (XᵀX + λI)⁻¹. For films that somebody has not liked, X·B is
    −(X·P)/diag(P), and X·P is an inner product of as many factors as the smaller side of X has.
    """

    users: Doubles
    items: Doubles
    values: Doubles
    by_user: bool

    @classmethod
    def fit(cls, liked: csr_matrix) -> "Ease":
        """Take X, 1 where a person liked a film, shape (n_users, n_items).

        Source: Steck 2019, "Embarrassingly shallow autoencoders for sparse data", and for the smaller side Woodbury's
        identity. tests/unit/test_ease.py holds it to the formula as published.
        """
        x = liked.astype(np.float64)
        if x.shape[0] <= x.shape[1]:
            values, vectors = np.linalg.eigh((x @ x.T).toarray())
            return cls(vectors, x.T @ vectors, np.maximum(values, 0), by_user=True)
        values, vectors = np.linalg.eigh((x.T @ x).toarray())
        return cls(x @ vectors, vectors, np.maximum(values, 0), by_user=False)

    def factors(self, smoothing: float) -> tuple[Floats, Floats]:
        """Return rows of people and of films whose inner product orders the films that the person has not liked.

        Args:
            smoothing: the paper's λ.
        """
        left = self.users / (self.values + smoothing)
        weighed: NDArray[np.float64] = (self.items**2 / (self.values + smoothing)).sum(axis=1)
        diagonal = (1 - weighed) / smoothing if self.by_user else weighed
        return left.astype(np.float32), (-self.items / diagonal[:, None]).astype(np.float32)
