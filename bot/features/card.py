"""A film's card: shows the film, and puts it aside or takes it back."""

from datetime import timedelta

from bot.features import card_views
from bot.frame.context import Handler
from bot.frame.talk import Visit, tap
from bot.speech import buttons, views
from bot.speech.buttons import NOWHERE, Place
from bot.speech.views import View
from bot.speech.words import Html
from engine.serving import advice
from engine.store import Dismissal, Store

CHOSEN = ("picks", NOWHERE.kind)
"""Where films are opened from lists of picks, and from surprises and digests, to which no button leads back."""


def handlers() -> list[Handler]:
    return [
        tap(buttons.OpenFilm, open_film),
        tap(buttons.PutAside, put_aside),
        tap(buttons.TakeBack, take_back),
    ]


async def open_film(visit: Visit, button: buttons.OpenFilm) -> None:
    """Show a film's card. Note that it was opened, if this may be from a list that the model made."""
    if button.place.kind in CHOSEN:
        await visit.store(Store.note_opened, visit.person.id, visit.shelf.version, [button.movie_id], visit.now)
    await visit.show(await card_view(visit, button.movie_id, button.place))


async def put_aside(visit: Visit, button: buttons.PutAside) -> None:
    """Note that a film was seen, is not for this person (for some months), or is for later."""
    film, days = visit.shelf.film(button.movie_id), visit.services.settings.not_for_me_days
    expires = visit.now + timedelta(days=days) if button.kind is Dismissal.NOT_FOR_ME else None
    await visit.store(Store.put_aside, visit.person.id, film.id, button.kind, visit.now, expires_at=expires)
    await visit.show(
        await card_view(visit, film.id, button.place, notice=card_views.put_aside(film, button.kind, days))
    )


async def take_back(visit: Visit, button: buttons.TakeBack) -> None:
    """Undo ``put_aside``."""
    film = visit.shelf.film(button.movie_id)
    await visit.store(Store.take_back, visit.person.id, film.id, button.kind)
    await visit.show(await card_view(visit, film.id, button.place, notice=card_views.taken_back(film, button.kind)))


async def card_view(visit: Visit, movie_id: int, place: Place = NOWHERE, *, notice: Html | None = None) -> View:
    """Return the card of a film as this person sees it; in a group, as everybody may.

    Raises:
        NoSuchFilm: the catalogue has no such film (any more).
    """
    film = visit.shelf.film(movie_id)
    if visit.in_group:
        return card_views.shared(film, visit.bot_name, back=views.back_to(visit.owner, place))
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    return card_views.film_card(
        visit.owner, advice.card(visit.shelf, taste, film), place, scale=visit.scale, notice=notice
    )
