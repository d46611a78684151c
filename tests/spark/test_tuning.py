"""A search for hyperparameters: every trial kept as it ends, none run twice, the winner used by the next training."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import Catalogue, Feedback, MatineeError, RunKind, RunState
from engine.judging import tuning
from engine.judging.tuning import BadGrid, Search, parse_budget, parse_grid, search, settings_of, with_setting
from engine.serving.factors import OF_PLAYS, Hyperparameters, PreferenceHyperparameters, RatingHyperparameters
from engine.store import Store
from tests.conftest import NewDatabase

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GRID = {"rank": (4.0,), "reg": (0.05, 50.0), "iterations": (3.0,)}


@pytest.fixture
def trial_store(new_database: NewDatabase) -> Store:
    return Store(new_database("sqlite"))


class PowerCut(Exception):
    pass


@pytest.mark.spark
def test_a_search_that_was_cut_goes_on_without_running_a_trial_twice(
    spark: SparkSession, ratings: DataFrame, trial_store: Store
) -> None:
    asked = Search("preference", GRID, sample=0.5)
    heard: list[str] = []

    def listen(done: float, detail: str) -> None:
        heard.append(detail)
        if len(heard) == 2:
            raise PowerCut

    def run() -> object:
        return search(
            spark,
            ratings,
            asked,
            store=trial_store,
            name="tiny #1",
            base=Hyperparameters(PreferenceHyperparameters(rank=4, reg=9.0, iterations=3)),
            progress=listen,
            now=lambda: NOW,
        )

    ratings.count()
    cached = set(spark.sparkContext._jsc.getPersistentRDDs().keySet())
    with pytest.raises(PowerCut):
        run()
    before = trial_store.trials("tiny #1")
    assert len(before) == 2, "those of the grid had ended, side by side, when the best was to be measured on everybody"
    found = run()
    after = trial_store.trials("tiny #1")
    assert [row.id for row in after[:2]] == [row.id for row in before]
    assert [row.phase for row in after] == [1, 1, 2, 2, 2], "on a sample first, then on everybody with what is in use"
    assert len({row.setting for row in after}) == len(after)
    assert found.finished  # type: ignore[attr-defined]
    assert found.reused == 2  # type: ignore[attr-defined]
    assert found.winner["reg"] == 0.05, "a crushing regularisation never wins"  # type: ignore[attr-defined]
    left = set(spark.sparkContext._jsc.getPersistentRDDs().keySet()) - cached
    assert not left, "of a finished trial only its row is kept"


@pytest.mark.spark
def test_the_rating_model_is_judged_by_its_errors_over_folds(
    spark: SparkSession, ratings: DataFrame, trial_store: Store
) -> None:
    asked = Search("rating", {"rank": (4.0,), "reg": (1.2, 100.0), "iterations": (5.0,)}, sample=1.0, folds=2)
    found = search(
        spark,
        ratings,
        asked,
        store=trial_store,
        name="tiny",
        base=Hyperparameters(),
        progress=lambda done, detail: None,
        now=lambda: NOW,
    )
    assert found.metric == "rmse_all"
    assert found.winner["reg"] < 100, "a crushing regularisation never wins"
    assert all(len(row.metrics["folds"]) == 2 for row in trial_store.trials("tiny"))


def test_a_grid_reads_as_the_tutorials_write_it() -> None:
    grid = parse_grid("rank=8,10,12 reg=.05,.1,.15 iterations=10,15", "rating")
    settings = settings_of(grid)
    assert len(settings) == 18
    assert settings[0] == {"rank": 8.0, "reg": 0.05, "iterations": 10.0}
    chosen = with_setting(Hyperparameters(), "rating", settings[-1]).rating
    assert chosen is not None
    assert (chosen.rank, chosen.reg, chosen.iterations) == (12, 0.15, 15)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the grid is empty"),
        ("depth=3", "'depth' is no hyperparameter of the rating model: it has rank, reg"),
        ("reg=a", "should look like reg=.05"),
        ("rank=0", "whole numbers from 1"),
        ("rank=2.5", "whole numbers from 1"),
        ("rank=inf", "numbers from 0"),
        ("reg=nan", "numbers from 0"),
        ("reg=-1", "numbers from 0"),
    ],
)
def test_a_grid_that_cannot_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(BadGrid, match=says):
        parse_grid(text, "rating")


def test_the_next_training_uses_what_the_last_search_found(trial_store: Store) -> None:
    from engine.judging.tuning import tuned_hyperparameters

    catalogue = Catalogue("tiny", "f", False, Feedback.STARS, "", 1, 1, 1, NOW)
    assert tuned_hyperparameters(trial_store, catalogue) == Hyperparameters()
    for rank, dataset in ((8, "tiny"), (12, "tiny"), (99, "another")):
        run = trial_store.request_run(RunKind.TUNE, "test", NOW)
        trial_store.claim_run(NOW)
        metrics = {"model": "preference", "dataset": dataset, "feedback": "stars", "winner": {"rank": rank}}
        trial_store.finish_run(run.id, RunState.DONE, NOW, metrics=metrics)
    assert tuned_hyperparameters(trial_store, catalogue).preference.rank == 12
    played = replace(catalogue, feedback=Feedback.COUNTS)
    assert tuned_hyperparameters(trial_store, played) == OF_PLAYS, "stars and plays have nothing in common but a name"
    assert issubclass(BadGrid, MatineeError)


def test_whether_people_are_folded_in_towards_the_average_can_be_searched_for() -> None:
    (setting,) = settings_of(parse_grid("prior=0", "preference"))
    assert with_setting(Hyperparameters(), "preference", setting).preference.prior is False


def test_a_budget_reads_as_people_write_it() -> None:
    assert (parse_budget("90s"), parse_budget("30m"), parse_budget("2h")) == (90, 1800, 7200)
    with pytest.raises(BadGrid, match="should look like 90s, 30m or 2h"):
        parse_budget("soon")


@pytest.mark.spark
def test_a_first_training_looks_for_what_suits_its_data(
    spark: SparkSession, ratings: DataFrame, trial_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It recovers from a far too strong reg; without any time, it still returns an answer."""
    monkeypatch.setattr(tuning, "COARSE", {"preference": {"reg": (30.0, 1.0)}, "rating": {"reg": (30.0, 0.1)}})
    monkeypatch.setattr(tuning, "LADDERS", {"preference": {"reg": (0.5, 1, 2)}, "rating": {"pseudo": (0, 3)}})
    monkeypatch.setattr(tuning, "OFTEN_BEST", ())
    base = Hyperparameters(
        PreferenceHyperparameters(rank=4, reg=30.0, iterations=6), RatingHyperparameters(rank=4, reg=30.0)
    )

    def settled(seconds: float, rated: DataFrame = ratings) -> Hyperparameters:
        return tuning.settle(
            spark,
            rated,
            base,
            store=trial_store,
            key="tiny",
            first=True,
            budget_seconds=seconds,
            progress=lambda done, detail: None,
            now=lambda: NOW,
        )

    def folds() -> set[int]:
        return {len(row.metrics["folds"]) for name in trial_store.searches("tiny") for row in trial_store.trials(name)}

    found = settled(1e6)
    assert found.preference.reg <= 2
    assert found.rating is not None
    assert found.rating.reg == 0.1
    assert found.preference.iterations == 6, "trials are short; what is trained with is not"
    assert found.blend in tuning.BLENDS
    names = trial_store.searches("tiny")
    assert [name.split("#")[0] for name in names] == ["tiny preference first ", "tiny rating first "]
    assert folds() == {2}
    assert settled(1e-9).predicts_stars
    settled(1e-9, ratings.where(F.col("user_id") < tuning.FEW_PEOPLE - 1))
    assert folds() == {2, 5}, "few people are too few to judge by two folds"


