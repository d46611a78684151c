"""One run: ingest, train, evaluate, gate, refit, score, publish, sweep.

Everything is built beside the live model and goes live in one short transaction at the end. A run may be killed at any
instant: the old model stays live, and every rating stays queued.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as arrow_dataset
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from engine.datasets import tags_file
from engine.domain import Catalogue, Feedback, Floats, RunState, Stage
from engine.judging import evaluation
from engine.judging.fallback import best_there_is
from engine.judging.gate import Losing, Verdict, decide, losing
from engine.judging.tuning import Remembered, remembered, settle
from engine.learning import scoring
from engine.learning.content import Tags
from engine.learning.fits import Folding, OnProgress
from engine.learning.similarity import similar_films
from engine.learning.training import SEED, Placement, Trained, train
from engine.serving.kinds import Kinds
from engine.serving.similar_titles import SimilarTitles
from engine.settings import EngineSettings
from engine.spark.ingest import loaded_catalogue, read_ratings, scratch_folder
from engine.spark.session import lasts_briefly, spark_session
from engine.store import ModelVersion, PublishRefused, Queue, Store

Report = Callable[[Stage, float, str], None]
"""Called with the stage, the fraction of the whole run that is done (0 to 1), and a line of detail."""

SHARES = {
    Stage.INGEST: (0.00, 0.28),
    Stage.TRAIN: (0.28, 0.43),
    Stage.EVALUATE: (0.43, 0.53),
    Stage.GATE: (0.53, 0.54),
    Stage.REFIT: (0.54, 0.67),
    Stage.SCORE: (0.67, 0.85),
    Stage.PUBLISH: (0.85, 0.93),
    Stage.SWEEP: (0.93, 1.00),
}
"""The share of a run's time that each stage takes, measured on ml-latest-small; after a search, the share of the
rest."""

SEARCH_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. ``version`` is None after a dry run; ``reason`` is the gate's."""

    state: RunState
    version: int | None
    reason: str
    metrics: dict[str, Any] = field(default_factory=dict)


def retrain(
    store: Store,
    settings: EngineSettings,
    *,
    report: Report,
    now: Callable[[], datetime],
    run_id: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    settled: Callable[[], None] = lambda: None,
) -> Outcome:
    """Train both models on all ratings, and publish them if the gate agrees.

    Args:
        run_id: this run's id, so that a run that was given up as lost cannot publish.
        force: publish even if the gate refuses.
        dry_run: stop after the gate; nothing is written.
        settled: called once the new version is live or rejected, before Spark stops.

    Raises:
        NoCatalogue: no data set is loaded, or its files are gone.
        KernelMissing: a native library is missing.
        TooFewRatings: there are too few ratings to learn from.
        PublishRefused: the lists did not pass the checks, or the run was closed meanwhile.
    """
    catalogue = loaded_catalogue(store)
    scoring.check_kernel()
    started = now()
    report(Stage.INGEST, 0.0, "starting Spark")
    brief = lasts_briefly(settings, catalogue.rating_count)
    with (
        scratch_folder(settings) as folder,
        spark_session(settings, log=settings.spark_log, brief=brief) as spark,
    ):
        known = remembered(store, catalogue)
        run = _Run(store, settings, spark, folder, catalogue, known, report, now)
        report(Stage.INGEST, 0.05, "reading ratings")
        waiting = store.waiting_ratings()  # the time of reading the queue: later ratings are not in this model
        queue, ratings = read_ratings(spark, store, settings, catalogue, folder)
        training_side, test_side = evaluation.split(ratings, seed=SEED)
        if run.searches and not dry_run:
            run = replace(run, known=run.search(training_side), searched=True)
        trained, measured, popularity = run.train_and_measure(ratings, training_side)
        report(Stage.GATE, SHARES[Stage.GATE][0], "comparing with the live model")
        champion = run.champion()
        recorded = run.recorded(champion)
        lost = losing(measured.per_user, popularity.metrics)
        if lost:
            trained, measured = run.measure_fallback(trained, lost, training_side, test_side)
            run = replace(run, known=replace(run.known, searched_at=None))  # the next training searches again
        verdict = decide(measured.per_user, popularity.metrics, recorded)
        if lost:
            verdict = replace(verdict, reason=f"{verdict.reason}; {lost.said()}")
        if champion is not None and recorded is None:
            apart = f"{verdict.reason}; model {champion.version} was measured on other data or elsewhere"
            verdict = replace(verdict, reason=apart)
        metrics: dict[str, Any] = {
            **measured.metrics,
            "popularity": popularity.metrics,
            "before": champion.metrics if champion else None,
            "new_ratings": waiting,
        }
        if dry_run:
            return Outcome(_state(verdict), None, verdict.reason, metrics | {"seconds": _seconds(started, now())})
        if not (verdict.accepted or force):
            version = run.note(trained, metrics, queue, measured)
            store.reject(version, verdict.reason)
            settled()
            store.sweep(settings.keep_versions)
            metrics["seconds"] = _seconds(started, now())
            return Outcome(RunState.REJECTED, version, verdict.reason, metrics)

        trained.users.unpersist()
        reason = verdict.reason if verdict.accepted else f"published by force; the gate said: {verdict.reason}"
        final = run.refit(ratings)
        if lost:
            final = best_there_is(final, _rating_counts(ratings, final), lost)
        run.score(final, ratings)
        version = run.note(final, metrics, queue, measured)
        run.publish(version, final, ratings, queue, run_id)
        store.explain_version(version, reason)
        settled()
        report(Stage.SWEEP, SHARES[Stage.SWEEP][0], "removing what is no longer needed")
        store.sweep(settings.keep_versions)
        store.sweep_shown(now())
        sweep_files(store, settings)
        metrics["seconds"] = _seconds(started, now())
        report(Stage.SWEEP, 1.0, "done")
        return Outcome(RunState.DONE, version, reason, metrics)


