"""The exact half-step of alternating least squares: one side's rows, given the other side's factors.

Every model here is a sum of squares over pairs of one row x and one row v of the other side, so each x solves

    (w₀ VᵀV + Σ w v vᵀ + λ I) x = Σ (w₀ + w) t v,

summed over x's observations: ``w`` is an observation's weight beyond that of an unobserved pair (``w₀``), and ``t`` is
its target; an unobserved pair's target is 0. With w₀ = 0 that is explicit ALS, with w₀ = 1 implicit ALS. Rows do not
depend on each other, so any split of them over threads, tasks or machines gives the same numbers.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numba import float32, float64, int32, int64, void
from numba.core.types import Array
from numpy.typing import NDArray

from engine.learning.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

CHUNK = 256
"""Observations are gathered this many at a time: with rank 64 they stay in the first-level cache."""

LEAST_WEIGHT = 1e-8
"""Replaces a weight of 0, because the square root is a divisor."""

PIECES_A_THREAD = 8
"""Each thread gets several pieces, so that nobody waits for one thread with all the long rows."""


@dataclass(frozen=True, slots=True)
class Observations:
    """The observations of each row of one side, in compressed rows: those of row i are at ``starts[i]:starts[i + 1]``.

    ``starts`` int64 (n_rows + 1,); ``columns`` int32 (n,), rows of the other side; ``weights`` and ``targets`` float32
    (n,), the weights at least 0; ``ridge`` float64 (n_rows,), each row's λ, more than 0.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    weights: Floats
    targets: Floats
    ridge: Doubles

    def __len__(self) -> int:
        return len(self.ridge)


@dataclass(frozen=True, slots=True)
class FixedSide:
    """The side that is held fixed, rotated so that VᵀV is diagonal. Every row of the other side is solved from it.

    ``factors`` float32 (n, rank) are V·turn, ``squares`` float64 (rank,) the diagonal, ``turn`` float64 (rank, rank)
    orthogonal.
    """

    factors: Floats
    squares: Doubles
    turn: Doubles

    @classmethod
    def of(cls, factors: Floats) -> "FixedSide":
        squares, turn = np.linalg.eigh(gram(factors))
        return cls((factors @ turn.astype(np.float32)), np.maximum(squares, 0), turn)

    def solve(
        self, side: Observations, *, unobserved: float, prior: NDArray[Any] | None = None, threads: int = 1
    ) -> Floats:
        """Return the rows of ``side``, float32 (n_rows, rank), as ``half_step`` does."""
        turned = np.zeros((len(side), self.factors.shape[1]), np.float32)
        toward = np.zeros(len(self.turn)) if prior is None else prior.astype(np.float64) @ self.turn

        def piece(first: int, last: int) -> None:
            _solve(
                side.starts, side.columns, side.weights, side.targets, side.ridge,
                self.factors, self.squares, toward, unobserved, first, last, turned,
            )  # fmt: skip

        if threads == 1:
            piece(0, len(side))
        else:
            with ThreadPoolExecutor(threads) as pool:  # the kernel runs without Python's lock
                list(pool.map(piece, *zip(*pairwise(_cuts(side.starts, threads * PIECES_A_THREAD)), strict=True)))
        return turned @ self.turn.T.astype(np.float32)


def half_step(
    side: Observations, factors: Floats, *, unobserved: float, prior: NDArray[Any] | None = None, threads: int = 1
) -> Floats:
    """Return one side's rows, exactly, given the other side's.

    Args:
        side: the observations of the rows to solve.
        factors: the other side, float32 (n, rank).
        unobserved: w₀, the weight of every pair; 0 if only observed pairs count.
        prior: the row that rows are drawn to, shape (rank,); by default 0.
        threads: number of threads; the result does not depend on it.

    Source:
        Hu, Koren, Volinsky 2008; Zhou et al. 2008; Spark's ALS.scala, ``computeFactors``, with which
        tests/spark/test_placement.py compares it.
    """
    return FixedSide.of(factors).solve(side, unobserved=unobserved, prior=prior, threads=threads)


def gram(factors: Floats) -> Doubles:
    """Return VᵀV, summed in float64."""
    total = np.zeros((factors.shape[1],) * 2)
    for at in range(0, len(factors), 4096):
        rows = factors[at : at + 4096].astype(np.float64)
        total += rows.T @ rows
    return total


def _cuts(starts: NDArray[np.int64], pieces: int) -> list[int]:
    """Return bounds that split the rows into stretches with about equally many observations."""
    wanted = np.linspace(0, starts[-1], pieces + 1)[1:-1]
    return [0, *np.unique(np.searchsorted(starts, wanted)).tolist(), len(starts) - 1]


