"""Compares our models with simpler recommenders, all on one split and by every metric."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.datasets import load, ratings_folder
from engine.domain import Catalogue, Feedback, Film, MatineeError
from engine.judging import evaluation
from engine.judging.gate import Interval, bootstrap, resampled_sums, spread
from engine.judging.rivals import MODELS, Field
from engine.judging.tuning import default_hyperparameters, tuned_hyperparameters
from engine.learning.training import SEED
from engine.progress import Show
from engine.serving.factors import Hyperparameters
from engine.settings import EngineSettings
from engine.spark.ingest import check_enough, loaded_catalogue, scratch_folder
from engine.spark.session import spark_session
from engine.store import Store

SplitBy = Literal["random", "time"]
METRICS = (
    "rmse_warm", "rmse_all", "mae_warm", "mse_warm",
    "ndcg_at_10", "precision_at_10", "recall_at_10", "f1_at_10", "map_at_10", "coverage_at_10", "novelty_at_10", "roem",
    "precision_at_3_stars", "recall_at_3_stars", "f1_at_3_stars", "rmse_train", "train_seconds",
)  # fmt: skip

Metrics = dict[str, float | None]


@dataclass(frozen=True)
class Comparison:
    """Every model measured on one split.

    ``models`` has each metric of ``METRICS``, or null if it does not apply: popularity and EASE predict no stars, and
    plain ALS predicts none for a film or person that it was not trained on. ``intervals`` are 95 % bootstrap intervals
    over people. ``lead`` is how far our nDCG@10 lies above each other model's, ``rmse_lead`` how far our RMSE lies
    below that of each other that predicts stars, both person by person. ``split`` names the split and counts its sides.
    ``notes`` list what was left out and why.
    """

    split: dict[str, Any]
    models: dict[str, Metrics]
    intervals: dict[str, dict[str, Interval]]
    lead: dict[str, Interval]
    rmse_lead: dict[str, Interval]
    hyperparameters: Hyperparameters
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return the comparison for JSON; intervals are [low, high]."""
        return {
            "split": self.split,
            "models": self.models,
            "intervals": {
                name: {metric: [i.low, i.high] for metric, i in found.items()} for name, found in self.intervals.items()
            },
            "ndcg_at_10_lead_of_matinee": {name: [i.mean, i.low, i.high] for name, i in self.lead.items()},
            "rmse_warm_lead_of_matinee": {name: [i.mean, i.low, i.high] for name, i in self.rmse_lead.items()},
            "hyperparameters": asdict(self.hyperparameters),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return the comparison as a text table: a line for each metric, a column for each model."""
        about = "each person's last ratings" if self.split["by"] == "time" else "a random part"
        split = self.split
        known = split["warm_ratings"]
        warm = f"; {known:,} of them of a person and a film that were trained on" if known else ""
        lines = [
            f"{split['dataset']}: {split['train_ratings']:,} ratings to train on, {split['test_ratings']:,} to test on",
            f"({about}{warm})",
            "",
            f"{'':21}" + "".join(f"{name:>12}" for name in self.models),
        ]
        for metric in METRICS:
            if all(found[metric] is None for found in self.models.values()):  # play counts have no stars
                continue
            values = [_cell(metric, found[metric]) for found in self.models.values()]
            lines.append(f"{metric:21}" + "".join(f"{value:>12}" for value in values))
            spans = [self.intervals[name].get(metric) for name in self.models]
            if metric in ("rmse_warm", "ndcg_at_10"):
                cells = ["" if span is None else f"{span.low:.3f}–{span.high:.3f}" for span in spans]
                lines.append(f"{'':21}" + "".join(f"{cell:>12}" for cell in cells))
        lines += ["", *(f"{name:10}  {what}" for name, what in MODELS.items())]
        lines += ["", "Ranges are 95 % intervals: what chance could have made of a figure, had other people come."]
        for name, gain in self.lead.items():
            lines.append(
                f"nDCG@10 above {name}'s: {gain.mean:+.4f} (95 % interval {gain.low:+.4f} to {gain.high:+.4f})"
            )
        return [*lines, *self.notes]


def _cell(metric: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if metric in ("novelty_at_10", "train_seconds") else f"{value:.4f}"


class BadPercents(MatineeError):
    """Shares of training ratings that cannot be read."""


def parse_percents(text: str) -> list[int]:
    """Read "60,70,75,80".

    Raises:
        BadPercents: a part is not a whole number from 1 to 99.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 99 for part in parts):
        raise BadPercents(f"--splits takes whole numbers from 1 to 99, as in 60,70,75,80, not {text!r}")
    return [int(part) for part in parts]


