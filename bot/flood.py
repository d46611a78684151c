"""How much Telegram lets a bot say: in all, to one person, and in one group."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar
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
"""Of so many we remember how much we said there lately, before those that may be told all again are forgotten."""

_slots: ContextVar[asyncio.Semaphore | None] = ContextVar("slots", default=None)


@asynccontextmanager
async def working(slots: asyncio.Semaphore) -> AsyncIterator[None]:
    """Meanwhile, hold one of the slots, but not while a call waits for the limit of its chat."""
    async with slots:
        token = _slots.set(slots)
        try:
            yield
        finally:
            _slots.reset(token)


@asynccontextmanager
async def _aside() -> AsyncIterator[None]:
    """Meanwhile, let others have the slot. A job has none."""
    slots = _slots.get()
    if slots is None:
        yield
        return
    slots.release()
    try:
        yield
    finally:
        await slots.acquire()


class FloodLimits(AIORateLimiter):
    """Holds calls back until they are within the limits; those to one chat stay in their order.

    As it comes, ``AIORateLimiter`` lets a burst pass on top of what flows, and does not look at private chats: one
    person with quick fingers would have Telegram stop us, and with that everybody's answers. Groups are ours too: who
    waits in one gives the slot back, or a busy group would have them all.
    """

    def __init__(self) -> None:
        super().__init__(
            overall_max_rate=ALL[0],
            overall_time_period=ALL[1],
            group_max_rate=0,
            max_retries=MAX_RETRIES,
        )
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
                async with _aside():
                    await limit.acquire()
        return await super().process_request(callback, args, kwargs, endpoint, data, rate_limit_args)

    def _of_chat(self, chat_id: int) -> AsyncLimiter:
        if len(self._chats) > CHATS:
            self._chats = {known: kept for known, kept in self._chats.items() if not kept.has_capacity(kept.max_rate)}
        return self._chats.setdefault(chat_id, AsyncLimiter(*(PERSON if chat_id > 0 else GROUP)))
