"""The API's command line: ``python -m api serve``, ``keys`` and ``healthcheck``."""

import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from api import keys as secrets
from api.settings import ApiSettings
from engine.clock import utc_now
from engine.domain import MatineeError
from engine.log import set_up_logging
from engine.store import ApiKey, Scope, Store
from engine.verbs import Verbs, command_line

# Commands import FastAPI only if they need it: the health check runs twice a minute.
if TYPE_CHECKING:
    from api.context import Services

cli = command_line("Matinee over HTTP: the same films for people, for a site, a media server, a notebook.")
keys = typer.Typer(
    cls=Verbs, help="Make, list and revoke the site's keys.", no_args_is_help=True, rich_markup_mode=None
)
cli.add_typer(keys, name="keys")

STOP_SECONDS = 10
"""Calls in progress may take this long once we are told to stop."""


@cli.command()
def serve(
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many processes; MATINEE_API_WORKERS if not given.")
    ] = None,
    until_end_of_input: Annotated[bool, typer.Option("--until-end-of-input", hidden=True)] = False,
) -> None:
    """Serve the API.

    Goes on until told to stop (SIGTERM or Ctrl-C). Needs a database that `python -m engine migrate` has made.
    Listens on MATINEE_API_HOST and MATINEE_API_PORT (8000 if that is not set), with MATINEE_API_WORKERS processes.

    Several processes are forked from one that has loaded films and model, and share its memory.
    Calls that are under way are answered before it ends. Exits with 1 when a setting or the database is wrong,
    with 3 when the port is taken.
    """
    import uvicorn

    from api.application import build_application
    from api.workers import serve as serve_together

    settings = _settings()
    if workers is not None:
        settings = settings.model_copy(update={"api_workers": workers})
    set_up_logging(settings.log_level, hide=settings.secrets())
    try:
        services = _services(settings)
        if settings.api_workers > 1:
            services.library.load()
    except MatineeError as e:
        _fail(str(e))
    services.store.close()  # no connection may be used on both sides of a fork
    if until_end_of_input:
        threading.Thread(target=_stop_with_input, daemon=True).start()
    application = build_application(services)
    options: dict[str, Any] = {
        "host": settings.api_host,
        "port": settings.port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": STOP_SECONDS,
    }
    if settings.api_workers > 1:
        serve_together(uvicorn.Config(application, **options), settings.api_workers, stop_seconds=STOP_SECONDS + 5)
    else:
        uvicorn.run(application, workers=1, **options)


def _stop_with_input() -> None:
    """Stop once the program that started us is gone: it holds the other end of our standard input."""
    while os.read(sys.stdin.fileno(), 4096):  # ``sys.stdin`` would be locked in a process that is forked meanwhile
        pass
    os.kill(os.getpid(), signal.SIGTERM)


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="What it is for, so that you know it again.")],
    scope: Annotated[
        Scope, typer.Option(help="read: films and people's picks. write: ratings too. admin: models and runs too.")
    ] = Scope.READ,
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="Calls a minute, if not MATINEE_API_PER_MINUTE.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="For how long it is good; for ever if not.")
    ] = None,
) -> None:
    """Make a key and print it.

    It is shown this once: only a hash of it is kept.
    """
    if scope is Scope.PERSON:
        raise typer.BadParameter("tokens for one person are made by POST /v1/people/PERSON/tokens")
    secret, digest = secrets.new_secret()
    with _store() as store:
        now = utc_now()
        until = None if days is None else now + timedelta(days=days)
        number = store.add_key(name[:64], scope, digest, now, per_minute=per_minute, expires_at=until)
    print(secrets.spell(number, secret))


@keys.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the site's keys, without their secrets. Changes nothing."""
    with _store() as store:
        held = store.keys()
    if as_json:
        print(json.dumps([_facts(key) for key in held]))
        return
    for key in held:
        state = "revoked" if key.revoked_at else "good" if key.opens(utc_now()) else "too old"
        print(f"{key.id:4}  {key.scope:6}  {state:8}  {key.created_at:%Y-%m-%d}  {key.name}")


@keys.command("revoke")
def revoke_key(number: Annotated[int, typer.Argument(help="Its number; `keys list` says it.")]) -> None:
    """Let a key open nothing any more, from its next call on."""
    with _store() as store:
        revoked = store.revoke_key(number, utc_now())
    if not revoked:
        _fail(f"there is no key {number}, or it was revoked already: `python -m api keys list`")
    print(f"Key {number} is revoked.")


@cli.command()
def healthcheck() -> None:
    """Say whether the API on this machine is well: its port answers, and its database answers it.

    Changes nothing. Exits with 0 if it is well, else with 1; either way a line says why.
    """
    settings = _settings()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/healthz", timeout=10) as answer:
            print(answer.read().decode().strip())
    except urllib.error.HTTPError as e:
        _fail(f"unhealthy: it answers {e.code}")
    except OSError as e:
        _fail(f"unhealthy: nothing answers on port {settings.port} ({getattr(e, 'reason', e)})")


@cli.command()
def schema() -> None:
    """Print the API's OpenAPI schema. Needs no database and changes nothing."""
    from api.application import build_application

    app = build_application(_unopened(_settings()))
    print(json.dumps(app.openapi(), indent=2, ensure_ascii=False))


def _facts(key: ApiKey) -> dict[str, object]:
    dates = {name: getattr(key, name) for name in ("created_at", "expires_at", "revoked_at")}
    facts = {"id": key.id, "name": key.name, "scope": key.scope, "per_minute": key.per_minute}
    return facts | {name: None if at is None else at.isoformat() for name, at in dates.items()}


def _settings() -> ApiSettings:
    try:
        return ApiSettings.load()
    except MatineeError as e:
        _fail(str(e))


def _services(settings: ApiSettings) -> "Services":
    services = _unopened(settings)
    services.store.check_revision()
    services.store.catalogue()
    return services


def _unopened(settings: ApiSettings) -> "Services":
    from api.context import Services
    from engine.serving.library import Library
    from engine.serving.shared import SharedArrays

    store = Store(settings.url, ratings_a_day=settings.ratings_a_day)
    shared = SharedArrays(settings.folder / "shared") if settings.api_workers > 1 else None
    library = Library(store, own_names=settings.own_names, shared=shared)
    return Services(settings=settings, store=store, library=library)


@contextmanager
def _store() -> Iterator[Store]:
    try:
        settings = ApiSettings.load()
        set_up_logging(settings.log_level, hide=settings.secrets())
        store = Store(settings.url)
        try:
            yield store
        finally:
            store.close()
    except MatineeError as e:
        _fail(str(e))


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    os.umask(0o077)  # what we write speaks of people
    cli()
