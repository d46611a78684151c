"""How much Telegram lets a bot say: in all, to one person, and in one group."""

from collections.abc import Callable, Coroutine
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

PEOPLE = 1000
"""Of so many we remember how much we told them lately, before those who may be told all again are forgotten."""


class FloodLimits(AIORateLimiter):
    """Holds calls back until they are within the limits; those to one chat stay in their order.

    As it comes, ``AIORateLimiter`` lets a burst pass on top of what flows, and does not look at private chats: one
    person with quick fingers would have Telegram stop us, and with that everybody's answers.
    """

    def __init__(self) -> None:
        super().__init__(
            overall_max_rate=ALL[0],
            overall_time_period=ALL[1],
            group_max_rate=GROUP[0],
            group_time_period=GROUP[1],
            max_retries=MAX_RETRIES,
        )
        self._people: dict[int, AsyncLimiter] = {}

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
        if isinstance(chat_id, int) and chat_id > 0:
            await self._person(chat_id).acquire()
        return await super().process_request(callback, args, kwargs, endpoint, data, rate_limit_args)

    def _person(self, chat_id: int) -> AsyncLimiter:
        if len(self._people) > PEOPLE:
            self._people = {known: kept for known, kept in self._people.items() if not kept.has_capacity(PERSON[0])}
        return self._people.setdefault(chat_id, AsyncLimiter(*PERSON))
