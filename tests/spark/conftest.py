"""One Spark session for all tests here, and a tiny world in which the right answer is known."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from engine.settings import EngineSettings
from engine.spark.session import spark_session

GENRES = 4
FILMS_PER_GENRE = 25
WATCHERS_PER_GENRE = 30


def genre_of(movie_id: int) -> int:
    """Films 0, 4, 8 … are of genre 0, films 1, 5, 9 … of genre 1, and so on."""
    return movie_id % GENRES


def tiny_world(seed: int = 0) -> list[tuple[int, int, float]]:
    """Return (user, film, stars): watcher u loves the films of genre u mod 4 and dislikes the few others they saw."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(GENRES * WATCHERS_PER_GENRE):
        loved = user % GENRES
        of_genre = [film for film in range(GENRES * FILMS_PER_GENRE) if genre_of(film) == loved]
        others = [film for film in range(GENRES * FILMS_PER_GENRE) if genre_of(film) != loved]
        rows += [(user, int(film), float(rng.choice([4.0, 4.5, 5.0]))) for film in rng.choice(of_genre, 14, False)]
        rows += [(user, int(film), float(rng.choice([0.5, 1.0, 2.0, 3.0]))) for film in rng.choice(others, 6, False)]
    return rows


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    with TemporaryDirectory() as folder:  # pytest's own have paths that are too long for sockets
        home = Path(folder)
        with spark_session(EngineSettings(home=home, spark_master="local[2]"), log=home / "spark.log") as session:
            yield session


@pytest.fixture(scope="session")
def ratings(spark: SparkSession) -> DataFrame:
    """The tiny world as user_id, movie_id, stars."""
    return spark.createDataFrame(tiny_world(), "user_id int, movie_id int, stars float").repartition("user_id").cache()
