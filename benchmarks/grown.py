"""A real set of ratings, grown to any size with its long tail.

Source: Belletti et al. 2019, "Scalable Realistic Recommendation Datasets through Fractal Expansions": the Kronecker
product of a small matrix, the set itself in miniature, with the set, thinned at random. An active person is active in
every copy, and popular films have popular copies, so people, films and their counts keep their distributions.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Rated = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
"""Numbers of people and of films, from 0, and stars; each (n,)."""

SIZES = {0.1: (1, 1), 1.0: (10, 2), 20.0: (226, 3)}
"""Number of copies of people and of films, by millions of ratings. From ml-latest-small, 20 million have 138,000 people
and 29,000 films."""


def read(folder: Path) -> Rated:
    """Read a set in MovieLens' layout."""
    table = pd.read_csv(folder / "ratings.csv")
    users, films = (np.unique(table[name], return_inverse=True)[1].astype(np.int32) for name in ("userId", "movieId"))
    return users, films, table["rating"].to_numpy(np.float32)


def miniature(users: NDArray[np.int32], films: NDArray[np.int32], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the density of ratings among classes of people × classes of films; a class is a stretch of the order by
    count."""
    cells = np.zeros(shape)
    at = []
    for rows, classes in zip((users, films), shape, strict=True):
        count = np.bincount(rows)
        place = np.empty(len(count), np.intp)
        place[np.argsort(-count, kind="stable")] = np.arange(len(count)) * classes // len(count)
        at.append(place[rows])
    np.add.at(cells, tuple(at), 1.0)
    return cells / cells.max()


def grow(rated: Rated, ratings: int, *, people: int, films: int, seed: int = 0) -> Rated:
    """Return a set with about so many ratings and the given multiples of people and films.

    Raises:
        ValueError: there are more ratings than pairs.
    """
    users, titles, stars = rated
    if ratings > people * films * len(users):
        raise ValueError(f"{people} x {films} copies of {len(users):,} ratings hold no {ratings:,}")
    rng = np.random.default_rng(seed)
    cells = miniature(users, titles, (people, films))
    low, high = 0.0, 1e9
    for _ in range(80):  # the factor that keeps the wanted number of ratings
        factor = (low + high) / 2
        enough = np.minimum(cells * factor, 1).sum() * len(users) >= ratings
        low, high = (low, factor) if enough else (factor, high)
    kept: list[Rated] = []
    for (copy, shelf), share in np.ndenumerate(np.minimum(cells * high, 1)):
        stays = rng.random(len(users)) < share
        person, film = copy * (int(users.max()) + 1), shelf * (int(titles.max()) + 1)
        kept.append((users[stays] + np.int32(person), titles[stays] + np.int32(film), stars[stays]))
    grown = tuple(np.concatenate(parts) for parts in zip(*kept, strict=True))
    return grown[0].astype(np.int32), grown[1].astype(np.int32), grown[2].astype(np.float32)
