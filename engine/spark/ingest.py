"""Reads all ratings as of one moment: the data set's from Parquet, the chat's from the store."""

from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
from pyspark.sql import DataFrame, SparkSession

from engine.datasets import ratings_folder
from engine.domain import Catalogue, Feedback, MatineeError
from engine.settings import EngineSettings
from engine.spark.scratch import own_folder
from engine.store import Queue, Store

RATINGS_A_PART = 1_000_000
"""Largest partition of ratings: tasks that need whole people read a partition into memory."""

FEWEST_RATINGS = 100
"""With fewer ratings, neither a model nor its evaluation means anything."""


class TooFewRatings(MatineeError):
    """There are too few ratings to learn from. ``found`` counts the data set's ratings and the chat's."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"{found} ratings are too few to learn from, at least {FEWEST_RATINGS} are needed: "
            "rate more films, or load a data set with `python -m engine load`"
        )
        self.found = found


class NoCatalogue(MatineeError):
    """There is nothing to train on yet."""

    def __init__(self) -> None:
        super().__init__("no data set is loaded: `python -m engine load demo`, or the name or path of another")


def loaded_catalogue(store: Store) -> Catalogue:
    """Return which data set is loaded.

    Raises:
        NoCatalogue: none is.
    """
    catalogue = store.catalogue()
    if catalogue is None:
        raise NoCatalogue
    return catalogue


def check_enough(count: int) -> None:
    """Return if so many ratings are enough, before any of them is kept aside for a test.

    Raises:
        TooFewRatings: they are not.
    """
    if count < FEWEST_RATINGS:
        raise TooFewRatings(count)


def scratch_folder(settings: EngineSettings) -> AbstractContextManager[Path]:
    """A folder for one run's files, deleted afterwards. A Spark cluster must be able to reach it too."""
    return own_folder(settings.folder / "scratch")


def read_ratings(
    spark: SparkSession, store: Store, settings: EngineSettings, catalogue: Catalogue, folder: Path
) -> tuple[Queue, DataFrame]:
    """Return the chat's queue and every rating: user_id, movie_id, and stars or plays; partitioned by user, cached.

    Args:
        folder: where the chat's ratings may be written for Spark.

    Raises:
        MatineeError: the data set's files are gone.
        TooFewRatings: there is not enough to learn from.
    """
    source = ratings_folder(settings.folder, catalogue.fingerprint).absolute()
    if not source.exists():
        raise MatineeError(f"the files of {catalogue.dataset} are gone from {source}: load it again")
    queue = store.read_queue()
    check_enough(catalogue.rating_count + len(queue.stars))
    chat = folder / "chat.parquet"
    value = "plays" if catalogue.feedback is Feedback.COUNTS else "stars"  # see domain.PLAYED
    columns = {"user_id": queue.user_ids, "movie_id": queue.movie_ids, value: queue.stars}
    parquet.write_table(pa.table(columns), chat)
    schema = f"user_id int, movie_id int, {value} float"  # known, so that Spark need not look into the files first
    ratings = spark.read.schema(schema).parquet(str(source), str(chat))
    fewest = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    parts = max(fewest, catalogue.rating_count // RATINGS_A_PART)
    return queue, ratings.repartition(parts, "user_id").cache()
