"""What should a newcomer be asked? Five answers by three policies, judged by the picks that follow.

    python -m benchmarks.quality.newcomer [--data demo|PATH] [--answers 5] [--questions 40]

A fifth of the people are kept from training. One half of what each of them rated, drawn at random, is what they can
answer about; every other film is "haven't seen it". A policy asks until they have answered so many, or have heard so
many questions; then their picks are judged on the other half. No film of the first half can be picked, asked about or
not: so all policies are judged on the same films, and none has an advantage from not asking about favourites. All
policies meet the same people and the same model.
"""

import argparse
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from engine import datasets
from engine.judging.evaluation import RELEVANT_STARS, ranking
from engine.judging.gate import bootstrap
from engine.learning.training import SEED, train
from engine.serving.factors import Hyperparameters, Model
from engine.settings import EngineSettings
from engine.spark.session import spark_session
from engine.store import Store
from engine.store.migrate import migrate

Policy = Callable[[Model, dict[int, float], list[int], np.ndarray, int], int | None]


def information(model: Model, answers: dict[int, float], asked: list[int], familiarity: np.ndarray, seed: int) -> int:
    profile = model.profile(answers)
    return model.next_question(profile, asked=asked, familiarity=familiarity, seed=seed)


def popular(model: Model, answers: dict[int, float], asked: list[int], familiarity: np.ndarray, seed: int) -> int:
    left = familiarity.copy()
    left[model.rows(asked)] = -1
    return int(model.movie_ids[np.argmax(left)])


def random(model: Model, answers: dict[int, float], asked: list[int], familiarity: np.ndarray, seed: int) -> int:
    # Even the random policy does not ask about films that nobody has seen.
    known = np.flatnonzero(familiarity > np.quantile(familiarity, 0.9))
    left = np.setdiff1d(model.movie_ids[known], asked)
    return int(np.random.default_rng(seed).choice(left))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="demo")
    parser.add_argument("--answers", type=int, default=5)
    parser.add_argument("--questions", type=int, default=40)
    asked = parser.parse_args()
    model, familiarity, newcomers = prepare(asked.data)
    print(f"{len(newcomers)} people who were kept from training, at most {asked.questions} questions each")
    for policy in (information, popular, random):
        judged = [
            simulate(policy, model, familiarity, rated, asked.answers, asked.questions, seed=user)
            for user, rated in newcomers.items()
        ]
        scores, answers, questions = zip(*judged, strict=True)
        interval = bootstrap(np.array(scores))
        print(
            f"{policy.__name__:12} nDCG@10 {interval.mean:.3f} ({interval.low:.3f} to {interval.high:.3f}), "
            f"{np.mean(answers):.1f} answers to {np.mean(questions):.1f} questions"
        )


def prepare(source: str) -> tuple[Model, np.ndarray, dict[int, dict[int, float]]]:
    """Train on four fifths of the people; return the model, each film's familiarity, and the others' ratings."""
    with tempfile.TemporaryDirectory() as home:
        settings = EngineSettings(home=Path(home), dataset=source, database_url=None)
        store = Store(f"sqlite:///{home}/newcomer.db")
        migrate(store)
        loaded = datasets.load(source, store, settings.folder, settings.home / "downloads", now=datetime.now(UTC))
        with spark_session(settings, log=Path(home) / "spark.log") as spark:
            ratings = spark.read.parquet(str(loaded.ratings.absolute())).select("user_id", "movie_id", "stars")
            new = F.pmod(F.xxhash64("user_id", F.lit(SEED)), F.lit(5)) == 0
            known = ratings.where(~new).repartition("user_id").cache()
            films = store.films()
            trained = train(spark, known, Hyperparameters(), films=films, seed=SEED, progress=lambda done, detail: None)
            model = trained.model()
            counts = known.groupBy("movie_id").count().toPandas()
            people = ratings.where(new).toPandas()
            users = trained.users.count()
    familiarity = np.zeros(len(model.movie_ids), np.float32)
    familiarity[np.searchsorted(model.movie_ids, counts["movie_id"])] = counts["count"] / users
    return model, familiarity, {int(user): _stars(rows) for user, rows in people.groupby("user_id")}


def _stars(rows: pd.DataFrame) -> dict[int, float]:
    return {int(film): float(stars) for film, stars in zip(rows["movie_id"], rows["stars"], strict=True)}


def simulate(
    policy: Policy,
    model: Model,
    familiarity: np.ndarray,
    rated: dict[int, float],
    answers: int,
    questions: int,
    *,
    seed: int,
) -> tuple[float, int, int]:
    """Ask one person, then judge their picks. Returns nDCG@10 on the half of their films that they cannot answer about,
    how many questions they answered, and how many they were asked."""
    given: dict[int, float] = {}
    asked: list[int] = []
    films = np.random.default_rng(seed).permutation(sorted(rated)).tolist()
    known, kept = set(films[: len(films) // 2]), films[len(films) // 2 :]
    while len(given) < answers and len(asked) < questions:
        film = policy(model, given, asked, familiarity, seed + len(asked))
        if film is None:
            break
        asked.append(film)
        if film in known:
            given[film] = rated[film]
    relevant = {film for film in kept if rated[film] >= RELEVANT_STARS}
    if not relevant:
        return 0.0, len(given), len(asked)
    picks = model.best(model.profile(given), limit=10, hidden=known)
    hits = np.array([pick.movie_id in relevant for pick in picks])
    return ranking(hits, len(relevant))["ndcg"], len(given), len(asked)


if __name__ == "__main__":
    main()