@compiled(void(float64[:, ::1], int64))
def _solve_triangular(system: Any, size: int) -> None:
    """Solve a positive definite system in place. The upper half of its matrix stands in the first ``size`` columns, its
    right side in the column after them; that column becomes the solution."""
    for k in range(size):  # Cholesky, UᵀU. The right side is one more column and becomes U⁻ᵀb.
        j = 0
        while j + 4 <= k:  # four rows at a time: row k is read and written once for them
            u0, u1, u2, u3 = system[j, k], system[j + 1, k], system[j + 2, k], system[j + 3, k]
            for b in range(k, size + 1):
                system[k, b] -= (
                    u0 * system[j, b] + u1 * system[j + 1, b] + u2 * system[j + 2, b] + u3 * system[j + 3, b]
                )
            j += 4
        while j < k:
            u0 = system[j, k]
            for b in range(k, size + 1):
                system[k, b] -= u0 * system[j, b]
            j += 1
        scale = 1 / np.sqrt(system[k, k])
        for b in range(k, size + 1):
            system[k, b] *= scale
    for k in range(size - 1, -1, -1):
        x = system[k, size]
        for b in range(k + 1, size):
            x -= system[k, b] * system[b, size]
        system[k, size] = x / system[k, k]


def _given(kind: Any, dimensions: int = 1) -> Any:
    """Return the type of an array that is only read. The array may be read-only memory that another process sent."""
    return Array(kind, dimensions, "C", readonly=True)


@compiled(
    void(
        _given(int64), _given(int32), _given(float32), _given(float32), _given(float64),
        _given(float32, 2), _given(float64), _given(float64), float64, int64, int64, float32[:, ::1],
    )
)  # fmt: skip
def _solve(
    starts: Any, columns: Any, weights: Any, targets: Any, ridge: Any,
    factors: Any, squares: Any, prior: Any, unobserved: float, first: int, last: int, out: Any,
) -> None:  # fmt: skip
    """Solve rows ``first`` to ``last`` into ``out``.

    With Δ = w₀ VᵀV + λI, which is diagonal here, and S = √w: a row with many observations solves (Δ + Vᵀ S² V) x = Vᵀ b
    + λ·prior as it stands. A row with few observations solves only as many equations as it has observations: by
    Woodbury's identity it is x = q + Δ⁻¹ Vᵀ S p, where q = Δ⁻¹ λ·prior and (I + S V Δ⁻¹ Vᵀ S) p = S⁻¹ b − S V q.
    Products are float32; sums over chunks, and solutions, are float64.
    """
    rank = factors.shape[1]
    few = 2 * rank // 3  # here both ways take equally long, as measured
    block = np.empty(max(CHUNK, few) * rank, np.float32)
    product = np.empty(rank * rank, np.float32)
    system = np.empty((rank, rank + 1))
    system_of_few = np.empty(few * (few + 1))
    diagonal, inverse_root, base, right_side = np.empty(rank), np.empty(rank), np.empty(rank), np.empty(rank)
    for row in range(first, last):
        start, n = starts[row], starts[row + 1] - starts[row]
        for a in range(rank):
            diagonal[a] = unobserved * squares[a] + ridge[row]
            inverse_root[a] = 1 / np.sqrt(diagonal[a])
            base[a] = ridge[row] * prior[a] * inverse_root[a]
        if n <= few:
            dual = system_of_few[: n * (n + 1)].reshape((n, n + 1))
            few_block = block[: n * rank].reshape((n, rank))
            for j in range(n):
                column = columns[start + j]
                root = np.sqrt(max(weights[start + j], LEAST_WEIGHT))
                right = (unobserved + weights[start + j]) * targets[start + j] / root
                for a in range(rank):
                    few_block[j, a] = root * factors[column, a] * inverse_root[a]
                    right -= few_block[j, a] * base[a]
                dual[j, n] = right
            few_product = product[: n * n].reshape((n, n))
            np.dot(few_block, few_block.T, few_product)
            for j in range(n):
                for i in range(j, n):
                    dual[j, i] = few_product[j, i]
                dual[j, j] += 1
            _solve_triangular(dual, n)
            for j in range(n):
                for a in range(rank):
                    base[a] += few_block[j, a] * dual[j, n]
            for a in range(rank):
                out[row, a] = base[a] * inverse_root[a]
        else:
            system[:] = 0
            for a in range(rank):
                system[a, a] = diagonal[a]
                right_side[a] = ridge[row] * prior[a]
            for at in range(start, start + n, CHUNK):
                size = min(CHUNK, start + n - at)
                many_block = block[: size * rank].reshape((size, rank))
                for j in range(size):
                    column = columns[at + j]
                    root = np.sqrt(weights[at + j])
                    right = (unobserved + weights[at + j]) * targets[at + j]
                    for a in range(rank):
                        many_block[j, a] = root * factors[column, a]
                        right_side[a] += right * factors[column, a]
                many_product = product.reshape((rank, rank))
                np.dot(many_block.T, many_block, many_product)
                for a in range(rank):
                    for b in range(a, rank):
                        system[a, b] += many_product[a, b]
            for a in range(rank):
                system[a, rank] = right_side[a]
            _solve_triangular(system, rank)
            for a in range(rank):
                out[row, a] = system[a, rank]