@dataclass(frozen=True)
class _Run:
    """The steps of a run, with the state that they share."""

    store: Store
    settings: EngineSettings
    spark: SparkSession
    folder: Path
    catalogue: Catalogue
    known: Remembered
    report: Report
    now: Callable[[], datetime]
    searched: bool = False

    @property
    def gives_stars(self) -> bool:
        return self.catalogue.feedback is Feedback.STARS

    @property
    def searches(self) -> bool:
        """Return whether to search for hyperparameters: the first time and once a week, but never for a simulated
        audience."""
        return bool(self.settings.search_seconds) and self.known.due(self.now()) and not self.catalogue.simulated

    def search(self, training_side: DataFrame) -> Remembered:
        """Search for hyperparameters on the training side of the split; the gate judges by the test side."""
        found = settle(
            self.spark,
            training_side,
            self.known.hyperparameters,
            films=self.store.films(),
            store=self.store,
            key=self.catalogue.fingerprint,
            first=self.known.searched_at is None,
            budget_seconds=self.settings.search_seconds,
            progress=lambda done, detail: self.report(Stage.SEARCH, SEARCH_SHARE * done, detail),
            now=self.now,
        )
        return Remembered(found, self.now())

    def train_and_measure(
        self, ratings: DataFrame, training_side: DataFrame
    ) -> tuple[Trained, evaluation.Measured, evaluation.Measured]:
        """Train on one side of the split, measure on the other, and measure popularity beside it."""
        trained = self.train(training_side, Stage.TRAIN)
        self.progress(Stage.EVALUATE)(0.0, "measuring on the test ratings")
        counts = _rating_counts(training_side, trained)
        recommenders = Folding(trained.model()), evaluation.popularity(counts, trained)
        measured, popularity = evaluation.measure_folded(ratings, evaluation.is_held(seed=SEED), recommenders, counts)
        return trained, measured, popularity

    def measure_fallback(
        self, trained: Trained, lost: Losing, training_side: DataFrame, test_side: DataFrame
    ) -> tuple[Trained, evaluation.Measured]:
        """Replace each half of the model that lost by the simplest recommender, and measure the result."""
        counts = _rating_counts(training_side, trained)
        fallen = best_there_is(trained, counts, lost)
        people = evaluation.held_out(training_side, test_side)
        return fallen, evaluation.measure(fallen.users, fallen.model(), people, counts, predicts_stars=self.gives_stars)

    def champion(self) -> ModelVersion | None:
        live = self.store.live_version()
        return None if live is None else self.store.model_version(live)

    def recorded(self, champion: ModelVersion | None) -> pd.DataFrame | None:
        """Return the live model's per-user figures, if they were measured on the same data set.

        Data sets are compared by name: a file that was damaged since has another fingerprint, and the gate must catch
        just that.
        """
        if champion is None or champion.dataset != self.catalogue.dataset:
            return None
        # The live model was trained on the other kind of values.
        if (champion.hyperparameters["rating"] is not None) != self.gives_stars:
            return None
        file = self.per_user_file(champion.version)
        return pd.read_parquet(file) if file.exists() else None

    def per_user_file(self, version: int) -> Path:
        return self.settings.folder / "models" / str(version) / "per_user.parquet"

    def refit(self, ratings: DataFrame) -> Trained:
        """Train on everything."""
        return self.train(ratings, Stage.REFIT)

    def train(self, ratings: DataFrame, stage: Stage) -> Trained:
        films, progress = self.store.films(), self.progress(stage)
        placement = None if self.settings.placement == "auto" else Placement(self.settings.placement)
        return train(
            self.spark,
            ratings,
            self.known.hyperparameters,
            films=films,
            seed=SEED,
            placement=placement,
            progress=progress,
        )

    def score(self, trained: Trained, ratings: DataFrame) -> None:
        """Write everybody's list, and every film's similar titles, to files of this run."""
        progress = self.progress(Stage.SCORE)
        progress(0.0, "similar titles")
        model, limit = trained.model(), self.settings.recommendations_per_user
        films, most = self.store.films(), self.settings.similar_per_movie
        alike = similar_films(self.spark, films, ratings, self.tags(), limit=most)
        similar = self.folder / "similar"
        alike.write.parquet(str(similar.absolute()))
        progress(0.4, "everybody's list")
        titles = SimilarTitles.of(model.movie_ids, *_similarities(similar))
        people, kinds = scoring.histories(ratings), Kinds.of(model, films)
        lists = scoring.recommend(trained.users, people, model, titles, kinds, limit=limit)
        lists.write.parquet(str((self.folder / "recommendations").absolute()))

    def tags(self) -> Tags | None:
        return Tags.read(tags_file(self.settings.folder, self.catalogue.fingerprint))

    def note(self, trained: Trained, metrics: dict[str, Any], queue: Queue, measured: evaluation.Measured) -> int:
        """Store a version with the figures that the next challenger is compared with."""
        version = self.store.create_version(
            dataset=self.catalogue.dataset,
            dataset_fingerprint=self.catalogue.fingerprint,
            hyperparameters=trained.parameters | self.known.noted(),
            metrics={name: value for name, value in metrics.items() if name != "before"},
            counts={
                "ratings": self.catalogue.rating_count + len(queue.stars),
                "chat_ratings": len(queue.stars),
                "movies": len(trained.rows.movie_ids),
                "events": len(queue.event_ids),
            },
            now=self.now(),
        )
        file = self.per_user_file(version)
        file.parent.mkdir(parents=True, exist_ok=True)
        measured.per_user.to_parquet(file)
        measured.errors.to_parquet(file.with_name("errors.parquet"))
        return version

    def publish(self, version: int, trained: Trained, ratings: DataFrame, queue: Queue, run_id: int | None) -> None:
        """Write the version's rows beside the live ones, check that everybody has a list, and make it live."""
        progress = self.progress(Stage.PUBLISH)
        progress(0.0, f"writing model {version}")
        self.store.sweep(self.settings.keep_versions)  # rows of publishes that died: there may not be room for both
        self.store.write_item_factors(version, trained.rows)
        self.store.write_similar(version, _rows(self.folder / "similar", progress, 0.1, 0.2))
        lists = _checked(_batches(self.folder / "recommendations", progress, 0.3, 0.6), queue)
        self.store.write_recommendations(version, lists)
        keep_people(trained.users, queue, self.per_user_file(version).with_name("users"))
        progress(0.9, f"checking model {version}")
        lengths = scoring.list_lengths(ratings, trained.model(), limit=self.settings.recommendations_per_user)
        self.store.check_version(version, lists=lengths)
        self.store.publish(version, event_ids=queue.event_ids, now=self.now(), run_id=run_id)
        progress(1.0, f"model {version} is live")

    def progress(self, stage: Stage) -> OnProgress:
        """Report the progress of one stage as that of the whole run."""
        start, end = SHARES[stage]
        before = SEARCH_SHARE if self.searched else 0.0
        return lambda done, detail: self.report(stage, before + (1 - before) * (start + (end - start) * done), detail)


