"""Weekly picks for people who want them: three films that they have not been shown, every Friday.

Each digest is marked in the database before it is sent, so that a restart sends none twice. Digests are spread over the
afternoon, so that a thousand of them do not reach Telegram's limits.
"""

import asyncio
import zlib
from datetime import UTC, datetime, timedelta

import structlog
from telegram.error import Forbidden, RetryAfter, TelegramError

from bot.features import preference_views
from bot.features.memory import Memory, in_preferences
from bot.frame.context import App, Context, Handler
from bot.frame.delivery import deliver, surely_not_sent, wait_asked
from bot.speech import language
from engine.serving import answers
from engine.serving.advice import Line
from engine.serving.library import EmptyCatalogue, Shelf
from engine.store import Digest, Store

log = structlog.get_logger(__name__)

FRIDAY = 4
FROM_HOUR, HOURS = 14, 6
"""Digests go out from this hour (UTC), for this many hours."""

FILMS = 3
LOOK_SECONDS = 60
AT_ONCE = 100
"""Number of digests that are read at once."""

TOO_LATE = timedelta(days=1)
"""A digest that is this late is left out: films for a weekend that is over are no use."""

LATER = timedelta(minutes=15)


def handlers() -> list[Handler]:
    return []


def jobs(application: App) -> None:
    if application.job_queue is not None:
        job = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        application.job_queue.run_repeating(send_digests, LOOK_SECONDS, first=10, name="send_digests", job_kwargs=job)


def next_digest(user_id: int, after: datetime) -> datetime:
    """Return when somebody's next digest is due: on a Friday, always at the same minute for them."""
    minute = zlib.crc32(str(user_id).encode()) % (HOURS * 60)
    friday = after.astimezone(UTC).replace(hour=FROM_HOUR, minute=0, second=0, microsecond=0)
    due = friday + timedelta(days=(FRIDAY - friday.weekday()) % 7, minutes=minute)
    return due if due > after else due + timedelta(days=7)


async def send_digests(context: Context) -> None:
    """Send the digests that are due, as fast as Telegram allows; refused ones are tried again later."""
    store, clock, library = context.services.store, context.services.clock, context.services.library
    while due := await asyncio.to_thread(store.due_digests, clock(), AT_ONCE):
        shelf = await library.shelf()
        language.speak_of_catalogue(shelf.films.catalogue)
        for digest in due:
            if not await _send(context, shelf, digest, clock()):
                return


async def _send(context: Context, shelf: Shelf, digest: Digest, now: datetime) -> bool:
    """Send one digest. Return whether to go on with the others."""
    store, person = context.services.store, digest.person
    following = next_digest(person.id, now)
    films = await asyncio.to_thread(choose, store, shelf, digest, now) if now - digest.due_at < TOO_LATE else []
    if not await asyncio.to_thread(store.take_digest, digest, following, [line.film.id for line in films]):
        return True
    if not films:
        return True
    with language.speaking(person.language):
        view = preference_views.digest(person.telegram_id, films)
    try:
        await deliver(context.bot, person.telegram_id, view)
    except Forbidden:
        await asyncio.to_thread(store.set_active, person.telegram_id, False)
    except TelegramError as error:
        log.warning("digest_not_sent", reason=type(error).__name__)
        if surely_not_sent(error):  # otherwise it may have arrived, or never will: do not try again this week
            later = wait_asked(error) if isinstance(error, RetryAfter) else LATER
            await asyncio.to_thread(store.give_digest_back, digest, following, now + later)
            return False
    else:
        # These films rest, so that lists do not show them again soon.
        shown = [line.film.id for line in films]
        noted = in_preferences(lambda memory: memory.show(shown, now, sitting=timedelta(0)))
        await asyncio.to_thread(store.note_shown, person.id, shelf.version, shown, now, remember=noted)
    return True


def choose(store: Store, shelf: Shelf, digest: Digest, now: datetime) -> list[Line]:
    """Return somebody's best films that neither a digest nor, as far as we remember, a list or surprise has shown."""
    taste, memory = store.taste(digest.person.id, now), Memory.parse(digest.person.preferences)
    if not taste.ratings:
        return []
    shown = {*digest.shown, *memory.surprised, *memory.rests}.union(*(listing.shown for listing in memory.listings))
    try:
        return answers.current_picks(store, shelf, taste, leave_out=shown, limit=FILMS)
    except EmptyCatalogue:
        return []
