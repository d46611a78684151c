"""Export and import of models, on SQLite: nothing is lost, damaged files are refused, and nobody of the chat is
included."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import sqlalchemy as sa

from engine.datasets import ratings_folder
from engine.domain import ModelState, RunKind
from engine.runs.manifest import SavedModelError, read_manifest
from engine.runs.saved_models import OtherData, export_model, import_model, publish_model
from engine.settings import EngineSettings
from engine.store import NoSuchVersion, PublishRefused, Store
from tests import world
from tests.conftest import NewDatabase

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CHAT_TELEGRAM_ID = 5_000_000_001


@pytest.fixture
def settings(tmp_path: Path) -> EngineSettings:
    return EngineSettings(_env_file=None, home=tmp_path / "home", dataset="tiny")


@pytest.fixture
def store(new_database: NewDatabase, settings: EngineSettings) -> Iterator[Store]:
    """The tiny world with its live model, number 1, and what a run leaves; person 4 came by the chat."""
    store = Store(new_database("sqlite"))
    world.build(store)
    chat = store.person(CHAT_TELEGRAM_ID, "en", NOW).id
    store.write_recommendations(1, [(chat, 1, 10, 1.0, 4.0)])
    leave_a_run(settings.folder / "models" / "1", [1, 2, 3, chat])
    yield store
    store.close()


@pytest.fixture
def elsewhere(new_database: NewDatabase) -> Iterator[Store]:
    """Another database of the same data, in which people have other ids: somebody was in the chat first."""
    store = Store(new_database("sqlite"))
    store.person(CHAT_TELEGRAM_ID + 1, "en", NOW)
    world.build(store, published=False)
    yield store
    store.close()


def leave_a_run(folder: Path, users: list[int]) -> None:
    """Write people's rows and the evaluation, as a training does."""
    (folder / "users").mkdir(parents=True)
    rng = np.random.default_rng(0)
    sides = {name: [rng.random(6).astype(np.float32).tolist() for _ in users] for name in ("preference", "rating")}
    columns = {
        "user_id": pa.array(users, pa.int32()),
        "preference": pa.array(sides["preference"], pa.list_(pa.float32())),
        "rating": pa.array(sides["rating"], pa.list_(pa.float32())),
        "bias": pa.array([0.1 * user for user in users], pa.float32()),
    }
    parquet.write_table(pa.table(columns), folder / "users" / "part-00000.parquet")
    figures = {"ndcg": [0.1 * user for user in users], "n_all": 2.0, "squared_all": 1.5}
    pd.DataFrame({"user_id": np.array(users, np.int32)} | figures).to_parquet(folder / "per_user.parquet")


@pytest.fixture
def folder(store: Store, settings: EngineSettings, tmp_path: Path) -> Path:
    """Model 1, exported."""
    return export_model(store, settings, 1, tmp_path / "saved", now=NOW).folder


# --- Out --------------------------------------------------------------------------------------------------------------


