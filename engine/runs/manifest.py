"""Checks a saved model before it is used: its files must be those that were exported, and its figures must be
numbers."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from engine.domain import MatineeError

FORMAT = 1
"""Version of the folder's format. Raise it when an older Matinee cannot read the new files."""

EVALUATED = ("per_user", "errors")

_READ = {
    "per_user": ("user_id", "dataset_user_id", "ndcg", "n_all", "squared_all"),
    "errors": ("stars", "known_from", "n"),
}
"""The columns that gate and report read."""


class SavedModelError(MatineeError):
    """A model cannot be exported or imported as asked; the text says why and what to do."""


def files_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return sha256 and size of every file below a folder except the manifest, by its path in it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / "manifest.json")
    return {
        path.relative_to(folder).as_posix(): {"sha256": _sha256(path), "bytes": path.stat().st_size} for path in paths
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a saved model's manifest, after checking its figures, and that every file is there and unchanged.

    Raises:
        SavedModelError: the folder is no saved model or one of a newer Matinee, a figure is no finite number, or a
            file is missing, changed or unknown.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text("utf-8"), parse_constant=_refuse)
    except OSError as e:
        raise SavedModelError(f"{folder} is no saved model: it has no manifest.json ({e.strerror})") from e
    except (ValueError, RecursionError) as e:
        raise SavedModelError(f"{path} cannot be read: {e}") from e
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise SavedModelError(f"{path} is no manifest of a saved model")
    if manifest["format"] > FORMAT:
        raise SavedModelError(
            f"this model was exported by a newer Matinee (format {manifest['format']}): update this one"
        )
    kinds = {"version": int, "created_at": str, "dataset": str, "dataset_fingerprint": str, "files": dict}
    kinds |= {"hyperparameters": dict, "metrics": dict, "counts": dict}
    for name, kind in kinds.items():
        if not isinstance(manifest.get(name), kind):
            raise SavedModelError(f"{path} lacks {name!r}")
    for name in ("metrics", "counts"):
        _check_figures(path, name, manifest[name])
    _check_files(folder, manifest["files"])
    return manifest


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that a model may have")


def _check_figures(path: Path, name: str, value: Any) -> None:
    """Raise unless every figure, also in groups, is a finite number or null."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "popularity" and not isinstance(one, dict | None):
                raise SavedModelError(f"{path}: {name}.{key} is no group of figures but {one!r}")
            _check_figures(path, f"{name}.{key}", one)
    elif value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value)):
        raise SavedModelError(f"{path}: {name} is no number but {value!r}"[:500])


def _finite(value: float) -> bool:
    # The database stores these as JSON, and other programs read them.
    return math.isfinite(value) and abs(value) < 2**63


def _check_files(folder: Path, files: dict[str, Any]) -> None:
    found = files_of(folder)
    for path, facts in files.items():
        if path not in found:
            raise SavedModelError(f"{path} is missing from {folder}: copy the whole folder again")
        if not isinstance(facts, dict) or found[path]["sha256"] != facts.get("sha256"):
            raise SavedModelError(f"{folder / path} is not what was exported (its sha256 differs): copy it again")
    if extra := sorted(found.keys() - files.keys()):
        raise SavedModelError(f"{folder / extra[0]} does not belong to the saved model: remove it")


def evaluated(folder: Path, people: set[int]) -> dict[str, Any]:
    """Return the tables of the evaluation by name, if there are any.

    Args:
        people: the data set's ids of the people that the model was trained on.

    Raises:
        SavedModelError: a table cannot be read, lacks a column, or has values that no evaluation writes.
    """
    return {
        name: _table(folder / f"{name}.parquet", people) for name in EVALUATED if (folder / f"{name}.parquet").exists()
    }


def _table(path: Path, people: set[int]) -> Any:
    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as e:
        raise SavedModelError(f"{path} cannot be read: {e}") from e
    for name in _READ[path.stem]:
        if name not in table.column_names:
            raise SavedModelError(f"{path} is not what an evaluation leaves: it has no column {name}")
    for name in table.column_names:
        kind = table.schema.field(name).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise SavedModelError(f"{path} is not what an evaluation leaves: its column {name} holds no numbers")
        values = table[name].to_numpy().astype(np.float64)  # null as NaN: the figure does not apply to this person
        if np.isinf(values).any() or (name.endswith("user_id") and np.isnan(values).any()):
            raise SavedModelError(f"{path}: its column {name} holds numbers that are not finite")
        if name in ("ndcg", "n_all", "squared_all", "n") and (values < 0).any():
            raise SavedModelError(f"{path}: its column {name} holds numbers below zero")
    if path.stem == "per_user":
        theirs = table["dataset_user_id"].to_pylist()
        if len(set(theirs)) < len(theirs) or not people.issuperset(theirs):
            raise SavedModelError(f"{path}: its people are not those of people.parquet")
    return table
