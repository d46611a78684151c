"""Keeps updates in the database until they are handled, so that the end of the process loses none.

Telegram forgets an update once we confirm it, so we confirm it only when it is on disk. Its row is emptied when the
update has been handled; updates that an earlier process left behind are handled before new ones. Handling one twice
does no harm: writes set a state and never add to one, and ``bot.frame.outbox`` stops a second message.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from telegram import Update

from bot.frame import health
from bot.frame.context import App
from engine.store import Store, StoreError

log = structlog.get_logger(__name__)

Json = dict[str, Any]


@dataclass(slots=True)
class _AtHand:
    """An update that has come in and is not handled yet."""

    end: asyncio.Future[None]
    written: bool
    left_behind: bool = False
    answered_before: bool = False


@dataclass(slots=True)
class _Entry:
    """The changes that the next transaction writes, for all callers that wait for it."""

    done: asyncio.Future[set[int]]
    came: dict[int, str] = field(default_factory=dict)
    answered: dict[int, bool] = field(default_factory=dict)
    tried: list[int] = field(default_factory=list)
    handled: list[int] = field(default_factory=list)


class Inbox:
    """Takes updates in and keeps track of each until it is handled. One transaction runs at a time; changes that come
    meanwhile share the next one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._at_hand: dict[int, _AtHand] = {}
        self._next: _Entry | None = None
        self._owed: list[int] = []
        self._writing: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def at_hand(self) -> int:
        """The number of updates that have come in and are not handled yet."""
        return len(self._at_hand)

    async def receive(self, application: App, updates: Sequence[Json]) -> None:
        """Hand updates on to be handled. Return once none of them can be lost: Telegram may then forget them.

        Normally that is once they are in the database. If the database cannot be reached, it is once they have been
        handled, because people have then been told of the failure. Updates that have come before are ignored. Inline
        queries are not kept: a second later nobody waits for the answer.
        """
        here = [
            known.end for update in updates if (known := self._at_hand.get(update["update_id"])) if not known.written
        ]
        new = {update["update_id"]: update for update in updates if update["update_id"] not in self._at_hand}
        kept = {number: json.dumps(update) for number, update in new.items() if "inline_query" not in update}
        try:
            fresh = await self._write(came=kept) if kept else set()
        except StoreError as e:
            log.warning("inbox_unavailable", reason=type(e).__name__, detail=str(e), updates=len(kept))
            here += [self._pass_on(application, update, written=False) for update in new.values()]
        else:
            for number, update in new.items():
                if number in fresh or number not in kept:
                    self._pass_on(application, update, written=number in fresh)
        if here:
            await asyncio.wait(here)

    async def replay(self, application: App) -> None:
        """Handle the updates that an earlier process left behind.

        Raises:
            StoreError: the database cannot be reached.
        """
        left = await asyncio.to_thread(self._store.waiting_updates)
        if left:
            log.info("updates_replayed", updates=len(left))
        for waiting in left:
            update = json.loads(waiting.body)
            self._pass_on(application, update, written=True)
            if (known := self._at_hand.get(update["update_id"])) is not None:
                known.left_behind, known.answered_before = True, waiting.answered

    async def begins(self, update_id: int) -> None:
        """Note that an update is about to be handled, if handling it may have ended an earlier process."""
        known = self._at_hand.get(update_id)
        if known is not None and known.left_behind:
            await self._note(tried=[update_id])

    async def may_answer(self, update_id: int) -> bool:
        """Note that a message in answer to an update is about to be sent. Return False if an earlier process may have
        sent one.

        Raises:
            StoreError: the database cannot be reached.
        """
        known = self._at_hand.get(update_id)
        if known is None or not known.written:
            return True
        if known.answered_before:
            return False
        await self._write(answered={update_id: True})
        return True

    async def not_answered(self, update_id: int) -> None:
        """Take back what ``may_answer`` noted: the message has surely not been sent.

        Raises:
            StoreError: the database cannot be reached.
        """
        if (known := self._at_hand.get(update_id)) is not None and known.written:
            await self._write(answered={update_id: False})

    async def handled(self, update_id: int) -> None:
        """Note that an update has been handled."""
        known = self._at_hand.get(update_id)
        if known is None or self._closed:
            return
        if known.written:
            await self._note(handled=[update_id])
        self._end(update_id)

    async def close(self) -> None:
        """Finish writing. The next process handles the updates that are left."""
        self._closed = True
        if self._writing is not None:
            await self._writing

    def _pass_on(self, application: App, update: Json, *, written: bool) -> asyncio.Future[None]:
        end = asyncio.get_running_loop().create_future()
        number = update["update_id"]
        self._at_hand[number] = _AtHand(end, written)
        health.AT_HAND.set(len(self._at_hand))
        try:
            parsed = Update.de_json(update, application.bot)
        except Exception as e:  # noqa: BLE001 - whatever the library makes of what it does not know
            log.error("update_unreadable", reason=type(e).__name__)
            self._owed += [number] if written else []
            self._end(number)
        else:
            application.update_queue.put_nowait(parsed)
        return end

    def _end(self, update_id: int) -> None:
        self._at_hand.pop(update_id).end.set_result(None)
        health.AT_HAND.set(len(self._at_hand))

    async def _note(self, *, tried: Sequence[int] = (), handled: Sequence[int] = ()) -> None:
        try:
            await self._write(tried=tried, handled=handled)
        except StoreError as e:
            log.warning("inbox_unavailable", reason=type(e).__name__, detail=str(e))

    async def _write(
        self,
        *,
        came: dict[int, str] | None = None,
        answered: dict[int, bool] | None = None,
        tried: Sequence[int] = (),
        handled: Sequence[int] = (),
    ) -> set[int]:
        """Write in the next transaction. Return the answer of ``Store.keep_updates`` for all changes in that
        transaction."""
        entry = self._next or _Entry(asyncio.get_running_loop().create_future())
        self._next = entry
        entry.came.update(came or {})
        entry.answered.update(answered or {})
        entry.tried += tried
        entry.handled += handled
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await asyncio.shield(entry.done)

    async def _write_all(self) -> None:
        try:
            while (entry := self._next) is not None:
                self._next = None
                await self._write_one(entry)
        finally:
            self._writing = None

    async def _write_one(self, entry: _Entry) -> None:
        handled = [*self._owed, *entry.handled]
        try:
            new = await asyncio.to_thread(self._store.keep_updates, entry.came, entry.answered, entry.tried, handled)
        except Exception as e:  # noqa: BLE001 - for who waits for it
            self._owed = handled  # the next transaction that succeeds writes it
            entry.done.set_exception(e)
            entry.done.exception()  # the caller may have been cancelled
        else:
            self._owed = []
            entry.done.set_result(new)
