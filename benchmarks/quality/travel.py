"""How good is our model on other kinds of data? It should be first or level in each world made from three real data
sets.

    python -m benchmarks.quality.travel --data FOLDER [--worlds "as it is,yes/no"] [--search SECONDS] [--output FILE]

FOLDER holds ml-latest-small, movietweetings-100k and audioscrobbler-2005-small. In each world the settings of ours
are looked for on the training side as a first training looks for them, plain ALS gets its best reg and EASE its best λ
there too, and all are measured on the same test side. Prints tables in Markdown. Exits with 1
where a rival is ahead beyond chance.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from engine.datasets import load
from engine.domain import Feedback, Film
from engine.judging import evaluation
from engine.judging.comparison import Comparison, StandInStore, compare
from engine.judging.gate import Interval
from engine.judging.tuning import default_hyperparameters, settle
from engine.learning.training import SEED
from engine.progress import nothing
from engine.settings import EngineSettings
from engine.spark.session import spark_session
from engine.store import Store
from engine.store.migrate import migrate

RIVALS = ("popularity", "plain_als", "signed_als", "ease", "ease_stars")

World = Callable[[DataFrame], DataFrame]


def yes_or_no(ratings: DataFrame) -> DataFrame:
    """Only likes: a rating of 4 stars or more becomes a play count of 1."""
    return ratings.where("stars >= 4").select("user_id", "movie_id", F.lit(1.0).cast("float").alias("plays"))


def every_nth_person(n: int) -> World:
    return lambda ratings: ratings.where(F.col("user_id") % n == 0)


def last_ten(ratings: DataFrame) -> DataFrame:
    """Everybody's last ten ratings."""
    latest = Window.partitionBy("user_id").orderBy(F.desc("rated_at"), F.desc("movie_id"))
    return ratings.withColumn("place", F.row_number().over(latest)).where("place <= 10").drop("place")


def a_quarter(ratings: DataFrame) -> DataFrame:
    return ratings.where(F.pmod(F.xxhash64("user_id", "movie_id", F.lit(SEED + 7)), F.lit(4)) == 0)


def known_films(ratings: DataFrame) -> DataFrame:
    """Films with 20 ratings and more."""
    count = F.count("*").over(Window.partitionBy("movie_id"))
    return ratings.withColumn("count", count).where("count >= 20").drop("count")


def ones(ratings: DataFrame) -> DataFrame:
    return ratings.select("user_id", "movie_id", F.lit(1.0).cast("float").alias("plays"))


def as_it_is(ratings: DataFrame) -> DataFrame:
    return ratings


WORLDS: dict[str, dict[str, World]] = {
    "ml-latest-small": {
        "as it is": as_it_is,
        "yes/no": yes_or_no,
        "every second person": every_nth_person(2),
        "every tenth person": every_nth_person(10),
        "last ten ratings": last_ten,
        "a quarter": a_quarter,
        "films with 20": known_films,
    },
    "movietweetings-100k": {
        "as it is": as_it_is,
        "yes/no": yes_or_no,
        "every tenth person": every_nth_person(10),
        "films with 20": known_films,
    },
    "audioscrobbler-2005-small": {"as it is": as_it_is, "ones": ones},
}


@dataclass(frozen=True)
class Row:
    """The results in one world."""

    dataset: str
    world: str
    people: int
    films: int
    ratings: int
    seconds: float
    found: Comparison

    def lists(self) -> list[str]:
        """Return nDCG@10 of each model, ours with its interval, and the difference between ours and the best of the
        others."""
        ours = self.found.intervals["matinee"].get("ndcg_at_10")
        rivals = [_figure(self.found.models[name]["ndcg_at_10"]) for name in RIVALS]
        name, lead = self.closest(self.found.lead)
        return [*rivals, f"**{_figure(ours and ours.mean)}** {_span(ours)}", f"{name} {_signed(lead)}", _verdict(lead)]

    def stars(self) -> list[str] | None:
        """Return RMSE of known films and people, and the difference between the best of the others and ours."""
        if not self.found.rmse_lead:
            return None
        figures = [_figure(self.found.models[name]["rmse_warm"]) for name in ("biases", "plain_als")]
        ours, plain = (self.found.models[name]["rmse_warm"] or 0.0 for name in ("matinee", "plain_als"))
        name, lead = self.closest(self.found.rmse_lead)
        share = f"{ours / plain:.3f}" if plain else "–"
        return [*figures, f"**{ours:.3f}**", share, f"{name} {_signed(lead)}", _verdict(lead)]

    @staticmethod
    def closest(leads: dict[str, Interval]) -> tuple[str, Interval]:
        return min(leads.items(), key=lambda one: one[1].mean)

    @property
    def lost(self) -> bool:
        return any(lead.high < 0 for lead in (*self.found.lead.values(), *self.found.rmse_lead.values()))


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _span(of: Interval | None) -> str:
    return "" if of is None else f"({of.low:.3f} to {of.high:.3f})"


