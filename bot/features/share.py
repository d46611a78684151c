"""Inline mode: `@bot heat` shares a film's card in any chat; an empty query offers one's own picks."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from telegram import InlineQuery, InlineQueryResultArticle, InputTextMessageContent, Update
from telegram.constants import ParseMode
from telegram.ext import InlineQueryHandler

from bot.features import card_views
from bot.frame.context import Context, Handler, Services
from bot.speech import language
from engine.domain import Film
from engine.serving import answers
from engine.serving.library import EmptyCatalogue, Shelf
from engine.store import Person, Store, Taste

OFFERED = 20
"""Number of films offered for a query; Telegram takes up to fifty."""

CACHE_SECONDS = 300
"""Telegram may reuse the answer to a title for this long."""


def handlers() -> list[Handler]:
    return [InlineQueryHandler(share)]


async def share(update: Update, context: Context) -> None:
    """Offer films for the text typed so far."""
    query = update.inline_query
    if query is None:
        return
    services, text = context.services, query.query.strip()
    shelf, person = await asker(query, services)
    try:
        if text:
            found = await asyncio.to_thread(shelf.find, text, OFFERED)
            films = [hit.film for hit in found.hits]
        else:
            films = await asyncio.to_thread(own_picks, services.store, shelf, person, services.clock())
    except EmptyCatalogue:
        films = []
    await _offer(query, films, context.bot.username, cache_seconds=CACHE_SECONDS if text else 0)


async def asker(query: InlineQuery, services: Services) -> tuple[Shelf, Person | None]:
    """Return the films, and the person who asks if we know them, and speak their language: inline queries are answered
    without a chat, so nothing has done so before."""
    shelf = await services.library.shelf()
    language.speak_of_catalogue(shelf.films.catalogue)
    person = await asyncio.to_thread(services.store.find_person, query.from_user.id)
    language.use(person.language if person is not None else None, query.from_user.language_code)
    return shelf, person


def own_picks(store: Store, shelf: Shelf, person: Person | None, now: datetime) -> list[Film]:
    """Return someone's picks; for an unknown person, those of the average person."""
    taste = store.taste(person.id, now) if person is not None else Taste(0)
    return [line.film for line in answers.current_picks(store, shelf, taste)]


async def _offer(query: InlineQuery, films: Sequence[Film], bot: str, *, cache_seconds: int) -> None:
    results = []
    for film in films:
        view = card_views.shared(film, bot)
        results.append(
            InlineQueryResultArticle(
                id=str(film.id),
                title=card_views.heading(film),
                description=card_views.summary(film),
                input_message_content=InputTextMessageContent(view.text, parse_mode=ParseMode.HTML),
                reply_markup=view.keyboard,
            )
        )
    # The answer is personal even if the films are the same for all: its texts are in the asker's language.
    await query.answer(results, cache_time=cache_seconds, is_personal=True)
