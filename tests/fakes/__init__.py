"""Telegram for tests: a Bot API in memory that refuses whatever the real one would, and people who use it.

    telegram = FakeTelegram()
    anna = telegram.person(1001, "Anna")
    await anna.says("/top")
    await anna.presses("Next ten")
    assert "11" in anna.sees

A test fails at the line where the bot raised an error that it should not, or left a tap on a button unanswered.
``serve_bot_api`` offers the same over HTTP, for tests of real processes and containers.
"""

from bot.terminal.telegram import ApiError, Json, Message
from tests.fakes.people import Person
from tests.fakes.rules import CAPTION_LENGTH, TEXT_LENGTH, TOAST_LENGTH, parse_html, too_many_requests
from tests.fakes.server import TOKEN, serve_bot_api
from tests.fakes.telegram import FakeTelegram, post_update

__all__ = [
    "CAPTION_LENGTH", "TEXT_LENGTH", "TOAST_LENGTH", "TOKEN", "ApiError", "FakeTelegram", "Json", "Message", "Person",
    "parse_html", "post_update", "serve_bot_api", "too_many_requests",
]  # fmt: skip
