"""/start: ask a newcomer about five films, greet everybody else, or open the film of a link."""

import re
from dataclasses import replace

from bot.features import account, files, me, mine, night_views, picks, preferences, rating, surprise, welcome_views
from bot.features.card import card_view
from bot.features.link import link
from bot.features.night import night
from bot.features.rating import next_question
from bot.frame.context import Handler
from bot.frame.talk import Action, Visit, command
from engine.serving.advice import FIRST_PICKS
from engine.store import NoSuchFilm, Store

FILM_LINK = re.compile(r"m_(\d{1,10})", re.ASCII)
"""The parameter of /start in a link to a film: https://t.me/BOT?start=m_603"""

SITE_LINK = re.compile(r"link_(\w{8})", re.ASCII)
"""The parameter of /start when a site sends someone with its code: https://t.me/BOT?start=link_7KQ4M2XD"""


BY_LINK: dict[str, Action] = {
    "top": picks.top,
    "surprise": surprise.surprise,
    "rate": rating.rate,
    "my": mine.my,
    "undo": mine.my,  # a link must not change anything by itself; the list has a button for that
    "watchlist": mine.watchlist,
    "me": me.me,
    "import": files.how_to,
    "export": files.export,
    "forget": account.forget,
    "stop": account.help_,  # mentions /stop, and stops nothing
    "settings": preferences.settings,
    "link": link,
}
"""Other parameters of /start, and the commands that they lead to; buttons in groups use them."""


def handlers() -> list[Handler]:
    return [command("start", start, for_anybody=True)]


async def start(visit: Visit) -> None:
    """/start [m_FILM]: hello."""
    notice = None
    if visit.words == "night":  # the button that adds the bot to a group sends this
        await night(replace(visit, words=""))
        return
    if visit.words in BY_LINK and not visit.in_group:
        await BY_LINK[visit.words](replace(visit, words=""))
        return
    if (code := SITE_LINK.fullmatch(visit.words)) and not visit.in_group:
        await link(replace(visit, words=code[1]))
        return
    if film := FILM_LINK.fullmatch(visit.words):
        try:
            await visit.show(await card_view(visit, int(film[1])))
            return
        except NoSuchFilm:
            notice = welcome_views.film_gone()
    if visit.in_group:
        await visit.show(night_views.hello(visit.bot_name))
        return
    simulated = visit.shelf.is_simulated
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    if len(taste.ratings) < FIRST_PICKS:
        await next_question(visit, notice=notice or welcome_views.greeting(simulated=simulated))
    else:
        await visit.show(welcome_views.welcome_back(visit.owner, len(taste.ratings), simulated=simulated))
