"""Giving stars, from a film's card or in answer to questions, and undoing it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.features import files, picks, rating_views
from bot.features.lookup import look_up
from bot.features.memory import Memory, in_preferences
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons, views
from bot.speech.buttons import Button
from bot.speech.words import Html
from engine.serving import advice
from engine.serving.advice import FIRST_PICKS
from engine.store import RatingChange, Store, Taste, UndoTooLate


def handlers() -> list[Handler]:
    return [
        command("rate", rate),
        command("undo", undo_last, private=True),
        tap(buttons.Ask, ask),
        tap(buttons.Answer, answer),
        tap(buttons.Skip, skip),
        tap(buttons.UndoAnswer, undo_answer),
        tap(buttons.UndoSkip, undo_skip),
        tap(buttons.Rate, give_stars),
        tap(buttons.RemoveRating, remove_rating),
        tap(buttons.Undo, undo),
        tap(buttons.Redo, redo),
    ]


async def rate(visit: Visit) -> None:
    """/rate [title]: show that film's card, or ask about the most telling film."""
    if visit.words:
        await look_up(visit, visit.words)
    else:
        await next_question(visit)


# --- Questions --------------------------------------------------------------------------------------------------------


async def ask(visit: Visit, _button: buttons.Ask) -> None:
    await next_question(visit)


async def answer(visit: Visit, button: buttons.Answer) -> None:
    """Store the stars, then show the first picks after the fifth rating, or else the next question."""
    film = visit.shelf.film(button.movie_id)
    act, taste = await visit.store(Store.rate, visit.person.id, film.id, button.stars, visit.now)
    trained, newcomer = visit.shelf.model is not None, len(taste.ratings) < FIRST_PICKS
    notice = (
        rating_views.noted(film, button.stars)
        if newcomer
        else rating_views.rated(film, button.stars, _waiting(visit, taste), trained=trained)
    )
    undo = buttons.UndoAnswer(visit.owner, act.event_id) if act.event_id else None
    if len(taste.ratings) == FIRST_PICKS:
        await visit.show(await picks.begin(visit, notice=notice, undo=undo))
    else:
        await next_question(visit, notice=notice, undo=undo)


async def skip(visit: Visit, button: buttons.Skip) -> None:
    """Remember that they have not seen the film, and ask about another. It says nothing about their taste."""
    film = visit.shelf.film(button.movie_id)
    memory = await _remember(visit, lambda memory: memory.skip(film.id, visit.now))
    await next_question(
        visit, notice=rating_views.skipped(film), undo=buttons.UndoSkip(visit.owner, film.id), memory=memory
    )


async def undo_answer(visit: Visit, button: buttons.UndoAnswer) -> None:
    """Take the stars back, and ask about the same film again."""
    act = await _take_back(visit, button.event_id)
    await next_question(visit, about=act.movie_id)


async def undo_skip(visit: Visit, button: buttons.UndoSkip) -> None:
    """Ask about the film again."""
    memory = await _remember(visit, lambda memory: memory.unskip(button.movie_id))
    await next_question(visit, about=button.movie_id, memory=memory)


async def next_question(
    visit: Visit,
    *,
    notice: Html | None = None,
    undo: Button | None = None,
    memory: Memory | None = None,
    about: int | None = None,
) -> None:
    """Ask about ``about``, or about the film whose stars would tell most."""
    if visit.in_group:
        await visit.show(views.in_private(visit.bot_name, "rate"))
        return
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    not_seen = (memory or Memory.parse(visit.person.preferences)).not_seen(visit.now)
    if about is None:
        film = await visit.think(advice.question, visit.shelf, taste, not_seen)
    else:
        film = visit.shelf.film(about)
    if film is None:
        await visit.show(rating_views.nothing_to_ask(visit.owner, notice=notice, undo=undo))
    else:
        ratings = len(taste.ratings)
        await visit.show(rating_views.question(visit.owner, film, ratings, scale=visit.scale, notice=notice, undo=undo))