def _signed(lead: Interval) -> str:
    return f"{lead.mean:+.3f} ({lead.low:+.3f} to {lead.high:+.3f})"


def _verdict(lead: Interval) -> str:
    return "first" if lead.low > 0 else "behind" if lead.high < 0 else "level"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder with the three data sets")
    parser.add_argument("--worlds", default="", help="only these, by name")
    parser.add_argument("--sets", default="", help="only these data sets")
    parser.add_argument("--search", type=float, default=60, help="seconds that a search may take")
    parser.add_argument("--output", type=Path, help="write the tables there too")
    asked = parser.parse_args()
    if asked.data is None:
        print("skipped: --data names the folder with the three data sets")
        return 0
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as home:
        settings = EngineSettings(home=Path(home), dataset="travel", database_url=None)
        with spark_session(settings, log=Path(home) / "spark.log") as spark:
            for dataset, worlds in WORLDS.items():
                if asked.sets and dataset not in asked.sets.split(","):
                    continue
                wanted = {name: make for name, make in worlds.items() if not asked.worlds or name in asked.worlds}
                for row in worlds_measured(spark, asked.data / dataset, wanted, Path(home), asked.search):
                    rows.append(row)
                    print(f"{row.dataset}, {row.world}: {' · '.join(row.lists())}", file=sys.stderr, flush=True)
                    if asked.output:
                        asked.output.write_text("\n".join(tables(rows)) + "\n", encoding="utf-8")
    print("\n".join(tables(rows)))
    return int(any(row.lost for row in rows))


def worlds_measured(
    spark: SparkSession, source: Path, worlds: dict[str, World], home: Path, search_seconds: float
) -> Iterator[Row]:
    """Measure one data set's worlds, one after the other."""
    held, now = StandInStore(), datetime.now(UTC)
    report = load(str(source), held, home / source.name, home, feedback=None, now=now, progress=nothing)
    ratings = spark.read.parquet(str(report.ratings.absolute())).cache()
    for name, make in worlds.items():
        world = make(ratings).repartition("user_id").cache()
        sizes = world.agg(F.countDistinct("user_id"), F.countDistinct("movie_id"), F.count("*")).collect()[0]
        store = Store(f"sqlite:///{home}/{source.name}-{len(name)}-{time.monotonic_ns()}.db")
        migrate(store)
        yield _row(spark, source.name, name, world, tuple(sizes), held.films, store, search_seconds)
        store.close()
        world.unpersist()
    ratings.unpersist()


def _row(
    spark: SparkSession,
    dataset: str,
    name: str,
    world: DataFrame,
    sizes: tuple[int, int, int],
    films: list[Film],
    store: Store,
    search_seconds: float,
) -> Row:
    training_side, test_side = (side.cache() for side in evaluation.split(world, seed=SEED))
    start = time.monotonic()
    chosen = settle(
        spark,
        training_side,
        default_hyperparameters(Feedback.STARS if "stars" in world.columns else Feedback.COUNTS),
        films=films,
        store=store,
        key="travel",
        first=True,
        budget_seconds=search_seconds,
        progress=lambda done, detail: None,
        now=lambda: datetime.now(UTC),
    )
    seconds = time.monotonic() - start
    split = {"by": "random", "train_percent": 80, "seed": SEED, "dataset": f"{dataset}, {name}"}
    found = compare(spark, training_side, test_side, chosen, films=films, split=split, show=nothing)
    print("\n".join(found.lines()), chosen, sep="\n", file=sys.stderr, flush=True)
    training_side.unpersist()
    test_side.unpersist()
    return Row(dataset, name, *sizes, seconds, found)


def tables(rows: list[Row]) -> list[str]:
    """Return both tables in Markdown."""
    lines = ["nDCG@10 (more is better)", ""]
    lines += _table(
        ["world", "people × films, ratings", *RIVALS, "matinee (95 % interval)", "above the best of the others", ""],
        [[f"{row.dataset}, {row.world}", _size(row), *row.lists()] for row in rows],
    )
    stars = [(row, found) for row in rows if (found := row.stars()) is not None]
    lines += ["", "RMSE, people and films that were trained on (less is better)", ""]
    lines += _table(
        ["world", "biases", "plain_als", "matinee", "share of plain_als", "below the best of the others", ""],
        [[f"{row.dataset}, {row.world}", *found] for row, found in stars],
    )
    return lines


def _size(row: Row) -> str:
    return f"{row.people:,} × {row.films:,}, {row.ratings:,}"


def _table(head: list[str], body: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body)]


if __name__ == "__main__":
    sys.exit(main())
