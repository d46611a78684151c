"""A webhook: Telegram sends updates to an https address of ours, and a proxy there passes them on to our port.

Anybody can find the address, so a request without the secret is refused before its body is read.
"""

import asyncio
import hmac
import json
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from telegram import Bot
from telegram.error import BadRequest, TelegramError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body

from bot.frame import health
from bot.frame.context import App
from bot.frame.inbox import Inbox, Json
from bot.frame.serving import ALLOWED_UPDATES
from engine.domain import MatineeError
from engine.health import Heartbeat

log = structlog.get_logger(__name__)

LOOK_SECONDS = 15
"""Telegram is asked this often how it sees our webhook."""

CONNECTIONS = 40
"""Telegram may send this many updates at once. It sends those of one person one after the other."""

MOST_BYTES = 1_000_000
"""The largest update that is read, in bytes. Telegram's have some thousand."""

BODY_SECONDS = 10
"""An update may take this long to come in."""

IDLE_SECONDS = 120
"""An idle connection is kept this long."""

NOTE_SECONDS = 60
"""The log mentions refused requests at most this often; the metrics count each."""


class WebhookError(MatineeError):
    """The webhook's settings cannot work; the text says which one is wrong."""


def secret(token: str) -> str:
    """Return the secret that Telegram sends with every update, so that nobody else can send any.

    It is derived from the token, so nobody has to think one up; the token cannot be derived from it.
    """
    return hmac.new(token.encode(), b"matinee's webhook", "sha256").hexdigest()


@dataclass(slots=True)
class Webhook:
    """Takes updates that Telegram sends to ``url`` and that a proxy there passes on to our ``port``."""

    url: str
    port: int
    secret: str
    look_seconds: float = LOOK_SECONDS
    name: str = "webhook"
    _sockets: list[socket.socket] = field(default_factory=list)

    async def open(self, bot: Bot) -> None:
        """Bind the port, and tell Telegram the address. Telegram keeps the address and new updates when we stop.

        Raises:
            WebhookError: the port is taken, or Telegram refuses the address.
            TelegramError: Telegram cannot be reached now.
        """
        try:
            self._sockets = self._sockets or bind_sockets(self.port)
        except OSError as e:
            raise WebhookError(f"MATINEE_WEBHOOK_PORT: port {self.port} cannot be had: {e.strerror}") from e
        try:
            await bot.set_webhook(
                self.url,
                secret_token=self.secret,
                allowed_updates=ALLOWED_UPDATES,
                max_connections=CONNECTIONS,
                drop_pending_updates=False,
            )
        except BadRequest as e:
            raise WebhookError(f"MATINEE_WEBHOOK_URL: Telegram refuses {self.url}: {e.message}") from e

    async def run(self, application: App, inbox: Inbox, heartbeat: Heartbeat) -> None:
        """Take updates in. Beat the heartbeat while Telegram can be reached and has our address, and while our port
        answers.

        Failed deliveries of Telegram are only logged: restarting the bot would not mend the way to it.
        """

        async def receive(update: Json) -> None:
            await inbox.receive(application, [update])

        route = {"path": urlsplit(self.url).path.rstrip("/"), "gate": _Gate(self.secret), "receive": receive}
        server = HTTPServer(
            Application([(r".*", _Route, route)], log_function=lambda _: None),
            max_body_size=MOST_BYTES,
            body_timeout=BODY_SECONDS,
            idle_connection_timeout=IDLE_SECONDS,
        )
        server.add_sockets(self._sockets)
        try:
            await self._watch(application.bot, heartbeat)
        finally:
            server.stop()
            self._sockets = []
            await server.close_all_connections()

    async def close(self, bot: Bot) -> None:
        """Do nothing: Telegram has been told of every update that came in."""

    async def _watch(self, bot: Bot, heartbeat: Heartbeat) -> None:
        failed, first = None, True
        while True:
            try:
                info = await bot.get_webhook_info()
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
                failed, first = info.last_error_date, False  # a failure before the first look came before our start
            await asyncio.sleep(self.look_seconds)

    def _not_delivered(self, reason: str | None, pending: int) -> None:
        log.warning(
            "webhook_not_reached",
            detail=reason,
            pending_updates=pending,
            hint=f"does {self.url} have a valid certificate, and does it lead to port {self.port} here?",
        )

    async def _answers(self) -> bool:
        """Return whether our port answers."""
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


class _Gate:
    """Checks the secret, and counts requests without it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._noted = float("-inf")

    def opens(self, said: str) -> bool:
        if hmac.compare_digest(said.encode(), self._secret):
            return True
        health.WEBHOOK_REFUSED.inc()
        if time.monotonic() >= self._noted + NOTE_SECONDS:
            self._noted = time.monotonic()
            log.warning("webhook_refused", reason="the secret was missing or wrong: this was not Telegram")
        return False


@stream_request_body
class _Route(RequestHandler):
    """Handles one request. ``prepare`` runs when the headers have come; an answer there ends it, and its body is not
    read."""

    def initialize(self, path: str, gate: _Gate, receive: Callable[[Json], Awaitable[None]]) -> None:
        self._path = path
        self._gate = gate
        self._receive = receive
        self._body = bytearray()

    def prepare(self) -> None:
        if self.request.path.rstrip("/") != self._path or self.request.method != "POST":
            self._refuse(HTTPStatus.NOT_FOUND)
        elif not self._gate.opens(self.request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")):
            self._refuse(HTTPStatus.FORBIDDEN)
        elif self.request.headers.get("Content-Length", "").isdigit() and self._length > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    @property
    def _length(self) -> int:
        return int(self.request.headers["Content-Length"])

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    async def post(self) -> None:
        """Take an update in. Answer once it cannot be lost: the answer makes Telegram forget it."""
        try:
            update = json.loads(self._body)
            if not isinstance(update["update_id"], int):
                raise TypeError
        except (ValueError, TypeError, KeyError):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        await self._receive(update)

    def _refuse(self, status: HTTPStatus) -> None:
        self.set_status(status)
        self.finish()