def test_a_saved_model_says_what_it_is(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert (manifest["format"], manifest["version"], manifest["dataset"]) == (1, 1, "tiny")
    assert manifest["dataset_fingerprint"] == "0" * 64
    assert manifest["hyperparameters"] == world.HYPERPARAMETERS
    assert manifest["metrics"] == world.METRICS
    assert manifest["libraries"].keys() >= {"python", "numpy", "pyspark"}
    assert manifest["simulated"] is True
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert manifest["files"].keys() | {"manifest.json"} == written


def test_nobody_of_the_chat_is_in_it(folder: Path) -> None:
    for file in folder.rglob("*.parquet"):
        table = parquet.read_table(file)
        for column in {"user_id", "dataset_user_id"} & set(table.column_names):
            assert set(table[column].to_pylist()) == {1, 2, 3}, file
    for name in ("preference", "rating"):
        assert parquet.read_table(folder / name / "userFactors")["id"].to_pylist() == [1, 2, 3]


def test_a_folder_with_something_in_it_is_left_alone(store: Store, settings: EngineSettings, folder: Path) -> None:
    with pytest.raises(SavedModelError, match="holds something already"):
        export_model(store, settings, 1, folder, now=NOW)


def test_a_failed_export_leaves_nothing(store: Store, settings: EngineSettings, tmp_path: Path) -> None:
    users = settings.folder / "models" / "1" / "users" / "part-00000.parquet"
    users.write_bytes(users.read_bytes()[:100])
    with pytest.raises(SavedModelError, match="could not be exported"):
        export_model(store, settings, 1, tmp_path / "out" / "saved", now=NOW)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_gone_cannot_be_exported(store: Store, settings: EngineSettings, tmp_path: Path) -> None:
    with pytest.raises(NoSuchVersion):
        export_model(store, settings, 7, tmp_path / "saved", now=NOW)
    shutil.rmtree(settings.folder / "models")
    with pytest.raises(SavedModelError, match="people's rows of model 1"):
        export_model(store, settings, 1, tmp_path / "saved", now=NOW)


# --- In ---------------------------------------------------------------------------------------------------------------


def test_a_model_comes_back_as_it_was(store: Store, settings: EngineSettings, folder: Path) -> None:
    imported = import_model(store, settings, folder, now=NOW)
    assert (imported.version, imported.people, imported.left_out) == (2, 3, 0)
    before, after = store.item_factors(1), store.item_factors(2)
    for name in ("movie_ids", "preference", "rating", "bias"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    assert store.model_version(2).state is ModelState.CANDIDATE
    assert store.model_version(2).metrics == world.METRICS
    assert store.live_version() == 1  # importing changes nothing for anybody

    lists = {user_id: store.recommendations(user_id) for user_id in (1, 2, 3)}
    alike = {film.id: store.similar(film.id) for film in world.FILMS}
    assert publish_model(store, 2, now=NOW) == 1
    assert store.live_version() == 2
    assert {user_id: store.recommendations(user_id) for user_id in (1, 2, 3)} == lists
    assert {film.id: store.similar(film.id) for film in world.FILMS} == alike


def test_elsewhere_people_have_other_ids_and_get_their_own_lists(
    store: Store, elsewhere: Store, folder: Path, tmp_path: Path
) -> None:
    there = EngineSettings(_env_file=None, home=tmp_path / "there", dataset="tiny")
    imported = import_model(elsewhere, there, folder, now=NOW)
    publish_model(elsewhere, imported.version, now=NOW)
    ours = elsewhere.dataset_user(1)
    assert ours != 1
    assert elsewhere.recommendations(ours) == store.recommendations(1)
    users = pd.read_parquet(there.folder / "models" / "1" / "users").set_index("user_id")
    assert users["bias"][ours] == pytest.approx(0.1)
    per_user = pd.read_parquet(there.folder / "models" / "1" / "per_user.parquet").set_index("user_id")
    assert per_user["ndcg"][ours] == pytest.approx(0.1)


def test_what_was_imported_can_be_exported_again(elsewhere: Store, folder: Path, tmp_path: Path) -> None:
    there = EngineSettings(_env_file=None, home=tmp_path / "there", dataset="tiny")
    import_model(elsewhere, there, folder, now=NOW)
    again = export_model(elsewhere, there, 1, tmp_path / "again", now=NOW).folder
    for name in ("item_factors", "similar_movies"):
        assert parquet.read_table(folder / f"{name}.parquet").equals(parquet.read_table(again / f"{name}.parquet"))
    lists = [parquet.read_table(of / "recommendations.parquet").drop_columns("user_id") for of in (folder, again)]
    assert lists[0].equals(lists[1])


def test_a_rating_that_waits_for_the_next_training_goes_on_waiting(
    store: Store, settings: EngineSettings, folder: Path
) -> None:
    person = store.person(CHAT_TELEGRAM_ID, "en", NOW)
    store.rate(person.id, 20, 4.5, NOW)
    waiting = store.waiting_ratings()
    publish_model(store, import_model(store, settings, folder, now=NOW).version, now=NOW)
    assert store.waiting_ratings() == waiting == 1


def test_a_model_of_other_data_is_refused_unless_forced(elsewhere: Store, folder: Path, tmp_path: Path) -> None:
    """The data here differs: viewer 1 has rated the first film of their list, so it must not be shown to them."""
    there = EngineSettings(_env_file=None, home=tmp_path / "there", dataset="tiny")
    catalogue = elsewhere.catalogue()
    assert catalogue
    elsewhere.save_catalogue(replace(catalogue, fingerprint="1" * 64))
    with pytest.raises(OtherData, match="another state of tiny"):
        import_model(elsewhere, there, folder, now=NOW)
    assert elsewhere.model_versions() == []

    ours = elsewhere.dataset_user(1)
    assert ours is not None
    lists = pd.read_parquet(folder / "recommendations.parquet")
    own = lists[lists["dataset_user_id"] == 1].sort_values("position")["movie_id"].tolist()
    ratings = ratings_folder(there.folder, "1" * 64)
    ratings.mkdir(parents=True)
    table = pa.table({"user_id": pa.array([ours], pa.int32()), "movie_id": pa.array([own[0]], pa.int32())})
    parquet.write_table(table, ratings / "part-00000.parquet")

    imported = import_model(elsewhere, there, folder, now=NOW, force=True)
    assert imported.left_out == 1
    with pytest.raises(OtherData):
        publish_model(elsewhere, imported.version, now=NOW)
    publish_model(elsewhere, imported.version, now=NOW, force=True)
    shown = elsewhere.recommendations(ours)
    assert [pick.movie_id for pick in shown] == own[1:]
    assert [pick.position for pick in shown] == list(range(1, len(own)))


@pytest.mark.parametrize(
    "name", ["item_factors.parquet", "preference/userFactors/part-00000.parquet", "rating/metadata/part-00000"]
)
def test_a_damaged_file_is_named(store: Store, settings: EngineSettings, folder: Path, name: str) -> None:
    file = folder / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(SavedModelError, match=f"{name}.*sha256"):
        import_model(store, settings, folder, now=NOW)
    file.unlink()
    with pytest.raises(SavedModelError, match=f"{name} is missing"):
        import_model(store, settings, folder, now=NOW)
    assert [model.version for model in store.model_versions()] == [1]


def test_a_file_too_many_is_named(store: Store, settings: EngineSettings, folder: Path) -> None:
    (folder / "preference" / "userFactors" / "part-00001.parquet").write_bytes(b"somebody else's")
    with pytest.raises(SavedModelError, match=r"part-00001\.parquet does not belong"):
        import_model(store, settings, folder, now=NOW)


def edit_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": 99}, "newer Matinee"),
        ({"format": "one"}, "no manifest"),
        ({"hyperparameters": {}}, "hyperparameters"),
        ({"hyperparameters": world.HYPERPARAMETERS | {"average_taste": [0.1]}}, "rank"),
        ({"metrics": None}, "lacks 'metrics'"),
        ({"metrics": world.METRICS | {"ndcg_at_10": "a lot"}}, r"metrics.ndcg_at_10 is no number but 'a lot'"),
        ({"metrics": world.METRICS | {"ndcg_at_10": True}}, r"metrics.ndcg_at_10 is no number"),
        ({"metrics": world.METRICS | {"ndcg_at_10": float("nan")}}, "NaN is no number that a model may have"),
        ({"metrics": world.METRICS | {"popularity": 0.2}}, r"metrics.popularity is no group of figures"),
        ({"metrics": world.METRICS | {"popularity": {"ndcg_at_10": [0.2]}}}, r"popularity.ndcg_at_10 is no number"),
        ({"counts": {"ratings": None, "movies": "many"}}, r"counts.movies is no number"),
        ({"hyperparameters": world.HYPERPARAMETERS | {"blend": float("inf")}}, "Infinity is no number"),
        ({"files": {}}, "does not belong"),
        ({"files": {"people.parquet": "a hash"}}, "people.parquet is not what was exported"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    store: Store, settings: EngineSettings, folder: Path, changes: dict[str, Any], says: str
) -> None:
    edit_manifest(folder, **changes)
    with pytest.raises(SavedModelError, match=says):
        import_model(store, settings, folder, now=NOW)
    assert [model.version for model in store.model_versions()] == [1]


def test_a_folder_of_something_else_is_no_saved_model(store: Store, settings: EngineSettings, tmp_path: Path) -> None:
    with pytest.raises(SavedModelError, match="no saved model"):
        import_model(store, settings, tmp_path, now=NOW)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(SavedModelError, match="cannot be read"):
        import_model(store, settings, tmp_path, now=NOW)


def test_factors_that_are_not_finite_are_refused(store: Store, settings: EngineSettings, folder: Path) -> None:
    """Somebody has changed the files and their hashes."""
    file = folder / "item_factors.parquet"
    table = parquet.read_table(file)
    bias = table["bias"].to_numpy().copy()
    bias[3] = np.nan
    parquet.write_table(table.set_column(3, "bias", pa.array(bias, pa.float32())), file)
    trust(folder)
    with pytest.raises(SavedModelError, match="not finite"):
        import_model(store, settings, folder, now=NOW)


def test_an_import_that_fails_half_way_can_never_go_live(store: Store, settings: EngineSettings, folder: Path) -> None:
    """Lists with a film twice: noticed only once they are written."""
    file = folder / "recommendations.parquet"
    lists = pd.read_parquet(file)
    lists.loc[1, "movie_id"] = lists.loc[0, "movie_id"]
    lists.to_parquet(file, index=False)
    trust(folder)
    with pytest.raises(PublishRefused, match="twice"):
        import_model(store, settings, folder, now=NOW)
    assert_nothing_left(store, settings)


def assert_nothing_left(store: Store, settings: EngineSettings) -> None:
    """Only model 1 exists: in its table, in every other table, and on disk."""
    assert [model.version for model in store.model_versions()] == [1]
    with store.read() as connection:
        for name in ("item_factors", "recommendations", "similar_movies"):
            versions = connection.scalars(sa.text(f"SELECT DISTINCT model_version FROM {name}")).all()  # noqa: S608
            assert versions == [1], name
    assert [path.name for path in (settings.folder / "models").iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:200]), "cannot be read"),
        (lambda file: file.write_text("user_id,ndcg\n1,0.5\n"), "cannot be read"),
        (lambda file: pd.DataFrame({"city": ["Bonn"]}).to_parquet(file), "has no column user_id"),
        (lambda file: rewrite(file, ndcg=["good"] * 3), "its column ndcg holds no numbers"),
        (lambda file: rewrite(file, ndcg=[0.1, np.inf, 0.2]), "not finite"),
        (lambda file: rewrite(file, n_all=[-1.0, 2.0, 2.0]), "below zero"),
        (lambda file: rewrite(file, dataset_user_id=[1, 2, 99]), "its people are not those of people.parquet"),
        (lambda file: rewrite(file, dataset_user_id=[1, 2, 2]), "its people are not those of people.parquet"),
    ],
)
def test_figures_that_no_evaluation_leaves_are_refused_and_leave_nothing(
    store: Store, settings: EngineSettings, folder: Path, change: Callable[[Path], object], says: str
) -> None:
    change(folder / "per_user.parquet")
    trust(folder)
    with pytest.raises(SavedModelError, match=says):
        import_model(store, settings, folder, now=NOW)
    assert_nothing_left(store, settings)


