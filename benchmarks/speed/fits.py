"""How long does a fit take, beside Spark MLlib's?

    python -m benchmarks.speed.fits [--data PATH] [--millions 0.1 1 20] [--iterations 15]

Both sides fit the same objectives on the same cached ratings, in one Spark session: preference (rank 64, MLlib's signed
objective) and stars (rank 50). The ratings are a real set, MovieLens if it is given, grown with its long tail
(benchmarks/grown.py). Above 5 million ratings only the preference model is timed: at 20 million MLlib takes ten minutes
for it. Seconds include bringing the ratings to where they are fitted.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
from pyspark.sql import DataFrame

from benchmarks.grown import SIZES, grow, read
from engine.learning import mllib
from engine.learning.training import LARGEST_TASK, Placement, fit
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters
from engine.settings import EngineSettings
from engine.spark.session import spark_session

PREFERENCE = PreferenceHyperparameters(
    "signed", rank=64, reg=0.2, neutral=2.9, nu_users=1.0, nu_items=1.0, alpha=1.0, scale=1.0, pseudo=0.0, pull=0.0
)
STARS = RatingHyperparameters(rank=50, reg=0.15, nu_users=1.0, nu_items=1.0, pseudo=0.0)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"  ... {seconds:.1f} s", file=sys.stderr, flush=True)
    return seconds


def warm_up(values: DataFrame) -> None:
    """Pay the starts that happen once a session: kernels from their cache, Python workers, Java's compiler."""
    values = values.limit(100_000)
    fit(values, Hyperparameters(PREFERENCE, STARS), seed=1, placement=Placement.WHOLE)
    mllib.fit_als(values, rank=8, reg=0.15, iterations=2, seed=1).userFactors.count()


def compare(values: DataFrame, ratings: int, iterations: int) -> None:
    """Print the seconds of the preference model, and of both models if there are few ratings; ours and MLlib's."""
    few = ratings <= LARGEST_TASK
    placement = Placement.WHOLE if few else Placement.BLOCKS
    print(f"{ratings:,} ratings, {iterations} iterations, {placement.value}", flush=True)
    preference, stars = replace(PREFERENCE, iterations=iterations), replace(STARS, iterations=iterations)
    strengths = mllib.signed_strengths(values, preference).cache()
    strengths.count()
    ours = timed(lambda: fit(values, Hyperparameters(preference, None), seed=1, placement=placement))
    theirs = timed(
        lambda: mllib.fit_als(strengths, rank=64, reg=0.2, alpha=1.0, iterations=iterations, seed=1).userFactors.count()
    )
    strengths.unpersist()
    report("preference", ours, theirs)
    if few:
        ours = timed(lambda: fit(values, Hyperparameters(preference, stars), seed=1, placement=placement))
        theirs += timed(
            lambda: mllib.fit_als(values, rank=50, reg=0.15, iterations=iterations, seed=1).userFactors.count()
        )
        report("both", ours, theirs)


def report(models: str, ours: float, mllibs: float) -> None:
    print(f"  {models:10} {ours:7.1f} s   MLlib {mllibs:7.1f} s   {mllibs / ours:4.1f} times", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("MATINEE_TEST_DATA")
    parser.add_argument("--data", type=Path, default=Path(shared) / "ml-latest-small" if shared else None)
    parser.add_argument("--millions", type=float, nargs="+", default=[0.1, 1.0, 20.0], choices=SIZES)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--memory", default="8g", help="Spark's; 20 million ratings want 8g")
    asked = parser.parse_args()
    if asked.data is None:
        print("skipped: MATINEE_TEST_DATA names no folder with ml-latest-small in it")
        return
    rated = read(asked.data)
    with tempfile.TemporaryDirectory() as home:
        settings = EngineSettings(home=Path(home), database_url=None, spark_memory=asked.memory)
        with spark_session(settings, log=Path(home) / "spark.log") as spark:
            for millions in asked.millions:
                people, films = SIZES[millions]
                wanted = min(int(millions * 1e6), people * films * len(rated[0]))
                grown = grow(rated, wanted, people=people, films=films)
                file = Path(home) / "grown.parquet"
                parquet.write_table(pa.table(dict(zip(("user_id", "movie_id", "value"), grown, strict=True))), file)
                parts = max(os.cpu_count() or 2, len(grown[0]) // 1_000_000)
                values = spark.read.parquet(str(file)).repartition(parts, "user_id").cache()
                count = values.count()
                if millions == min(asked.millions):
                    warm_up(values)
                compare(values, count, asked.iterations)
                values.unpersist()


if __name__ == "__main__":
    main()
