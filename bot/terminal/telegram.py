"""A small Bot API in memory: it keeps messages and answers calls as Telegram does, as far as Matinee uses it."""

import html
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from telegram.request import BaseRequest, RequestData

Json = dict[str, Any]
Files = Mapping[str, tuple[str, bytes]]
"""The files of a call: parameter, file name, content."""

BOT: Json = {
    "id": 1,
    "is_bot": True,
    "first_name": "Matinee",
    "username": "matinee_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": True,
}

CAPTION_LENGTH = 1024
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""The first bytes of PNG and JPEG files, which Telegram takes as photos."""

COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]+(?:@\w+)?")
MENTION = re.compile(r"(?<!\w)@[A-Za-z]\w{4,31}\b")


class ApiError(Exception):
    """An error that Telegram answers with."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def as_json(self) -> Json:
        answer: Json = {"ok": False, "error_code": self.code, "description": self.description}
        return answer | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(text: str) -> ApiError:
    return ApiError(400, f"Bad Request: {text}")


@dataclass(frozen=True, slots=True)
class InlineButton:
    """A button under a message: it sends ``data`` back, or opens ``url``."""

    label: str
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the bot; an edit makes a new one with the same id.

    ``text`` is the visible text (for a picture or document, its caption), ``html`` the text that the bot sent. ``at``
    counts new messages and edits, so the greatest is the latest.
    """

    id: int
    chat_id: int
    text: str
    html: str
    rows: tuple[tuple[InlineButton, ...], ...]
    at: int
    markup: Json | None = None
    kind: str = "text"
    file: tuple[str, bytes] | None = None
    poll: Json | None = None
    topic: int | None = None

    @property
    def buttons(self) -> list[str]:
        """The labels, row by row."""
        return [button.label for row in self.rows for button in row]

    def button(self, label: str) -> InlineButton | None:
        """Return the button of exactly this label, else the first that begins so, else None; case does not matter."""
        wanted = label.casefold()
        all_buttons = [button for row in self.rows for button in row]
        for fits in (str.__eq__, str.startswith):
            for button in all_buttons:
                if fits(button.label.casefold(), wanted):
                    return button
        return None


class LocalTelegram(BaseRequest):
    """A Bot API in memory. Methods that it does not know succeed and do nothing.

    Subclasses see what happens in ``shown`` and ``answered``, and may refuse a call in ``check``.
    """

    def __init__(self) -> None:
        self.messages: dict[tuple[int, int], Message] = {}
        self.chats: dict[int, Json] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.open_queries: dict[str, int] = {}  # query id: the person who pressed
        self.answered_queries: set[str] = set()
        self._count = count(1)
        self._updates = count(1)

    # Events, for subclasses.

    def check(self, method: str, params: Json, files: Files) -> None:
        """Raise ``ApiError`` to refuse a call."""

    def shown(self, message: Message, edited: bool) -> None:
        """A message was sent or edited."""

    def answered(self, telegram_id: int, text: str, alert: bool) -> None:
        """Somebody's tap on a button was answered; ``text`` is mostly empty."""

    # Updates for the bot.

    def message_update(self, sender: Json, chat: Json, text: str) -> Json:
        """Somebody writes something."""
        entities = [
            {"type": "bot_command", "offset": _utf16(text[: found.start()]), "length": _utf16(found.group())}
            for found in COMMAND.finditer(text)
        ]
        entities += [
            {"type": "mention", "offset": _utf16(text[: found.start()]), "length": _utf16(found.group())}
            for found in MENTION.finditer(text)
        ]
        return self._update("message", self._incoming(sender, chat) | {"text": text, "entities": entities})

    def document_update(self, sender: Json, chat: Json, name: str, content: bytes, caption: str = "") -> Json:
        """Somebody sends a file."""
        message = self._incoming(sender, chat) | {"document": self._keep(name, content), "caption": caption}
        return self._update("message", message)

    def press_update(self, sender: Json, message: Message | None, data: str) -> Json:
        """Somebody presses a button. ``message`` is None if Telegram does not name the message."""
        query: Json = {"id": str(next(self._count)), "from": sender, "chat_instance": "1", "data": data}
        query |= {"message": self.message_json(message)} if message is not None else {"inline_message_id": "inline"}
        self.open_queries[query["id"]] = sender["id"]
        return self._update("callback_query", query)

    def _incoming(self, sender: Json, chat: Json) -> Json:
        self.chats[chat["id"]] = chat
        return {"message_id": next(self._count), "date": int(time.time()), "chat": chat, "from": sender}

    def _update(self, kind: str, value: Json) -> Json:
        return {"update_id": next(self._updates), kind: value}

    def _keep(self, name: str, content: bytes) -> Json:
        file_id = f"file{next(self._count)}"
        self.files[file_id] = (name, content)
        return {"file_id": file_id, "file_unique_id": file_id, "file_name": name, "file_size": len(content)}

    # Calls of the bot.

    @property
    def read_timeout(self) -> float | None:
        return None

    async def initialize(self) -> None:
        """Nothing to connect to."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *timeouts: Any, **named: Any
    ) -> tuple[int, bytes]:
        if method == "GET":
            return 200, self.files[url.rpartition("/")[2]][1]
        params = dict(request_data.parameters) if request_data is not None else {}
        parts = request_data.multipart_data if request_data is not None else {}
        files = {key: (str(part[0]), _content(part[1])) for key, part in parts.items()}
        try:
            result = self.call(url.rpartition("/")[2], params, files)
        except ApiError as e:
            return e.code, json.dumps(e.as_json()).encode()
        return 200, json.dumps({"ok": True, "result": result}).encode()

    def call(self, method: str, params: Json, files: Files) -> Any:
        """Carry out a call.

        Raises:
            ApiError: Telegram would answer with an error.
        """
        self.check(method, params, files)
        answer = getattr(self, "_" + re.sub(r"[A-Z]", lambda m: "_" + m.group().lower(), method), None)
        return answer(params, files) if answer is not None else True

    def _get_me(self, params: Json, files: Files) -> Json:
        return BOT

    def _get_updates(self, params: Json, files: Files) -> list[Json]:
        return []

    def _get_file(self, params: Json, files: Files) -> Json:
        file_id = params["file_id"]
        if file_id not in self.files:
            raise bad_request("invalid file_id")
        size = len(self.files[file_id][1])
        return {"file_id": file_id, "file_unique_id": file_id, "file_size": size, "file_path": f"documents/{file_id}"}

    def _send_message(self, params: Json, files: Files) -> Json:
        return self._send(params, "text", params["text"])

    def _send_document(self, params: Json, files: Files) -> Json:
        return self._send(params, "document", params.get("caption", ""), file=self._file(params, files, "document"))

    def _send_photo(self, params: Json, files: Files) -> Json:
        file, caption = self._file(params, files, "photo"), params.get("caption", "")
        if not file[1]:
            raise bad_request("file must be non-empty")
        if not file[1].startswith(PICTURES):
            raise bad_request("IMAGE_PROCESS_FAILED")
        if _utf16(plain(caption, params.get("parse_mode"))) > CAPTION_LENGTH:
            raise bad_request("message caption is too long")
        return self._send(params, "photo", caption, file=file)

    def _send_poll(self, params: Json, files: Files) -> Json:
        options = [option["text"] if isinstance(option, dict) else str(option) for option in params["options"]]
        poll = {"question": params["question"], "options": options}
        return self._send(params, "poll", params["question"], poll=poll)

    def _edit_message_text(self, params: Json, files: Files) -> Json | bool:
        return self._edit(params, html=params["text"])

    def _answer_callback_query(self, params: Json, files: Files) -> bool:
        query_id = params["callback_query_id"]
        if query_id in self.answered_queries:  # Telegram accepts a second answer but does not show it
            return True
        telegram_id = self.open_queries.pop(query_id, None)
        if telegram_id is None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        self.answered_queries.add(query_id)
        self.answered(telegram_id, params.get("text", ""), bool(params.get("show_alert")))
        return True

    def _file(self, params: Json, files: Files, name: str) -> tuple[str, bytes]:
        return files[name] if name in files else self.files[params[name]]

    def _send(self, params: Json, kind: str, sent: str, **more: Any) -> Json:
        markup = params.get("reply_markup")
        number = next(self._count)
        message = Message(
            id=number,
            chat_id=int(params["chat_id"]),
            text=plain(sent, params.get("parse_mode")),
            html=sent,
            rows=rows(markup),
            at=number,
            markup=markup,
            kind=kind,
            topic=params.get("message_thread_id"),
            **more,
        )
        return self._show(message, edited=False)

    def _edit(self, params: Json, **changes: Any) -> Json | bool:
        if "inline_message_id" in params:
            return True
        before = self.messages.get((params["chat_id"], params["message_id"]))
        if before is None:
            raise bad_request("message to edit not found")
        if "html" in changes:
            changes["text"] = plain(changes["html"], params.get("parse_mode"))
        markup = params.get("reply_markup")
        after = replace(before, rows=rows(markup), markup=markup, **changes)
        if after == before:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message"
            )
        return self._show(replace(after, at=next(self._count)), edited=True)

    def _show(self, message: Message, *, edited: bool) -> Json:
        self.messages[message.chat_id, message.id] = message
        self.shown(message, edited)
        return self.message_json(message)

    def message_json(self, message: Message) -> Json:
        """A message of the bot, as updates and answers carry it."""
        chat = self.chats.setdefault(message.chat_id, private_chat(message.chat_id))
        result: Json = {"message_id": message.id, "date": int(time.time()), "chat": chat, "from": BOT}
        if message.markup and "inline_keyboard" in message.markup:
            result["reply_markup"] = message.markup
        if message.topic is not None:
            result |= {"message_thread_id": message.topic, "is_topic_message": True}
        if message.kind == "text":
            return result | {"text": message.text}
        file_id = f"sent{message.id}"
        file: Json = {"file_id": file_id, "file_unique_id": file_id}
        if message.kind == "document":
            result["document"] = file | {"file_name": message.file[0] if message.file else ""}
        elif message.kind == "photo":
            result["photo"] = [file | {"width": 800, "height": 600}]
        elif message.poll is not None:
            options = [
                {"persistent_id": str(number), "text": text, "voter_count": 0}
                for number, text in enumerate(message.poll["options"])
            ]
            result["poll"] = {
                "id": file_id,
                "question": message.poll["question"],
                "options": options,
                "total_voter_count": 0,
                "is_closed": False,
                "is_anonymous": True,
                "type": "regular",
                "allows_multiple_answers": False,
                "allows_revoting": True,
                "members_only": False,
            }
            return result
        return result | {"caption": message.text}


def private_chat(telegram_id: int, first_name: str = "You") -> Json:
    return {"id": telegram_id, "type": "private", "first_name": first_name}


def rows(markup: Json | None) -> tuple[tuple[InlineButton, ...], ...]:
    """The buttons of a reply markup."""
    keyboard = (markup or {}).get("inline_keyboard", ())
    return tuple(tuple(InlineButton(b["text"], b.get("callback_data"), b.get("url")) for b in row) for row in keyboard)


def plain(text: str, parse_mode: str | None) -> str:
    """Return the visible part of a text: without HTML tags, and trimmed as Telegram does."""
    if parse_mode and parse_mode.upper() == "HTML":
        text = html.unescape(re.sub(r"<[^<>]*>", "", text))
    return text.strip()


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _content(part: Any) -> bytes:
    return part if isinstance(part, bytes) else bytes(part.read())
