"""Runs: asked for, watched, stopped."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api.context import InStore, Now
from api.guard import Caller, site
from api.problems import Problem, may_answer
from api.routes import Routes
from api.shapes import Wire
from engine.domain import RunKind, RunState
from engine.store import Run as StoredRun
from engine.store import Scope, Store, StoreUnavailable

ADMINS = [Depends(site(Scope.ADMIN))]

router = Routes(prefix="/v1/runs", tags=["runs"], responses=may_answer(401, 403, 422, 429, 503))

RunId = Annotated[int, Path(ge=1, le=2**31 - 1)]

LOOK_SECONDS = 0.5
STILL_THERE_SECONDS = 15
"""After so long without news a line is sent that says nothing, so that no proxy takes the connection for dead."""


class RunWanted(Wire):
    """``train`` learns from all ratings; ``tune`` searches for better hyperparameters, which the next training uses."""

    kind: Literal["train", "tune"] = "train"
    force: bool = Field(default=False, description="train: publish whatever the gate says.")
    model: Literal["preference", "rating"] = Field(default="preference", description="tune: which model.")
    minutes: int = Field(default=30, ge=1, le=24 * 60, description="tune: stop after so long; the best so far wins.")

    def options(self) -> dict[str, Any]:
        if self.kind == "train":
            return {"force": self.force}
        return {"model": self.model, "budget": f"{self.minutes}m"}


class Run(BaseModel):
    """One execution of the pipeline. ``fraction`` is of the whole run, 0 to 1; ``open`` while it waits or works."""

    id: int
    kind: RunKind
    state: RunState
    open: bool
    stage: str | None
    fraction: float
    detail: str
    asked_by: str
    cancelled_by: str | None
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    model_version: int | None
    metrics: dict[str, Any]

    @classmethod
    def of(cls, run: StoredRun) -> "Run":
        return cls(open=run.is_open, **{name: getattr(run, name) for name in cls.model_fields if name != "open"})


class Runs(BaseModel):
    runs: list[Run]


@router.post("", status_code=202, responses=may_answer(409, 413))
def ask(store: InStore, now: Now, caller: Annotated[Caller, Depends(site(Scope.ADMIN))], wanted: RunWanted) -> Run:
    """Ask for a run; the engine takes it. At most one is open at a time."""
    return Run.of(store.request_run(RunKind(wanted.kind), _name(caller), now, options=wanted.options()))


@router.get("", dependencies=ADMINS)
def runs(store: InStore, limit: Annotated[int, Query(ge=1, le=100)] = 10) -> Runs:
    """Return the latest runs, newest first."""
    return Runs(runs=[Run.of(run) for run in store.last_runs(limit)])


@router.get("/{run}", dependencies=ADMINS, responses=may_answer(404))
def one_run(store: InStore, run: RunId) -> Run:
    """Return one run as it stands."""
    return _run(store, run)


@router.post("/{run}/cancel", status_code=202, responses=may_answer(404))
def cancel(store: InStore, now: Now, caller: Annotated[Caller, Depends(site(Scope.ADMIN))], run: RunId) -> Run:
    """Ask a run to stop. One that still waits ends at once; one that has ended stays as it is."""
    store.ask_cancel(run, _name(caller), now)
    return _run(store, run)


@router.get(
    "/{run}/events",
    dependencies=ADMINS,
    response_class=StreamingResponse,
    responses={**may_answer(404), 200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}},
)
async def watch(store: InStore, run: RunId) -> StreamingResponse:
    """Follow a run: an event with the run whenever it changes, the last one once it has ended."""
    first = await asyncio.to_thread(_run, store, run)
    return StreamingResponse(
        _changes(store, first), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _changes(store: Store, run: Run) -> AsyncIterator[str]:
    yield _event(run)
    silent = 0.0
    while run.open:
        await asyncio.sleep(LOOK_SECONDS)
        silent += LOOK_SECONDS
        try:
            now = await asyncio.to_thread(_run, store, run.id)
        except StoreUnavailable:  # it may be back at the next look; an answer that has begun cannot be refused any more
            now = run
        if now != run:
            run, silent = now, 0.0
            yield _event(run)
        elif silent >= STILL_THERE_SECONDS:
            silent = 0.0
            yield ": still there\n\n"


def _name(caller: Caller) -> str:
    """Return how runs name a caller."""
    return f"api:{caller.key.name if caller.key is not None else ''}"[:64]


def _event(run: Run) -> str:
    return f"event: run\ndata: {run.model_dump_json()}\n\n"


def _run(store: Store, number: int) -> Run:
    """Raises:
    Problem: there is no such run.
    """
    try:
        return Run.of(store.run(number))
    except KeyError:
        raise Problem(HTTPStatus.NOT_FOUND, "no_such_run", f"there is no run {number}: see /v1/runs") from None
