"""Errors as problem details (RFC 9457): each names what is wrong, where, and what to do about it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from engine.domain import BadStars, MatineeError
from engine.serving.library import EmptyCatalogue
from engine.store import (
    AlreadyLinked,
    EnoughForToday,
    Limited,
    NoSuchFilm,
    NoSuchVersion,
    RunAlreadyOpen,
    StoreUnavailable,
)

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

TITLES = {
    "invalid": "The request does not fit the schema",
    "key_missing": "This needs a key",
    "key_unknown": "No such key",
    "scope": "The key may not do this",
    "not_found": "There is no such thing",
    "no_such_film": "No such film",
    "no_such_person": "No such person",
    "no_such_model": "No such model",
    "no_such_run": "No such run",
    "no_such_genre": "No such genre",
    "bad_cursor": "No such page",
    "bad_list": "No such list",
    "not_in_list": "The film is not in this list",
    "bad_stars": "Not a rating",
    "method": "The method is not one of this address",
    "linked": "They are linked already",
    "conflict": "Something else is under way",
    "idempotency": "The idempotency key belongs to another call",
    "too_large": "The body is too large",
    "too_fast": "Too many calls",
    "enough_for_today": "Enough for one day",
    "unavailable": "Not able to answer now",
    "internal": "A fault of ours",
}
"""Every kind of problem. The kind is the last part of ``type``, and a heading of the page that ``type`` names."""


class FieldProblem(BaseModel):
    """A problem with one field: ``field`` is its path, such as ``body.ratings.0.stars``; ``detail`` says what it should
    be."""

    field: str
    detail: str


class ProblemDetails(BaseModel):
    """RFC 9457. ``type`` names the kind, for programs; ``detail`` is for people."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class Problem(Exception):
    """An error that is answered as problem details."""

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers
        self.errors = [FieldProblem(field=field, detail=detail)] if field is not None else []

    def response(self) -> JSONResponse:
        return problem_response(self.status, self.kind, self.detail, self.errors, self.headers)


def problem_response(
    status: int,
    kind: str,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = ProblemDetails(type=f"/docs#{kind}", title=TITLES[kind], status=status, detail=detail, errors=list(errors))
    return JSONResponse(body.model_dump(), status, headers, MEDIA_TYPE)


def may_answer(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the part of a route's schema for the problems that it may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def handle_problems(app: FastAPI) -> None:
    """Make ``app`` answer every error as problem details."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Never the whole of ``error.errors()``: it repeats the request.
        errors = [FieldProblem(field=".".join(map(str, e["loc"])), detail=e["msg"]) for e in error.errors()[:20]]
        first = f"{errors[0].field}: {errors[0].detail}" if errors else "the request cannot be read"
        if errors and errors[0].field == "body" and "json" not in request.headers.get("content-type", ""):
            first = "body: send it with the header Content-Type: application/json"
        return problem_response(422, "invalid", first, errors)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400:  # a body that is no JSON does not fit the schema either
            return problem_response(422, "invalid", "body: send JSON in UTF-8")
        kind = {404: "not_found", 405: "method"}.get(error.status_code, "invalid")
        return problem_response(error.status_code, kind, str(error.detail), headers=error.headers)

    @app.exception_handler(MatineeError)
    async def _ours(_: Request, error: MatineeError) -> JSONResponse:
        return _of_domain(error)

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> JSONResponse:
        log.error("api_failed", method=request.method, reason=type(error).__name__, exc_info=error)
        return problem_response(500, "internal", "it is in our log; try again, and tell who runs this if it stays")


def _of_domain(error: MatineeError) -> JSONResponse:
    match error:
        case NoSuchFilm():
            return problem_response(404, "no_such_film", f"{error}: search with /v1/films?q=")
        case NoSuchVersion():
            return problem_response(404, "no_such_model", f"{error}; /v1/models lists them")
        case BadStars():
            return problem_response(422, "bad_stars", str(error))
        case AlreadyLinked():
            detail = "this person is one with a person of the chat already: DELETE the link first"
            return problem_response(409, "linked", detail)
        case RunAlreadyOpen():
            return problem_response(409, "conflict", f"{error}: watch it at /v1/runs/{error.run.id}")
        case EnoughForToday(kind=kind, most=most):
            each = "calls with many ratings" if kind is Limited.IMPORTS else "changes of a rating"
            return problem_response(429, "enough_for_today", f"at most {most} {each} a person and day (UTC)")
        case EmptyCatalogue():
            return problem_response(503, "unavailable", str(error), headers={"Retry-After": "30"})
        case StoreUnavailable():
            # The text may name hosts and settings, so it goes to our log and not to callers.
            log.error("store_unavailable", reason=str(error))
            return problem_response(503, "unavailable", "the database does not answer", headers={"Retry-After": "5"})
        case _:
            log.error("api_refused", reason=type(error).__name__, exc_info=error)
            return problem_response(500, "internal", "it is in our log; try again, and tell who runs this if it stays")
