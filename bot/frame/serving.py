"""The bot's life on Telegram: reach it, have updates come in, watch that they can, and stop without losing one.

Updates come in two ways, and either waits at Telegram while we are away. ``Polling`` asks for them, which works from
anywhere. A ``Webhook`` has Telegram bring them to an https address of ours.
"""

import asyncio
import contextlib
import hmac
import logging
import re
import signal
import time
from dataclasses import dataclass
from typing import Protocol, cast
from urllib.parse import urlsplit

import structlog
from telegram import Update
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError
from telegram.ext import Updater
from tornado.web import HTTPError

from bot.frame import health
from bot.frame.context import App
from engine.domain import MatineeError
from engine.health import Heartbeat

log = structlog.get_logger(__name__)

ALLOWED_UPDATES = (Update.MESSAGE, Update.CALLBACK_QUERY, Update.INLINE_QUERY, Update.MY_CHAT_MEMBER)
"""What we ask Telegram for. Named, because an empty list means "as last time", whatever that was."""

STOP_SECONDS = 8
"""How long each half of a stop may take: containers are killed after some twenty."""

STALLED = 75
"""Exit code when no update could have come in for too long: sysexits' "try again later"."""

LOOK_SECONDS = 15
"""How often we ask Telegram about our webhook."""

CONNECTIONS = 40
"""How many updates Telegram may bring at once. It brings those of one person one after the other."""

UPDATER = "telegram.ext.Updater"
"""The log of python-telegram-bot's part that takes updates in."""

NOTE_SECONDS = 60
"""How often the log says that strangers knock at the webhook; the metrics count each."""


class WebhookError(MatineeError):
    """The webhook cannot work as it is set up; the text says which setting is wrong."""


class Intake(Protocol):
    """A way for updates to come in."""

    @property
    def name(self) -> str: ...

    async def start(self, updater: Updater) -> None:
        """Let updates come in. It may be called again after a ``TelegramError``."""

    async def watch(self, application: App, heartbeat: Heartbeat) -> None:
        """Beat while updates can come in. Goes on until it is cancelled."""


