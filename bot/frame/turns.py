"""The order of updates: those of one person run one after the other, those of different people side by side."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast
from weakref import WeakValueDictionary

import structlog
from telegram import Update
from telegram.constants import ChatType
from telegram.ext import BaseUpdateProcessor

from bot.frame import health
from bot.frame.context import Handling, handling, in_whose_name
from bot.frame.flood import Slots
from bot.frame.inbox import Inbox
from bot.speech import language

log = structlog.get_logger(__name__)

CONCURRENT_UPDATES = 64
"""Number of people whose updates are in progress at one moment. The others wait; no update is dropped."""

THREADS = 2
"""Threads for the database and for choosing films. Each task takes milliseconds, mostly in Python code, which only one
thread can run at a time. With asyncio's default, six on two cores, the bot answers a third less (DECISIONS)."""

GROUP_AT_ONCE = 20
"""Number of messages of one group that are in progress at one moment: ten can be answered at once, and ten wait up to a
minute."""


def pseudonym(telegram_id: int, secret: str) -> str:
    """Return a name for someone in the log: always the same, and meaningless without the bot's token."""
    key = hashlib.blake2b(secret.encode()).digest()
    return hashlib.blake2b(str(telegram_id).encode(), key=key, digest_size=4).hexdigest()


class InTurn(BaseUpdateProcessor):
    """Handles updates of one person one after the other, and those of different people side by side.

    The base class has a bound that also counts updates waiting for their turn, so one person's flood would fill it. We
    set that bound very high and count ``slots`` instead: only updates in progress hold one, not those whose answer
    waits for a limit of Telegram's. A group's answers must not pile up, so a group with too many messages in progress
    gets the next ones turned away. Taps are never turned away: their effect is stored, and one edit can show many of
    them.
    """

    def __init__(self, secret: str, slots: Slots, inbox: Inbox | None = None) -> None:
        super().__init__(max_concurrent_updates=1_000_000)
        self._inbox = inbox
        self._secret = secret
        self._slots = slots
        # A sender's lock disappears once none of their updates is queued or running.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._at_hand: Counter[int] = Counter()  # messages, by group
        self._crowded: set[int] = set()

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        with self._room_in(_group(update)) as room:
            if room:
                turn = self._turns.setdefault(_sender(update), asyncio.Lock())
                async with turn:
                    async with self._slots.held(), self._noted(update):
                        await self._begins(update)
                        await coroutine
                    # Before their next update starts: after a restart, at most one update is handled twice.
                    await self._ended(update)
            else:
                health.UPDATES.labels("none", "turned_away").inc()
                cast(Coroutine[Any, Any, Any], coroutine).close()
                await self._ended(update)

    async def _begins(self, update: object) -> None:
        if self._inbox is not None and isinstance(update, Update):
            await self._inbox.begins(update.update_id)

    async def _ended(self, update: object) -> None:
        if self._inbox is not None and isinstance(update, Update):
            await self._inbox.handled(update.update_id)

    @contextmanager
    def _room_in(self, group: int | None) -> Iterator[bool]:
        """Count a message of a group while it is in progress. Yield whether there is room for it."""
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

    @asynccontextmanager
    async def _noted(self, update: object) -> AsyncIterator[None]:
        """Use the sender's language during the block; afterwards, write a line to the log and a sample to the
        metrics."""
        note = Handling(update_id=update.update_id if isinstance(update, Update) else None)
        token = handling.set(note)
        started = time.perf_counter()
        with (
            structlog.contextvars.bound_contextvars(user=pseudonym(_sender(update), self._secret)),
            language.speaking(_language(update)),
        ):
            try:
                yield
            finally:
                seconds = time.perf_counter() - started
                health.UPDATES.labels(note.handler, note.outcome).inc()
                health.HANDLER_SECONDS.labels(note.handler).observe(seconds)
                milliseconds = round(seconds * 1000, 1)
                log.info("update_handled", handler=note.handler, outcome=note.outcome, milliseconds=milliseconds)
                handling.reset(token)

    async def initialize(self) -> None:
        """Set up the few threads that do blocking work."""
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


def _group(update: object) -> int | None:
    """Return the group that somebody writes in; None for taps, private chats, and Telegram's own messages about a
    group."""
    message = update.message if isinstance(update, Update) else None
    return message.chat.id if message is not None and message.text and message.chat.type != ChatType.PRIVATE else None


def _language(update: object) -> str | None:
    """Return the language of the sender's Telegram app."""
    return update.effective_user.language_code if isinstance(update, Update) and update.effective_user else None
