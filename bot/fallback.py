"""What no feature understood: it gets an answer too."""

from telegram.ext import filters

from bot import views
from bot.app import Handler
from bot.talk import Visit, any_other_tap, message


def handlers() -> list[Handler]:
    """Handlers that come last."""
    return [
        message(filters.COMMAND & filters.ChatType.PRIVATE, unknown_command),
        message(filters.ChatType.PRIVATE & ~filters.StatusUpdate.ALL, not_text),
        any_other_tap(),
    ]


async def unknown_command(visit: Visit) -> None:
    await visit.show(views.unknown_command(visit.words.split(maxsplit=1)[0]))


async def not_text(visit: Visit) -> None:
    """A picture, a sticker, a voice message."""
    await visit.show(views.not_text())
