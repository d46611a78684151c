"""A group becomes a supergroup, which it does when it grows, or gets a public name: to Telegram that is another chat.

Its id is a new one, and our messages of before are out of reach. What goes on in the group moves there and is shown
anew: a movie night, and the progress of runs. Telegram says it twice, in the old chat and in the new one; whatever
comes first does it.
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
    """Move what goes on in a group to the id that it has now."""
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
    """Return a group's old id and its new one, of a message that says it has become a supergroup."""
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
