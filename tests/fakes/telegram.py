"""The Bot API in memory: updates in, calls out, and trouble on request."""

import asyncio
import json
import logging
import math
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context as Contextvars
from dataclasses import dataclass
from typing import Any

import httpx
from telegram import Update
from telegram.error import NetworkError, TimedOut
from telegram.request import RequestData

from bot.frame.context import App, Context
from bot.frame.errors import diagnose
from bot.terminal.telegram import BOT, ApiError, Files, Json, LocalTelegram, Message, bad_request, private_chat
from tests.fakes import rules
from tests.fakes.people import Person

ALL, PERSON, GROUP = (30, 1.0), (15, 10.0), (20, 60.0)
"""The number of messages and edits that are let through, and in how many seconds. That of one person is a guess:
Telegram's own words are "one message per second", with "short bursts"."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that the bot made."""

    method: str
    params: Json


@dataclass(frozen=True, slots=True)
class Toast:
    """The text that appeared over a button that somebody pressed."""

    telegram_id: int
    text: str
    alert: bool


@dataclass(slots=True)
class _Failure:
    method: str
    error: Exception
    arrives: bool


class FakeTelegram(LocalTelegram):
    """A strict Bot API in memory, with the facts that tests want to know.

    Attributes: calls: every request of the bot, those that were refused too. answers: the texts that appeared over
        buttons, latest last. errors: unexpected errors that reached the bot's error handler. describes_polls_as_before:
        whether it leaves out of polls what Bot API 9.6 added to them. local: whether it is a Bot API server of one's
        own, which brings updates to any address. floods_refused: how often the bot said more than ``limits_floods``
        allows. webhook: the webhook that the bot has set; None while it polls.
    """

    def __init__(self, *, local: bool = False) -> None:
        super().__init__()
        self.local = local
        self.describes_polls_as_before = False
        self.webhook: Json | None = None
        self._not_brought: Json = {}
        self._came: list[float] | None = None
        self.floods_refused = 0
        self._flood_clock: Callable[[], float] | None = None
        self._let_through: defaultdict[int, deque[float]] = defaultdict(deque)
        self.calls: list[Call] = []
        self.answers: list[Toast] = []
        self.errors: list[BaseException] = []
        self.blocked: set[int] = set()
        self.application: App | None = None
        self._failures: list[_Failure] = []
        self._unwell: set[str] = set()
        self._strict = True
        self._pending: list[Json] = []
        self._changed = threading.Condition(threading.RLock())

    # People and groups.

    def person(self, telegram_id: int, first_name: str = "Anna", language: str = "en") -> Person:
        user = {"id": telegram_id, "is_bot": False, "first_name": first_name, "language_code": language}
        return Person(self, user, private_chat(telegram_id, first_name))

    def group(self, chat_id: int = -1001234567890, title: str = "Film club") -> Json:
        """A group that the bot is in: ``await anna.at(club).says("/night")``."""
        assert chat_id < 0, "groups have negative ids"
        self.chats[chat_id] = {"id": chat_id, "type": "supergroup", "title": title}
        return self.chats[chat_id]

    def in_the_name_of(self, group: Json) -> Person:
        """An anonymous admin of a group. Telegram gives all such admins one shared user."""
        nobody = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
        return Person(self, nobody, group, name=group)

    def membership_update(self, sender: Json, chat: Json, before: str, after: str) -> Json:
        """Somebody blocks the bot or lets it in, or a group takes it in or throws it out."""

        def member(status: str) -> Json:
            return {"user": BOT, "status": status} | ({"until_date": 0} if status == "kicked" else {})

        change = {"old_chat_member": member(before), "new_chat_member": member(after), "date": int(time.time())}
        return self._update("my_chat_member", {"chat": chat, "from": sender, **change})

    # Trouble on request.

    def fails(self, method: str, error: Exception, *, times: int = 1, arrives: bool = False) -> None:
        """Have the next calls of a method fail; with ``arrives`` they take effect all the same."""
        self._failures += [_Failure(method, error, arrives) for _ in range(times)]

    def times_out(self, method: str, *, times: int = 1, arrives: bool = False) -> None:
        self.fails(method, TimedOut(), times=times, arrives=arrives)

    def loses(self, method: str, lost: httpx.TransportError, *, arrives: bool = False) -> None:
        """Make the next call of a method fail with a network error of python-telegram-bot."""
        error = TimedOut() if isinstance(lost, httpx.TimeoutException) else NetworkError(f"httpx: {lost!r}")
        error.__cause__ = lost
        self.fails(method, error, arrives=arrives)

    def fails_for_ever(self, method: str) -> None:
        """Make a method answer 502 until ``recovers``, as Telegram does when it has trouble."""
        self._unwell.add(method)

    def recovers(self) -> None:
        self._unwell.clear()

    def floods(self, method: str, *, retry_after_seconds: int = 5, times: int = 1) -> None:
        self.fails(method, rules.too_many_requests(retry_after_seconds), times=times)

    def limits_floods(self, clock: Callable[[], float]) -> None:
        """From now on, refuse calls that come too fast by this clock, which counts seconds."""
        self._flood_clock = clock

    @contextmanager
    def allows_errors(self) -> Iterator[list[BaseException]]:
        """Inside, an unexpected error of the bot does not fail the test; afterwards they are in the list."""
        self._strict = False
        errors: list[BaseException] = []
        try:
            yield errors
        finally:
            self._strict = True
            errors += self.errors
            self.errors.clear()

    # Updates in.

    @asynccontextmanager
    async def runs(self, application: App) -> AsyncIterator[App]:
        """Meanwhile, start the application, hand it updates, and collect what goes wrong in it.

        Its clock-driven jobs stand still until ``run_jobs``.
        """
        assert application.job_queue is not None
        application.add_error_handler(self._collect)
        logger, collector = logging.getLogger("telegram"), _Collector(self.errors)
        logger.addHandler(collector)
        application.job_queue.scheduler.start(paused=True)
        async with application:
            await application.start()
            self.application = application
            try:
                yield application
            finally:
                self.application = None
                await application.stop()
                logger.removeHandler(collector)

    async def _collect(self, update: object, context: Context) -> None:
        if context.error is not None and not diagnose(context.error).expected:
            self.errors.append(context.error)

    async def deliver(self, update: Json) -> None:
        """Give the bot an update and wait until it is handled; without an application, queue it for ``getUpdates``.

        Raises:
            AssertionError: the bot met an error that it should not, or did not answer a tap.
        """
        application = self.application
        if application is None:
            with self._changed:
                self._pending.append(update)
                self._changed.notify_all()
            return
        parsed = Update.de_json(update, application.bot)
        await application.update_processor.process_update(parsed, application.process_update(parsed))
        self.demand_health()
        query = update.get("callback_query")
        if query is not None and self._strict:
            assert query["id"] not in self.open_queries, f"the tap on {query['data']!r} was left unanswered"

    def demand_health(self) -> None:
        """Fail if the bot met an unexpected error. Tests call this after jobs, which no update waits for."""
        if self._strict and self.errors:
            error = self.errors[0]
            self.errors.clear()
            raise AssertionError(f"the bot failed: {error!r}") from error

    async def run_jobs(self, name: str = "") -> None:
        """Run the jobs whose name contains ``name`` once, now; the schedule itself stands still in tests.

        As in real life, they start without the language of earlier updates.
        """
        assert self.application is not None
        assert self.application.job_queue is not None
        for job in self.application.job_queue.jobs(re.escape(name)):
            await asyncio.create_task(job.run(self.application), context=Contextvars())
        self.demand_health()

    # Calls out.

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *timeouts: Any, **named: Any
    ) -> tuple[int, bytes]:
        called = url.rpartition("/")[2]
        failure = next((failure for failure in self._failures if failure.method == called), None)
        if failure is None:
            return await super().do_request(url, method, request_data)
        self._failures.remove(failure)
        if failure.arrives:
            await super().do_request(url, method, request_data)
        else:
            self.calls.append(Call(called, dict(request_data.parameters) if request_data is not None else {}))
        if isinstance(failure.error, ApiError):
            return failure.error.code, json.dumps(failure.error.as_json()).encode()
        raise failure.error

    def message_json(self, message: Message) -> Json:
        result = super().message_json(message)
        if self.describes_polls_as_before:
            for option in result.get("poll", {}).get("options", ()):
                del option["persistent_id"]
        return result

    def call(self, method: str, params: Json, files: Files) -> Any:
        with self._changed:
            return super().call(method, params, files)

    @property
    def holds_back(self) -> bool:
        """Whether there are updates that the bot has not confirmed."""
        with self._changed:
            return bool(self._pending)

    def counts_calls(self) -> None:
        """From now on, note when calls come."""
        self._came = []

    def most_calls_in_a_second(self) -> int:
        times = list(self._came or ())
        return max(sum(start <= at < start + 1 for at in times) for start in times)

    def called(self, method: str) -> list[Json]:
        """The arguments of each call of a method."""
        return [call.params for call in self.calls if call.method == method]

    def answered(self, telegram_id: int, text: str, alert: bool) -> None:
        self.answers.append(Toast(telegram_id, text, alert))

    def check(self, method: str, params: Json, files: Files) -> None:
        self.calls.append(Call(method, params))
        if self._came is not None:
            self._came.append(time.monotonic())
        if method in self._unwell:
            raise ApiError(502, "Bad Gateway")
        if method.startswith(("send", "edit", "delete")) and "chat_id" in params:
            self._check_chat(int(params["chat_id"]))
            self._check_flood(int(params["chat_id"]))
        if method in ("sendMessage", "editMessageText"):
            rules.check_text(params.get("text", ""), params.get("parse_mode"), rules.TEXT_LENGTH, "message")
        elif "caption" in params:
            rules.check_text(params["caption"], params.get("parse_mode"), rules.CAPTION_LENGTH, "message caption")
        if "inline_keyboard" in (params.get("reply_markup") or {}):
            rules.check_keyboard(params["reply_markup"]["inline_keyboard"])
        if method == "editMessageText" and "inline_message_id" not in params:
            message = self.messages.get((int(params["chat_id"]), params["message_id"]))
            if message is not None and message.kind != "text":
                raise bad_request("there is no text in the message to edit")
        if method == "answerCallbackQuery" and len(params.get("text", "")) > rules.TOAST_LENGTH:
            raise bad_request("MESSAGE_TOO_LONG")
        if method == "answerInlineQuery":
            rules.check_inline(params["results"])
        if method == "sendPoll":
            rules.check_poll(params)
        if method == "setMyCommands":
            rules.check_commands(params["commands"])

    def _check_chat(self, chat_id: int) -> None:
        if chat_id in self.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if chat_id not in self.chats:
            if chat_id > 0:
                raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
            raise bad_request("chat not found")

    def _check_flood(self, chat_id: int) -> None:
        if self._flood_clock is None:
            return
        now = self._flood_clock()
        windows = [(0, *ALL), (chat_id, *(PERSON if chat_id > 0 else GROUP))]
        for chat, most, seconds in windows:
            times = self._let_through[chat]
            while times and times[0] < now - seconds + 1e-6:
                times.popleft()
            if len(times) >= most:
                self.floods_refused += 1
                raise rules.too_many_requests(math.ceil(times[0] + seconds - now))
        for chat, *_ in windows:
            self._let_through[chat].append(now)

    # Webhooks.

    def _set_webhook(self, params: Json, files: Files) -> bool:
        url = urllib.parse.urlsplit(params["url"])
        if not params["url"]:
            return self._delete_webhook(params, files)
        if url.scheme != "https" and not self.local:
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if url.port not in (None, 443, 80, 88, 8443) and not self.local:
            raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        if not 1 <= int(params.get("max_connections") or 40) <= 100:
            raise bad_request("invalid max_connections")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", params.get("secret_token", "none")):
            raise bad_request("secret token contains unallowed characters")
        self._drop_pending(params)
        self.webhook = dict(params)
        return True

    def _delete_webhook(self, params: Json, files: Files) -> bool:
        self._drop_pending(params)
        self.webhook = None
        return True

    def _get_webhook_info(self, params: Json, files: Files) -> Json:
        info = {"url": "", "has_custom_certificate": False, "pending_update_count": len(self._pending)}
        return info | {"url": self.webhook["url"]} | self._not_brought if self.webhook is not None else info

    def _drop_pending(self, params: Json) -> None:
        if params.get("drop_pending_updates"):
            self._pending.clear()

    def bring_updates(self, ended: threading.Event) -> None:
        """Send updates to the webhook, if there is one, one after the other, and repeat each until it is accepted."""
        while not ended.is_set():
            with self._changed:
                if self.webhook is None or not self._pending:
                    self._changed.wait(0.05)
                    continue
                webhook, update = self.webhook, self._pending[0]
            secret = {"X-Telegram-Bot-Api-Secret-Token": webhook["secret_token"]} if "secret_token" in webhook else {}
            try:
                post_update(webhook["url"], update, secret)
            except OSError as e:
                reason = f"Wrong response from the webhook: {e}" if isinstance(e, urllib.error.HTTPError) else str(e)
                self._not_brought = {"last_error_date": int(time.time()), "last_error_message": reason}
                ended.wait(0.1)
            else:
                with self._changed:
                    self._pending = [other for other in self._pending if other is not update]

    def _get_updates(self, params: Json, files: Files) -> list[Json]:
        with self._changed:
            if self.webhook is not None:
                description = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first"
                raise ApiError(409, description)
            offset = int(params.get("offset") or 0)
            self._pending = [update for update in self._pending if update["update_id"] >= offset]
            if not self._pending:
                self._changed.wait(float(params.get("timeout") or 0))
            return list(self._pending)


def post_update(url: str, update: Json, headers: Json) -> None:
    """Bring an update to a webhook.

    Raises:
        OSError: nobody is there, or it is not taken (``HTTPError``).
    """
    headers = {"Content-Type": "application/json"} | headers
    request = urllib.request.Request(url, json.dumps(update).encode(), headers)  # noqa: S310 - a process of ours
    urllib.request.urlopen(request, timeout=5).close()  # noqa: S310


class _Collector(logging.Handler):
    """Takes what python-telegram-bot itself logs as an error: a failure inside the error handler, for one."""

    def __init__(self, errors: list[BaseException]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._errors.append(error or AssertionError(record.getMessage()))
