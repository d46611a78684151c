"""The bot's command line: ``python -m bot run``, ``chat`` and ``healthcheck``."""

import asyncio
import os
import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot.settings import BotSettings
from engine import health
from engine.domain import MatineeError
from engine.log import set_up_logging
from engine.verbs import command_line

# Commands import Telegram's library and the features only if they need them: the health check runs twice a minute.
if TYPE_CHECKING:
    from bot.frame.context import Services

cli = command_line("Matinee's chat: films for people, on Telegram or in this terminal.")

MISSING = """\
There is no Telegram token.

To get one: open https://t.me/BotFather in Telegram, send /newbot and answer two questions. Then put the token
that BotFather gives you into the environment, or into a file named .env here:

    MATINEE_TELEGRAM_TOKEN=123456789:AAF…

To try Matinee without Telegram, in this terminal:

    python -m bot chat"""

MALFORMED = """\
MATINEE_TELEGRAM_TOKEN does not look like a token: it should be digits, a colon and some 35 letters, as
https://t.me/BotFather gave it to you."""

REFUSED = """\
Telegram does not accept the token in MATINEE_TELEGRAM_TOKEN. Copy it again from https://t.me/BotFather
(/mybots, API Token); if it was revoked there, the old one is of no use any more."""

PATIENCE_SECONDS = 90
"""If Telegram leaves polls unanswered for longer than this, something is wrong: without news it answers every ten
seconds."""

HOW_TO = "Type a message; >1 presses the first button, >Undo the one that begins so; /quit leaves."


@cli.command()
def run() -> None:
    """Serve people on Telegram.

    Goes on until told to stop (SIGTERM or Ctrl-C). Needs MATINEE_TELEGRAM_TOKEN, and a database that
    `python -m engine migrate` has made. Asks Telegram for updates; with MATINEE_WEBHOOK_URL, has Telegram bring them.
    Those that came while the bot was away are answered. With MATINEE_BOT_PORT, /healthz and /metrics are served there.

    Exits with 0 when told to stop; 1 when a setting, the token or the database is wrong; 75 when Telegram has not
    answered for 90 seconds, so that whoever watches over it starts it again.
    """
    from telegram.error import InvalidToken

    from bot.features import FEATURES
    from bot.frame.application import build_application, polling_request
    from bot.frame.health import LAST_POLL_AGE
    from bot.frame.serving import Polling, WatchedRequest, serve
    from bot.frame.webhook import Webhook, secret

    settings = _settings()
    token = settings.telegram_token.get_secret_value() if settings.telegram_token is not None else ""
    if not token:
        _fail(MISSING)
    if not re.fullmatch(r"\d+:[\w-]+", token, re.ASCII):
        _fail(MALFORMED)
    heartbeat = health.Heartbeat(heartbeat_file(settings))
    server = None
    try:
        set_up_logging(settings.log_level, hide=[*settings.secrets(), secret(token)])
        services = _services(settings)
        heartbeat.start()
        LAST_POLL_AGE.set_function(heartbeat.age_seconds)
        if settings.bot_port:
            server = health.serve(settings.bot_port, lambda: _health(settings))
    except MatineeError as e:
        _fail(str(e))
    except OSError as e:
        _fail(f"MATINEE_HOME: {settings.folder} cannot be written to: {e.strerror}")

    async def live() -> int:
        url, port = settings.webhook_url, settings.webhook_port
        application = build_application(
            services, FEATURES, get_updates_request=WatchedRequest(polling_request(), heartbeat.beat)
        )
        intake = Webhook(url, port, secret(token)) if url else Polling()
        return await serve(application, heartbeat, intake, patience_seconds=PATIENCE_SECONDS)

    try:
        raise typer.Exit(asyncio.run(live()))
    except InvalidToken:
        _fail(REFUSED)
    except MatineeError as e:
        _fail(str(e))
    finally:
        services.store.close()
        if server is not None:
            server.close()


@cli.command()
def chat(
    telegram_id: Annotated[
        int, typer.Option("--as", metavar="TELEGRAM_ID", min=1, help="Your Telegram id, for the database.")
    ] = 1,
    language: Annotated[str, typer.Option(help="The language of your Telegram, as in en or pt-br.")] = "en",
) -> None:
    """Talk to Matinee in this terminal.

    It is the same bot as on Telegram, and needs no token. Here you are an admin.

    A line is a message. ">2" presses the second button on screen, ">Undo" the one whose label begins so, "<FILE" sends
    a file. "/quit" or the end of the input leaves. It can be scripted:

    \b
        printf '/start\\n>9\\n/top\\n' | python -m bot chat

    Writes to the same database as Telegram's people do; files that you are sent go to the folder "received" of the
    data set's own, until /forget. Exits with 0; with 1 when a setting or the database is wrong.
    """
    from bot.features import FEATURES
    from bot.frame.application import build_application
    from bot.terminal import console

    settings = _settings()
    # The token belongs to the bot on Telegram, and the terminal chat sends nothing there.
    settings = settings.model_copy(update={"telegram_token": None, "admins": settings.admins | {telegram_id}})
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        set_up_logging(settings.log_level, settings.folder / "chat.log", hide=settings.secrets())
        received = settings.folder / "received" / str(telegram_id)
        services = replace(_services(settings), received=received)
    except MatineeError as e:
        _fail(str(e))
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if interactive:
        print(HOW_TO)

    async def talk() -> console.Console:
        lines = console.Lines(sys.stdin)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            lines.end()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)  # the second signal ends the program at once

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        screen = console.Console(sys.stdout, received, interactive=interactive)
        application = build_application(services, FEATURES, request=screen)
        await console.chat(application, screen, lines, telegram_id=telegram_id, language=language)
        return screen

    try:
        if asyncio.run(talk()).unheard:
            # Otherwise Python would flush the closed output at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        services.store.close()


@cli.command()
def healthcheck() -> None:
    """Say whether the bot on this machine is well.

    It is if Telegram has answered one of its polls in the last 90 seconds; or, with a webhook, if Telegram said that it
    has our address, and our port answered. Changes nothing. Exits with 0 if it is well, else with 1; either way a line
    says why.
    """
    well, line = _health(_settings())
    print(line)
    raise typer.Exit(0 if well else 1)


def heartbeat_file(settings: BotSettings) -> Path:
    """The file with the bot's heartbeat."""
    return settings.folder / "bot.heartbeat"


def _health(settings: BotSettings) -> tuple[bool, str]:
    what = "good look at the webhook" if settings.webhook_url else "answered poll"
    return health.check(heartbeat_file(settings), what, limit_seconds=PATIENCE_SECONDS, now=time.time())


def _settings() -> BotSettings:
    try:
        return BotSettings.load()
    except MatineeError as e:
        _fail(str(e))


def _services(settings: BotSettings) -> "Services":
    """Open the database and check that it has tables.

    Raises:
        StoreError: the database cannot be reached, or has no tables.
    """
    from bot.frame.context import Services
    from engine.serving.library import Library
    from engine.store import Store, StoreUnavailable

    store = Store(settings.url, ratings_a_day=settings.ratings_a_day)
    try:
        store.check_revision()
        store.catalogue()
    except StoreUnavailable as e:
        if "engine migrate" in str(e):
            raise StoreUnavailable(f"{e}. `make run` does that, loads films and starts everything.") from e
        raise
    return Services(settings=settings, store=store, library=Library(store, own_names=settings.own_names))


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    os.umask(0o077)  # what we write speaks of people
    cli()
