"""The door of a bot that not everybody may talk to: it lets invited people in and turns strangers away.

Strangers leave no row in the database. They are told why at most once an hour, and a metric counts them.
"""

import asyncio
import re

import structlog
from telegram import Update
from telegram.ext import ApplicationHandlerStop, TypeHandler

from bot.frame import health
from bot.frame.context import Context, Handler, handling, topic
from bot.speech.language import _, marked
from engine.store import StoreError

log = structlog.get_logger(__name__)

STRANGER = marked("You need an invitation to talk to me. The people who run me can send you a link.")

INVITATION = re.compile(r"/start(?:@\w+)? i_([\w-]{8,32})", re.ASCII)
"""The message that Telegram sends for somebody who opens an invitation link, https://t.me/BOT?start=i_CODE"""

QUIET_SECONDS = 3600
"""A stranger who keeps writing gets no second answer for this long."""

REMEMBERED = 1000


def link(bot_name: str, code: str) -> str:
    """Return the address that lets somebody in."""
    return f"https://t.me/{bot_name}?start=i_{code}"


class Door:
    """Stops updates of strangers before any feature sees them."""

    def __init__(self) -> None:
        self._told: dict[int, float] = {}  # when each stranger was last told, in that order

    def handler(self) -> Handler:
        return TypeHandler(Update, self.check)

    async def check(self, update: Update, context: Context) -> None:
        """Stop an update of a stranger; let all others pass.

        Raises:
            ApplicationHandlerStop: the update is a stranger's, or the database could not be asked.
        """
        if update.my_chat_member is not None:  # somebody blocked or unblocked the bot
            return
        try:
            if await self._may(update, context):
                return
        except StoreError as error:
            await context.application.process_error(update, error)
            raise ApplicationHandlerStop from error
        if (now := handling.get()) is not None:
            now.handler, now.outcome = "door", "turned_away"
        health.STRANGERS.inc()
        await self._turn_away(update, context)
        raise ApplicationHandlerStop

    async def _may(self, update: Update, context: Context) -> bool:
        services, user = context.services, update.effective_user
        if user is None:
            return False
        if user.id in services.settings.allowed or services.is_admin(user.id):
            return True
        if await asyncio.to_thread(services.store.is_admitted, user.id):
            return True
        message = update.message
        invitation = INVITATION.fullmatch(message.text) if message is not None and message.text else None
        if invitation is None:
            return False
        admitted = await asyncio.to_thread(services.store.admit, user.id, invitation[1], services.clock())
        log.info("invitation_used" if admitted else "invitation_refused")
        return admitted

    async def _turn_away(self, update: Update, context: Context) -> None:
        if update.callback_query is not None:
            await update.callback_query.answer(_(STRANGER), show_alert=True)
        elif update.inline_query is not None:
            await update.inline_query.answer([], cache_time=QUIET_SECONDS, is_personal=True)
        elif (message := update.message) is not None and (user := update.effective_user) is not None:
            # In a group, strangers mostly talk to each other.
            to_us = message.chat.type == message.chat.PRIVATE or (message.text or "").startswith("/")
            if to_us and self._is_due(user.id):
                await context.bot.send_message(message.chat.id, _(STRANGER), message_thread_id=topic(update))

    def _is_due(self, telegram_id: int) -> bool:
        """Return whether a stranger has not been told lately, and note that they are told now."""
        now = asyncio.get_running_loop().time()
        if now - self._told.get(telegram_id, float("-inf")) < QUIET_SECONDS:
            return False
        self._told.pop(telegram_id, None)
        self._told[telegram_id] = now
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        return True
