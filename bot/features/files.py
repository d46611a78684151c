"""/import and /export: what people have at Letterboxd, IMDb or Trakt in, one's own data out."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from itertools import takewhile

import structlog
from telegram import Document, InputFile, Message
from telegram.error import BadRequest, NetworkError
from telegram.ext import filters

from bot.features import file_views, ratings_file
from bot.features.memory import Batch, Memory, in_preferences
from bot.features.ratings_file import Matched, NotRatings, RatingsFile, changes
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, message, tap
from bot.speech import buttons
from bot.speech.buttons import NOWHERE, Place
from bot.speech.views import View
from engine.domain import Film, MatineeError
from engine.serving.library import Films
from engine.store import Dismissal, Limited, Store, StoreUnavailable, Taste, UndoTooLate

log = structlog.get_logger(__name__)

Undoing = buttons.Undo | buttons.Redo | buttons.UndoImport | buttons.RedoImport

_READER = ThreadPoolExecutor(1, "files")
"""A thread that reads files one after the other, so that the other threads stay free for the database."""

A_FILE = filters.Document.ALL & ~filters.ANIMATION & filters.ChatType.PRIVATE
"""Every file, so that one without ratings is told why. Telegram calls animations files, too; those are left out."""

NAME_LENGTH = 64
"""Characters of a file's name that are kept until it is imported; they tell a watchlist from what was watched."""

MOST_IMPORTS = 9999
"""After so many the numbers of somebody's imports begin anew."""


class NotFetched(MatineeError):
    """Telegram did not deliver a file, so nothing of it has been read."""


def refused(error: MatineeError) -> View | None:
    """Return the text for a file that could not be fetched."""
    return file_views.not_fetched() if isinstance(error, NotFetched) else None


def handlers() -> list[Handler]:
    return [
        command("import", how_to, private=True),
        command("export", export, private=True),
        message(A_FILE, preview),
        tap(buttons.ImportFile, import_file),
        tap(buttons.LeaveFile, leave_file),
        tap(buttons.UndoImport, undo_import),
        tap(buttons.RedoImport, redo_import),
    ]


# --- In ---------------------------------------------------------------------------------------------------------------


async def how_to(visit: Visit) -> None:
    """/import: say which file to send."""
    gives_stars = visit.shelf.films.gives_stars
    await visit.show(file_views.how_to_import() if gives_stars else file_views.nothing_to_import())


async def preview(visit: Visit) -> None:
    """Show what a file holds. Nothing is rated before the person confirms."""
    sent = visit.update.effective_message
    document = sent.document if isinstance(sent, Message) else None
    if document is None:
        return
    if not visit.shelf.films.gives_stars:
        await how_to(visit)
        return
    name = (document.file_name or "")[-NAME_LENGTH:]
    try:
        file, matched = await _read(visit, document, name)
    except NotRatings as error:
        await visit.show(file_views.not_ratings(error))
        return
    await _remember(visit, document.file_id, name)
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    await visit.show(file_views.preview(visit.owner, file, matched, changes(matched, taste)))


async def import_file(visit: Visit, _button: buttons.ImportFile) -> None:
    """Do what the file says: give films their stars, mark them as seen, put them on the watchlist."""
    memory = Memory.parse(visit.person.preferences)
    if memory.file_id is None:  # the same tap came twice, or another file was sent since
        await visit.tell(file_views.no_file())
        return
    _, matched = await _read(visit, memory.file_id, memory.file_name)
    if memory.file_since is None:  # else an earlier tap has begun, and did not come to an end
        most = visit.services.settings.imports_a_day
        await visit.store(Store.spend, visit.person.id, Limited.IMPORTS, most, visit.now)
        since = await visit.store(Store.last_event, visit.person.id) or 0
        memory = replace(memory, file_since=since, imports=memory.imports % MOST_IMPORTS + 1)
        await _remember(visit, memory.file_id, memory.file_name, since, memory.imports)
    try:
        batch = await visit.store(take_in, visit.person.id, matched, memory, visit.now)
    except StoreUnavailable as error:
        log.warning("import_cut_short", detail=str(error))
        await visit.tell(file_views.cut_short())
    else:
        await _say_imported(visit, batch)


