"""The application: routes, middleware, start and end."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.context import Services
from api.etags import NotModified, not_modified
from api.problems import ProblemDetails, handle_problems, problem_response
from api.routes import films, groups, links, models, page, people, picks, runs, service

log = structlog.get_logger(__name__)

THREADS = 4
"""Worker threads beside the event loop. Only one runs Python at a time; the others wait for the database."""

ABOUT = """\
Films for people, from what they rated a second ago. Every call needs a key, `Authorization: Bearer matinee_…`, made by
`python -m api keys add`. A film is named by the catalogue's number, `imdb:tt0133093` or `tmdb:603`; a person by the id
that your site has for them. Errors are problem details (RFC 9457)."""

REQUESTS = Counter("matinee_api_requests", "Requests answered", ["route", "method", "status"])
SECONDS = Histogram(
    "matinee_api_seconds",
    "Time to answer a request",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)


def build_application(services: Services) -> FastAPI:
    """Build the API around its services. Nothing is read before it starts."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await services.library.shelf()
        yield
        services.store.close()

    app = FastAPI(
        title="Matinee",
        version="1",
        description=ABOUT,
        lifespan=life,
        docs_url=None,  # FastAPI's own pages fetch from foreign hosts
        redoc_url=None,
    )
    app.state.services = services
    handle_problems(app)
    app.add_exception_handler(NotModified, not_modified)  # type: ignore[arg-type]
    for router in (
        films.router,
        picks.sent_along,
        picks.of_person,
        people.router,
        links.router,
        groups.router,
        models.router,
        runs.router,
        service.router,
        page.router,
    ):
        app.include_router(router)
    app.add_middleware(BoundedBody, most=services.settings.api_body_kb * 1024)
    if services.settings.api_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(services.settings.api_origins),
            allow_methods=["GET", "PUT", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"],
            expose_headers=["ETag", "Retry-After"],
        )
    app.add_middleware(Noted)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Add problem details to the schema, which FastAPI leaves out because no route returns them, and let each verb's
    summary be the first sentence of its description."""
    generate = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            schema = generate()
            shape = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas |= shape.pop("$defs") | {"ProblemDetails": shape}
            for verb in (verb for path in schema["paths"].values() for verb in path.values()):
                if described := verb.get("description"):
                    verb["summary"] = " ".join(described.split()).partition(". ")[0].rstrip(".")
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


class BoundedBody:
    """Refuses bodies that are larger than ``most`` bytes, including those without a stated length."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        # The body is read before the application sees it, because a refusal must come before an answer has begun.
        # Bodies are small.
        body, more = b"", True
        too_large = not said.isdigit() or int(said) > self._most
        while more and not too_large:
            message = await receive()
            if message["type"] != "http.request":  # the client has closed the connection
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
            too_large = len(body) > self._most
        if too_large:
            detail = f"at most {self._most // 1024} KiB: send less at a time"
            await problem_response(413, "too_large", detail, headers={"Connection": "close"})(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)


class Noted:
    """Writes one log line and one count for each request, with its route but neither its parameters nor its key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "none")
            REQUESTS.labels(route, scope["method"], status).inc()
            SECONDS.labels(route).observe(seconds)
            log.info(
                "api_request", route=route, method=scope["method"], status=status, milliseconds=round(seconds * 1e3, 1)
            )
