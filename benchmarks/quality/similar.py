"""How good are the similar titles, and how long do they take for a large catalogue?

    python -m benchmarks.quality.similar [--data FOLDER] [--artists FOLDER] [--films 20000] [--likes 2000000]

Quality: ``--data`` is a folder with MovieLens's ratings; its lists are held against what was judged by hand
(``tests/data/judged_similar.txt``, half of which no constant was chosen by) and against families of films.
``--artists`` is one with play counts, held against scenes of music. Time: people and likes made up in the shape of real
ones (a few films that all know, a few people who like thousands), read by Spark and listed by its executors.
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from pyspark.sql import SparkSession

from engine.datasets import load, tags_file
from engine.domain import Film
from engine.judging.comparison import StandInStore
from engine.learning.content import Tags
from engine.learning.similarity import similar_films
from engine.settings import EngineSettings
from engine.spark.session import spark_session
from tests.judged import GUIDE, HELD_BACK, Judge, of_a_scene, scenes

GENRES = ("Action", "Comedy", "Crime", "Drama", "Horror", "Romance", "Sci-Fi", "Thriller", "War", "Western")
LIMIT = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of ml-latest-small")
    parser.add_argument("--artists", type=Path, help="folder of audioscrobbler-2005-small")
    parser.add_argument("--films", type=int, default=20_000)
    parser.add_argument("--likes", type=int, default=2_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = EngineSettings(home=Path(home), spark_memory="4g")
        with spark_session(settings, log=Path(home) / "spark.log") as spark:
            if asked.data:
                films(spark, asked.data, Path(home) / "films")
            if asked.artists:
                artists(spark, asked.artists, Path(home) / "artists")
            large(spark, asked.films, asked.likes, Path(home))


def films(spark: SparkSession, source: Path, folder: Path) -> None:
    films, lists, _ = _lists(spark, source, folder)
    judge = Judge(films)
    for half in (GUIDE, HELD_BACK):
        belonging, laughable = judge.of_ten(lists, half)
        print(f"{half}: {belonging:.2f} of ten belong, {laughable} of all would be laughed at")
    print(f"families: recall at 10 {judge.family_recall(lists):.3f}")


def artists(spark: SparkSession, source: Path, folder: Path) -> None:
    films, lists, counts = _lists(spark, source, folder)
    known = [artist for artist, count in counts.items() if count >= 8]
    famous = sorted(counts, key=lambda artist: -counts[artist])[:10]
    groups = scenes(films)
    ours = of_a_scene(groups, lists, known)
    fame = of_a_scene(groups, dict.fromkeys(known, famous), known)
    print(f"artists of the same scene among ten: {ours:.2f}; among the ten with most listeners: {fame:.2f}")


def _lists(spark: SparkSession, source: Path, folder: Path) -> tuple[list[Film], dict[int, list[int]], dict[int, int]]:
    held = StandInStore()
    report = load(str(source), held, folder, folder / "downloads", now=datetime.now(UTC))
    tags = Tags.read(tags_file(folder, report.catalogue.fingerprint))
    ratings = spark.read.parquet(str(report.ratings)).cache()
    table = similar_films(spark, held.films, ratings, tags, limit=LIMIT).toPandas()
    lists = table.sort_values(["movie_id", "position"]).groupby("movie_id")["similar_movie_id"].agg(list).to_dict()
    counts = {row["movie_id"]: row["count"] for row in ratings.groupBy("movie_id").count().collect()}
    return held.films, lists, counts


def large(spark: SparkSession, n_films: int, n_likes: int, home: Path) -> None:
    """Time the lists of a large catalogue.

    The hundredth part of the films has half of the likes, as in MovieLens's large sets; people like 100 on average.
    """
    rng = np.random.default_rng(0)
    people = max(n_likes // 100, 1)
    how_many = np.clip(rng.lognormal(np.log(100) - 0.6, 1.1, people), 5, 5_000).astype(int)
    users = np.repeat(np.arange(people, dtype=np.int32), how_many)[:n_likes]
    fame = rng.lognormal(0, 2.3, n_films)
    chosen = rng.choice(n_films, len(users), p=fame / fame.sum())
    pairs = np.unique(users.astype(np.int64) * n_films + chosen)
    table = pa.table(
        {
            "user_id": (pairs // n_films).astype(np.int32),
            "movie_id": (pairs % n_films).astype(np.int32),
            "stars": np.full(len(pairs), 4.0, np.float32),
        }
    )
    parquet.write_table(table, home / "likes.parquet")
    catalogue = [
        Film(
            number,
            f"Film {number} of them",
            f"Film {number} of them",
            year=1920 + number % 100,
            genres=tuple(GENRES[i] for i in {number % 10, number // 7 % 10}),
        )
        for number in range(n_films)
    ]
    begun = time.monotonic()
    lists = similar_films(spark, catalogue, spark.read.parquet(str(home / "likes.parquet")), limit=LIMIT)
    lists.write.parquet(str(home / "similar"))
    seconds = time.monotonic() - begun
    print(f"{n_films:,} films, {len(pairs):,} likes of {people:,} people: {seconds:.0f} s for {LIMIT} a film")


if __name__ == "__main__":
    main()