def test_figures_that_do_not_apply_to_somebody_may_be_missing(
    store: Store, settings: EngineSettings, folder: Path
) -> None:
    rewrite(folder / "per_user.parquet", ndcg=[0.1, np.nan, 0.3])
    trust(folder)
    assert import_model(store, settings, folder, now=NOW).version == 2


def rewrite(file: Path, **columns: list[Any]) -> None:
    pd.read_parquet(file).assign(**columns).to_parquet(file, index=False)


def trust(folder: Path) -> None:
    """Update the hashes, as an attacker would."""
    files = read_files(folder)
    edit_manifest(
        folder, files={name: {"sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()}
    )


def read_files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_nothing_is_imported_while_a_run_is_open(store: Store, settings: EngineSettings, folder: Path) -> None:
    store.request_run(RunKind.TRAIN, "cli", NOW)
    with pytest.raises(SavedModelError, match="is open"):
        import_model(store, settings, folder, now=NOW)


def test_publishing_what_is_live_changes_nothing_and_what_was_live_comes_back(
    store: Store, settings: EngineSettings, folder: Path
) -> None:
    assert publish_model(store, 1, now=NOW) == 1
    publish_model(store, import_model(store, settings, folder, now=NOW).version, now=NOW)
    assert publish_model(store, 1, now=NOW) == 2
    assert store.live_version() == 1
