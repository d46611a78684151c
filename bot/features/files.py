"""/import and /export: import ratings from Letterboxd or IMDb, export one's own data."""

import asyncio
from collections.abc import Mapping, Sequence
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
from bot.features.ratings_file import Matched, NotRatings, RatingsFile
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, message, tap
from bot.speech import buttons
from bot.speech.buttons import NOWHERE, Place
from bot.speech.views import View
from engine.domain import Film, MatineeError
from engine.serving.library import Films
from engine.store import Limited, Store, StoreUnavailable, Taste, UndoTooLate

log = structlog.get_logger(__name__)

Undoing = buttons.Undo | buttons.Redo | buttons.UndoImport | buttons.RedoImport

_READER = ThreadPoolExecutor(1, "files")
"""A thread that reads files one after the other, so that the other threads stay free for the database."""

A_TABLE = filters.Document.FileExtension("csv") | filters.Document.MimeType("text/csv")


class NotFetched(MatineeError):
    """Telegram did not deliver a file, so nothing of it has been read."""


def refused(error: MatineeError) -> View | None:
    """Return the text for a file that could not be fetched."""
    return file_views.not_fetched() if isinstance(error, NotFetched) else None


def handlers() -> list[Handler]:
    return [
        command("import", how_to, private=True),
        command("export", export, private=True),
        message(A_TABLE & filters.ChatType.PRIVATE, preview),
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
    try:
        file, matched = await _read(visit, document)
    except NotRatings as error:
        await visit.show(file_views.not_ratings(error))
        return
    await _remember(visit, document.file_id)
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    await visit.show(file_views.preview(visit.owner, file, matched, taste))


async def import_file(visit: Visit, _button: buttons.ImportFile) -> None:
    """Give all films of the file their stars."""
    memory = Memory.parse(visit.person.preferences)
    if memory.file_id is None:  # the same tap came twice, or another file was sent since
        await visit.tell(file_views.no_file())
        return
    _, matched = await _read(visit, memory.file_id)
    if (since := memory.file_since) is None:
        most = visit.services.settings.imports_a_day
        await visit.store(Store.spend, visit.person.id, Limited.IMPORTS, most, visit.now)
    if since is None:  # otherwise an earlier tap has begun this import without finishing it
        since = await visit.store(Store.last_event, visit.person.id) or 0
        await _remember(visit, memory.file_id, since)
    try:
        batch = await visit.store(rate_all, visit.person.id, matched.stars, since, visit.now)
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


def way_back(owner: int, memory: Memory, last_event: int, place: Place = NOWHERE) -> Undoing:
    """Return the button that undoes someone's latest change: a single one, a whole import, or an undo."""
    batch = memory.batch
    if memory.undone == last_event:
        return buttons.Redo(owner, last_event, place)
    if batch is None or batch.last != last_event:
        return buttons.Undo(owner, last_event, place)
    return (buttons.RedoImport if batch.undone else buttons.UndoImport)(owner, batch.first, batch.last)


async def _take_back(visit: Visit, button: buttons.UndoImport | buttons.RedoImport, *, undone: bool) -> Batch:
    """Undo many events. A second call, when the same tap is delivered twice, returns the result of the first.

    Raises:
        UndoTooLate: all the films were rated again since.
    """
    acts = await visit.store(Store.undo_many, visit.person.id, button.event_id, button.last_event_id, visit.now)
    if acts:
        return await _keep(visit, acts, undone=undone)
    batch = Memory.parse(visit.person.preferences).batch
    if batch is None or batch.undone is not undone or batch.first <= button.last_event_id:
        raise UndoTooLate("these films were rated again since")
    return batch


async def _keep(visit: Visit, acts: Sequence[int], *, undone: bool) -> Batch:
    """Remember events that belong together, so that /undo undoes them together."""
    batch = Batch(min(acts), max(acts), len(acts), undone)
    kept = in_preferences(lambda memory: replace(memory, batch=batch))
    await visit.store(Store.change_preferences, visit.person.id, kept)
    return batch


async def _say_imported(visit: Visit, batch: Batch | None) -> None:
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    await visit.show(file_views.imported(visit.owner, batch, taste.waiting, trained=visit.shelf.model is not None))


async def _read(visit: Visit, document: Document | str) -> tuple[RatingsFile, Matched]:
    """Fetch a file from Telegram and find its films.

    Raises:
        NotFetched: Telegram did not deliver it.
        NotRatings: it is too large, or no file of ratings.
    """
    if isinstance(document, Document) and (document.file_size or 0) > ratings_file.MOST_BYTES:
        raise NotRatings(ratings_file.TOO_LARGE, megabytes=ratings_file.MOST_BYTES // 1_000_000)
    try:
        file = await visit.context.bot.get_file(document)
        content = bytes(await file.download_as_bytearray())
    except BadRequest:  # Telegram does not have it any more
        raise
    except NetworkError as error:
        log.warning("file_not_fetched", reason=type(error).__name__)
        raise NotFetched("the file could not be fetched from Telegram") from error
    return await asyncio.get_running_loop().run_in_executor(_READER, _understand, content, visit.shelf.films)


def _understand(content: bytes, films: Films) -> tuple[RatingsFile, Matched]:
    file = ratings_file.read(content)
    return file, ratings_file.match(file, films)


async def _remember(visit: Visit, file_id: str | None, since: int | None = None) -> None:
    noted = in_preferences(lambda memory: replace(memory, file_id=file_id, file_since=since))
    await visit.store(Store.change_preferences, visit.person.id, noted)


def rate_all(store: Store, user_id: int, stars: Mapping[Film, float], since: int, now: datetime) -> Batch | None:
    """Rate the films of the file that was sent, and only then forget the file. If this is cut short, it can be called
    again.

    Args:
        since: the person's latest event before the first call.

    Returns:
        All events of the import, including those of a call that was cut short; None if all films had these stars.
    """
    store.rate_many(user_id, [(film.id, value, now) for film, value in stars.items()], now)
    given = {(film.id, value) for film, value in stars.items()}
    lately = [event for event in store.events_of(user_id) if event.id > since]
    # Ratings that the person gave between two calls do not belong to the import, and its undo must leave them.
    of_file = takewhile(lambda event: (event.movie_id, event.stars) in given, reversed(lately))
    acts = [event.id for event in of_file]
    batch = Batch(min(acts), max(acts), len(acts)) if acts else None
    done = in_preferences(lambda memory: replace(memory, file_id=None, file_since=None, batch=batch or memory.batch))
    store.change_preferences(user_id, done)
    return batch


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
