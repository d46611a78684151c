"""Models in a folder: exported from one database, imported into another, and readable without Matinee.

A folder holds ``manifest.json`` and the files that it lists:

- ``item_factors.parquet``: both models' side of the films, as the bot folds ratings in with: movie_id, preference,
  rating, bias;
- ``people.parquet``: user_id, dataset_user_id, bias;
- ``recommendations.parquet`` and ``similar_movies.parquet``: the published lists;
- ``per_user.parquet`` and ``errors.parquet``, if the evaluation left them;
- ``preference`` and ``rating``: each in Spark's own format, for ``pyspark.ml.recommendation.ALSModel.load``. The second
  predicts what the biases leave of the stars: mean stars (in the manifest) + bias of the person + bias of the film +
  this.

It holds only people of the data set. Those of the chat are private, and the bot needs only the films' side to give them
picks.
"""

import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as library_version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as arrow_dataset
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from engine.datasets import ratings_folder
from engine.domain import Catalogue, FactorRows, Floats
from engine.runs.manifest import EVALUATED, FORMAT, SavedModelError, evaluated, files_of, read_manifest
from engine.serving.factors import Model
from engine.settings import EngineSettings
from engine.store import ModelVersion, SimilarRow, Store, archive

LIBRARIES = ("numpy", "pandas", "pyarrow", "pyspark", "sqlalchemy")
MODELS = ("preference", "rating")

_FACTORS = pa.schema(
    [
        ("movie_id", pa.int32()),
        ("preference", pa.list_(pa.float32())),
        ("rating", pa.list_(pa.float32())),
        ("bias", pa.float32()),
    ]
)
_PEOPLE = pa.schema([("user_id", pa.int32()), ("dataset_user_id", pa.int64()), ("bias", pa.float32())])
_LISTS = pa.schema(
    [
        ("user_id", pa.int32()),
        ("dataset_user_id", pa.int64()),
        ("position", pa.int32()),
        ("movie_id", pa.int32()),
        ("score", pa.float64()),
        ("predicted_stars", pa.float64()),
    ]
)
_SIMILAR = pa.schema(
    [
        ("movie_id", pa.int32()),
        ("position", pa.int32()),
        ("similar_movie_id", pa.int32()),
        ("similarity", pa.float64()),
        ("times_chance", pa.float64()),
        ("shared_tag", pa.string()),
    ]
)
LATER_COLUMNS = frozenset({"times_chance", "shared_tag"})
"""Columns that folders of earlier releases lack: they are read as nulls."""

_SPARK = pa.schema(
    [
        pa.field("id", pa.int32(), nullable=False),
        pa.field("features", pa.list_(pa.field("element", pa.float32(), nullable=False))),
    ]
)


class OtherData(SavedModelError):
    """A model was trained on other data than the loaded set."""

    def __init__(self, dataset: str, held: str) -> None:
        same = f"another state of {held}" if dataset == held else f"{dataset}, and {held} is loaded here"
        super().__init__(
            f"this model was trained on {same}: its films and people may be others. Load the same data and train, or "
            "add --force to use what fits"
        )


@dataclass(frozen=True, slots=True)
class Exported:
    """The folder of an exported model, its number of files and bytes, and the people and films in it."""

    folder: Path
    files: int
    bytes: int
    people: int
    films: int


@dataclass(frozen=True, slots=True)
class Imported:
    """The new version, and the parts of the folder that fitted: films, people with a list, and lines of lists left
    out."""

    version: int
    films: int
    people: int
    left_out: int


# --- Export -----------------------------------------------------------------------------------------------------------


def export_model(store: Store, settings: EngineSettings, version: int, folder: Path, *, now: datetime) -> Exported:
    """Write a model to a folder. The folder appears whole or not at all.

    Raises:
        NoSuchVersion: there is no such version, or its rows were swept.
        SavedModelError: the folder is not empty or cannot be written, or the people's rows of this model are gone.
    """
    model, rows = store.model_version(version), store.item_factors(version)
    source = settings.folder / "models" / str(version)
    if not (source / "users").is_dir():
        raise SavedModelError(
            f"the people's rows of model {version} are not in {source / 'users'} (any more): export a model that was "
            "trained here lately"
        )
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SavedModelError(f"{folder} holds something already: name a new folder")
    try:
        return _export(store, model, rows, source, folder, now)
    except (OSError, pa.ArrowException) as e:
        raise SavedModelError(f"model {version} could not be exported to {folder}: {e}") from e


