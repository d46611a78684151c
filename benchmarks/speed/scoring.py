"""How long does everybody's top ten take, and what does leaving out seen films cost?

    python -m benchmarks.speed.scoring [--users 138000] [--films 27000] [--rank 64] [--filtered]

One run, one machine, the size of ml-20m: Spark's own ``recommendForAllUsers`` (which leaves nothing out), the raw
native kernel on numpy arrays (no Spark), and ours, which leaves out what each person has seen. With ``--filtered``
also the same answer got from Spark: ask for ten plus the most that anybody has seen, then filter (slow).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import FactorRows
from engine.learning import scoring
from engine.serving.factors import Model
from engine.settings import EngineSettings
from engine.spark.session import spark_session

SEEN_MEAN, SEEN_MOST = 145, 1_000
RATING_RANK = 50
LIMIT = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=138_000)
    parser.add_argument("--films", type=int, default=27_000)
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--filtered", action="store_true", help="also the seen-free answer from Spark's own (slow)")
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    people = rng.normal(size=(asked.users, asked.rank)).astype(np.float32)
    films = rng.normal(size=(asked.films, asked.rank)).astype(np.float32)
    lengths = np.clip(rng.lognormal(np.log(SEEN_MEAN) - 0.5, 1.0, asked.users), 1, SEEN_MOST).astype(int)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    seen = rng.integers(0, asked.films, starts[-1]).astype(np.int32)

    with tempfile.TemporaryDirectory() as home:
        settings = EngineSettings(home=Path(home), spark_memory="6g")
        with spark_session(settings, log=Path(home) / "spark.log") as spark:
            save = _Saver(spark, Path(home))
            ids = np.arange(asked.users, dtype=np.int32)
            histories = save({"user_id": ids, "seen": [seen[a:b] for a, b in pairwise(starts)]}, "seen array<int>")
            als = _als_model(spark, save, people, films)
            both = {rank: (_users(save, people, rank), _model(films, rank)) for rank in (1, RATING_RANK)}
            cases: dict[str, Callable[[], object]] = {
                "recommendForAllUsers, nothing left out": lambda: _count(als.recommendForAllUsers(LIMIT)),
                "raw kernel, seen left out, no Spark": lambda: _kernel(people, films, seen, starts),
                "ours, seen left out": lambda: _ours(*both[1], histories),
                "ours, seen left out, both models": lambda: _ours(*both[RATING_RANK], histories),
            }
            if asked.filtered:
                cases["recommendForAllUsers, then filtered"] = lambda: _filtered(als, histories, int(lengths.max()))
            _report(cases, asked.repeat)


def _report(cases: dict[str, Callable[[], object]], repeat: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeat):
        for name, run in cases.items():
            if seconds[name] and "filtered" in name:
                continue
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    best = {name: min(taken) for name, taken in seconds.items()}
    ours = best["ours, seen left out"]
    for name, taken in best.items():
        print(f"{name:42} {taken:7.1f} s   {taken / ours:5.2f} × ours")


class _Saver:
    """Puts columns into Parquet and hands them back cached, so that no case pays for their making."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.number = spark, folder, 0

    def __call__(self, columns: dict[str, object], schema: str) -> DataFrame:
        self.number += 1
        path = str(self.folder / str(self.number))
        key = next(iter(columns))
        frame = self.spark.createDataFrame(pd.DataFrame(columns), f"{key} int, {schema}")
        frame.repartition(2, key).write.parquet(path)
        saved = self.spark.read.parquet(path).cache()
        saved.count()
        return saved


def _users(save: _Saver, people: np.ndarray, rating_rank: int) -> DataFrame:
    ids = np.arange(len(people), dtype=np.int32)
    rating = np.random.default_rng(1).normal(size=(len(ids), rating_rank)).astype(np.float32)
    columns = {"user_id": ids, "preference": list(people), "rating": list(rating), "bias": np.zeros(len(ids), "f4")}
    return save(columns, "preference array<float>, rating array<float>, bias float")


def _model(films: np.ndarray, rating_rank: int) -> Model:
    ids = np.arange(len(films), dtype=np.int32)
    rating = np.random.default_rng(2).normal(size=(len(ids), rating_rank)).astype(np.float32)
    rank = films.shape[1]
    parameters = {"preference": {"rank": rank}, "rating": {"rank": rating_rank}, "blend": 0.2, "mean_stars": 3.5}
    return Model.assemble(
        FactorRows(ids, films, rating, np.zeros(len(ids), np.float32)), parameters | {"average_taste": [0.0] * rank}
    )


def _als_model(spark: SparkSession, save: _Saver, people: np.ndarray, films: np.ndarray) -> ALSModel:
    sides = [
        save({"id": np.arange(len(rows), dtype=np.int32), "features": list(rows)}, "features array<float>")
        for rows in (people, films)
    ]
    java = spark.sparkContext._jvm.org.apache.spark.ml.recommendation.ALSModel(
        "benchmark", people.shape[1], sides[0]._jdf, sides[1]._jdf
    )
    java.setUserCol("user_id").setItemCol("movie_id")
    return ALSModel(java)


def _ours(users: DataFrame, model: Model, histories: DataFrame) -> None:
    _count(scoring.recommend(users, histories, model, limit=LIMIT))


def _count(lists: DataFrame) -> None:
    lists.write.format("noop").mode("overwrite").save()


def _kernel(people: np.ndarray, films: np.ndarray, seen: np.ndarray, starts: np.ndarray) -> None:
    from implicit.cpu.topk import topk
    from scipy.sparse import csr_matrix

    mask = csr_matrix((np.ones(len(seen), np.float32), seen, starts), shape=(len(people), len(films)))
    for start in range(0, len(people), 4096):
        topk(films, people[start : start + 4096], LIMIT, filter_query_items=mask[start : start + 4096], num_threads=2)


def _filtered(als: ALSModel, histories: DataFrame, most: int) -> None:
    lists = als.recommendForAllUsers(LIMIT + most)
    picks = lists.select("user_id", F.explode("recommendations.movie_id").alias("film")).join(
        histories.select("user_id", F.explode("seen").alias("film")), ["user_id", "film"], "left_anti"
    )
    _count(picks)


if __name__ == "__main__":
    main()
