"""/night: a group finds a film. People join with a button, the bot proposes films for them all, a poll decides.

Several people tap at once. Each tap changes the evening in the database, and then one of them updates the message for
all: it is edited again until it shows the stored state.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bot.features import night_views
from bot.features.picks import wanted
from bot.frame.context import App, Context, Handler
from bot.frame.delivery import deliver, edit
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons, language
from bot.speech.views import View
from bot.speech.words import Html
from engine.domain import Film
from engine.serving import group
from engine.serving.library import Shelf
from engine.serving.wish import Wish
from engine.store import Night, Store

log = structlog.get_logger(__name__)

LASTS = timedelta(hours=8)
"""After this time an evening is over and its guests are deleted."""

Notice = Callable[[], Html]
"""Makes the words above an evening, in the group's language."""

SWEEP_SECONDS = 600
TRIES = 5
"""Films are chosen again at most this often if guests come or go meanwhile."""


def handlers() -> list[Handler]:
    return [
        command("night", night, for_anybody=True),
        tap(buttons.JoinNight, join),
        tap(buttons.LeaveNight, leave),
        tap(buttons.FindNightFilms, find_films),
        tap(buttons.NightPoll, start_poll),
    ]


def jobs(application: App) -> None:
    if application.job_queue is not None:
        application.job_queue.run_repeating(end_nights, SWEEP_SECONDS, first=5, name="end_nights")


async def night(visit: Visit) -> None:
    """/night [genre] [years]: begin an evening, or go on with the one that the group has."""
    if not visit.in_group or visit.update.effective_chat is None:
        await visit.show(night_views.for_groups(visit.bot_name))
        return
    chat_id = visit.update.effective_chat.id
    wish, notice = wanted(visit)
    begun = await visit.store(
        Store.begin_night,
        chat_id,
        wish.as_json(),
        visit.now,
        ends_at=visit.now + LASTS,
        language=language.current(),
    )
    seen = await visit.store(look_at, visit.shelf, begun.id)
    if seen is None:  # its time ended at this moment
        await visit.tell(night_views.over())
        return
    with language.speaking(begun.language):
        if begun.message_id is not None:
            await _edited(visit.context, chat_id, begun.message_id, night_views.moved())
        sent = await visit.tell(seen.view(visit.bot_name, notice))
    await visit.store(Store.show_night, begun.id, sent.message_id)


async def join(visit: Visit, button: buttons.JoinNight) -> None:
    user = visit.update.effective_user
    if await _here(visit, button.night_id) and user is not None:
        await visit.store(Store.join_night, button.night_id, visit.person.id, user.first_name, visit.now)
        await show(visit, button.night_id)


async def leave(visit: Visit, button: buttons.LeaveNight) -> None:
    if await _here(visit, button.night_id):
        await visit.store(Store.leave_night, button.night_id, visit.person.id)
        await show(visit, button.night_id)


async def find_films(visit: Visit, button: buttons.FindNightFilms) -> None:
    """Propose the best films for all guests; other films if some were proposed already."""
    if await _here(visit, button.night_id):
        misery = visit.services.settings.night_misery
        notice = await visit.store(choose, visit.shelf, button, visit.now, misery=misery)
        await show(visit, button.night_id, notice)


def choose(
    store: Store, shelf: Shelf, button: buttons.FindNightFilms, now: datetime, *, misery: float
) -> Notice | None:
    """Propose films, chosen for exactly the current guests. Return the words to show with them."""
    for _ in range(TRIES):
        seen = store.night(button.night_id)
        shown = (*seen.passed_over, *seen.proposals) if seen is not None else ()
        if seen is None or not seen.guests or len(shown) != button.shown:
            return None  # there are no guests, or another tap at the same moment has proposed films
        tastes, wish = [store.taste(guest.user_id, now) for guest in seen.guests], Wish.parse(seen.wish)
        found = group.proposals(shelf, tastes, wish, misery=misery, leave_out=shown)
        if not found.films:
            return partial(night_views.nothing_fits, wish)
        if store.propose(seen, [film.id for film in found.films]):
            return night_views.below_floor if found.below_floor else None
    return None


