"""Numerical functions as machine code that is made once, by numba, and kept where the program may only read."""

import hashlib
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import UserProvidedCacheLocator

OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "reassoc", "nsz", "arcp"}}
"""Fused and reordered sums, but NaN stays NaN. Without Python's lock, so that threads run side by side."""


def compiled(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function for one signature as it is defined, or take what was kept of an earlier time.

    Kept beside the source, or in NUMBA_CACHE_DIR. Where nothing is kept and nothing can be, it takes some seconds.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            kept: Callable[..., Any] = njit(signature, cache=True, **OPTIONS)(function)
        except (OSError, RuntimeError):  # a read-only folder that knows another processor, or no folder at all
            kept = njit(signature, **OPTIONS)(function)
        return kept

    return decorate


class SharedFolder(UserProvidedCacheLocator):
    """Keeps machine code in NUMBA_CACHE_DIR for all processes: also if it is read-only there, as in a container, and if
    the source comes in a zip, as on the executors of a Spark cluster. numba's own locators pass over both.

    NUMBA_CACHE_LOCATOR_CLASSES=engine.learning.compiled.SharedFolder turns it on; the Dockerfile does.
    """

    def __init__(self, function: Any, file: str) -> None:
        super().__init__(function, file)  # type: ignore[no-untyped-call]
        self._cache_path = os.environ["NUMBA_CACHE_DIR"]
        self._source = inspect.getsource(sys.modules[function.__module__])

    @classmethod
    def from_function(cls, function: Any, file: str) -> "SharedFolder | None":
        return cls(function, file) if os.environ.get("NUMBA_CACHE_DIR") else None

    def ensure_cache_path(self) -> None:
        Path(self._cache_path).mkdir(parents=True, exist_ok=True)

    def get_source_stamp(self) -> str:
        return hashlib.sha256(self._source.encode()).hexdigest()
