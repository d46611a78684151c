"""Telegram for tests: a Bot API in memory that refuses whatever the real one would, and people who use it.

    telegram = FakeTelegram()
    anna = telegram.person(1001, "Anna")
    await anna.says("/top")
    await anna.presses("Next ten")
    assert "11" in anna.sees

A test fails at the line where the bot raised an error that it should not, or left a tap on a button unanswered.
``serve_bot_api`` offers the same over HTTP, for tests of real processes and containers.
"""

import argparse
import asyncio
import html
import json
import logging
import math
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context as Contextvars
from dataclasses import dataclass
from email.message import Message as EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from telegram import Update
from telegram.error import NetworkError, TimedOut
from telegram.request import RequestData

from bot.frame.context import App, Context
from bot.frame.errors import diagnose
from bot.terminal.telegram import BOT, ApiError, Files, Json, LocalTelegram, Message, bad_request, private_chat

TEXT_LENGTH, CAPTION_LENGTH, TOAST_LENGTH = 4096, 1024, 200
BUTTONS_IN_ROW, BUTTONS, DATA_BYTES, ENTITIES = 8, 100, 64, 100
INLINE_RESULTS, POLL_OPTIONS, POLL_QUESTION, POLL_OPTION = 50, 12, 300, 100

ALL, PERSON, GROUP = (30, 1.0), (15, 10.0), (20, 60.0)
"""The number of messages and edits that are let through, and in how many seconds. That of one person is a guess:
Telegram's own words are "one message per second", with "short bursts"."""

TOKEN = "123456:TEST-TOKEN"
TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "span", "blockquote"}
MARKUP = re.compile(
    r"<(?P<end>/?)(?P<tag>[A-Za-z0-9-]*)(?P<rest>[^<>]*)>|<|&(?P<entity>(?:#\d+|#x[0-9A-Fa-f]+|lt|gt|amp|quot);)?"
)


def parse_html(text: str) -> str:
    """Return what people read of a text in Telegram's HTML.

    It is stricter than Telegram in two things: Telegram silently shows an ``&`` that begins no entity, and silently
    drops formatting after a hundred entities.

    Raises:
        ApiError: with Telegram's text.
    """
    open_tags: list[str] = []
    entities = 0
    for found in MARKUP.finditer(text):
        at = f"at byte offset {len(text[: found.start()].encode())}"
        tag = (found["tag"] or "").lower()
        if found.group().startswith("&"):
            if found["entity"] is None:
                raise bad_request(f"can't parse entities: bare & {at} (Telegram would show it; escape it)")
        elif found["end"]:
            if not open_tags or open_tags[-1] != tag:
                expected = f', expected "</{open_tags[-1]}>", found "</{tag}>"' if open_tags else ""
                raise bad_request(f"can't parse entities: Unmatched end tag {at}{expected}")
            open_tags.pop()
        elif tag not in TAGS and tag not in ("tg-spoiler", "tg-emoji"):
            raise bad_request(f'can\'t parse entities: Unsupported start tag "{tag}" {at}')
        else:
            open_tags.append(tag)
            entities += 1
    if open_tags:
        raise bad_request(f"can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1]}\"")
    if entities > ENTITIES:
        raise bad_request(f"{entities} entities: Telegram drops the formatting after the first {ENTITIES}")
    return html.unescape(MARKUP.sub(lambda found: found.group() if found["entity"] else "", text)).strip()


@dataclass(frozen=True, slots=True)
class Call:
    """One request that the bot made."""

    method: str
    params: Json


