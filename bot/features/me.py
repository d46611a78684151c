"""/me: somebody's taste in figures: at once in words, and a moment later as a picture that the engine draws.

The bot stores the picture's contents in the database and later sends the finished picture from there, without waiting
for the engine. Both can be shared: they show only the person who asks and means over everybody.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog
from telegram import InlineQueryResultArticle, InlineQueryResultCachedPhoto, InputTextMessageContent, Update
from telegram.constants import ParseMode
from telegram.error import TelegramError
from telegram.ext import InlineQueryHandler

from bot.features import me_views
from bot.features.share import asker
from bot.frame.context import App, Context, Handler
from bot.frame.delivery import deliver
from bot.frame.talk import Visit, command
from bot.speech import language
from engine.serving.library import Shelf
from engine.serving.portrait import Portrait, portrait
from engine.store import FinishedPortrait, Store, Taste

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0

PATIENCE = timedelta(seconds=15)
"""A picture may take this long before its reader is told that there is none; a running engine needs two or three
seconds."""


def handlers() -> list[Handler]:
    return [
        command("me", me, private=True),
        InlineQueryHandler(share, pattern=f"^{me_views.QUERY}$"),
    ]


def jobs(application: App) -> None:
    if application.job_queue is not None:
        job: dict[str, Any] = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        application.job_queue.run_repeating(send_portraits, LOOK_SECONDS, name="send_portraits", job_kwargs=job)


async def me(visit: Visit) -> None:
    """/me: my taste in words; the picture follows."""
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    found = await visit.think(_portrait, visit.shelf, taste, visit.now)
    if found is None:
        await visit.show(me_views.too_few(visit.owner))
        return
    await visit.show(me_views.taste(visit.owner, found, shareable=_can_share(visit.context)))
    sheet, spoken = me_views.sheet(found), language.current()
    await visit.store(Store.ask_portrait, visit.person.id, sheet, spoken, visit.now)


def _portrait(shelf: Shelf, taste: Taste, now: datetime) -> Portrait | None:
    return portrait(taste, shelf.films.by_id, now, gives_stars=shelf.films.gives_stars)


def _can_share(context: Context) -> bool:
    """Say whether inline mode is on; without it, Telegram refuses a message with a button that leads there."""
    return bool(context.bot.supports_inline_queries)


# --- The picture ------------------------------------------------------------------------------------------------------


async def send_portraits(context: Context) -> None:
    """Send the pictures that are drawn. For overdue ones, say that the engine is away."""
    store, now = context.services.store, context.services.clock()
    for finished in await asyncio.to_thread(store.take_portraits, now - PATIENCE, now):
        language.speak_of_catalogue((await context.services.library.shelf()).films.catalogue)
        with language.speaking(finished.language):
            try:
                await _send(context, finished)
            except TelegramError as error:
                log.warning("portrait_not_sent", reason=type(error).__name__)


async def _send(context: Context, finished: FinishedPortrait) -> None:
    store, now = context.services.store, context.services.clock()
    if finished.png is None:
        await deliver(context.bot, finished.telegram_id, me_views.no_picture())
        return
    taste = await asyncio.to_thread(store.taste, finished.user_id, now)
    found = await asyncio.to_thread(_portrait, await context.services.library.shelf(), taste, now)
    if found is None:  # they have removed their ratings since
        return
    view = me_views.in_short(found, shareable=_can_share(context))
    sent = await context.bot.send_photo(
        finished.telegram_id,
        finished.png,
        caption=view.text,
        parse_mode=ParseMode.HTML,
        reply_markup=view.keyboard,
        filename="taste.png",
    )
    if sent.photo:
        await asyncio.to_thread(store.note_portrait_sent, finished.user_id, sent.photo[-1].file_id)


# --- Shared -----------------------------------------------------------------------------------------------------------


async def share(update: Update, context: Context) -> None:
    """Offer somebody their own taste, to put into any chat: in words, and as the picture that they were sent last."""
    query = update.inline_query
    if query is None:
        return
    services = context.services
    shelf, person = await asker(query, services)
    results: list[InlineQueryResultCachedPhoto | InlineQueryResultArticle] = []
    if person is not None:
        now = services.clock()
        taste = await asyncio.to_thread(services.store.taste, person.id, now)
        found = await asyncio.to_thread(_portrait, shelf, taste, now)
        file_id = await asyncio.to_thread(services.store.portrait_sent, person.id)
        if found is not None:
            results = _offers(found, file_id)
    await query.answer(results, cache_time=0, is_personal=True)


def _offers(found: Portrait, file_id: str | None) -> list[InlineQueryResultCachedPhoto | InlineQueryResultArticle]:
    text = me_views.in_short(found, shareable=False).text
    words = InlineQueryResultArticle(
        id="words",
        title=me_views.title(found),
        input_message_content=InputTextMessageContent(text, parse_mode=ParseMode.HTML),
    )
    if file_id is None:
        return [words]
    picture = InlineQueryResultCachedPhoto(id="picture", photo_file_id=file_id, caption=text, parse_mode=ParseMode.HTML)
    return [picture, words]
