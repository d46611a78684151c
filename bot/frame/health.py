"""The bot's figures for Prometheus, and the eye that it keeps on its own polling."""

from collections.abc import Callable
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from telegram.request import BaseRequest, RequestData

UPDATES = Counter("matinee_bot_updates", "Updates handled", ["handler", "outcome"])
ERRORS = Counter("matinee_bot_errors", "Errors in handlers and jobs", ["reason"])
HANDLER_SECONDS = Histogram(
    "matinee_bot_handler_seconds",
    "Time to handle an update, without the wait for its turn",
    ["handler"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LAST_POLL_AGE = Gauge(
    "matinee_bot_last_poll_age_seconds", "Time since Telegram last answered a poll, or its webhook was found well"
)
AT_HAND = Gauge("matinee_bot_updates_at_hand", "Updates that have come in and are not handled yet")
STRANGERS = Counter("matinee_bot_strangers", "Updates of people who may not talk to the bot")
WEBHOOK_PENDING = Gauge("matinee_bot_webhook_pending_updates", "Updates that wait at Telegram to be brought to us")
WEBHOOK_REFUSED = Counter("matinee_bot_webhook_refused", "Requests to the webhook that did not come from Telegram")


class WatchedRequest(BaseRequest):
    """Carries requests as ``inner`` does, and calls ``answered`` whenever one came back well."""

    def __init__(self, inner: BaseRequest, answered: Callable[[], None]) -> None:
        self._inner = inner
        self._answered = answered

    @property
    def read_timeout(self) -> float | None:
        return self._inner.read_timeout

    async def initialize(self) -> None:
        await self._inner.initialize()

    async def shutdown(self) -> None:
        await self._inner.shutdown()

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *timeouts: Any, **named: Any
    ) -> tuple[int, bytes]:
        code, payload = await self._inner.do_request(url, method, request_data, *timeouts, **named)
        if code == 200:
            self._answered()
        return code, payload
