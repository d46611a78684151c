"""What became of a message that Telegram has not confirmed. Pure."""

import httpx
from telegram.error import RetryAfter, TelegramError

NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def surely_not_sent(error: TelegramError) -> bool:
    """Return whether nothing can have arrived, so that to send it again says nothing twice.

    After any other failure on the network it may have: Telegram takes a message, and then its answer is lost.
    """
    return isinstance(error, RetryAfter) or isinstance(error.__cause__, NO_CONNECTION)
