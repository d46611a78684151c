"""Sends views to Telegram, edits messages, and tells which failed calls surely did not arrive."""

from datetime import timedelta
from typing import Any

import httpx
from telegram import Bot, LinkPreviewOptions, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest, RetryAfter, TelegramError
from telegram.request import BaseRequest, RequestData

from bot.speech.views import View

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

GONE = ("to edit not found", "can't be edited", "no text in the message")
"""Parts of Telegram's error texts which mean that there is no message with a text to edit."""


async def deliver(bot: Bot, chat_id: int, view: View, *, topic: int | None = None) -> Message:
    """Send a view as one new message; its text must fit into one."""
    return await bot.send_message(
        chat_id,
        view.text,
        parse_mode=ParseMode.HTML,
        reply_markup=view.keyboard,
        link_preview_options=NO_PREVIEW,
        message_thread_id=topic,
    )


async def edit(bot: Bot, chat_id: int, message_id: int, view: View) -> bool:
    """Make a message show this view. Return False if there is no message that can be changed."""
    try:
        await bot.edit_message_text(
            view.text,
            chat_id=chat_id,
            message_id=message_id,
            parse_mode=ParseMode.HTML,
            reply_markup=view.keyboard,
            link_preview_options=NO_PREVIEW,
        )
    except BadRequest as error:
        reason = error.message.lower()
        if any(part in reason for part in GONE):
            return False
        if "is not modified" not in reason:  # the message shows this view already: the same update came twice
            raise
    return True


def surely_not_sent(error: TelegramError) -> bool:
    """Return whether the message surely did not arrive, so that sending it again cannot show it twice.

    After any other network failure it may have arrived: Telegram can accept a message and its confirmation get lost.
    """
    return isinstance(error, RetryAfter) or isinstance(error.__cause__, NO_CONNECTION)


def wait_asked(error: RetryAfter) -> timedelta:
    """Return how long Telegram asks us to wait. The library gives seconds or a timedelta, depending on version and
    settings."""
    seconds = error.retry_after
    return seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)


class Carrier(BaseRequest):
    """Passes every call to Telegram on to ``inner``. Subclasses do something before or after a call."""

    def __init__(self, inner: BaseRequest) -> None:
        self._inner = inner

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
        return await self._inner.do_request(url, method, request_data, *timeouts, **named)
