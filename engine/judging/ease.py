"""EASE, a closed-form item-item model: a simple and strong ranking to compare ours with. Pure numpy.

Its matrix has a row and a column for each film, so it suits small data only. It is never published.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from engine.domain import Floats

LAMBDAS = (10.0, 20.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_600.0)
"""Candidates for λ, from too little smoothing to too much for data of this size."""

LARGEST_SIDE = 12_000
"""The largest number of people or of films, whichever is smaller: a matrix of this size squared is inverted for each
λ."""

LARGEST = 200_000_000
"""The largest product of people and films: a second matrix has so many numbers."""


@dataclass(frozen=True)
class Ease:
    """EASE of one matrix of people by films, ready for any λ.

    It solves B = I − P·diag(P)⁻¹ with P = (XᵀX + λI)⁻¹. For films that somebody has not rated, X·B is
    −(X·P)/diag(P). Where people are fewer than films, Woodbury's identity gives X·P = (XXᵀ + λI)⁻¹·X.

    Source: Steck 2019, "Embarrassingly shallow autoencoders for sparse data". tests/unit/test_ease.py holds it to the
    formula as published.
    """

    x: csr_matrix
    """The ratings: 1 for a liked film as in the paper, or stars/5; shape (n_users, n_items)."""

    gram: Floats
    """XXᵀ or XᵀX, whichever is smaller."""

    @classmethod
    def fit(cls, given: csr_matrix) -> "Ease":
        x = given.astype(np.float32)
        product = x @ x.T if x.shape[0] <= x.shape[1] else x.T @ x
        return cls(x, product.toarray())

    @property
    def people_are_fewer(self) -> bool:
        return bool(self.x.shape[0] <= self.x.shape[1])

    def scorer(self, smoothing: float) -> Callable[[NDArray[np.intp]], Floats]:
        """Return a function that scores all films for some people: it takes rows of people and returns (n, n_items).

        Args:
            smoothing: the paper's λ.
        """
        inverse = _inverse(self.gram, smoothing)
        if self.people_are_fewer:
            items: Floats = self.x.T @ inverse  # (n_items, n_users); X·P is its transpose
            squares = np.asarray(self.x.multiply(items.T).sum(axis=0), np.float32).ravel()
            items /= -((1 - squares) / np.float32(smoothing))[:, None]
            return lambda rows: items[:, rows].T
        inverse /= -np.diag(inverse).copy()
        return lambda rows: self.x[rows] @ inverse


def _inverse(gram: Floats, smoothing: float) -> Floats:
    """Return (G + λI)⁻¹ by Cholesky factors, with a third of the work and half the memory of eigenvalues."""
    matrix = gram.copy(order="F")
    matrix[np.diag_indices(len(matrix))] += np.float32(smoothing)
    factor, _ = lapack.spotrf(matrix, lower=True, overwrite_a=True)
    half, _ = lapack.spotri(factor, lower=True, overwrite_c=True)
    lower = np.tril(half)
    return np.ascontiguousarray(lower + np.tril(lower, -1).T)
