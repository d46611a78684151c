"""The bot's frame: what every update passes through, whichever feature answers it.

An update waits for its turn behind the earlier ones of the same person, meets the handlers of ``bot.features`` in their
order, and leaves one line in the log and one sample in the metrics. What goes wrong on the way is logged first, then
told to the person once.
"""

import asyncio
import functools
import hashlib
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast
from weakref import WeakValueDictionary

import structlog
from telegram import Chat, Message, Update
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError
from telegram.ext import (
    Application,
    ApplicationBuilder,
    BaseHandler,
    BaseRateLimiter,
    BaseUpdateProcessor,
    CallbackContext,
    ChatMemberHandler,
    ContextTypes,
    ExtBot,
    JobQueue,
)
from telegram.request import BaseRequest, HTTPXRequest

from bot import health, language
from bot.flood import FloodLimits, working
from bot.language import _, marked
from bot.services import Services
from engine.domain import MatineeError
from engine.store import StoreError, StoreUnavailable

log = structlog.get_logger(__name__)

CONCURRENT_UPDATES = 64
"""People whose updates are worked on at one moment. The rest wait; none is dropped."""

THREADS = 2
"""Threads for the database and for choosing films. Each takes milliseconds, most of it Python, of which only one thread
runs at a time: with asyncio's own number, six on two cores, they answer a third less (DECISIONS)."""

GROUP_AT_ONCE = 20
"""Messages of one group that are taken at one moment: ten may be answered at once, and ten wait a minute for it."""

TERMINAL_TOKEN = "1:terminal"  # noqa: S105 - opens nothing: the terminal chat has no server behind it

LATE_SECONDS = 300
"""How late a job may begin, on a machine that slept or was busy."""

DATABASE_DOWN = marked("I can't reach my database, so this was not saved. Please try again in a minute.")
SOMETHING_WRONG = marked("Something went wrong; it has been noted.")