@dataclass(frozen=True, slots=True)
class Answer:
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
        self.answers: list[Answer] = []
        self.errors: list[BaseException] = []
        self.blocked: set[int] = set()
        self.application: App | None = None
        self._failures: list[_Failure] = []
        self._unwell: set[str] = set()
        self._strict = True
        self._pending: list[Json] = []
        self._changed = threading.Condition(threading.RLock())

    # People and groups.

    def person(self, telegram_id: int, first_name: str = "Anna", language: str = "en") -> "Person":
        user = {"id": telegram_id, "is_bot": False, "first_name": first_name, "language_code": language}
        return Person(self, user, private_chat(telegram_id, first_name))

    def group(self, chat_id: int = -1001234567890, title: str = "Film club") -> Json:
        """A group that the bot is in: ``await anna.at(club).says("/night")``."""
        assert chat_id < 0, "groups have negative ids"
        self.chats[chat_id] = {"id": chat_id, "type": "supergroup", "title": title}
        return self.chats[chat_id]

    def in_the_name_of(self, group: Json) -> "Person":
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
        self.fails(method, too_many_requests(retry_after_seconds), times=times)

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
        self.answers.append(Answer(telegram_id, text, alert))

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
            _check_text(params.get("text", ""), params.get("parse_mode"), TEXT_LENGTH, "message")
        elif "caption" in params:
            _check_text(params["caption"], params.get("parse_mode"), CAPTION_LENGTH, "message caption")
        if "inline_keyboard" in (params.get("reply_markup") or {}):
            _check_keyboard(params["reply_markup"]["inline_keyboard"])
        if method == "editMessageText" and "inline_message_id" not in params:
            message = self.messages.get((int(params["chat_id"]), params["message_id"]))
            if message is not None and message.kind != "text":
                raise bad_request("there is no text in the message to edit")
        if method == "answerCallbackQuery" and len(params.get("text", "")) > TOAST_LENGTH:
            raise bad_request("MESSAGE_TOO_LONG")
        if method == "answerInlineQuery":
            _check_inline(params["results"])
        if method == "sendPoll":
            _check_poll(params)
        if method == "setMyCommands":
            _check_commands(params["commands"])

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
                raise too_many_requests(math.ceil(times[0] + seconds - now))
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


def too_many_requests(retry_after_seconds: int) -> ApiError:
    description = f"Too Many Requests: retry after {retry_after_seconds}"
    return ApiError(429, description, {"retry_after": retry_after_seconds})


