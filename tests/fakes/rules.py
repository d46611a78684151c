"""The rules of Telegram: what its Bot API refuses, each with Telegram's own words. Pure."""

import html
import re
from collections.abc import Sequence

from bot.terminal.telegram import ApiError, Json, bad_request

TEXT_LENGTH, CAPTION_LENGTH, TOAST_LENGTH = 4096, 1024, 200
BUTTONS_IN_ROW, BUTTONS, DATA_BYTES, ENTITIES = 8, 100, 64, 100
INLINE_RESULTS, POLL_OPTIONS, POLL_QUESTION, POLL_OPTION = 50, 12, 300, 100

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


def _units(text: str) -> int:
    """Length as Telegram counts: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def check_text(text: str, parse_mode: str | None, limit: int, what: str) -> None:
    assert parse_mode in (None, "HTML"), f"Matinee writes HTML or plain text, not {parse_mode}"
    shown = parse_html(text) if parse_mode else text.strip()
    if not shown and what == "message":
        raise bad_request("message text is empty")
    if _units(shown) > limit:
        raise bad_request(f"{what} is too long")
    assert not shown or any(map(str.isalnum, shown)), f"{shown!r} says nothing to a person who cannot see it"


def check_keyboard(keyboard: Sequence[Sequence[Json]]) -> None:
    """Telegram draws more than eight buttons in a row as several rows; a bot that sends them has lost its layout."""
    if sum(map(len, keyboard)) > BUTTONS or any(len(row) > BUTTONS_IN_ROW for row in keyboard):
        raise bad_request("reply markup is too long")
    for button in (button for row in keyboard for button in row):
        if not button.get("text", "").strip():
            raise bad_request('can\'t parse inline keyboard button: Field "text" must be non-empty')
        assert any(map(str.isalnum, button["text"])), f"{button['text']!r} says nothing to a person who cannot see it"
        actions = [key for key in button if key not in ("text", "style", "icon_custom_emoji_id")]
        if not actions:
            raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= DATA_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
        if "url" in button and not re.match(r"(?:https?|tg)://[^\s/]", button["url"]):
            raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")


def check_inline(results: Sequence[Json]) -> None:
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
            check_text(content["message_text"], content.get("parse_mode"), TEXT_LENGTH, "message")
        if "reply_markup" in result:
            check_keyboard(result["reply_markup"]["inline_keyboard"])


def check_poll(params: Json) -> None:
    options = [option["text"] if isinstance(option, dict) else str(option) for option in params["options"]]
    if not 1 <= _units(params["question"]) <= POLL_QUESTION:
        raise bad_request("poll question length must not exceed 300")
    if len(options) < 2:
        raise bad_request("poll must have at least 2 options")
    if len(options) > POLL_OPTIONS:
        raise bad_request(f"poll can't have more than {POLL_OPTIONS} options")
    if any(not 1 <= _units(option) <= POLL_OPTION for option in options):
        raise bad_request("poll options length must not exceed 100")


def check_commands(commands: Sequence[Json]) -> None:
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")


def too_many_requests(retry_after_seconds: int) -> ApiError:
    description = f"Too Many Requests: retry after {retry_after_seconds}"
    return ApiError(429, description, {"retry_after": retry_after_seconds})
