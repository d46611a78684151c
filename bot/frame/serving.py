"""Runs the bot on Telegram: connects, takes updates in, watches that they can come, and stops without losing one.

Updates come in one of two ways, and wait at Telegram while we are away. ``Polling`` asks for them, which works from
anywhere. With a ``Webhook``, Telegram sends them to an https address of ours.
"""

import asyncio
import contextlib
import signal
import warnings
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, cast

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData
from telegram.warnings import PTBUserWarning

from bot.frame.context import App
from bot.frame.delivery import Carrier, wait_asked
from bot.frame.inbox import Inbox, Json
from engine.health import Heartbeat

log = structlog.get_logger(__name__)

ALLOWED_UPDATES = (Update.MESSAGE, Update.CALLBACK_QUERY, Update.INLINE_QUERY, Update.MY_CHAT_MEMBER)
"""The kinds of update that we ask Telegram for. An empty list would mean "as last time", whatever that was."""

STOP_SECONDS = 8
"""Each half of a stop may take this long: containers are killed after about twenty seconds."""

STALLED = 75
"""Exit code after too long without a way for updates to come in: sysexits' "try again later"."""

POLL_SECONDS = 10
"""A poll waits at Telegram this long for an update."""

POLL_TIMEOUT_SECONDS = POLL_SECONDS + 5

MOST_PAUSE_SECONDS = 30.0
"""The longest pause after a failed poll."""


class Intake(Protocol):
    """One of the two ways in which updates come in."""

    @property
    def name(self) -> str: ...

    async def open(self, bot: Bot) -> None:
        """Tell Telegram which way updates take. It may be called again after a ``TelegramError``."""

    async def run(self, application: App, inbox: Inbox, heartbeat: Heartbeat) -> None:
        """Put updates into the inbox, and beat the heartbeat while updates can come. Run until cancelled."""

    async def close(self, bot: Bot) -> None:
        """Confirm the last updates to Telegram, after ``run`` has ended. This may fail without harm."""


async def serve(application: App, heartbeat: Heartbeat, intake: Intake, *, patience_seconds: float) -> int:
    """Serve Telegram until SIGTERM or SIGINT.

    Updates that came while the bot was away are handled, and so are those in progress when it is told to stop. Those
    not finished ``STOP_SECONDS`` later are handled after the next start.

    Returns:
        The exit code: 0 if told to stop, ``STALLED`` if there was no heartbeat for ``patience_seconds``. A hanging
        connection can look healthy from inside for hours; a new process cures that.

    Raises:
        InvalidToken: Telegram does not know the token.
        StoreError: the database cannot be reached at the start.
        WebhookError: the webhook's port is taken, or Telegram refuses its address.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    inbox = cast(Inbox, application.bot_data["inbox"])
    running: asyncio.Task[None] | None = None
    try:
        if not await _connect(application, heartbeat, intake, stop, patience_seconds):
            return 0 if stop.is_set() else STALLED
        await application.start()
        await inbox.replay(application)
        running = asyncio.create_task(intake.run(application, inbox, heartbeat))
        log.info(intake.name, bot=application.bot.username)
        stalled = await _stalls(heartbeat, stop, patience_seconds)
        return STALLED if stalled else 0
    finally:
        log.info("stopping")
        if running is not None:
            running.cancel()
            for died in await asyncio.gather(running, return_exceptions=True):
                if not isinstance(died, asyncio.CancelledError):
                    log.critical("intake_died", exc_info=died)
            with contextlib.suppress(TimeoutError, TelegramError):
                await asyncio.wait_for(intake.close(application.bot), STOP_SECONDS)
        if application.running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(application.stop(), STOP_SECONDS)
        await inbox.close()
        await application.shutdown()
        await application.bot.shutdown()  # if it was never initialized


async def _connect(
    application: App, heartbeat: Heartbeat, intake: Intake, stop: asyncio.Event, patience_seconds: float
) -> bool:
    """Connect to Telegram. Return whether that worked before patience ran out and before we were told to stop."""
    pause = 1.0
    while not stop.is_set() and heartbeat.age_seconds() < patience_seconds:
        try:
            await application.initialize()
            await intake.open(application.bot)
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
    """Wait until we are told to stop (return False) or until there was no heartbeat for too long (return True)."""
    while not stop.is_set():
        left = patience_seconds - heartbeat.age_seconds()
        if left <= 0:
            log.critical("stalled", seconds=round(heartbeat.age_seconds()))
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), min(left, 5))
    return False


class WatchedRequest(Carrier):
    """Calls ``answered`` whenever Telegram has answered a call."""

    def __init__(self, inner: BaseRequest, answered: Callable[[], None]) -> None:
        super().__init__(inner)
        self._answered = answered

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *timeouts: Any, **named: Any
    ) -> tuple[int, bytes]:
        code, payload = await super().do_request(url, method, request_data, *timeouts, **named)
        if code == HTTPStatus.OK:
            self._answered()
        return code, payload


class Polling:
    """Asks Telegram for updates, again and again. The request object that carries the polls beats the heartbeat."""

    name = "polling"

    def __init__(self) -> None:
        self._offset = 0

    async def open(self, bot: Bot) -> None:
        """Remove a webhook that was left behind: as long as there is one, Telegram refuses every poll."""
        await bot.delete_webhook(drop_pending_updates=False)

    async def run(self, application: App, inbox: Inbox, heartbeat: Heartbeat) -> None:
        pause = 0.0
        while True:
            try:
                updates = await self._poll(application.bot, POLL_SECONDS)
            except RetryAfter as e:
                pause = wait_asked(e).total_seconds()
            except TimedOut:
                pause = 0.0  # the failed request itself took long enough
            except TelegramError as e:
                _note_failure(e)
                pause = min(max(1.0, 1.5 * pause), MOST_PAUSE_SECONDS)
            else:
                pause = 0.0
                if updates:
                    await inbox.receive(application, updates)
                    # The next poll makes Telegram forget all updates below this number.
                    self._offset = updates[-1]["update_id"] + 1
            await asyncio.sleep(pause)

    async def close(self, bot: Bot) -> None:
        if self._offset:
            await self._poll(bot, 0)

    async def _poll(self, bot: Bot, wait_seconds: int) -> list[Json]:
        asked: dict[str, Any] = {
            "offset": self._offset,
            "timeout": wait_seconds,
            "allowed_updates": list(ALLOWED_UPDATES),
        }
        # The library warns that it has a method for this call; that method parses the updates, and we want them raw.
        with warnings.catch_warnings(action="ignore", category=PTBUserWarning):
            return cast(list[Json], await bot.do_api_request("getUpdates", asked, read_timeout=POLL_TIMEOUT_SECONDS))


def _note_failure(error: TelegramError) -> None:
    if isinstance(error, Conflict):  # Telegram's text says which kind of intake the other program uses
        log.error("poll_failed", reason="Conflict", detail=str(error), hint="another program uses this token: stop it")
    else:
        log.warning("poll_failed", reason=type(error).__name__, detail=str(error))