class _Collector(logging.Handler):
    """Takes what python-telegram-bot itself logs as an error: a failure inside the error handler, for one."""

    def __init__(self, errors: list[BaseException]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._errors.append(error or AssertionError(record.getMessage()))


def _units(text: str) -> int:
    """Length as Telegram counts: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def _check_text(text: str, parse_mode: str | None, limit: int, what: str) -> None:
    assert parse_mode in (None, "HTML"), f"Matinee writes HTML or plain text, not {parse_mode}"
    shown = parse_html(text) if parse_mode else text.strip()
    if not shown and what == "message":
        raise bad_request("message text is empty")
    if _units(shown) > limit:
        raise bad_request(f"{what} is too long")
    assert not shown or any(map(str.isalnum, shown)), f"{shown!r} says nothing to who cannot see it"


def _check_keyboard(keyboard: Sequence[Sequence[Json]]) -> None:
    """Telegram draws more than eight buttons in a row as several rows; a bot that sends them has lost its layout."""
    if sum(map(len, keyboard)) > BUTTONS or any(len(row) > BUTTONS_IN_ROW for row in keyboard):
        raise bad_request("reply markup is too long")
    for button in (button for row in keyboard for button in row):
        if not button.get("text", "").strip():
            raise bad_request('can\'t parse inline keyboard button: Field "text" must be non-empty')
        assert any(map(str.isalnum, button["text"])), f"{button['text']!r} says nothing to who cannot see it"
        actions = [key for key in button if key not in ("text", "style", "icon_custom_emoji_id")]
        if not actions:
            raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= DATA_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
        if "url" in button and not re.match(r"(?:https?|tg)://[^\s/]", button["url"]):
            raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")


def _check_inline(results: Sequence[Json]) -> None:
    if len(results) > INLINE_RESULTS:
        raise bad_request("RESULTS_TOO_MUCH")
    ids = [result["id"] for result in results]
    if any(not 1 <= len(i.encode()) <= 64 for i in ids):
        raise bad_request("RESULT_ID_INVALID")
    if len(set(ids)) < len(ids):
        raise bad_request("RESULT_ID_DUPLICATE")
    for result in results:
        content = result.get("input_message_content", {})
        if "message_text" in content:
            _check_text(content["message_text"], content.get("parse_mode"), TEXT_LENGTH, "message")
        if "reply_markup" in result:
            _check_keyboard(result["reply_markup"]["inline_keyboard"])


def _check_poll(params: Json) -> None:
    options = [option["text"] if isinstance(option, dict) else str(option) for option in params["options"]]
    if not 1 <= _units(params["question"]) <= POLL_QUESTION:
        raise bad_request("poll question length must not exceed 300")
    if len(options) < 2:
        raise bad_request("poll must have at least 2 options")
    if len(options) > POLL_OPTIONS:
        raise bad_request(f"poll can't have more than {POLL_OPTIONS} options")
    if any(not 1 <= _units(option) <= POLL_OPTION for option in options):
        raise bad_request("poll options length must not exceed 100")


def _check_commands(commands: Sequence[Json]) -> None:
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")


class Person:
    """Somebody who uses Telegram and looks at one chat: their own with the bot, or a group.

    They look at the message that was shown last, new or edited. Messages are values: one that was kept stays as it was,
    so that old buttons can be pressed with ``in_message=``.
    """

    def __init__(
        self, telegram: FakeTelegram, user: Json, chat: Json, topic: int | None = None, name: Json | None = None
    ) -> None:
        self.telegram = telegram
        self.user = user
        self.chat = chat
        self.topic = topic
        self.in_whose_name = name
        self.last_update: Json = {}
        self._heard = 0

    @property
    def id(self) -> int:
        return int(self.user["id"])

    def at(self, group: Json, topic: int | None = None) -> "Person":
        """The same person, looking at a group, or at one of its topics."""
        return Person(self.telegram, self.user, group, topic)

    # Their actions. Each returns once the bot has handled it.

    async def says(self, text: str) -> None:
        update = self.telegram.message_update(self.user, self.chat, text)
        if self.topic is not None:
            update["message"] |= {"message_thread_id": self.topic, "is_topic_message": True}
        if self.in_whose_name is not None:
            update["message"]["sender_chat"] = self.in_whose_name
        await self._do(update)

    async def presses(self, label: str, *, in_message: Message | None = None) -> None:
        """Press the button of this label, or that begins so, in the latest message that has it."""
        places = [in_message] if in_message is not None else sorted(self.messages, key=lambda m: -m.at)
        for message in places:
            if (button := message.button(label)) is not None:
                assert button.data is not None, f"[{button.label}] opens {button.url}"
                await self._do(self.telegram.press_update(self.user, message, button.data))
                return
        raise AssertionError(f"no button {label!r}; on screen:\n{self.screen}")

    async def forges(self, data: str, *, in_message: Message | None = None, inline: bool = False) -> None:
        """Send callback data that no button here has; with ``inline``, without saying under which message."""
        message = None if inline else in_message or self.message
        await self._do(self.telegram.press_update(self.user, message, data))

    async def sends_document(self, name: str, content: bytes, *, caption: str = "") -> None:
        await self._do(self.telegram.document_update(self.user, self.chat, name, content, caption))

    async def asks_inline(self, query: str) -> list[Json]:
        """Type ``@bot query`` in some chat. Return what is offered."""
        asked = {"id": str(time.monotonic_ns()), "from": self.user, "query": query, "offset": ""}
        await self._do({"update_id": time.monotonic_ns() % 2**31, "inline_query": asked})
        given = self.telegram.called("answerInlineQuery")
        assert given, "the inline query was left unanswered"
        assert given[-1]["inline_query_id"] == asked["id"], "the inline query was left unanswered"
        return list(given[-1]["results"])

    async def repeats(self) -> None:
        """Telegram delivers their last update a second time."""
        await self.telegram.deliver(self.last_update)

    async def blocks(self, *, silently: bool = False) -> None:
        """Block the bot; ``silently`` if it misses the update that says so."""
        self.telegram.blocked.add(self.id)
        if not silently:
            await self._do(self.telegram.membership_update(self.user, self.chat, "member", "kicked"))

    async def unblocks(self) -> None:
        self.telegram.blocked.discard(self.id)
        await self._do(self.telegram.membership_update(self.user, self.chat, "kicked", "member"))

    async def _do(self, update: Json) -> None:
        self.last_update = update
        await self.telegram.deliver(update)

    # Their screen.

    @property
    def messages(self) -> list[Message]:
        """The bot's messages in this chat as they stand, in the order in which they were sent."""
        here = (self.chat["id"], self.topic)
        there = list(self.telegram.messages.values())  # which the bot's calls over HTTP may change meanwhile
        return [message for message in there if (message.chat_id, message.topic) == here]

    @property
    def message(self) -> Message:
        """The message that was sent or edited last."""
        assert self.messages, "the bot has said nothing here"
        return max(self.messages, key=lambda message: message.at)

    @property
    def sees(self) -> str:
        """The text of that message, as people read it."""
        return self.message.text

    @property
    def buttons(self) -> list[str]:
        """The labels of its buttons, row by row."""
        return self.message.buttons

    @property
    def screen(self) -> str:
        """The whole message: the text, and a line for each row of buttons."""
        if not self.messages:
            return "(nothing)"
        lines = [" ".join(f"[{button.label}]" for button in row) for row in self.message.rows]
        return "\n".join([self.message.text, *lines])

    @property
    def toast(self) -> str:
        """The last text over a button that they pressed; empty if nothing did."""
        return next((a.text for a in reversed(self.telegram.answers) if a.telegram_id == self.id), "")

    async def hears(self, timeout_seconds: float = 20) -> str:
        """Wait for the next thing that the bot shows here, and return its text: for bots in other processes."""
        until = time.monotonic() + timeout_seconds
        while time.monotonic() < until:
            if self.messages and self.message.at > self._heard:
                self._heard = self.message.at
                return self.sees
            await asyncio.sleep(0.02)
        raise AssertionError(f"the bot said nothing more for {timeout_seconds} s; on screen:\n{self.screen}")


@contextmanager
def serve_bot_api(fake: FakeTelegram, *, token: str = TOKEN, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Offer ``fake`` over HTTP as Telegram would, and yield the URL. Port 0 is any that is free."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urllib.parse.unquote(self.path)
            if path.startswith(f"/file/bot{token}/"):
                self._reply(200, fake.files[path.rpartition("/")[2]][1])
            else:
                self.do_POST()

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                return  # the bot was killed while it spoke
            path = urllib.parse.unquote(self.path)
            if not path.startswith(f"/bot{token}/"):
                self._reply(401, json.dumps(ApiError(401, "Unauthorized").as_json()).encode())
                return
            try:
                params, files = _read_form(self.headers.get("Content-Type", ""), body)
                result = fake.call(path.rpartition("/")[2], params, files)
                self._reply(200, json.dumps({"ok": True, "result": result}).encode())
            except ApiError as e:
                self._reply(e.code, json.dumps(e.as_json()).encode())

        def _reply(self, code: int, payload: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 256  # a busy bot connects many times at once

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of a bot that was killed before it heard the answer."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)

    server = Server((host, port), Handler)
    server.daemon_threads = True
    ended = threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    threading.Thread(target=fake.bring_updates, args=(ended,), daemon=True).start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


def _read_form(content_type: str, body: bytes) -> tuple[Json, dict[str, tuple[str, bytes]]]:
    fields: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}
    if content_type.startswith("multipart/"):
        whole = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        for part in whole.get_payload():
            assert isinstance(part, EmailMessage)
            name = str(part.get_param("name", header="content-disposition"))
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            if part.get_filename():
                files[name] = (str(part.get_filename()), content)
            else:
                fields[name] = content.decode()
    else:
        fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
    return {name: _value(name, text) for name, text in fields.items()}, files


def _value(name: str, text: str) -> Any:
    """A form has only texts; values of other types are sent as JSON."""
    texts = (
        "text",
        "caption",
        "question",
        "parse_mode",
        "callback_query_id",
        "inline_query_id",
        "file_id",
        "url",
        "secret_token",
    )
    if name in texts:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


async def _play(telegram: FakeTelegram, person: Person, script: list[str]) -> None:
    for line in script:
        print(f"you  {line}")
        await (person.presses(line[1:]) if line.startswith(">") else person.says(line))
        await person.hears(timeout_seconds=120)
        print(f"bot  {person.screen}", flush=True)


def main() -> None:
    """Act as Telegram until the lines of a script have been sent and answered, for bots in containers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--as", dest="telegram_id", type=int, default=1001)
    parser.add_argument("--script", type=Path, help="lines to say; >Label presses a button. Without: serve for ever")
    given = parser.parse_args()
    telegram = FakeTelegram()
    with serve_bot_api(telegram, token=given.token, host=given.host, port=given.port):
        if given.script is None:
            threading.Event().wait()
        else:
            person = telegram.person(given.telegram_id)
            asyncio.run(_play(telegram, person, given.script.read_text().splitlines()))


if __name__ == "__main__":
    main()