def _export(store: Store, model: ModelVersion, rows: FactorRows, source: Path, folder: Path, now: datetime) -> Exported:
    version = model.version
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        aside = Path(scratch) / "model"
        aside.mkdir()
        _write_factors(aside / "item_factors.parquet", rows)
        _write(aside / "recommendations.parquet", _LISTS, archive.all_lists(store, version))
        _write(aside / "similar_movies.parquet", _SIMILAR, archive.all_similar(store, version))
        users, dataset_users = archive.dataset_people(store)
        people = _write_people(aside, source / "users", users, dataset_users)
        for name in MODELS:
            _write_spark_items(aside / name, rows.movie_ids, getattr(rows, name), now)
        for name in EVALUATED:
            if (file := source / f"{name}.parquet").exists():
                _write_evaluated(aside / file.name, parquet.read_table(file), users, dataset_users)
        files = files_of(aside)
        manifest = _manifest(model, store.catalogue(), files, now)
        (aside / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
        if folder.exists():
            folder.rmdir()  # the folder is empty
        aside.rename(folder)
    return Exported(folder, len(files) + 1, sum(file["bytes"] for file in files.values()), people, len(rows.movie_ids))


def _manifest(
    model: ModelVersion, catalogue: Catalogue | None, files: dict[str, dict[str, Any]], now: datetime
) -> dict[str, Any]:
    of_this = catalogue is not None and catalogue.fingerprint == model.dataset_fingerprint
    return {
        "format": FORMAT,
        "version": model.version,
        "created_at": model.created_at.isoformat(),
        "exported_at": now.isoformat(),
        "dataset": model.dataset,
        "dataset_fingerprint": model.dataset_fingerprint,
        "terms": catalogue.terms if catalogue and of_this else None,
        "simulated": catalogue.simulated if catalogue and of_this else None,
        "hyperparameters": model.hyperparameters,
        "metrics": model.metrics,
        "counts": model.counts,
        "libraries": {"python": platform.python_version()} | {name: _library(name) for name in LIBRARIES},
        "files": files,
    }


def _library(name: str) -> str | None:
    try:
        return library_version(name)
    except PackageNotFoundError:
        return None


def _write_factors(path: Path, rows: FactorRows) -> None:
    columns = [pa.array(rows.movie_ids, pa.int32()), _lists(rows.preference), _lists(rows.rating), pa.array(rows.bias)]
    parquet.write_table(pa.Table.from_arrays(columns, schema=_FACTORS), path)


def _lists(matrix: Floats, value_type: Any = None) -> Any:
    """Return a matrix as an Arrow column of lists."""
    ends = np.arange(len(matrix) + 1, dtype=np.int32) * matrix.shape[1]
    return pa.ListArray.from_arrays(ends, pa.array(np.ravel(matrix), pa.float32()), type=value_type)


def _write(path: Path, schema: Any, batches: Iterable[list[tuple[Any, ...]]]) -> None:
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in batches:
            columns = [
                pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _write_people(aside: Path, source: Path, users: NDArray[np.int32], dataset_users: NDArray[np.int64]) -> int:
    """Write the people's side of both models, a batch at a time, because a million rows may not fit into memory."""
    for name in MODELS:
        (aside / name / "userFactors").mkdir(parents=True)
    count = 0
    files = (aside / "people.parquet", *(aside / name / "userFactors" / "part-00000.parquet" for name in MODELS))
    with (
        parquet.ParquetWriter(files[0], _PEOPLE) as people,
        parquet.ParquetWriter(files[1], _SPARK) as preference,
        parquet.ParquetWriter(files[2], _SPARK) as rating,
    ):
        for batch in arrow_dataset.dataset(source, format="parquet").to_batches(
            ["user_id", "preference", "rating", "bias"]
        ):
            batch = batch.filter(pc.is_in(batch.column("user_id"), pa.array(users)))
            if not batch.num_rows:
                continue
            ids = batch.column("user_id")
            theirs = dataset_users[np.searchsorted(users, ids.to_numpy())]
            bias = batch.column("bias").cast(pa.float32())
            people.write_batch(pa.record_batch([ids, pa.array(theirs), bias], schema=_PEOPLE))
            for name, writer in (("preference", preference), ("rating", rating)):
                features = batch.column(name).cast(_SPARK.field("features").type)
                writer.write_batch(pa.record_batch([ids, features], schema=_SPARK))
            count += batch.num_rows
    return count


def _write_spark_items(folder: Path, movie_ids: NDArray[np.int32], factors: Floats, now: datetime) -> None:
    """Write the other files that Spark's reader expects: the films' side and the kind of model.

    Source: Spark's ALS.scala (``ALSModelWriter``) and ReadWrite.scala (``DefaultParamsWriter``);
    tests/spark/test_saved_models.py opens it.
    """
    (folder / "itemFactors").mkdir(parents=True)
    (folder / "metadata").mkdir()
    columns = [pa.array(movie_ids, pa.int32()), _lists(factors, _SPARK.field("features").type)]
    parquet.write_table(pa.Table.from_arrays(columns, schema=_SPARK), folder / "itemFactors" / "part-00000.parquet")
    metadata = {
        "class": "org.apache.spark.ml.recommendation.ALSModel",
        "timestamp": int(now.timestamp() * 1000),
        "sparkVersion": _library("pyspark") or "4.0.0",
        "uid": f"ALS_{folder.name}",
        "paramMap": {"userCol": "user_id", "itemCol": "movie_id", "blockSize": 4096},
        "defaultParamMap": {
            "userCol": "user",
            "itemCol": "item",
            "predictionCol": "prediction",
            "coldStartStrategy": "nan",
            "blockSize": 4096,
        },
        "rank": factors.shape[1],
    }
    line = json.dumps(metadata, separators=(",", ":"))
    (folder / "metadata" / "part-00000").write_text(line + "\n", "utf-8")


def _write_evaluated(path: Path, table: Any, users: NDArray[np.int32], dataset_users: NDArray[np.int64]) -> None:
    """Write the files of the evaluation, without rows of the chat's people."""
    if "user_id" in table.column_names:
        table = table.filter(pc.is_in(table["user_id"], pa.array(users)))
        theirs = dataset_users[np.searchsorted(users, table["user_id"].to_numpy())]
        table = table.append_column("dataset_user_id", pa.array(theirs))
    parquet.write_table(table, path)


# --- Import -----------------------------------------------------------------------------------------------------------


def import_model(
    store: Store, settings: EngineSettings, folder: Path, *, now: datetime, force: bool = False
) -> Imported:
    """Import a model from a folder as a new version in state candidate; ``publish_model`` makes it live.

    Its item factors are written last, and no version goes live without them. An import that was killed half-way leaves
    a candidate that cannot be served, and the next training sweeps it.

    Args:
        force: also take a model of other data, with the films and people that exist here. Films that a reader has rated
            here are left out of their list.

    Raises:
        SavedModelError: the folder is no saved model, or has been changed or damaged.
        OtherData: it was trained on other data, and ``force`` is not given.
    """
    catalogue = _idle(store)
    manifest = read_manifest(folder)
    same = manifest["dataset_fingerprint"] == catalogue.fingerprint
    if not (same or force):
        raise OtherData(manifest["dataset"], catalogue.dataset)
    rows = _read_factors(folder / "item_factors.parquet", manifest["hyperparameters"])
    films = np.array([film.id for film in store.films()], np.int64)
    known = np.isin(rows.movie_ids, films)
    if not known.any():
        raise SavedModelError("none of this model's films is in the catalogue here")
    rows = FactorRows(rows.movie_ids[known], rows.preference[known], rows.rating[known], rows.bias[known])
    people = _People.of(store)
    theirs = _table(folder / "people.parquet", _PEOPLE)
    measured = evaluated(folder, set(theirs["dataset_user_id"].to_pylist()))
    rated = None if same else _rated(settings, catalogue)
    version = store.create_version(
        dataset=manifest["dataset"],
        dataset_fingerprint=manifest["dataset_fingerprint"],
        hyperparameters=manifest["hyperparameters"],
        metrics=manifest["metrics"],
        counts=manifest["counts"] | {"imported_from_version": manifest["version"]},
        now=now,
    )
    target = settings.folder / "models" / str(version)
    with _nothing_left_on_failure(store, version, target):
        lists = _Lists(folder / "recommendations.parquet", people, films, rated)
        store.write_recommendations(version, lists)
        store.write_similar(version, _similar(folder / "similar_movies.parquet", films))
        _write_model_folder(target, folder, people, theirs, measured)
        store.write_item_factors(version, rows)
        store.check_version(version)
        store.explain_version(
            version, f"imported: model {manifest['version']} of {manifest['created_at'][:16].replace('T', ' ')}"
        )
    return Imported(version, len(rows.movie_ids), lists.people, lists.left_out)


def _idle(store: Store) -> Catalogue:
    """Return the loaded data set if no run is open: a training would sweep a version that is not live."""
    if (run := store.open_run()) is not None:
        raise SavedModelError(f"run {run.id} is open: wait for it (`python -m engine status`)")
    catalogue = store.catalogue()
    if catalogue is None:
        raise SavedModelError("no data set is loaded: `python -m engine load` with the one the model was trained on")
    return catalogue


def _read_factors(path: Path, hyperparameters: Mapping[str, Any]) -> FactorRows:
    """Return the films' side after checking it: ascending ids, one rank, finite numbers."""
    table = _table(path, _FACTORS)
    ids, bias = table["movie_id"].to_numpy(), table["bias"].to_numpy()
    if not (len(ids) and (np.diff(ids) > 0).all()):
        raise SavedModelError(f"{path}: its films are not in ascending order")
    sides = {}
    for name in MODELS:
        values = table[name].combine_chunks().flatten().to_numpy()
        if set(pc.list_value_length(table[name]).unique().to_pylist()) != {len(values) // len(ids)}:
            raise SavedModelError(f"{path}: its {name} factors are not all of one rank")
        sides[name] = values.reshape(len(ids), -1)
    if not all(np.isfinite(values).all() for values in (*sides.values(), bias)):
        raise SavedModelError(f"{path} holds numbers that are not finite")
    rows = FactorRows(ids, sides["preference"], sides["rating"], bias)
    try:
        fits = len(Model.assemble(rows, hyperparameters).average_taste) == sides["preference"].shape[1]
    except (KeyError, TypeError, ValueError) as e:
        raise SavedModelError(f"the hyperparameters of this saved model cannot be read: {e!r}") from e
    if not fits:
        raise SavedModelError(f"{path}: its factors are not of the rank that the manifest names")
    return rows


def _table(path: Path, schema: Any) -> Any:
    try:
        table = parquet.read_table(path)
        return table.select(schema.names).cast(schema)
    except (OSError, pa.ArrowException, KeyError) as e:
        raise SavedModelError(f"{path} cannot be read: {e}") from e


@dataclass(frozen=True)
class _People:
    """The people of this database: the data set's own ids, ascending, and ``users.id`` of each."""

    dataset_user_ids: NDArray[np.int64]
    user_ids: NDArray[np.int32]

    @classmethod
    def of(cls, store: Store) -> "_People":
        user_ids, dataset_user_ids = archive.dataset_people(store)
        order = np.argsort(dataset_user_ids)
        return cls(dataset_user_ids[order], user_ids[order])

    def find(self, dataset_user_ids: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return ``users.id`` of these people, and whether each is known here; the id of an unknown person has no
        meaning."""
        if not len(self.user_ids):
            return np.zeros(len(dataset_user_ids), np.int32), np.zeros(len(dataset_user_ids), bool)
        at = np.minimum(np.searchsorted(self.dataset_user_ids, dataset_user_ids), len(self.user_ids) - 1)
        return self.user_ids[at], self.dataset_user_ids[at] == dataset_user_ids


def _rated(settings: EngineSettings, catalogue: Catalogue) -> NDArray[np.int64]:
    """Return (person, film) of every rating of the loaded data set as sorted pairs."""
    folder = ratings_folder(settings.folder, catalogue.fingerprint)
    if not folder.exists():
        raise SavedModelError(f"the files of {catalogue.dataset} are gone from {folder}: load it again")
    table = arrow_dataset.dataset(folder, format="parquet").to_table(["user_id", "movie_id"])
    return np.sort(_pairs(table["user_id"].to_numpy(), table["movie_id"].to_numpy()))


def _pairs(user_ids: NDArray[Any], movie_ids: NDArray[Any]) -> NDArray[np.int64]:
    return (user_ids.astype(np.int64) << 32) | movie_ids.astype(np.int64)


class _Lists:
    """Lines of lists for the store: (user_id, position, movie_id, score, predicted_stars).

    Lines with unknown films or people, and films that their reader has rated, are left out, and later lines move up.
    ``people`` and ``left_out`` are complete once all lines have been read.
    """

    def __init__(self, path: Path, people: _People, films: NDArray[np.int64], rated: NDArray[np.int64] | None) -> None:
        self._path, self._people, self._films, self._rated = path, people, films, rated
        self.people, self.left_out = 0, 0

    def __iter__(self) -> Iterator[tuple[int, int, int, float, float | None]]:
        reader, position = None, 0
        for batch in _batches(self._path, _LISTS):
            columns = {name: batch.column(name).to_numpy() for name in ("dataset_user_id", "movie_id", "score")}
            stars = batch.column("predicted_stars")  # null for play counts
            users, keep = self._people.find(columns["dataset_user_id"])
            keep &= np.isin(columns["movie_id"], self._films)
            if self._rated is not None:
                pairs = _pairs(users, columns["movie_id"])
                at = np.minimum(np.searchsorted(self._rated, pairs), len(self._rated) - 1)
                keep &= self._rated[at] != pairs
            if not (np.isfinite(columns["score"]).all() and np.isfinite(stars.drop_null().to_numpy()).all()):
                raise SavedModelError(f"{self._path} holds numbers that are not finite")
            self.left_out += int((~keep).sum())
            kept = (columns["movie_id"][keep].tolist(), columns["score"][keep].tolist(), stars.filter(keep).to_pylist())
            for user_id, movie_id, score, predicted in zip(users[keep].tolist(), *kept, strict=True):
                if user_id != reader:
                    reader, position = user_id, 0
                    self.people += 1
                position += 1
                yield user_id, position, movie_id, score, predicted


def _similar(path: Path, films: NDArray[np.int64]) -> Iterator[SimilarRow]:
    """Yield the lines whose films exist here, without gaps in positions."""
    of, position = None, 0
    for batch in _batches(path, _SIMILAR):
        here = [np.isin(batch.column(name).to_numpy(), films) for name in ("movie_id", "similar_movie_id")]
        kept = batch.filter(pa.array(here[0] & here[1]))
        for movie_id, _, *rest in zip(*(column.to_pylist() for column in kept.columns), strict=True):
            position = position + 1 if movie_id == of else 1
            of = movie_id
            yield movie_id, position, *rest


def _batches(path: Path, schema: Any) -> Iterator[Any]:
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=schema.names):
                table = pa.Table.from_batches([batch])
                for name in LATER_COLUMNS - set(table.column_names):
                    table = table.append_column(name, pa.nulls(len(table)))
                yield table.select(schema.names).cast(schema).combine_chunks()
    except (OSError, pa.ArrowException, KeyError) as e:
        raise SavedModelError(f"{path} cannot be read: {e}") from e


def _write_model_folder(target: Path, folder: Path, people: _People, theirs: Any, measured: Mapping[str, Any]) -> None:
    """Write the files that a run keeps for its version, with this database's ids."""
    aside = _aside(target)
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "users").mkdir(parents=True)
    users, known = people.find(theirs["dataset_user_id"].to_numpy())
    sides = {}
    for name in MODELS:
        side = _table(folder / name / "userFactors" / "part-00000.parquet", _SPARK)
        if side["id"].to_pylist() != theirs["user_id"].to_pylist():
            raise SavedModelError(f"{folder / name}: its people are not those of people.parquet")
        sides[name] = side["features"].filter(pa.array(known))
    columns = {"user_id": pa.array(users[known]), **sides, "bias": theirs["bias"].filter(pa.array(known))}
    parquet.write_table(pa.table(columns), aside / "users" / "part-00000.parquet")
    for name, table in measured.items():
        if "dataset_user_id" in table.column_names:
            users, known = people.find(table["dataset_user_id"].to_numpy())
            table = table.drop_columns("dataset_user_id").filter(pa.array(known))
            place = table.schema.get_field_index("user_id")
            table = table.set_column(place, "user_id", pa.array(users[known], pa.int32()))
        parquet.write_table(table, aside / f"{name}.parquet")
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")


@contextmanager
def _nothing_left_on_failure(store: Store, version: int, target: Path) -> Iterator[None]:
    try:
        yield
    except BaseException as e:
        for folder in (target, _aside(target)):
            shutil.rmtree(folder, ignore_errors=True)
        store.drop_version(version)
        if isinstance(e, (OSError, pa.ArrowException)):
            raise SavedModelError(f"the model could not be imported: {e}") from e
        raise


# --- Publishing -------------------------------------------------------------------------------------------------------


def publish_model(store: Store, version: int, *, now: datetime, force: bool = False) -> int | None:
    """Make a model of a run or an import live, and return the version that was live before.

    No rating counts as used by it: ratings that wait for the next training go on waiting.

    Raises:
        NoSuchVersion: there is no such version, or it was live and its lists were swept.
        OtherData: it was trained on other data than the loaded set, and ``force`` is not given.
        PublishRefused: its rows are missing or do not pass the checks.
    """
    catalogue, model, before = _idle(store), store.model_version(version), store.live_version()
    if before == version:
        return before
    if model.dataset_fingerprint != catalogue.fingerprint and not force:
        raise OtherData(model.dataset, catalogue.dataset)
    if model.published_at is not None:
        store.rollback(version, now)
        return before
    store.check_version(version)
    store.publish(version, event_ids=np.array([], np.int64), now=now)
    return before