def evaluate(
    settings: EngineSettings,
    store: Store,
    *,
    dataset: str | None,
    feedback: Feedback | None = None,
    by: SplitBy,
    train_percents: Sequence[int],
    show: Show,
    now: datetime,
) -> list[Comparison]:
    """Compare the models on a data set, once for each share of training ratings. Nothing is published or recorded.

    Args:
        store: holds the loaded data set, which is measured together with the chat's ratings. It is not read if
            ``dataset`` is given.
        dataset: a name or path of a data set that is read for this comparison only.
        feedback: the kind of values in ``dataset``. None: its files decide.
        by: the test side is a random part (by a hash, so always the same one) or each person's last ratings.
        train_percents: shares between 1 and 99; each gives a comparison.

    Raises:
        MatineeError: nothing is loaded, or the data has no times to split by.
    """
    with scratch_folder(settings) as folder:
        show("ingest", 0.0, "reading ratings")
        if dataset is None:
            catalogue, source = _loaded(settings, store, folder)
            films: Sequence[Film] = store.films()
            hyperparameters = tuned_hyperparameters(store, catalogue)
        else:
            catalogue, source, films = _read(settings, dataset, feedback, folder, show, now)
            hyperparameters = default_hyperparameters(catalogue.feedback)
        show("ingest", 0.5, "starting Spark")
        with spark_session(settings, log=settings.spark_log) as spark:
            ratings = spark.read.parquet(*map(str, source)).cache()
            if by == "time" and ratings.where(F.col("rated_at").isNull()).limit(1).count():
                raise MatineeError(f"{catalogue.dataset} does not say when its ratings were given: use --split random")
            found = []
            for percent in train_percents:
                if by == "time":
                    sides = evaluation.split_by_time(ratings, percent=100 - percent)
                else:
                    sides = evaluation.split(ratings, seed=SEED, percent=100 - percent)
                # The search for hyperparameters has used all ratings outside the random test side of 20 %.
                unseen = by == "random" and percent >= 100 - evaluation.TEST_PERCENT
                ours = hyperparameters if unseen else default_hyperparameters(catalogue.feedback)
                split = {"by": by, "train_percent": percent, "seed": SEED, "dataset": catalogue.dataset}
                found.append(compare(spark, *sides, ours, films=films, split=split, show=show))
            return found


def _loaded(settings: EngineSettings, store: Store, folder: Path) -> tuple[Catalogue, list[Path]]:
    """Return the loaded data set, and its ratings and the chat's with their times."""
    catalogue = loaded_catalogue(store)
    source = ratings_folder(settings.folder, catalogue.fingerprint).absolute()
    if not source.exists():
        raise MatineeError(f"the files of {catalogue.dataset} are gone from {source}: load it again")
    queue, chat = store.read_queue(), folder / "chat.parquet"
    check_enough(catalogue.rating_count + len(queue.stars))
    if not len(queue.stars):
        return catalogue, [source]
    columns = [queue.user_ids, queue.movie_ids, queue.stars, pa.array(queue.rated_at, pa.timestamp("us", tz="UTC"))]
    value = "plays" if catalogue.feedback is Feedback.COUNTS else "stars"
    parquet.write_table(pa.table(columns, ["user_id", "movie_id", value, "rated_at"]), chat)
    return catalogue, [source, chat]


@dataclass
class StandInStore:
    """Replaces the store while a data set is read for one comparison. It numbers people as a new store would."""

    held: Catalogue | None = None
    films: list[Film] = field(default_factory=list)

    def catalogue(self) -> Catalogue | None:
        return self.held

    def save_films(self, films: Iterable[Film]) -> None:
        self.films = list(films)

    def dataset_users(self, dataset_user_ids: NDArray[np.int64]) -> NDArray[np.int32]:
        return (np.searchsorted(np.sort(dataset_user_ids), dataset_user_ids) + 1).astype(np.int32)

    def save_catalogue(self, catalogue: Catalogue) -> None:
        self.held = catalogue


def _read(
    settings: EngineSettings, dataset: str, feedback: Feedback | None, folder: Path, show: Show, now: datetime
) -> tuple[Catalogue, list[Path], list[Film]]:
    """Read a data set into a temporary folder."""
    held = StandInStore()
    report = load(
        dataset,
        held,
        folder / "data",
        settings.home / "downloads",
        feedback=feedback,
        now=now,
        progress=show,
    )
    check_enough(report.catalogue.rating_count)
    return report.catalogue, [report.ratings.absolute()], held.films