class Context(CallbackContext[ExtBot[int], dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """What a handler gets beside the update."""

    @property
    def services(self) -> Services:
        return cast(Services, self.bot_data["services"])


App: TypeAlias = Application[ExtBot[int], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], Any]
Handler: TypeAlias = BaseHandler[Any, Context, Any]


class Feature(Protocol):
    """A module of handlers. It may also have ``jobs(application)``, which adds to the job queue."""

    def handlers(self) -> list[Handler]: ...


def build_application(
    services: Services,
    *,
    request: BaseRequest | None = None,
    get_updates_request: BaseRequest | None = None,
    rate_limiter: BaseRateLimiter[int] | None = None,
    features: Sequence[Feature] | None = None,
) -> App:
    """Put the bot together; nothing is sent yet.

    Args:
        request: what carries calls to Telegram. None: the network.
        get_updates_request: what carries the polling; as ``request`` if that is given.
        rate_limiter: what holds calls back. None: Telegram's limits on the network, nothing for a ``request``.
        features: in place of those of ``bot.features``.
    """
    if features is None:
        # Here, because the features need ``Context`` from this module.
        from bot.features import FEATURES

        features = FEATURES
    settings = services.settings
    token = settings.telegram_token.get_secret_value() if settings.telegram_token else TERMINAL_TOKEN
    api = settings.telegram_api.rstrip("/")
    builder: ApplicationBuilder[Any, Context, Any, Any, Any, Any] = (
        Application.builder()
        .token(token)
        .base_url(f"{api}/bot")
        .base_file_url(f"{api}/file/bot")
        .context_types(ContextTypes(context=Context))
        .concurrent_updates(InTurn(token))
        .request(request or HTTPXRequest(read_timeout=10))
        .get_updates_request(get_updates_request or request or polling_request())
    )
    if request is None or rate_limiter is not None:
        builder = builder.rate_limiter(rate_limiter or FloodLimits())
    application: App = builder.build()
    application.bot_data["services"] = services
    for feature in features:
        for handler in feature.handlers():
            application.add_handler(_named(handler))
    application.add_handler(_named(ChatMemberHandler(membership, ChatMemberHandler.MY_CHAT_MEMBER)))
    application.add_error_handler(on_error)
    queue = cast(JobQueue[Context], application.job_queue)
    # As it comes, a job that is a second late is left out without a word.
    job_defaults = {"coalesce": True, "misfire_grace_time": LATE_SECONDS}
    queue.scheduler.configure(**queue.scheduler_configuration, job_defaults=job_defaults)
    for feature in features:
        if (jobs := getattr(feature, "jobs", None)) is not None:
            jobs(application)
    return application


def polling_request() -> HTTPXRequest:
    """What long polling goes through. With one connection, as is the default, a wedged one would stop it for good."""
    return HTTPXRequest(connection_pool_size=4, pool_timeout=5)


def pseudonym(telegram_id: int, secret: str) -> str:
    """Name someone in the log: the same each time, and meaningless to who does not have the bot's token."""
    key = hashlib.blake2b(secret.encode()).digest()
    return hashlib.blake2b(str(telegram_id).encode(), key=key, digest_size=4).hexdigest()


@dataclass(slots=True)
class _Handling:
    """What became of the update that is being handled."""

    handler: str = "none"
    outcome: str = "ignored"
    tap_answered: bool = False


_handling: ContextVar[_Handling] = ContextVar("handling")


def note_tap_answered() -> None:
    """Remember that there is an answer to the tap that is being handled: Telegram shows no second one."""
    if (handling := _handling.get(None)) is not None:
        handling.tap_answered = True


def _named(handler: Handler) -> Handler:
    """Have a handler leave its name, ``picks.top``, for the log: an update's own words do not belong there."""
    callback = getattr(handler, "callback", None)
    if callback is None:  # a handler of handlers
        return handler
    name = f"{callback.__module__.rpartition('.')[2]}.{callback.__name__}"

    @functools.wraps(callback)
    async def named(update: Any, context: Context) -> Any:
        if (handling := _handling.get(None)) is not None:
            handling.handler, handling.outcome = name, "ok"
        return await callback(update, context)

    handler.callback = named
    return handler


class InTurn(BaseUpdateProcessor):
    """Handles the updates of one person one after the other, and those of different people side by side.

    The bound that comes with the base class counts updates that wait for their turn too, so one person's flood would
    fill it. It is set out of the way; ours counts only those that are being worked on, not those whose answer waits
    for a limit of Telegram's. So that a group's answers don't pile up, messages of one that has too many at hand are
    turned away. Taps never are: what they say is kept, and many of them can be shown by one edit.
    """

    def __init__(self, secret: str, at_once: int = CONCURRENT_UPDATES) -> None:
        super().__init__(max_concurrent_updates=1_000_000)
        self._secret = secret
        self._at_once = asyncio.Semaphore(at_once)
        # Whoever waits or works holds the lock; with the last of them it goes from here.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._at_hand: Counter[int] = Counter()  # messages, by group
        self._crowded: set[int] = set()

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        with self._admitted(_group(update)) as admitted:
            if admitted:
                await self._handle(update, coroutine)
            else:
                health.UPDATES.labels("none", "turned_away").inc()
                cast(Coroutine[Any, Any, Any], coroutine).close()

    @contextmanager
    def _admitted(self, group: int | None) -> Iterator[bool]:
        """Count a message of a group while it is at hand. Say whether it is taken."""
        if group is None:
            yield True
        elif self._at_hand[group] >= GROUP_AT_ONCE:
            if group not in self._crowded:
                log.warning("group_turned_away", group=pseudonym(group, self._secret))
                self._crowded.add(group)
            yield False
        else:
            self._at_hand[group] += 1
            try:
                yield True
            finally:
                self._at_hand[group] -= 1
                if not self._at_hand[group]:
                    del self._at_hand[group]
                    self._crowded.discard(group)

    async def _handle(self, update: object, coroutine: Awaitable[Any]) -> None:
        sender = _sender(update)
        turn = self._turns.setdefault(sender, asyncio.Lock())
        async with turn, working(self._at_once):
            handling = _Handling()
            token = _handling.set(handling)
            started = time.perf_counter()
            try:
                with (
                    structlog.contextvars.bound_contextvars(user=pseudonym(sender, self._secret)),
                    language.speaking(_language(update)),
                ):
                    try:
                        await coroutine
                    finally:
                        seconds = time.perf_counter() - started
                        health.UPDATES.labels(handling.handler, handling.outcome).inc()
                        health.HANDLER_SECONDS.labels(handling.handler).observe(seconds)
                        log.info(
                            "update_handled",
                            handler=handling.handler,
                            outcome=handling.outcome,
                            milliseconds=round(seconds * 1000, 1),
                        )
            finally:
                _handling.reset(token)

    async def initialize(self) -> None:
        """Let a few threads do the work that the loop must not wait for."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="work"))

    async def shutdown(self) -> None:
        """Nothing to release."""


def _sender(update: object) -> int:
    if not isinstance(update, Update):
        return 0
    if (chat := in_whose_name(update)) is not None:
        return chat.id
    if update.effective_user is not None:
        return update.effective_user.id
    return update.effective_chat.id if update.effective_chat is not None else 0


def in_whose_name(update: Update) -> Chat | None:
    """Return the chat in whose name a message is written, or None: it is the person's own.

    Admins of a group who stay anonymous write in its name, others in that of a channel. To Telegram all of them are one
    and the same user, who can press no button.
    """
    return update.message.sender_chat if update.message is not None else None


def _group(update: object) -> int | None:
    """The group that somebody writes in; None for taps, private chats, and what Telegram itself says of a group."""
    message = update.message if isinstance(update, Update) else None
    return message.chat.id if message is not None and message.text and message.chat.type != ChatType.PRIVATE else None


def _language(update: object) -> str | None:
    """The language of the sender's Telegram."""
    return update.effective_user.language_code if isinstance(update, Update) and update.effective_user else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error is: its name in the log, whether it can happen without a bug, and what the person is told.

    ``say`` is None where a message would not arrive, or must not be sent.
    """

    event: str
    expected: bool
    say: str | None


def judge(error: BaseException | None) -> Verdict:
    """Decide what an error means and what to tell the person who caused it."""
    match error:
        case StoreUnavailable():
            return Verdict("store_unavailable", True, _(DATABASE_DOWN))
        case StoreError():  # its text speaks of tables
            return Verdict("update_failed", False, _(SOMETHING_WRONG))
        case MatineeError():
            return Verdict("refused", True, _sentence(str(error)))
        case Forbidden():
            return Verdict("person_left", True, None)
        case RetryAfter():  # even the rate limiter's patience is over: another message would make it worse
            return Verdict("told_to_wait", True, None)
        case BadRequest() if "is not modified" in error.message.lower():
            return Verdict("nothing_to_change", True, None)
        case BadRequest() if "query is too old" in error.message.lower():
            return Verdict("tap_too_old", True, None)
        case NetworkError() if not isinstance(error, BadRequest):
            # What was being sent may have arrived. Sending it, or an apology for it, again could say it twice.
            return Verdict("telegram_unreachable", True, None)
        case _:
            return Verdict("update_failed", False, _(SOMETHING_WRONG))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:1000]
    return text if text.endswith((".", "!", "?")) else f"{text}."


async def on_error(update: object, context: Context) -> None:
    """Log what went wrong in a handler or a job; then tell the person once, and leave no button spinning."""
    error = context.error
    verdict = judge(error)
    reason = type(error).__name__
    if (handling := _handling.get(None)) is not None:
        handling.outcome = reason
    health.ERRORS.labels(reason).inc()
    facts = {"reason": reason} | ({"job": context.job.name} if context.job is not None else {})
    if not verdict.expected:
        log.error(verdict.event, exception=_trace(error, update), **facts)
    elif verdict.event == "refused":  # our own words, which may quote theirs
        log.info(verdict.event, **facts)
    else:
        log.warning(verdict.event, detail=str(error), **facts)

    if isinstance(error, Forbidden):
        await _note_absence(update, context)
    elif isinstance(update, Update):
        try:
            await _tell(update, context, verdict.say)
        except TelegramError as e:
            log.warning("person_not_told", reason=type(e).__name__)


def _trace(error: BaseException | None, update: object) -> str:
    """The traceback, without what the person wrote."""
    trace = "".join(traceback.format_exception(error))
    message = update.effective_message if isinstance(update, Update) else None
    text = (message and message.text) or ""
    for theirs in (text, text.partition(" ")[2]):
        trace = trace.replace(theirs, "<their words>") if len(theirs) > 2 else trace
    return trace


async def _tell(update: Update, context: Context, text: str | None) -> None:
    """Say it where the person is looking: over the button they pressed, if nothing was said there, or in the chat."""
    handling, tap = _handling.get(None), update.callback_query
    if tap is not None and not (handling is not None and handling.tap_answered):
        try:
            await tap.answer(text, show_alert=text is not None)
            return
        except BadRequest:
            pass  # it is too old
    elif update.inline_query is not None:
        await update.inline_query.answer([], cache_time=0)
        return
    # A tap may come without its message: then we write to the person.
    chat = update.effective_chat or update.effective_user
    if text is not None and chat is not None:
        await context.bot.send_message(chat.id, text, message_thread_id=topic(update))


def topic(update: Update) -> int | None:
    """Return where in a group with topics an update comes from; answers that don't say it go to the general one."""
    message = update.effective_message
    # One that is very old may have come without its topic.
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None


async def membership(update: Update, context: Context) -> None:
    """Someone blocked the bot, or let it in again."""
    change = update.my_chat_member
    if change is not None and change.chat.type == ChatType.PRIVATE:
        active = change.new_chat_member.status == ChatMemberStatus.MEMBER
        await asyncio.to_thread(context.services.store.set_active, change.chat.id, active)


async def _note_absence(update: object, context: Context) -> None:
    """Someone has blocked the bot: note it, and write to them no more until they come back."""
    chat = update.effective_chat if isinstance(update, Update) else None
    telegram_id = chat.id if chat is not None else context.job.chat_id if context.job is not None else None
    if telegram_id is None or telegram_id < 0:  # a group has many people, none of whom has blocked us
        return
    try:
        await asyncio.to_thread(context.services.store.set_active, telegram_id, False)
    except StoreError as e:
        log.warning("absence_not_noted", reason=type(e).__name__)