async def serve(application: App, heartbeat: Heartbeat, intake: Intake, *, patience_seconds: float) -> int:
    """Serve Telegram until SIGTERM or SIGINT.

    Updates that came while the bot was away are handled, and so are those at hand when it is told to stop.

    Returns:
        The exit code: 0 if told to stop, ``STALLED`` if there was no heartbeat for ``patience_seconds``. A connection
        that hangs can look healthy from inside for hours; a new process cures that, and whatever else it may be.

    Raises:
        InvalidToken: Telegram does not know the token.
        WebhookError: the webhook's port is taken, or Telegram refuses its address.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for name in (UPDATER, "telegram.ext.ExtBot", "telegram.ext"):
        logging.getLogger(name).addFilter(_discreet)
    updater = cast(Updater, application.updater)
    watching: asyncio.Task[None] | None = None
    try:
        if not await _connect(application, heartbeat, intake, stop, patience_seconds):
            return 0 if stop.is_set() else STALLED
        await application.start()
        watching = asyncio.create_task(intake.watch(application, heartbeat))
        log.info(intake.name, bot=application.bot.username)
        stalled = await _stalls(heartbeat, stop, patience_seconds)
        return STALLED if stalled else 0
    finally:
        log.info("stopping")
        if watching is not None:
            watching.cancel()
        # The last poll tells Telegram what has been read. Without a network that fails, at length and harmlessly.
        logging.getLogger(UPDATER).setLevel(logging.CRITICAL)
        if updater.running:
            # It may be waiting to try again, for up to half a minute.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(updater.stop(), STOP_SECONDS)
        if application.running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(application.stop(), STOP_SECONDS)
        await application.shutdown()
        await application.bot.shutdown()  # if it never came to be initialized


async def _connect(
    application: App, heartbeat: Heartbeat, intake: Intake, stop: asyncio.Event, patience_seconds: float
) -> bool:
    """Reach Telegram. Return whether that worked before patience ran out, or before we were told to stop."""
    pause = 1.0
    while not stop.is_set() and heartbeat.age_seconds() < patience_seconds:
        try:
            await application.initialize()
            await intake.start(cast(Updater, application.updater))
            return True
        except InvalidToken:
            raise
        except TelegramError as e:
            log.warning("telegram_unreachable", reason=type(e).__name__, detail=str(e))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(2 * pause, 15)
    return False


async def _stalls(heartbeat: Heartbeat, stop: asyncio.Event, patience_seconds: float) -> bool:
    """Wait until we are told to stop (False) or there has been no sign of life for too long (True)."""
    while not stop.is_set():
        left = patience_seconds - heartbeat.age_seconds()
        if left <= 0:
            log.critical("stalled", seconds=round(heartbeat.age_seconds()))
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), min(left, 5))
    return False


# --- Polling ----------------------------------------------------------------------------------------------------------


class Polling:
    """Ask Telegram for updates, again and again. Whatever carries the polls beats the heartbeat."""

    name = "polling"

    async def start(self, updater: Updater) -> None:
        # It begins with taking away a webhook that was left behind, without which every poll would be refused.
        await updater.start_polling(
            allowed_updates=ALLOWED_UPDATES, drop_pending_updates=False, error_callback=_poll_failed
        )

    async def watch(self, application: App, heartbeat: Heartbeat) -> None:
        """Nothing more to watch."""


def _poll_failed(error: TelegramError) -> None:
    if isinstance(error, Conflict):  # Telegram's own words tell which way the other one takes
        log.error("poll_failed", reason="Conflict", detail=str(error), hint="another program uses this token: stop it")
    else:
        log.warning("poll_failed", reason=type(error).__name__, detail=str(error))


# --- A webhook --------------------------------------------------------------------------------------------------------


def secret(token: str) -> str:
    """Return what Telegram says with every update that it brings, so that nobody else can bring any.

    It follows from the token, so nobody has to think one up; the token does not follow from it.
    """
    return hmac.new(token.encode(), b"matinee's webhook", "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Webhook:
    """Have Telegram bring updates to ``url``; whatever speaks https there passes them on to our ``port``."""

    url: str
    port: int
    secret: str
    look_seconds: float = LOOK_SECONDS
    name: str = "webhook"

    async def start(self, updater: Updater) -> None:
        """Listen, and tell Telegram where. When we stop, Telegram keeps the address, and the updates until we are back.

        Raises:
            WebhookError: the port is taken, or Telegram refuses the address.
            TelegramError: it cannot be told now.
        """
        logging.getLogger(UPDATER).setLevel(logging.DEBUG)  # for _discreet to hear who is refused
        try:
            await updater.start_webhook(
                listen="",
                port=self.port,
                url_path=re.escape(urlsplit(self.url).path.rstrip("/")),
                webhook_url=self.url,
                secret_token=self.secret,
                allowed_updates=ALLOWED_UPDATES,
                max_connections=CONNECTIONS,
                drop_pending_updates=False,
            )
        except BadRequest as e:
            raise WebhookError(f"MATINEE_WEBHOOK_URL: Telegram refuses {self.url}: {e.message}") from e
        except OSError as e:
            raise WebhookError(f"MATINEE_WEBHOOK_PORT: port {self.port} cannot be had: {e.strerror}") from e

    async def watch(self, application: App, heartbeat: Heartbeat) -> None:
        """Beat while Telegram can be reached and still has our address, and our port answers.

        What Telegram could not bring is only logged: a new process of ours would not mend the way to us.
        """
        failed, first = None, True
        while True:
            try:
                info = await application.bot.get_webhook_info()
            except TelegramError as e:
                log.warning("telegram_unreachable", reason=type(e).__name__, detail=str(e))
            else:
                health.WEBHOOK_PENDING.set(info.pending_update_count)
                if info.url != self.url:
                    log.error("webhook_lost", hint="another program uses this token: stop it")
                elif not await self._answers():
                    log.error("webhook_deaf", port=self.port)
                else:
                    heartbeat.beat()
                if not first and info.last_error_date != failed:
                    self._not_delivered(info.last_error_message, info.pending_update_count)
                failed, first = info.last_error_date, False  # what failed before the first look did so without us
            await asyncio.sleep(self.look_seconds)

    def _not_delivered(self, reason: str | None, pending: int) -> None:
        log.warning(
            "webhook_not_reached",
            detail=reason,
            pending_updates=pending,
            hint=f"does {self.url} have a valid certificate, and does it lead to port {self.port} here?",
        )

    async def _answers(self) -> bool:
        """Return whether somebody answers at our port."""
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("localhost", self.port)
                try:
                    writer.write(b"GET / HTTP/1.0\r\n\r\n")
                    return (await reader.readline()).startswith(b"HTTP/")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False


class _Discreet(logging.Filter):
    """Keeps messages and repetitions out of the log, and notes who comes to the webhook without the secret.

    Of those, python-telegram-bot speaks only where it debugs, beside messages and the secrets that were tried; nothing
    else of that passes. An update that it cannot read it would quote in full.
    """

    def __init__(self) -> None:
        super().__init__()
        self._noted = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HTTPError) and error.status_code == 403:
            health.WEBHOOK_REFUSED.inc()
            if time.monotonic() >= self._noted + NOTE_SECONDS:
                self._noted = time.monotonic()
                log.warning("webhook_refused", reason="the secret was missing or wrong: this was not Telegram")
        if record.levelno >= logging.CRITICAL and "data" in record.msg:
            record.msg, record.args = "update_unreadable", ()
        again = "Aborting" in record.msg  # with a traceback, of what reaches us as an error
        return record.levelno >= logging.WARNING and not again


_discreet = _Discreet()