async def leave_file(visit: Visit, _button: buttons.LeaveFile) -> None:
    await _remember(visit, None)
    await visit.show(file_views.left())


async def undo_import(visit: Visit, button: buttons.UndoImport) -> None:
    """Undo an import, except for films that were rated again since."""
    await visit.show(file_views.import_undone(visit.owner, await _take_back(visit, button, undone=True)))


async def redo_import(visit: Visit, button: buttons.RedoImport) -> None:
    """Redo an import that was undone."""
    await _say_imported(visit, await _take_back(visit, button, undone=False))


def way_back(owner: int, memory: Memory, last_event: int | None, place: Place = NOWHERE) -> Undoing | None:
    """Return the button that takes someone's latest act back; if it was of an import, all of the import; if it was an
    undo, that. None if there is none."""
    batch = memory.batch
    if batch is not None and batch.last == (last_event or 0):
        return file_views.undoing(owner, batch)
    if last_event is None:
        return None
    return (buttons.Redo if memory.undone == last_event else buttons.Undo)(owner, last_event, place)


async def _take_back(visit: Visit, button: buttons.UndoImport | buttons.RedoImport, *, undone: bool) -> Batch:
    """Take an import or its undo back; the second time, when a tap is delivered twice, return what the first did.

    Raises:
        UndoTooLate: all the films were rated or put aside again since.
    """
    whose, number = visit.person.id, button.import_number
    acts = await visit.store(Store.undo_many, whose, button.event_id, button.last_event_id, visit.now)
    aside = await visit.store(Store.take_import_back, whose, number, visit.now, undone=undone) if number else 0
    if acts or aside:
        batch = await visit.store(batch_of, whose, acts, number, aside)
        batch = replace(batch, undone=undone)
        kept = in_preferences(lambda memory: replace(memory, batch=batch))
        await visit.store(Store.change_preferences, whose, kept)
        return batch
    done = Memory.parse(visit.person.preferences).batch
    if done is None or done.undone is not undone or done.number != number or done.first <= button.last_event_id:
        raise UndoTooLate("these films were rated again since")
    return done


async def _say_imported(visit: Visit, batch: Batch | None) -> None:
    await visit.show(file_views.imported(visit.owner, batch, trained=visit.shelf.model is not None))