async def _remember(visit: Visit, change: Callable[[Memory], Memory]) -> Memory:
    await visit.store(Store.change_preferences, visit.person.id, in_preferences(change))
    return change(Memory.parse(visit.person.preferences))


# --- From a card ------------------------------------------------------------------------------------------------------


async def give_stars(visit: Visit, button: buttons.Rate) -> None:
    """Store the stars, and confirm them in place of the card."""
    film = visit.shelf.film(button.movie_id)
    act, taste = await visit.store(Store.rate, visit.person.id, film.id, button.stars, visit.now)
    text = rating_views.rated(film, button.stars, _waiting(visit, taste), trained=visit.shelf.model is not None)
    await visit.show(rating_views.act(visit.owner, film, text, event_id=act.event_id, place=button.place))


def _waiting(visit: Visit, taste: Taste) -> int | None:
    """Return how many ratings wait for a training: that is for admins to know."""
    return taste.waiting if visit.is_admin else None


async def remove_rating(visit: Visit, button: buttons.RemoveRating) -> None:
    film = visit.shelf.film(button.movie_id)
    act = await visit.store(Store.remove_rating, visit.person.id, film.id, visit.now)
    text = rating_views.removed(film)
    await visit.show(rating_views.act(visit.owner, film, text, event_id=act.event_id, place=button.place))


async def undo(visit: Visit, button: buttons.Undo) -> None:
    """Undo one change, even one from before a restart. An undo can be redone."""
    act = await _take_back(visit, button.event_id)
    film = visit.shelf.film(act.movie_id)
    text = rating_views.undone(film, act.stars)
    await visit.show(rating_views.act(visit.owner, film, text, event_id=act.event_id, place=button.place, redo=True))


async def redo(visit: Visit, button: buttons.Redo) -> None:
    """Redo a change that was undone."""
    act = await visit.store(undo_once, visit.person.id, button.event_id, visit.now)
    film = visit.shelf.film(act.movie_id)
    text = rating_views.undone(film, act.stars)
    await visit.show(rating_views.act(visit.owner, film, text, event_id=act.event_id, place=button.place))


async def undo_last(visit: Visit) -> None:
    """/undo: undo the latest change, or a whole import."""
    await visit.once()  # after an undo the latest event is the undo itself
    event_id = await visit.store(Store.last_event, visit.person.id)
    match files.way_back(visit.owner, Memory.parse(visit.person.preferences), event_id):
        case None:
            await visit.show(rating_views.nothing_to_undo(visit.owner))
        case buttons.UndoImport() as button:
            await files.undo_import(visit, button)
        case buttons.RedoImport() as button:
            await files.redo_import(visit, button)
        case buttons.Redo() as button:
            await redo(visit, button)
        case button:
            await undo(visit, button)


async def _take_back(visit: Visit, event_id: int) -> RatingChange:
    """Undo one event, and remember that this was an undo: undoing it is a redo."""
    act = await visit.store(undo_once, visit.person.id, event_id, visit.now)
    await _remember(visit, lambda memory: replace(memory, undone=act.event_id))
    return act


def undo_once(store: Store, user_id: int, event_id: int, now: datetime) -> RatingChange:
    """Undo one event. A second call, when the same tap is delivered twice, returns the result of the first.

    Raises:
        UndoTooLate: the film was rated again since, or the event is not theirs.
    """
    try:
        return store.undo(user_id, event_id, now)
    except UndoTooLate:
        events = store.events_of(user_id)
        act = next((event for event in events if event.id == event_id), None)
        later = [event for event in events if act and event.movie_id == act.movie_id and event.id > event_id]
        if act is None or len(later) != 1 or later[0].stars != act.previous_stars:
            raise
        return RatingChange(later[0].id, act.movie_id, later[0].stars, later[0].previous_stars)