async def start_poll(visit: Visit, button: buttons.NightPoll) -> None:
    """Start the poll; only the first tap does."""
    chat = visit.update.effective_chat
    if not await _here(visit, button.night_id) or chat is None:
        return
    closed = await visit.store(Store.close_night, button.night_id)
    if closed is None:
        await show(visit, button.night_id)
        return
    with language.speaking(closed.language):
        question, options = night_views.poll(_films(visit.shelf, closed))
    try:
        await visit.context.bot.send_poll(
            chat.id,
            question,
            options,
            is_anonymous=True,
            allows_multiple_answers=True,
            message_thread_id=visit.topic,
        )
    except (BadRequest, ChatMigrated, Forbidden, RetryAfter) as error:  # surely not sent, so it may be tried again
        log.info("poll_refused", reason=type(error).__name__)
        await visit.store(Store.reopen_night, button.night_id)
        if not isinstance(error, BadRequest | ChatMigrated):
            raise
        await show(visit, button.night_id, night_views.no_poll)
    except TypeError:  # the poll was sent; the library cannot read the answer of a Bot API server before 9.6
        log.info("poll_not_read_back")
        await show(visit, button.night_id)
    else:
        await show(visit, button.night_id)


async def go_on(context: Context, night_id: int) -> None:
    """Show an evening in a new message after its chat got a new id. The new chat has no topics yet."""
    services = context.services
    shelf = await services.library.shelf()
    language.speak_of_catalogue(shelf.films.catalogue)
    seen = await asyncio.to_thread(look_at, services.store, shelf, night_id)
    if seen is None:
        return
    with language.speaking(seen.night.language):
        view = seen.view(context.bot.username)
    sent = await deliver(context.bot, seen.night.chat_id, view)
    await asyncio.to_thread(services.store.show_night, night_id, sent.message_id)


async def end_nights(context: Context) -> None:
    """Forget the evenings whose time has come, and take their buttons away."""
    store = context.services.store
    for ended in await asyncio.to_thread(store.end_nights, context.services.clock()):
        if ended.open and ended.message_id is not None:
            language.speak_of_catalogue((await context.services.library.shelf()).films.catalogue)
            with language.speaking(ended.language):
                view = night_views.over()
            try:
                await _edited(context, ended.chat_id, ended.message_id, view)
            except TelegramError as error:  # the buttons also say so when they are tapped
                log.info("night_end_not_shown", reason=type(error).__name__)


# --- Showing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evening:
    """An evening as it is now, with further facts for its message."""

    night: Night
    films: tuple[Film, ...]
    newcomers: int

    def view(self, bot: str, notice: Html | None = None) -> View:
        """Show the evening in the current language."""
        return night_views.night(self.night, self.films, bot, newcomers=self.newcomers, notice=notice)


def look_at(store: Store, shelf: Shelf, night_id: int) -> Evening | None:
    """Return an evening as it is now, or None if it is over."""
    seen = store.night(night_id)
    if seen is None:
        return None
    films = _films(shelf, seen)
    return Evening(seen, films, store.newcomers(night_id) if films else 0)


def _films(shelf: Shelf, seen: Night) -> tuple[Film, ...]:
    return tuple(shelf.films.by_id[film] for film in seen.proposals if film in shelf.films.by_id)


async def show(visit: Visit, night_id: int, notice: Notice | None = None) -> None:
    """Update an evening's message. If several people ask at once, one edit serves all of them."""
    stale: set[int] = visit.context.bot_data.setdefault("stale_nights", set())
    busy: set[int] = visit.context.bot_data.setdefault("busy_nights", set())
    stale.add(night_id)
    if night_id in busy:
        return
    busy.add(night_id)
    try:
        while night_id in stale:
            stale.discard(night_id)
            await _show_once(visit, night_id, notice)
            notice = None
    finally:
        busy.discard(night_id)


async def _show_once(visit: Visit, night_id: int, notice: Notice | None) -> None:
    seen = await visit.store(look_at, visit.shelf, night_id)
    if seen is None:
        await visit.show(night_views.over())
        return
    message_id = seen.night.message_id
    with language.speaking(seen.night.language):  # the group's language, not that of the person who tapped
        view = seen.view(visit.bot_name, notice() if notice is not None else None)
    if message_id is None or not await _edited(visit.context, seen.night.chat_id, message_id, view):
        sent = await visit.tell(view)
        await visit.store(Store.show_night, night_id, sent.message_id)


async def _edited(context: Context, chat_id: int, message_id: int, view: View) -> bool:
    """Edit a message. Return False if it does not exist any more."""
    try:
        return await edit(context.bot, chat_id, message_id, view)
    except ChatMigrated:  # Telegram will send an update, and supergroup.move shows the evening in the new chat
        log.info("night_moves")
        return True


async def _here(visit: Visit, night_id: int) -> bool:
    """Return whether the evening belongs to this chat and is not over; if not, tell the person."""
    seen, chat = await visit.store(Store.night, night_id), visit.update.effective_chat
    if seen is not None and chat is not None and seen.chat_id == chat.id and seen.ends_at > visit.now:
        return True
    await visit.show(night_views.over())
    return False