def keep_people(users: DataFrame, queue: Queue, folder: Path) -> None:
    """Keep the rows of the data set's people for an export. Rows of the chat's people are not kept, because they can
    /forget."""
    chat = users.sparkSession.createDataFrame(pa.table({"user_id": np.unique(queue.user_ids)}))
    users.join(chat, "user_id", "left_anti").write.mode("overwrite").parquet(str(folder.absolute()))


def sweep_files(store: Store, settings: EngineSettings) -> None:
    """Remove the files of every version that can no longer be served, and of rejected and unfinished ones.

    Until then a rejected version keeps its figures for a report. Call this after ``Store.sweep``, from a run.
    """
    kept = {str(version) for version in store.kept_versions(settings.keep_versions)}
    for folder in (settings.folder / "models").iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _similarities(folder: Path) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """Return the similar titles that this run wrote, in the form of ``Store.similarities``."""
    table = parquet.read_table(folder, columns=["movie_id", "similar_movie_id", "similarity"])
    film, other, value = (table[name].to_numpy() for name in table.column_names)
    return film, other, value


def _rating_counts(ratings: DataFrame, trained: Trained) -> Floats:
    """Count the ratings of each film, in the order of the trained model's films."""
    table = ratings.groupBy("movie_id").count().toArrow()
    counts = np.zeros(len(trained.rows.movie_ids), np.float32)
    counts[np.searchsorted(trained.rows.movie_ids, table["movie_id"].to_numpy())] = table["count"].to_numpy()
    return counts