async def _read(visit: Visit, document: Document | str, name: str) -> tuple[RatingsFile, Matched]:
    """Fetch a file from Telegram and find its films.

    Raises:
        NotFetched: Telegram did not deliver it.
        NotRatings: it is too large, or no file of ratings.
    """
    if isinstance(document, Document) and (document.file_size or 0) > ratings_file.MOST_SENT:
        raise NotRatings(ratings_file.TOO_LARGE, megabytes=ratings_file.MOST_SENT // 1_000_000)
    try:
        file = await visit.context.bot.get_file(document)
        content = bytes(await file.download_as_bytearray())
    except BadRequest:  # Telegram does not have it any more
        raise
    except NetworkError as error:
        log.warning("file_not_fetched", reason=type(error).__name__)
        raise NotFetched("the file could not be fetched from Telegram") from error
    return await asyncio.get_running_loop().run_in_executor(_READER, _understand, content, name, visit.shelf.films)


def _understand(content: bytes, name: str, films: Films) -> tuple[RatingsFile, Matched]:
    file = ratings_file.read(content, name)
    return file, ratings_file.match(file, films)


async def _remember(
    visit: Visit, file_id: str | None, name: str = "", since: int | None = None, imports: int | None = None
) -> None:
    def noted(memory: Memory) -> Memory:
        number = memory.imports if imports is None else imports
        return replace(memory, file_id=file_id, file_name=name, file_since=since, imports=number)

    await visit.store(Store.change_preferences, visit.person.id, in_preferences(noted))


def take_in(store: Store, user_id: int, matched: Matched, memory: Memory, now: datetime) -> Batch | None:
    """Do what a file says, and only then forget it: if this is cut short, it can be called again.

    Args:
        memory: knows the person's latest act before the first call, and the number of this import.

    Returns:
        All acts that belong together, those of a call that was cut short too; None where there was nothing to do.
    """
    plan = changes(matched, store.taste(user_id, now))

    def at(film: Film) -> datetime:
        return min(matched.dates.get(film, now), now)

    def aside() -> Iterator[tuple[int, Dismissal, datetime]]:
        yield from ((film.id, Dismissal.SEEN, at(film)) for film in plan.seen)
        yield from ((film.id, Dismissal.WATCHLIST, at(film)) for film in plan.watchlist)

    store.rate_many(user_id, [(film.id, stars, at(film)) for film, stars in matched.stars.items()], now)
    put = store.put_many(user_id, aside(), memory.imports, now)
    given = {(film.id, value) for film, value in matched.stars.items()}
    lately = [event for event in store.events_of(user_id) if event.id > (memory.file_since or 0)]
    # Ratings that the person gave between two calls are no part of the import: its undo must leave them.
    of_file = takewhile(lambda event: (event.movie_id, event.stars) in given, reversed(lately))
    acts = [event.id for event in of_file]
    batch = batch_of(store, user_id, acts, memory.imports, put) if acts or put else None

    def done(memory: Memory) -> Memory:
        return replace(memory, file_id=None, file_name="", file_since=None, batch=batch or memory.batch)

    store.change_preferences(user_id, in_preferences(done))
    return batch


def batch_of(store: Store, user_id: int, acts: Sequence[int], number: int, aside: int) -> Batch:
    """Return acts that belong together; where there are none, the latest act of the person says when it was."""
    if acts:
        return Batch(min(acts), max(acts), len(acts), number=number, aside=aside)
    last = store.last_event(user_id) or 0
    return Batch(last + 1, last, 0, number=number, aside=aside)


# --- Out --------------------------------------------------------------------------------------------------------------


async def export(visit: Visit) -> None:
    """/export: the ratings in a form that other programs read, and everything else that is stored."""
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    everything = await visit.store(_everything, visit.person.id, taste, visit.shelf.films)
    if not everything:
        await visit.show(file_views.nothing_to_export(visit.owner))
        return
    if taste.ratings and visit.shelf.films.gives_stars:
        ratings = _ratings(taste, visit.shelf.films)
        content = ratings_file.write(("imdbID", "tmdbID", "Title", "Year", "Rating", "Date"), ratings)
        await _send(visit, "matinee-ratings.csv", content, file_views.ratings_caption(len(ratings)))
    content = ratings_file.write(("When", "What", "Title", "Year", "Stars", "Until"), everything)
    await _send(visit, "matinee-everything.csv", content, file_views.everything_caption())


def _ratings(taste: Taste, films: Films) -> list[Sequence[object]]:
    return [
        (
            f"tt{film.imdb_id.removeprefix('tt')}" if film.imdb_id else None,
            film.tmdb_id,
            film.display_title,
            film.year,
            rating.stars,
            rating.rated_at.date(),
        )
        for rating in taste.ratings
        if (film := films.by_id.get(rating.movie_id)) is not None
    ]


def _everything(store: Store, user_id: int, taste: Taste, films: Films) -> list[Sequence[object]]:
    """Return every event, oldest first, and the films put aside."""

    def named(movie_id: int) -> tuple[object, object]:
        film = films.by_id.get(movie_id)
        return (f"film {movie_id}", None) if film is None else (film.display_title, film.year)

    acts: list[Sequence[object]] = [
        (
            event.happened_at.isoformat(),
            event.act,
            *named(event.movie_id),
            event.stars if films.gives_stars else None,
            None,
        )
        for event in store.events_of(user_id)
    ]
    aside: list[Sequence[object]] = [
        (
            put.dismissed_at.isoformat(),
            put.kind.value,
            *named(put.movie_id),
            None,
            put.expires_at.isoformat() if put.expires_at else None,
        )
        for put in taste.put_aside
    ]
    return acts + aside


async def _send(visit: Visit, name: str, content: bytes, caption: str) -> None:
    chat = visit.update.effective_chat
    await visit.context.bot.send_document(
        visit.owner if chat is None else chat.id,
        InputFile(content, filename=name),
        caption=caption,
        message_thread_id=visit.topic,
    )
