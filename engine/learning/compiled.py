"""Compiles numerical functions to machine code with numba, and caches the code, also where the program may only
read."""

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
"""Sums may be fused and reordered, but NaN stays NaN. Functions run without Python's lock, so threads run in
parallel."""


def compiled(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function for one signature when it is defined, or load it from the cache.

    The cache is beside the source, or in NUMBA_CACHE_DIR. Without a usable cache, compiling takes some seconds.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            kept: Callable[..., Any] = njit(signature, cache=True, **OPTIONS)(function)
        # The folder is read-only and holds code for another processor, or there is no folder.
        except (OSError, RuntimeError):
            kept = njit(signature, **OPTIONS)(function)
        return kept

    return decorate


class SharedFolder(UserProvidedCacheLocator):
    """Keeps machine code in NUMBA_CACHE_DIR for all processes, even if that is read-only, as in a container, or if the
    source comes in a zip, as on the executors of a Spark cluster. numba's own locators support neither.

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