def _batches(folder: Path, progress: OnProgress, start: float, share: float) -> Iterator[pa.RecordBatch]:
    """Read files that Spark wrote, a batch at a time."""
    source = arrow_dataset.dataset(folder, format="parquet")
    total, done = max(source.count_rows(), 1), 0
    for batch in source.to_batches(batch_size=20_000):
        yield batch
        done += batch.num_rows
        progress(start + share * done / total, f"{done:,} of {total:,} rows written")


def _rows(folder: Path, progress: OnProgress, start: float, share: float) -> Iterator[tuple[Any, ...]]:
    for batch in _batches(folder, progress, start, share):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _checked(batches: Iterator[pa.RecordBatch], queue: Queue) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of lists; raise if a number is not finite or the reader has rated a film in the chat."""
    rated = np.sort(_pair(queue.user_ids, queue.movie_ids))
    for batch in batches:
        columns = {name: batch.column(name).to_numpy() for name in ("user_id", "movie_id", "score")}
        stars = batch.column("predicted_stars").drop_null().to_numpy()  # play counts have none
        if not (np.isfinite(columns["score"]).all() and np.isfinite(stars).all()):
            raise PublishRefused("a list has scores that are not finite")
        if np.isin(_pair(columns["user_id"], columns["movie_id"]), rated).any():
            raise PublishRefused("a list shows somebody a film that they have rated")
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _pair(users: NDArray[np.int32], films: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.bitwise_or(np.left_shift(users.astype(np.int64), 32), films)


def _state(verdict: Verdict) -> RunState:
    return RunState.DONE if verdict.accepted else RunState.REJECTED


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 1)
