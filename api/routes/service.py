"""How the service itself is: /healthz for whoever watches over it, /metrics for Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.context import InStore, OnShelf
from api.guard import Caller, site
from api.problems import may_answer
from engine.store import Scope

router = APIRouter(tags=["service"])


@router.get("/healthz", responses=may_answer(503))
def healthz(store: InStore, shelf: OnShelf) -> Response:
    """Say that all is well: the database answers, and films are in memory. Needs no key, and tells nothing else."""
    store.ping()
    return Response(f"healthy: {len(shelf.films.by_id)} films\n", media_type="text/plain")


@router.get("/metrics", responses=may_answer(401, 403, 429))
def metrics(_: Annotated[Caller, Depends(site(Scope.ADMIN))]) -> Response:
    """Return this worker's figures for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
