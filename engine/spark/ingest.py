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
        NoCatalogue: the data set's files are gone.
    """
    source = ratings_folder(settings.folder, catalogue.fingerprint).absolute()
    if not source.exists():
        raise MatineeError(f"the files of {catalogue.dataset} are gone from {source}: load it again")
    queue = store.read_queue()
    chat = folder / "chat.parquet"
    value = "plays" if catalogue.feedback is Feedback.COUNTS else "stars"  # see domain.PLAYED
    columns = {"user_id": queue.user_ids, "movie_id": queue.movie_ids, value: queue.stars}
    parquet.write_table(pa.table(columns), chat)
    ratings = spark.read.parquet(str(source)).select(*columns).unionByName(spark.read.parquet(str(chat)))
    fewest = int(spark.conf.get("spark.sql.shuffle.partitions") or 1)
    parts = max(fewest, catalogue.rating_count // RATINGS_A_PART)
    return queue, ratings.repartition(parts, "user_id").cache()