def compare(
    spark: SparkSession,
    training_side: DataFrame,
    test_side: DataFrame,
    hyperparameters: Hyperparameters,
    *,
    films: Sequence[Film] = (),
    split: dict[str, Any],
    show: Show,
) -> Comparison:
    """Train every model on one side and measure it on the other.

    Args:
        training_side: user_id, movie_id, and stars or plays.
        films: the catalogue, which our models also learn from.
        split: facts about the split; the number of ratings on each side is added.
    """
    columns = ["user_id", "movie_id", "stars" if "stars" in training_side.columns else "plays"]
    training_side = training_side.select(*columns).repartition("user_id").cache()
    test_side = test_side.select(*columns).cache()
    people = evaluation.held_out(training_side, test_side).cache()
    trained_on = evaluation.held_out(training_side, training_side).withColumn("ranked", F.lit(False)).cache()
    table = training_side.groupBy("movie_id").count().orderBy("movie_id").toPandas()
    counts = table["count"].to_numpy(np.float32)

    notes: list[str] = []
    models: dict[str, Metrics] = {}
    intervals: dict[str, dict[str, Interval]] = {}
    per_user: dict[str, pd.DataFrame] = {}
    warm = 0
    entrants = Field(spark, training_side, counts, hyperparameters, films, notes).entrants()
    for number, (name, wait) in enumerate(entrants):
        show("compare", number / len(MODELS), f"{split['train_percent']} %: training {name}")
        entrant = wait()
        if entrant is None:
            models[name], intervals[name] = dict.fromkeys(METRICS), {}
            continue
        show("compare", (number + 0.6) / len(MODELS), f"{split['train_percent']} %: measuring {name}")
        stars = "rmse_warm" not in entrant.lacks
        found = entrant.judge(people)
        metrics: Metrics = found.metrics | {"train_seconds": round(entrant.train_seconds, 2), "rmse_train": None}
        if stars:
            metrics["rmse_train"] = entrant.judge(trained_on).metrics["rmse_warm"]
            warm = int(found.per_user["n_warm"].sum())
        models[name] = {metric: None if metric in entrant.lacks else metrics[metric] for metric in METRICS}
        spans = evaluation.intervals(found.per_user)
        intervals[name] = {metric: span for metric, span in spans.items() if metric not in entrant.lacks}
        per_user[name] = found.per_user
        entrant.release()
    sizes = {"train_ratings": int(counts.sum()), "test_ratings": test_side.count(), "warm_ratings": warm}
    for used in (training_side, test_side, people, trained_on):
        used.unpersist()
    show("compare", 1.0, "done")
    return Comparison(
        split | sizes, models, intervals, _lead(per_user), _rmse_lead(per_user), hyperparameters, tuple(notes)
    )


def _lead(per_user: dict[str, pd.DataFrame]) -> dict[str, Interval]:
    """Compare nDCG@10 with every other model's, on the same people."""
    ours = per_user["matinee"].set_index("user_id")["ndcg"]
    gains = {
        name: (ours - theirs.set_index("user_id")["ndcg"]).dropna().to_numpy(np.float64)
        for name, theirs in per_user.items()
        if name != "matinee"
    }
    return {name: bootstrap(gain) for name, gain in gains.items() if len(gain)}


def _rmse_lead(per_user: dict[str, pd.DataFrame]) -> dict[str, Interval]:
    """Compare RMSE with that of every other model that predicts stars, on the same people's warm ratings."""
    columns = ["user_id", "squared_warm", "n_warm"]
    ours = per_user["matinee"][columns]
    found = {}
    for name, theirs in per_user.items():
        pairs = ours.merge(theirs[columns], on="user_id", suffixes=("", "_theirs")).dropna()
        sums = pairs[["squared_warm", "n_warm", "squared_warm_theirs", "n_warm_theirs"]].to_numpy(np.float64)
        if name != "matinee" and sums[:, 1].sum() and sums[:, 3].sum():
            own, other = (np.sqrt(part[0] / part[1]) for part in np.split(sums.sum(axis=0), 2))
            drawn = resampled_sums(sums)
            gains = np.sqrt(drawn[:, 2] / drawn[:, 3]) - np.sqrt(drawn[:, 0] / drawn[:, 1])
            found[name] = spread(float(other - own), gains)
    return found