def test_a_week_after_a_search_it_is_time_to_look_around() -> None:
    never = tuning.Remembered(Hyperparameters(), None)
    assert never.due(NOW)
    assert never.noted() == {}
    lately = replace(never, searched_at=NOW)
    assert not lately.due(NOW + timedelta(days=6))
    assert lately.due(NOW + timedelta(days=7))


def test_what_a_version_was_trained_with_is_remembered_and_a_later_search_put_in(trial_store: Store) -> None:
    catalogue = Catalogue("tiny", "f", False, Feedback.STARS, "", 1, 1, 1, NOW)
    used = replace(Hyperparameters(), blend=0.7, preference=PreferenceHyperparameters(rank=24))
    noted = asdict(used) | tuning.Remembered(used, NOW).noted()
    trial_store.create_version(
        dataset="tiny", dataset_fingerprint="f", hyperparameters=noted, metrics={}, counts={}, now=NOW
    )
    assert tuning.remembered(trial_store, catalogue) == tuning.Remembered(used, NOW)
    assert tuning.remembered(trial_store, replace(catalogue, dataset="another")).searched_at is None

    later = NOW + timedelta(hours=1)
    run = trial_store.request_run(RunKind.TUNE, "test", later)
    trial_store.claim_run(later)
    metrics = {"model": "preference", "dataset": "tiny", "feedback": "stars", "winner": {"rank": 12, "blend": 0.1}}
    trial_store.finish_run(run.id, RunState.DONE, later, metrics=metrics)
    found = tuning.remembered(trial_store, catalogue)
    assert (found.hyperparameters.preference.rank, found.hyperparameters.blend, found.searched_at) == (12, 0.1, later)
