"""The guard of every route: finds out who calls, and whether they may."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from api import keys
from api.context import Services, Serving
from api.problems import Problem
from engine.store import ApiKey, Scope

PERSON_ID = r"^[A-Za-z0-9._~@:+-]{1,128}$"

PersonId = Annotated[
    str, Path(pattern=PERSON_ID, description="The site's own id of a person.", examples=["customer-42"])
]

bearer = HTTPBearer(
    auto_error=False, description="`Authorization: Bearer matinee_…`, made by `python -m api keys add`."
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]

MAY = {Scope.READ: {Scope.READ}, Scope.WRITE: {Scope.READ, Scope.WRITE}, Scope.ADMIN: set(Scope) - {Scope.PERSON}}
"""The rights of the site's own keys."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller. ``key`` is None if no key is needed and none was given."""

    key: ApiKey | None

    def may(self, scope: Scope) -> bool:
        return self.key is not None and scope in MAY.get(self.key.scope, ())

    def is_person(self, person: str) -> bool:
        return self.key is not None and self.key.scope is Scope.PERSON and self.key.site_id == person


async def anybody(request: Request, services: Serving, sent: Bearer) -> Caller:
    """Let anybody with a key or a person's token pass, and everybody if the settings allow it."""
    if sent is None:
        if not services.settings.api_open:
            raise _unauthorized("key_missing", "send a key as `Authorization: Bearer matinee_…`")
        _count(services, request.client.host if request.client else None, None)
        return Caller(None)
    key = await _key(services, sent.credentials)
    _count(services, key.id, key.per_minute)
    return Caller(key)


async def _key(services: Services, sent: str) -> ApiKey:
    parts = keys.parse(sent)
    number, secret = parts or (0, "")
    key = await _stored(services, number) if parts else None
    if not keys.is_secret_of(key.digest if key else None, secret) or key is None or not key.opens(services.clock()):
        raise _unauthorized("key_unknown", "this key was never made, was revoked, or is too old")
    return key


async def _stored(services: Services, number: int) -> ApiKey | None:
    key = services.known_keys.get(number)
    if key is None:
        key = await run_in_threadpool(services.store.key, number)
        if key is not None:
            services.known_keys.put(key)
    return key


def _unauthorized(kind: str, detail: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, kind, detail, headers={"WWW-Authenticate": "Bearer"})


def _count(services: Services, caller: object, per_minute: int | None) -> None:
    share = (per_minute or services.settings.api_per_minute) / services.settings.api_workers
    wait = services.limits.seconds_to_wait(caller, share)
    if wait:
        seconds = math.ceil(wait)
        detail = f"at most {per_minute or services.settings.api_per_minute} calls a minute: wait {seconds} s"
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too_fast", detail, headers={"Retry-After": str(seconds)})


Guard = Callable[..., Awaitable[Caller]]


def site(scope: Scope) -> Guard:
    """Return a guard that lets only the site's keys of a scope pass."""

    async def guard(caller: Annotated[Caller, Depends(anybody)]) -> Caller:
        if not caller.may(scope):
            raise _forbidden(caller, scope)
        return caller

    return guard


def one_person(scope: Scope) -> Guard:
    """Return a guard for one person's data: it lets the site's keys of a scope and that person's own tokens pass."""

    async def guard(caller: Annotated[Caller, Depends(anybody)], person: PersonId) -> Caller:
        if not caller.may(scope) and not caller.is_person(person):
            raise _forbidden(caller, scope)
        return caller

    return guard


def _forbidden(caller: Caller, scope: Scope) -> Problem:
    if caller.key is None:
        return _unauthorized("key_missing", f"this needs a key of scope {scope.value}")
    detail = f"this needs a key of scope {scope.value}; this one has {caller.key.scope.value}"
    return Problem(HTTPStatus.FORBIDDEN, "scope", detail)
