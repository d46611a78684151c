"""Answers messages that no other feature understands."""

from telegram.ext import filters

from bot.frame.context import Handler
from bot.frame.talk import Visit, any_other_tap, message
from bot.speech import views
from bot.speech.views import View
from engine.domain import MatineeError


def handlers() -> list[Handler]:
    """Return the handlers that come last."""
    return [
        message(filters.COMMAND & filters.ChatType.PRIVATE, unknown_command),
        message(filters.ChatType.PRIVATE & ~filters.StatusUpdate.ALL, not_text),
        any_other_tap(),
    ]


def refused(error: MatineeError) -> View | None:
    """Return the text for an error that answers a request in any feature."""
    return views.refused(error)


async def unknown_command(visit: Visit) -> None:
    await visit.show(views.unknown_command(visit.words.split(maxsplit=1)[0]))


async def not_text(visit: Visit) -> None:
    """Answer a picture, a sticker or a voice message."""
    await visit.show(views.not_text())
