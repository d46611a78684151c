"""What every handler works with: the services, the update's context, and what is noted of the update's handling."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

from telegram import Chat, Message, Update
from telegram.ext import Application, BaseHandler, CallbackContext, ExtBot

from bot.settings import BotSettings
from bot.speech.views import View
from engine.clock import Clock, utc_now
from engine.domain import MatineeError
from engine.serving.library import Library
from engine.store import Store

Refusal = Callable[[MatineeError], View | None]
"""Returns what a person reads where an error is the answer to what they asked; None for other errors."""


@dataclass(frozen=True, slots=True)
class Services:
    """Built once at start, handed to every handler as ``context.services``."""

    settings: BotSettings
    store: Store
    library: Library
    clock: Clock = utc_now

    def is_admin(self, telegram_id: int) -> bool:
        """Return whether somebody runs this bot: the only gate there is."""
        return telegram_id in self.settings.admins


class Context(CallbackContext[ExtBot[int], dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """What a handler gets beside the update."""

    @property
    def services(self) -> Services:
        return cast(Services, self.bot_data["services"])

    def refusal(self, error: MatineeError) -> View | None:
        """Return what the first feature that knows this error says of it."""
        views = (refused(error) for refused in cast(tuple[Refusal, ...], self.bot_data["refusals"]))
        return next((view for view in views if view is not None), None)


App: TypeAlias = Application[ExtBot[int], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], Any]
Handler: TypeAlias = BaseHandler[Any, Context, Any]


class Feature(Protocol):
    """A module of handlers.

    It may also have ``jobs(application)``, which adds to the job queue, and ``refused(error)``, a ``Refusal``.
    """

    def handlers(self) -> list[Handler]: ...


@dataclass(slots=True)
class Handling:
    """What became of the update that is being handled, for the log and the metrics."""

    handler: str = "none"
    outcome: str = "ignored"
    update_id: int | None = None
    tap_answered: bool = False
    answered: bool = False
    """Whether a message has been sent in answer, or is being sent."""


handling: ContextVar[Handling | None] = ContextVar("handling", default=None)
"""The handling of the update that this task works on; None in a job."""


def note_tap_answered() -> None:
    """Remember that there is an answer to the tap that is being handled: Telegram shows no second one."""
    if (now := handling.get()) is not None:
        now.tap_answered = True


def in_whose_name(update: Update) -> Chat | None:
    """Return the chat in whose name a message is written, or None: it is the person's own.

    Admins of a group who stay anonymous write in its name, others in that of a channel. To Telegram all of them are one
    and the same user, who can press no button.
    """
    return update.message.sender_chat if update.message is not None else None


def topic(update: Update) -> int | None:
    """Return where in a group with topics an update comes from; answers that don't say it go to the general one."""
    message = update.effective_message
    # One that is very old may have come without its topic.
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None
