"""Handles errors of handlers and jobs: logs them first, then tells the person once."""

import asyncio
import traceback
from dataclasses import dataclass

import structlog
from telegram import Message, Update
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError

from bot.frame import health
from bot.frame.context import Context, handling, topic
from bot.frame.outbox import AnsweredBefore
from bot.speech.language import _, marked
from engine.domain import MatineeError
from engine.store import StoreError, StoreUnavailable

log = structlog.get_logger(__name__)

DATABASE_DOWN = marked("I can't reach my database, so this was not saved. Please try again in a minute.")
SOMETHING_WRONG = marked("Something went wrong on my side; it has been noted.")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The meaning of an error: its name in the log, whether it can happen without a bug, and the text for the person.

    ``say`` is None if a message would not arrive or must not be sent.
    """

    event: str
    expected: bool
    say: str | None


def diagnose(error: BaseException | None) -> Diagnosis:
    """Decide what an error means and what to tell the person who caused it."""
    match error:
        case StoreUnavailable():
            return Diagnosis("store_unavailable", True, _(DATABASE_DOWN))
        case StoreError():  # the error's text names tables
            return Diagnosis("update_failed", False, _(SOMETHING_WRONG))
        case AnsweredBefore():
            return Diagnosis("answered_before", True, None)
        case MatineeError():
            return Diagnosis("refused", True, _sentence(str(error)))
        case Forbidden():
            return Diagnosis("person_left", True, None)
        case RetryAfter():  # the rate limiter has given up too: another message would make it worse
            return Diagnosis("told_to_wait", True, None)
        case BadRequest() if "is not modified" in error.message.lower():
            return Diagnosis("nothing_to_change", True, None)
        case BadRequest() if "query is too old" in error.message.lower():
            return Diagnosis("tap_too_old", True, None)
        case NetworkError() if not isinstance(error, BadRequest):
            # The message may have arrived. Sending it again, or an apology, could say it twice.
            return Diagnosis("telegram_unreachable", True, None)
        case _:
            return Diagnosis("update_failed", False, _(SOMETHING_WRONG))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:1000]
    return text if text.endswith((".", "!", "?")) else f"{text}."


async def on_error(update: object, context: Context) -> None:
    """Log what went wrong in a handler or a job; then tell the person once, and leave no button spinning."""
    error = context.error
    diagnosis = diagnose(error)
    reason = type(error).__name__
    if (now := handling.get()) is not None:
        now.outcome = reason
    health.ERRORS.labels(reason).inc()
    facts = {"reason": reason} | ({"job": context.job.name} if context.job is not None else {})
    if not diagnosis.expected:
        log.error(diagnosis.event, exception=_trace(error, update), **facts)
    elif diagnosis.event == "refused":  # our own text, which may quote the person's words
        log.info(diagnosis.event, **facts)
    else:
        log.warning(diagnosis.event, detail=str(error), **facts)

    if isinstance(error, Forbidden):
        await _note_absence(update, context)
    elif isinstance(update, Update):
        try:
            await _tell(update, context, diagnosis.say)
        except TelegramError as e:
            log.warning("person_not_told", reason=type(e).__name__)


def _trace(error: BaseException | None, update: object) -> str:
    """Return the traceback without the person's words, which an error's text may quote."""
    trace = "".join(traceback.format_exception(error))
    for theirs in _words(update) if isinstance(update, Update) else ():
        for written in (theirs, repr(theirs)[1:-1]):
            trace = trace.replace(written, "<their words>") if len(written) > 2 else trace
    return trace


def _words(update: Update) -> list[str]:
    """Return all that a person wrote, with and without its first word: a message, a file's name and caption, an inline
    query."""
    written = [update.inline_query.query] if update.inline_query is not None else []
    message = update.effective_message
    if isinstance(message, Message):
        document = message.document
        written += [message.text or "", message.caption or "", (document and document.file_name) or ""]
    return [*written, *(text.partition(" ")[2] for text in written)]


async def _tell(update: Update, context: Context, text: str | None) -> None:
    """Tell the person where they are looking: over the button they pressed if that tap has no answer yet, else in the
    chat."""
    now, tap = handling.get(), update.callback_query
    if tap is not None and not (now is not None and now.tap_answered):
        try:
            await tap.answer(text, show_alert=text is not None)
            return
        except BadRequest:
            pass  # the tap is too old to be answered
    elif update.inline_query is not None:
        await update.inline_query.answer([], cache_time=0)
        return
    # A tap may come without its message: then the text goes to the person's private chat.
    chat = update.effective_chat or update.effective_user
    if text is not None and chat is not None:
        await context.bot.send_message(chat.id, text, message_thread_id=topic(update))


async def _note_absence(update: object, context: Context) -> None:
    """Note that someone has blocked the bot, so that it does not write to them until they come back."""
    chat = update.effective_chat if isinstance(update, Update) else None
    telegram_id = chat.id if chat is not None else context.job.chat_id if context.job is not None else None
    if telegram_id is None or telegram_id < 0:  # a group has many people, none of whom has blocked us
        return
    try:
        await asyncio.to_thread(context.services.store.set_active, telegram_id, False)
    except StoreError as e:
        log.warning("absence_not_noted", reason=type(e).__name__)
