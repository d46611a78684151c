"""The objects that every handler works with: the services, the update's context, and notes on how it was handled."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
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
"""Returns the text for an error that answers a person's request ("no such film"), and None for other errors."""


@dataclass(frozen=True, slots=True)
class Services:
    """The services, built once at start. Every handler gets them as ``context.services``."""

    settings: BotSettings
    store: Store
    library: Library
    clock: Clock = utc_now
    received: Path | None = None
    """In a terminal: the folder of the files that the bot has sent. They are all of one person."""

    def is_admin(self, telegram_id: int) -> bool:
        """Return whether somebody is an admin of this bot. Every check for admins asks here."""
        return telegram_id in self.settings.admins


class Context(CallbackContext[ExtBot[int], dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """The context that a handler gets with each update."""

    @property
    def services(self) -> Services:
        return cast(Services, self.bot_data["services"])

    def refusal(self, error: MatineeError) -> View | None:
        """Return the text of the first feature that knows this error, or None if none does."""
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
    """Notes on the update that is being handled, for the log and the metrics."""

    handler: str = "none"
    outcome: str = "ignored"
    update_id: int | None = None
    tap_answered: bool = False
    answered: bool = False
    """Whether an answer has been sent, or is about to be sent."""


handling: ContextVar[Handling | None] = ContextVar("handling", default=None)
"""The notes on the update that this task handles; None in a job."""


def note_tap_answered() -> None:
    """Remember that the tap being handled has been answered: Telegram does not show a second answer."""
    if (now := handling.get()) is not None:
        now.tap_answered = True


def in_whose_name(update: Update) -> Chat | None:
    """Return the chat in whose name a message is written, or None if a person writes in their own name.

    Anonymous admins write in the name of their group, and others in the name of a channel. Telegram gives all of them
    one shared user, whose taps cannot be told apart.
    """
    return update.message.sender_chat if update.message is not None else None


def topic(update: Update) -> int | None:
    """Return the topic of a group that an update comes from, or None. An answer without a topic goes to the general
    one."""
    message = update.effective_message
    # A very old message may come without its topic.
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None
