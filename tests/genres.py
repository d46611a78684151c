"""A data set on disk in which everybody loves the films of one genre and dislikes the few others they saw."""

import csv
import random
from pathlib import Path

GENRES = ("Western", "Horror", "Romance", "Crime")
FILMS, PEOPLE = range(1, 101), 120


def write_films(folder: Path, *, shuffled: bool = False) -> Path:
    """Write movies.csv and ratings.csv, the same every time, and return the folder.

    Args:
        shuffled: the same stars, each given by somebody else to another film: nothing can be learned from them.
    """
    chance = random.Random(7)
    rows = []
    for user in range(PEOPLE):
        loved = [film for film in FILMS if film % 4 == user % 4]
        others = [film for film in FILMS if film % 4 != user % 4]
        rows += [(user, film, chance.choice((4.0, 4.5, 5.0))) for film in chance.sample(loved, 14)]
        rows += [(user, film, chance.choice((0.5, 1.0, 2.0, 3.0))) for film in chance.sample(others, 6)]
    if shuffled:
        stars = [star for *_, star in rows]
        chance.shuffle(stars)
        pairs = [(user, film) for user in range(PEOPLE) for film in chance.sample(FILMS, 20)]
        rows = [(*pair, star) for pair, star in zip(pairs, stars, strict=True)]
    folder.mkdir(exist_ok=True)
    with (folder / "movies.csv").open("w", newline="") as file:
        films = [(i, f"{GENRES[i % 4]} {i} ({1920 + i})", GENRES[i % 4]) for i in FILMS]
        csv.writer(file).writerows([("movieId", "title", "genres"), *films])
    with (folder / "ratings.csv").open("w", newline="") as file:
        timed = [(*row, 1_000_000_000 + number) for number, row in enumerate(rows)]
        csv.writer(file).writerows([("userId", "movieId", "rating", "timestamp"), *timed])
    return folder
