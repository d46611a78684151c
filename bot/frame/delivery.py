"""Views on their way to Telegram: sent, edited, and what became of them when Telegram does not confirm."""

from datetime import timedelta

import httpx
from telegram import Bot, LinkPreviewOptions, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest, RetryAfter, TelegramError

from bot.speech.views import View

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

GONE = ("to edit not found", "can't be edited", "no text in the message")
"""Parts of Telegram's texts that say: there is no message here whose text could be changed."""


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
        if "is not modified" not in reason:  # it shows the view already: the same update came twice
            raise
    return True


def surely_not_sent(error: TelegramError) -> bool:
    """Return whether nothing can have arrived, so that to send it again says nothing twice.

    After any other failure on the network it may have: Telegram takes a message, and then its answer is lost.
    """
    return isinstance(error, RetryAfter) or isinstance(error.__cause__, NO_CONNECTION)


def wait_asked(error: RetryAfter) -> timedelta:
    """Return how long Telegram asks us to wait: seconds or a timedelta, by the library's version and settings."""
    seconds = error.retry_after
    return seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
