"""Holds calls back to Telegram's limits: for all chats together, for one person, and for one group."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiolimiter import AsyncLimiter
from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from bot.frame.delivery import wait_asked

log = structlog.get_logger(__name__)

ALL = (3, 0.12)
"""A burst of three calls, then 25 a second, counting every kind of call, answers to taps too. Together with the polls
that stays within Telegram's 30 in any second, also in the first second after a restart."""

PERSON = (5, 5.0)
"""A burst of five messages, then one a second, as Telegram asks for one chat."""

GROUP = (10, 60.0)
"""A burst of ten messages, then ten a minute: never more than Telegram's 20 in any minute."""

MAX_RETRIES = 2
"""A call is repeated this often when Telegram asks us to wait."""

SLACK_SECONDS = 0.1
"""We wait this much longer than Telegram asks."""

CHATS = 1000
"""Number of per-chat limiters that are kept; beyond it, idle ones are dropped."""


class Slots:
    """A bound on the number of updates in progress.

    A task that holds a slot can lend it while it waits for Telegram.
    """

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._holders: set[asyncio.Task[Any] | None] = set()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold a slot for this task during the block."""
        task = asyncio.current_task()
        async with self._free:
            self._holders.add(task)
            try:
                yield
            finally:
                self._holders.discard(task)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Let other tasks use this task's slot during the block. A job holds no slot and lends none."""
        if asyncio.current_task() not in self._holders:
            yield
            return
        self._free.release()
        try:
            yield
        finally:
            await self._free.acquire()


class FloodLimits(BaseRateLimiter[int]):
    """Holds calls back until they are within the limits. Calls to one chat stay in their order.

    If Telegram still asks us to wait, only the chat that it names waits. Answers to taps belong to no chat, so each of
    them waits alone. A call that waits for its chat lends its slot; otherwise one busy group would hold all slots.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._all = AsyncLimiter(*ALL)
        self._chats: dict[int, _Chat] = {}

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to release."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> Any:
        chat_id = data.get("chat_id")
        chat = self._chat(chat_id) if isinstance(chat_id, int) else None
        for tries_left in reversed(range(MAX_RETRIES + 1)):
            if chat is not None:
                await self._turn_in(chat)
            await self._all.acquire()
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as error:
                seconds = wait_asked(error).total_seconds() + SLACK_SECONDS
                log.info("told_to_wait", endpoint=endpoint, seconds=seconds)
                if not tries_left:
                    raise
                if chat is None:
                    await asyncio.sleep(seconds)
                else:
                    chat.not_before = max(chat.not_before, asyncio.get_running_loop().time() + seconds)
        raise AssertionError("the last try returns or raises")

    async def _turn_in(self, chat: "_Chat") -> None:
        if not chat.turn.locked() and chat.wait_seconds <= 0 and chat.limit.has_capacity():
            await chat.limit.acquire()
            return
        async with self._slots.lent(), chat.turn:
            while chat.wait_seconds > 0:  # noqa: ASYNC110 - it may grow meanwhile
                await asyncio.sleep(chat.wait_seconds)
            await chat.limit.acquire()

    def _chat(self, chat_id: int) -> "_Chat":
        if len(self._chats) > CHATS:
            self._chats = {known: chat for known, chat in self._chats.items() if not chat.is_idle}
        if chat_id not in self._chats:
            self._chats[chat_id] = _Chat(AsyncLimiter(*(PERSON if chat_id > 0 else GROUP)))
        return self._chats[chat_id]


@dataclass(slots=True)
class _Chat:
    """The limiter of one chat."""

    limit: AsyncLimiter
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    not_before: float = 0.0

    @property
    def wait_seconds(self) -> float:
        return self.not_before - asyncio.get_running_loop().time()

    @property
    def is_idle(self) -> bool:
        return not self.turn.locked() and self.wait_seconds <= 0 and self.limit.has_capacity(self.limit.max_rate)
