"""Looks up a typed title: one clear match is shown at once, several become buttons. /similar finds films like one."""

from collections.abc import Sequence

from bot.features import lookup_views
from bot.features.card import card_view
from bot.features.memory import Listing, Memory, in_preferences
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons
from bot.speech.understanding import SpokenWish, Which, World, understand_like
from bot.speech.views import View, unheeded
from bot.speech.words import Html
from engine.domain import Film
from engine.serving import advice
from engine.serving.advice import PAGE, page_size
from engine.serving.likeness import likenesses
from engine.serving.wish import ANYTHING, Wish
from engine.store import SimilarFilm, Store, Taste

CHOICES = 8
"""Number of films that are offered for a text; further ones are counted."""


def handlers() -> list[Handler]:
    return [
        command("similar", similar, for_anybody=True),
        tap(buttons.Similar, similar_to),
        tap(buttons.WhySimilar, why_similar),
    ]


async def similar(visit: Visit) -> None:
    """/similar [title and wish]: show ten films like one."""
    if not visit.words:
        await visit.show(lookup_views.which_film(visit.owner))
        return
    visit.shelf.require_films()
    match await visit.think(understand_like, visit.words, World.of(visit.shelf.films, visit.now.year)):
        case SpokenWish(wish, Film() as film, left_out):
            await visit.show(await films_like(visit, film, wish=wish, left_out=left_out))
        case Which(text, found):
            films = [hit.film for hit in found.hits[:CHOICES]]
            await visit.show(offer(visit, text, films, found.total, similar=True))
        case _:
            await visit.show(lookup_views.no_hit(visit.owner, visit.words))


async def similar_to(visit: Visit, button: buttons.Similar) -> None:
    await visit.show(await films_like(visit, visit.shelf.film(button.movie_id), button.page))


async def why_similar(visit: Visit, button: buttons.WhySimilar) -> None:
    """Say what each film of a page shares with the film that it is like."""
    film = visit.shelf.film(button.movie_id)
    taste, published = await _known(visit, film)
    films = advice.like(visit.shelf, taste, film, published)
    shown = films[(button.page - 1) * advice.PAGE : button.page * advice.PAGE]
    reasons = likenesses(visit.shelf.films, film, shown, published)
    await visit.show(lookup_views.why_similar(visit.owner, film, reasons, button.page))


async def look_up(visit: Visit, text: str) -> None:
    """Show the card of the film that a text names, or the films that it may mean."""
    film, instead = find(visit, text)
    await visit.show(instead if film is None else await card_view(visit, film.id))


def offer(visit: Visit, text: str, films: Sequence[Film], total: int, *, similar: bool = False) -> View:
    """Return the films that a text may mean, to choose from."""
    return lookup_views.choices(visit.owner, text, films, total, similar=similar)


def find(visit: Visit, text: str) -> tuple[Film | None, View]:
    """Return the film that ``text`` surely means, or None with the view to show in its place.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    found = visit.shelf.find(text, CHOICES)
    films = [hit.film for hit in found.hits]
    if not films:
        return None, lookup_views.no_hit(visit.owner, text)
    return (films[0] if found.sure else None), offer(visit, text, films, found.total)


async def films_like(
    visit: Visit, film: Film, page: int = 1, *, wish: Wish = ANYTHING, left_out: Sequence[str] = ()
) -> View:
    """Return a page of films like one. In a group the same for everybody, because what is missing tells what was rated.

    Args:
        wish: what else is asked of them; then a list begins that can be paged through.
        left_out: words that cannot be heeded, to be said.
    """
    notice = unheeded(left_out, visit.shelf.films.genres)
    if not wish.is_open or wish.count:
        listing = Memory.parse(visit.person.preferences).begin(wish, like=film.id)
        return await wished_page(visit, film, listing, 1, notice=notice)
    taste, published = await _known(visit, film)
    films = advice.like(visit.shelf, taste, film, published)
    return lookup_views.similar(visit.owner, film, films, page, published=bool(published), notice=notice)


async def wished_page(visit: Visit, film: Film, listing: Listing, page: int, *, notice: Html | None = None) -> View:
    """Return a page of films that are like one and fit a wish, and remember the page."""
    page = min(page, len(listing.pages) + 1)
    taste, published = await _known(visit, film)
    out, wish = listing.elsewhere(page), listing.wish
    alike = advice.like(visit.shelf, taste, film, published)
    fitting = [film for film in alike if wish.fits(film) and film.id not in out]
    films = advice.more_like(visit.shelf, taste, film, wish, fitting, leave_out=out)
    shown = films[: page_size(wish)]
    listing = listing.with_page(page, [film.id for film in shown])
    noted = in_preferences(lambda memory: memory.remember(listing))
    await visit.store(Store.change_preferences, visit.person.id, noted)
    goes_on = len(films) > len(shown) or len(shown) == PAGE
    # People who write in the name of a chat have no memory, so their lists have no next page.
    further = goes_on and visit.owner != 0
    return lookup_views.similar_and_wished(visit.owner, film, shown, listing, page, further=further, notice=notice)


async def _known(visit: Visit, film: Film) -> tuple[Taste, list[SimilarFilm]]:
    """Return the person's taste, or an empty one in a group, and the published list of films like one."""
    nobody = Taste(visit.person.id)
    taste = nobody if visit.in_group else await visit.store(Store.taste, visit.person.id, visit.now)
    return taste, await visit.store(Store.similar, film.id)
