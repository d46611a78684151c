"""Follows a group that becomes a supergroup, when it grows or gets a public name. Telegram treats it as another chat.

It has a new id, and the bot cannot edit its old messages. A movie night and the progress of runs move to the new chat
and are shown again. Telegram sends two updates about this, in the old chat and in the new one; the first one that comes
has the effect.
"""

import asyncio

import structlog
from telegram import Message, Update
from telegram.error import TelegramError
from telegram.ext import MessageHandler, filters

from bot.features import admin, night
from bot.frame.context import Context, Handler
from bot.frame.delivery import deliver
from bot.speech import language
from engine.store import Watcher

log = structlog.get_logger(__name__)


def handlers() -> list[Handler]:
    return [MessageHandler(filters.StatusUpdate.MIGRATE, move)]


async def move(update: Update, context: Context) -> None:
    """Move a group's movie night and progress messages to its new id."""
    message = update.effective_message
    if message is None:
        return
    old, new = ids(message)
    store, now = context.services.store, context.services.clock()
    evening = await asyncio.to_thread(store.move_night, old, new, now)
    watchers = await asyncio.to_thread(store.take_watchers, old)
    log.info("group_moved", night=evening is not None, runs=len(watchers))
    try:
        if evening is not None:
            await night.go_on(context, evening.id)
        for watcher in watchers:
            await _show_run(context, watcher, new)
    except TelegramError as error:  # /night and /retrain show it, once we may write there
        log.warning("not_shown_in_supergroup", reason=type(error).__name__)


def ids(message: Message) -> tuple[int, int]:
    """Return the old and the new id from a message that says that a group has become a supergroup."""
    if message.migrate_to_chat_id is not None:
        return message.chat.id, message.migrate_to_chat_id
    return message.migrate_from_chat_id or message.chat.id, message.chat.id


async def _show_run(context: Context, watcher: Watcher, chat_id: int) -> None:
    store = context.services.store
    seen = await asyncio.to_thread(admin.look_at, store, watcher.run_id)
    if seen is None:
        return
    language.speak_of_catalogue((await context.services.library.shelf()).films.catalogue)
    with language.speaking(watcher.language):
        view = seen.view(context.services.clock())
    sent = await deliver(context.bot, chat_id, view)
    await asyncio.to_thread(store.watch_run, watcher.run_id, chat_id, sent.message_id, watcher.language)
