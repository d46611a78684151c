"""Keeps large arrays of a model in files that all processes of one machine map, so that memory holds them once."""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

log = structlog.get_logger(__name__)

First = TypeVar("First")
Second = TypeVar("Second")

SMALLEST_BYTES = 1_000_000
"""Smaller arrays are not put into files."""

LEFT_BEHIND_SECONDS = 3600.0
"""An unfinished file of this age was abandoned."""


class SharedArrays:
    """A folder of arrays, each named after its content and never changed.

    A file is written under another name first, readable by its owner alone. It is used only if it holds exactly the
    process's own array, so neither a file of another model nor a broken one can do harm. If a file cannot be written or
    read, the process keeps its own memory.
    """

    def __init__(self, folder: Path, *, smallest_bytes: int = SMALLEST_BYTES) -> None:
        self._folder = folder
        self._smallest_bytes = smallest_bytes

    def hold(self, first: First, second: Second) -> tuple[First, Second]:
        """Return two dataclasses with their large arrays mapped from files, and remove files that hold none of them.

        A process that has a removed file mapped can use it until it unmaps it.
        """
        kept: set[Path] = set()
        shared = self._held(first, kept), self._held(second, kept)
        try:
            self._sweep(kept)
        except OSError as error:
            log.warning("shared_arrays_not_swept", reason=type(error).__name__)
        return shared

    def _held(self, holder: First, kept: set[Path]) -> First:
        values = {field.name: getattr(holder, field.name) for field in fields(holder)}  # type: ignore[arg-type]
        large = {
            name: self._mapped(value, kept)
            for name, value in values.items()
            if isinstance(value, np.ndarray) and value.nbytes >= self._smallest_bytes
        }
        return replace(holder, **large)  # type: ignore[type-var]

    def _mapped(self, array: NDArray[Any], kept: set[Path]) -> NDArray[Any]:
        array = np.ascontiguousarray(array)
        path = self._folder / f"{hashlib.sha256(array.data).hexdigest()[:32]}.npy"
        try:
            found = _read(path, array)
            if found is None:
                _write(path, array)
                found = _read(path, array)
        except OSError as error:
            log.warning("array_not_shared", reason=type(error).__name__)
            return array
        if found is None:
            return array
        kept.add(path)
        return found

    def _sweep(self, kept: Iterable[Path]) -> None:
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            unfinished = path.suffix == ".part" and time.time() - path.stat().st_mtime > LEFT_BEHIND_SECONDS
            if unfinished or (path.suffix == ".npy" and path not in kept):
                path.unlink(missing_ok=True)


def _read(path: Path, like: NDArray[Any]) -> NDArray[Any] | None:
    """Map the array of a file; None if there is no such file or it holds another array."""
    try:
        mapped = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (FileNotFoundError, EOFError, ValueError):
        return None
    same = mapped.dtype == like.dtype and mapped.shape == like.shape and np.array_equal(mapped, like)
    return mapped if same else None


def _write(path: Path, array: NDArray[Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
