"""The part that all features share: finds out who is speaking, checks whether they may, and sends the answer.

``command``, ``tap`` and ``message`` turn a feature's function into a handler. The function gets a ``Visit`` and, for a
tap, the parsed button; whether this person may press it has been checked.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import structlog
from telegram import CallbackQuery, Message, Update, User
from telegram.constants import ChatType, ParseMode
from telegram.error import BadRequest, TelegramError
from telegram.ext import CallbackQueryHandler, CommandHandler, MessageHandler, filters

from bot.frame.context import Context, Handler, Services, handling, in_whose_name, note_tap_answered, topic
from bot.frame.delivery import deliver, edit
from bot.frame.inbox import Inbox
from bot.frame.outbox import AnsweredBefore
from bot.speech import buttons, language, views
from bot.speech.buttons import BadButton, Button
from bot.speech.language import _
from bot.speech.views import View
from bot.speech.words import MESSAGE_LENGTH, Html, length, split
from engine.domain import STARS, WHOLE_STARS, MatineeError
from engine.serving.library import Shelf
from engine.store import Person, Store

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
AnyButton = TypeVar("AnyButton", bound=Button)

NEW_MESSAGES = filters.UpdateType.MESSAGE
"""New messages only: correcting a typo in an old command does not give it again."""

NOBODY = Person(0, 0, None, {}, active=True)
"""Stands for the person where a message is written in the name of a chat. Anybody may press buttons made for them."""


@dataclass(frozen=True, slots=True)
class AdminsOnly:
    """The texts for people who try something that only admins may do: in answer to a command, and over a button."""

    to_command: Callable[[str], View]
    over_button: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One update of one person, with everything that is needed to answer it.

    ``words`` is the text after a command, or the whole text of a message.
    """

    update: Update
    context: Context
    person: Person
    shelf: Shelf
    now: datetime
    words: str = ""

    @property
    def services(self) -> Services:
        return self.context.services

    @property
    def owner(self) -> int:
        """The Telegram id that goes into this person's buttons."""
        return self.person.telegram_id

    @property
    def is_admin(self) -> bool:
        return self.services.is_admin(self.owner)

    @property
    def scale(self) -> Sequence[float]:
        """The stars that this person wants buttons for; empty if the catalogue holds play counts."""
        if not self.shelf.films.gives_stars:
            return ()
        return WHOLE_STARS if self.person.preferences.get("whole_stars") else STARS

    @property
    def in_group(self) -> bool:
        """Whether other people read the chat too."""
        chat = self.update.effective_chat
        return chat is not None and chat.type != ChatType.PRIVATE

    @property
    def bot_name(self) -> str:
        """The bot's name on Telegram, for links."""
        return self.context.bot.username

    async def store(self, act: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of the store in a thread, so that nobody else waits: ``await visit.store(Store.taste, …)``."""
        return await asyncio.to_thread(act, self.services.store, *args, **kwargs)

    async def think(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a slow function in a thread, so that nobody else waits."""
        return await asyncio.to_thread(work, *args, **kwargs)

    async def once(self) -> None:
        """Call this before a step that must not be repeated by a process that finds this update left behind.

        Raises:
            AnsweredBefore: an earlier process has begun that step.
        """
        now, inbox = handling.get(), cast(Inbox, self.context.bot_data["inbox"])
        if now is not None and not now.answered:
            if not await inbox.may_answer(self.update.update_id):
                raise AnsweredBefore
            now.answered = True

    async def show(self, view: View) -> None:
        """Show a view in place of the message whose button was pressed, or else as a new message."""
        query = self.update.callback_query
        # A tap may come without its message: it is too old, or was shared into a chat that we are not in.
        shown = query.message if query is not None and isinstance(query.message, Message) else None
        if (
            shown is None
            or length(view.text) > MESSAGE_LENGTH
            or not await edit(self.context.bot, shown.chat.id, shown.message_id, view)
        ):
            await self.tell(view)

    async def tell(self, view: View) -> Message:
        """Show a view as a new message, or as several if it is too long for one; the buttons stand under the last."""
        *before, last = split(view.text)
        for text in before:
            await deliver(self.context.bot, self._chat_id, View(text), topic=self.topic)
        return await deliver(self.context.bot, self._chat_id, View(last, view.keyboard), topic=self.topic)

    async def picture(self, name: str, png: bytes, caption: Html) -> None:
        """Send a picture. Its caption must say all that the picture shows: not everybody can see it."""
        await self.context.bot.send_photo(
            self._chat_id,
            png,
            caption=caption,
            parse_mode=ParseMode.HTML,
            filename=name,
            message_thread_id=self.topic,
        )

    @property
    def topic(self) -> int | None:
        """The topic to answer in, in a group with topics."""
        return topic(self.update)

    @property
    def _chat_id(self) -> int:
        chat = self.update.effective_chat
        # A tap on an inline or very old message may come without it: then the answer goes to the person's private chat.
        return self.owner if chat is None else chat.id


Action = Callable[[Visit], Awaitable[None]]
TapAction = Callable[[Visit, AnyButton], Awaitable[None]]


def command(
    name: str, action: Action, *, only: AdminsOnly | None = None, private: bool = False, for_anybody: bool = False
) -> Handler:
    """Handle ``/name words``.

    A ``private`` command given in a group is answered with a link to the private chat, where nobody reads along. People
    who write in the name of a chat get that link too, unless the command is ``for_anybody``: other commands need to
    know the person.
    """

    @functools.wraps(action)
    async def handle(update: Update, context: Context) -> None:
        if only is not None and not _may(update, context, name):
            await _speak_theirs(update.effective_user, context)
            await _say(update, only.to_command(name))
            return
        in_group = update.effective_chat is not None and update.effective_chat.type != ChatType.PRIVATE
        if (private and in_group) or (in_whose_name(update) is not None and not for_anybody):
            await _speak_theirs(update.effective_user, context)
            await _say(update, views.in_private(context.bot.username, name))
            return
        await _answer(update, context, action, words=" ".join(context.args or ()))

    return CommandHandler(name, handle, filters=NEW_MESSAGES)


def message(of: filters.BaseFilter, action: Action) -> Handler:
    """Handle a message that is not a command of ours."""

    @functools.wraps(action)
    async def handle(update: Update, context: Context) -> None:
        text = update.effective_message.text if update.effective_message is not None else None
        await _answer(update, context, action, words=text or "")

    return MessageHandler(NEW_MESSAGES & of, handle)


def tap(kind: type[AnyButton], action: TapAction[AnyButton], *, only: AdminsOnly | None = None) -> Handler:
    """Handle taps on buttons of one kind. People who may not press the button are turned away here."""

    @functools.wraps(action)
    async def handle(update: Update, context: Context) -> None:
        query = update.callback_query
        if query is None:
            return
        try:
            button = buttons.parse(query.data)
        except BadButton:
            await _decline(query, context, views.OLD_BUTTON)
            return
        if only is not None and not _may(update, context, kind.__name__):
            await _decline(query, context, only.over_button)
        elif button.owner not in (0, query.from_user.id):
            await _decline(query, context, views.NOT_YOURS)
        else:
            # The button spins until the tap is answered. The action does not wait for that call to Telegram.
            toast = asyncio.create_task(_stop_spinning(query))
            try:
                await _answer(update, context, action, button)
            finally:
                await toast

    return CallbackQueryHandler(handle, pattern=buttons.pattern(kind))


def any_other_tap() -> Handler:
    """Answer taps on buttons that no feature knows."""

    async def unknown_button(update: Update, context: Context) -> None:
        if update.callback_query is not None:
            await _decline(update.callback_query, context, views.OLD_BUTTON)

    return CallbackQueryHandler(unknown_button)


def _may(update: Update, context: Context, what: str) -> bool:
    """Return whether an admin is asking; log it if not."""
    user = update.effective_user
    may = user is not None and context.services.is_admin(user.id)
    if not may:
        log.warning("admin_only", asked_for=what)
    return may


async def _answer(
    update: Update, context: Context, action: Callable[..., Awaitable[None]], *args: Any, words: str = ""
) -> None:
    """Find out who is speaking and run the feature's function. If it raises an error that a feature has a text for,
    send that text."""
    user, services = update.effective_user, context.services
    if user is None:  # a channel's post
        return
    now = services.clock()
    if in_whose_name(update) is not None:
        person = NOBODY
    else:
        person = await asyncio.to_thread(services.store.person, user.id, user.language_code, now)
    language.use(person.language, user.language_code)
    shelf = await services.library.shelf()
    language.speak_of_catalogue(shelf.films.catalogue)
    visit = Visit(update, context, person, shelf, now, words)
    try:
        await action(visit, *args)
    except MatineeError as error:
        view = context.refusal(error)
        if view is None:
            raise
        log.info("refused", reason=type(error).__name__)
        await visit.tell(view)


async def _say(update: Update, view: View) -> None:
    if update.effective_message is not None:
        await update.effective_message.reply_html(view.text, reply_markup=view.keyboard)


async def _decline(query: CallbackQuery, context: Context, text: str) -> None:
    """Say over a button why it does nothing."""
    await _speak_theirs(query.from_user, context)
    await _toast(query, _(text))


async def _speak_theirs(user: User | None, context: Context) -> None:
    """Switch to the language of someone who gets an answer without being added to the database."""
    if user is not None:
        person = await asyncio.to_thread(context.services.store.find_person, user.id)
        language.use(person.language if person is not None else None, user.language_code)


async def _stop_spinning(query: CallbackQuery) -> None:
    try:
        await _toast(query)
    except TelegramError as error:
        log.warning("tap_not_answered", reason=type(error).__name__, detail=str(error))


async def _toast(query: CallbackQuery, text: str | None = None) -> None:
    try:
        await query.answer(text, show_alert=text is not None)
    except BadRequest as error:
        # Telegram gives up on a tap after some minutes; its action has been done all the same.
        if "query is too old" not in error.message.lower() and "query id is invalid" not in error.message.lower():
            raise
    note_tap_answered()
