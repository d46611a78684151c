"""Handles any text: understands it, and calls the feature that it is about."""

from dataclasses import replace

from telegram import Message, MessageEntity
from telegram.ext import filters

from bot.features import (
    account,
    files,
    listen_views,
    lookup,
    me,
    mine,
    night,
    picks,
    preferences,
    rating,
    surprise,
    welcome,
)
from bot.features.card import card_view
from bot.features.memory import Memory
from bot.frame.context import Handler
from bot.frame.talk import Action, Visit, message
from bot.speech import buttons, views
from bot.speech.understanding import (
    Courtesy,
    Filmmaker,
    Nothing,
    SpokenCommand,
    SpokenCourtesy,
    SpokenWish,
    Statement,
    TitleOf,
    Which,
    World,
    understand,
)


class MentionsUs(filters.MessageFilter):
    """Matches a message with the bot's name in it, which is how people address the bot in a group."""

    def filter(self, message: Message) -> bool:
        ours = f"@{message.get_bot().username}".casefold()
        mentioned = message.parse_entities([MessageEntity.MENTION]).values() if message.entities else ()
        return message.sender_chat is None and any(name.casefold() == ours for name in mentioned)


def handlers() -> list[Handler]:
    text = filters.TEXT & ~filters.COMMAND
    return [
        message(text & filters.ChatType.PRIVATE, listen),
        # Other messages in a group are not for the bot.
        message(text & filters.ChatType.GROUPS & MentionsUs(), listen),
    ]


async def why(visit: Visit) -> None:
    """Give the reasons for the page of picks that was shown last; without one, show picks."""
    chosen = [listing for listing in Memory.parse(visit.person.preferences).listings if listing.like is None]
    if chosen:
        await picks.why_these(visit, buttons.WhyThese(visit.owner, chosen[-1].id, len(chosen[-1].pages)))
    else:
        await visit.show(await picks.begin(visit))


async def next_page(visit: Visit) -> None:
    """Show the next page of the list of picks that was begun last."""
    listings = Memory.parse(visit.person.preferences).listings
    if not listings or listings[-1].is_full:
        await visit.show(await picks.begin(visit))
    else:
        await picks.turn_page(visit, buttons.Picks(visit.owner, listings[-1].id, len(listings[-1].pages) + 1))


ORDERS: dict[str, Action] = {
    "undo": rating.undo_last,
    "next": next_page,
    "why": why,
    "my": mine.my,
    "watchlist": mine.watchlist,
    "me": me.me,
    "rate": rating.rate,
    "surprise": surprise.surprise,
    "settings": preferences.settings,
    "import": files.how_to,
    "export": files.export,
    "forget": account.forget,
    "privacy": account.privacy,
    "stop": account.stop,
    "start": welcome.start,
    "night": night.night,
}
"""The function for each command that can be given in words."""

FOR_ALL = {"next", "why", "privacy", "start", "night"}
"""Commands in words that work in groups; others get a link to the private chat."""


async def listen(visit: Visit) -> None:
    """Do what a text asks for.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    visit.shelf.require_films()
    text = visit.words
    if visit.in_group:
        text = " ".join(word for word in text.split() if word.casefold() != f"@{visit.bot_name}".casefold())
    world = World.of(visit.shelf.films, visit.now.year)
    match await visit.think(understand, text, world):
        case SpokenCourtesy(Courtesy.HELP):
            await account.help_(visit)
        case SpokenCourtesy(courtesy):
            await visit.show(listen_views.courtesy(visit.owner, courtesy))
        case SpokenCommand(command) if visit.in_group and command not in FOR_ALL:
            await visit.show(views.in_private(visit.bot_name, command))
        case SpokenCommand(command):
            await ORDERS[command](replace(visit, words=""))
        case SpokenWish() as asked:
            await picks.give(visit, asked)
        case Statement() as stated:
            view = await card_view(visit, stated.film.id)
            await visit.show(view if visit.in_group else listen_views.stated(visit.owner, view, stated, visit.scale))
        case Filmmaker(name):
            await visit.show(listen_views.person(visit.owner, name))
        case TitleOf(film):
            await visit.show(await card_view(visit, film.id))
        case Which(meant, found, like):
            films = [hit.film for hit in found.hits[: lookup.CHOICES]]
            await visit.show(lookup.offer(visit, meant, films, found.total, similar=like))
        case Nothing(address, page=True):
            known_site = visit.shelf.films.titles.has_pages_of(address)
            await visit.show(listen_views.no_page(visit.owner, known_site=known_site))
        case Nothing(said):
            await visit.show(listen_views.nothing(visit.owner, said))
