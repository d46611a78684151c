"""Any text is a title: one clear match is shown at once, several become buttons. /similar finds films like one."""

from telegram.ext import filters

from bot.features import lookup_views
from bot.features.card import card
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, message, tap
from bot.speech import buttons
from bot.speech.views import View
from engine.domain import Movie
from engine.serving import advice
from engine.store import Store, Taste

CHOICES = 8
"""Films that are offered for a text; more are counted, not shown."""


def handlers() -> list[Handler]:
    return [
        command("similar", similar, for_anybody=True),
        tap(buttons.Similar, similar_to),
        # In a group people talk to each other, not to us.
        message(filters.TEXT & ~filters.COMMAND & filters.ChatType.PRIVATE, title),
    ]


async def title(visit: Visit) -> None:
    """Any text: the film that it names."""
    await look_up(visit, visit.words)


async def similar(visit: Visit) -> None:
    """/similar [title]: ten like it."""
    if not visit.words:
        await visit.show(lookup_views.which_film(visit.owner))
        return
    movie, instead = find(visit, visit.words, similar=True)
    await visit.show(instead if movie is None else await films_like(visit, movie))


async def similar_to(visit: Visit, button: buttons.Similar) -> None:
    await visit.show(await films_like(visit, visit.shelf.film(button.movie_id), button.page))


async def look_up(visit: Visit, text: str) -> None:
    """Show the card of the film that a text names, or what else it may mean."""
    movie, instead = find(visit, text)
    await visit.show(instead if movie is None else await card(visit, movie.id))


def find(visit: Visit, text: str, *, similar: bool = False) -> tuple[Movie | None, View]:
    """Return the film that ``text`` surely means, or None; and what to show where it is not sure.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    found = visit.shelf.find(text, CHOICES)
    movies = [hit.movie for hit in found.hits]
    if not movies:
        return None, lookup_views.no_hit(visit.owner, text)
    offered = lookup_views.choices(visit.owner, text, movies, found.total, similar=similar)
    return (movies[0] if found.sure else None), offered


async def films_like(visit: Visit, movie: Movie, page: int = 1) -> View:
    """Return a page of films like one; in a group the same for everybody, for what is missing tells what was rated."""
    nobody = Taste(visit.person.id)
    taste = nobody if visit.in_group else await visit.store(Store.taste, visit.person.id, visit.now)
    published = await visit.store(Store.similar, movie.id)
    films = advice.like(visit.shelf, taste, movie, published)
    return lookup_views.similar(visit.owner, movie, films, page, published=bool(published))
