"""The state of the service: /healthz for monitoring, /metrics for Prometheus."""

from typing import Annotated

from fastapi import Depends, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from api.context import InStore, OnShelf
from api.guard import Caller, anybody, site
from api.problems import may_answer
from api.routes import Routes
from engine.store import Scope

router = Routes(tags=["service"])


@router.get("/healthz", response_class=PlainTextResponse, responses=may_answer(503))
def healthz(store: InStore, shelf: OnShelf) -> Response:
    """Say that all is well: the database answers, and films are in memory. Needs no key, and tells nothing else."""
    store.ping()
    return PlainTextResponse(f"healthy: {len(shelf.films.by_id)} films\n")


@router.get("/metrics", response_class=PlainTextResponse, responses=may_answer(401, 403, 429))
def metrics(_: Annotated[Caller, Depends(site(Scope.ADMIN))]) -> Response:
    """Return this worker's figures for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class Key(BaseModel):
    """The rights of this call's key, and the person whose token it is, if it is one."""

    scope: Scope | None
    person: str | None


@router.get("/v1/key", responses=may_answer(401, 429, 503))
def which_key(caller: Annotated[Caller, Depends(anybody)]) -> Key:
    """Return what the key that this call carries may do. ``scope`` is null where none is needed and none was sent."""
    return Key(scope=caller.key and caller.key.scope, person=caller.key and caller.key.site_id)
