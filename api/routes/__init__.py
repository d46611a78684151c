"""The verbs, one module for each group. Each reads the request, calls one thing, and sends one answer."""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool


class Routes(APIRouter):
    """A router whose handlers visit a worker thread once.

    FastAPI visits a thread a second time to check the type of what a plain handler returned. Waking two threads again
    takes longer than the check.
    """

    def add_api_route(self, path: str, endpoint: Callable[..., Any], *args: Any, **options: Any) -> None:
        handler = endpoint if iscoroutinefunction(endpoint) else _aside(endpoint)
        super().add_api_route(path, handler, *args, **options)


def _aside(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    async def handle(**values: Any) -> Any:
        return await run_in_threadpool(handler, **values)

    return handle
