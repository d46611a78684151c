"""How much Telegram lets a bot say: in all, to one person, and in one group."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiolimiter import AsyncLimiter
from telegram.ext import AIORateLimiter

ALL = (5, 0.2)
"""A burst of five and then 25 a second: never more than Telegram's 30 in any second."""

PERSON = (5, 5.0)
"""A burst of five and then one a second, as Telegram asks for one chat."""

GROUP = (10, 60.0)
"""A burst of ten and then ten a minute: never more than Telegram's 20 in any minute."""

MAX_RETRIES = 2
"""How often a call is made again when Telegram says for how long to wait. It then waits that long with all others."""

CHATS = 1000
"""Most per-chat limiters kept; beyond that, idle ones are dropped."""


class Slots:
    """A bound on the updates that are worked on at one moment.

    A task that holds a slot can lend it while it waits for something other than us.
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
        """Let others have this task's slot during the block. A job has none to lend."""
        if asyncio.current_task() not in self._holders:
            yield
            return
        self._free.release()
        try:
            yield
        finally:
            await self._free.acquire()


class FloodLimits(AIORateLimiter):
    """Holds calls back until they are within the limits; those to one chat stay in their order.

    By itself, ``AIORateLimiter`` lets a burst pass on top of what flows, and does not look at private chats: one person
    with quick fingers would make Telegram refuse us, and hold up everybody's answers. We count groups here too: a call
    that waits for its group lends its slot, or one busy group would take them all.
    """

    def __init__(self, slots: Slots) -> None:
        super().__init__(
            overall_max_rate=ALL[0],
            overall_time_period=ALL[1],
            group_max_rate=0,
            max_retries=MAX_RETRIES,
        )
        self._slots = slots
        self._chats: dict[int, AsyncLimiter] = {}

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
        if isinstance(chat_id, int):
            limit = self._of_chat(chat_id)
            if limit.has_capacity():
                await limit.acquire()
            else:
                async with self._slots.lent():
                    await limit.acquire()
        return await super().process_request(callback, args, kwargs, endpoint, data, rate_limit_args)

    def _of_chat(self, chat_id: int) -> AsyncLimiter:
        if len(self._chats) > CHATS:
            self._chats = {known: kept for known, kept in self._chats.items() if not kept.has_capacity(kept.max_rate)}
        return self._chats.setdefault(chat_id, AsyncLimiter(*(PERSON if chat_id > 0 else GROUP)))
