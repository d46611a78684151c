"""The Telegram of the tests refuses what the real one refuses, in its words."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from bot.terminal.telegram import ApiError, Json, LocalTelegram
from tests.fakes import FakeTelegram, parse_html, serve_bot_api

PNG = b"\x89PNG\r\n\x1a\nand so on"


@pytest.fixture
def send() -> Callable[..., Any]:
    """Call a method of a Telegram that Anna (7) has written to."""
    telegram = FakeTelegram()
    anna = telegram.person(7)
    telegram.message_update(anna.user, anna.chat, "hello")

    def call(method: str = "sendMessage", **params: Any) -> Any:
        return telegram.call(method, {"chat_id": 7, **params}, {})

    call.telegram = telegram  # type: ignore[attr-defined]
    return call


def keyboard(*rows: list[Json]) -> Json:
    return {"inline_keyboard": list(rows)}


def button(text: str = "x", data: str = "x") -> Json:
    return {"text": text, "callback_data": data}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<b>Heat</b> &amp; <i>Dust</i>", "Heat & Dust"),
        ('<a href="https://a.b/?c=1&amp;d=2">film</a>', "film"),
        ("1 &lt; 2 &#x27;quoted&#39; &quot;", "1 < 2 'quoted' \""),
        ('<span class="tg-spoiler">secret</span> <tg-spoiler>x</tg-spoiler>', "secret x"),
        ("plain > text\n", "plain > text"),
    ],
)
def test_html_that_telegram_reads(written: str, read: str):
    assert parse_html(written) == read


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("Fast & Furious", "bare & at byte offset 5"),
        ("&nbsp;", "bare &"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("<p>x</p>", 'Unsupported start tag "p" at byte offset 0'),
        ("é<br>", 'Unsupported start tag "br" at byte offset 2'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unmatched end tag at byte offset 1"),
        ("<b><i>x</b></i>", 'expected "</i>", found "</b>"'),
        ("<b>x</b>" * 101, "drops the formatting"),
    ],
)
def test_html_that_telegram_does_not_read(written: str, complaint: str):
    with pytest.raises(ApiError, match="entities") as raised:
        parse_html(written)
    assert complaint in raised.value.description


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": " \n"}, "message text is empty"),
        ({"text": "<b></b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "🎬" * 2049}, "message is too long"),
        ({"text": "x", "reply_markup": keyboard([button()] * 9)}, "reply markup is too long"),
        ({"text": "x", "reply_markup": keyboard(*[[button()]] * 101)}, "reply markup is too long"),
        ({"text": "x", "reply_markup": keyboard([button(data="")])}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard([button(data="é" * 33)])}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard([{"text": "x"}])}, "Text buttons are unallowed"),
        ({"text": "x", "reply_markup": keyboard([{"text": "x", "url": "imdb"}])}, "Wrong HTTP URL"),
        ({"text": "x", "chat_id": -5}, "chat not found"),
        ({"text": "x", "chat_id": 8}, "bot can't initiate conversation with a user"),
    ],
)
def test_messages_that_are_refused(send: Callable[..., Any], params: Json, complaint: str):
    with pytest.raises(ApiError) as raised:
        send(**params)
    assert complaint in raised.value.description


def test_messages_that_just_fit(send: Callable[..., Any]):
    assert len(send(text="x" * 4096)["text"]) == 4096
    assert send(text="<b>" + "x" * 4090 + "</b>&amp;", parse_mode="HTML")["text"] == "x" * 4090 + "&"
    (row,) = send(text="x", reply_markup=keyboard([button(data="é" * 32)] * 8))["reply_markup"]["inline_keyboard"]
    assert len(row) == 8


@pytest.mark.parametrize(
    ("content", "caption", "complaint"),
    [
        (b"", "x", "file must be non-empty"),
        (b"<svg></svg>", "x", "IMAGE_PROCESS_FAILED"),
        (PNG, "x" * 1025, "caption is too long"),
    ],
)
@pytest.mark.parametrize("telegram", [FakeTelegram(), LocalTelegram()], ids=["in tests", "in the terminal"])
def test_pictures_that_are_refused(telegram: LocalTelegram, content: bytes, caption: str, complaint: str):
    telegram.chats[7] = {"id": 7, "type": "private"}
    params = {"chat_id": 7, "caption": caption, "parse_mode": "HTML"}
    with pytest.raises(ApiError) as raised:
        telegram.call("sendPhoto", params, {"photo": ("plot.png", content)})
    assert complaint in raised.value.description
    fits = params | {"caption": "<b>" + "x" * 1024 + "</b>"}
    assert telegram.call("sendPhoto", fits, {"photo": ("plot.png", PNG)})["photo"]


def test_edits_that_are_refused(send: Callable[..., Any]):
    sent = send(text="one", reply_markup=keyboard([button()]))
    same = {"message_id": sent["message_id"], "text": "one", "reply_markup": keyboard([button()])}
    for params, complaint in (
        (same, "message is not modified"),
        (same | {"message_id": 999}, "message to edit not found"),
    ):
        with pytest.raises(ApiError) as raised:
            send("editMessageText", **params)
        assert complaint in raised.value.description
    send("editMessageText", **same | {"text": "two"})


def test_a_tap_can_be_answered_once(send: Callable[..., Any]):
    """A second answer is taken, and nobody sees it."""
    telegram: FakeTelegram = send.telegram  # type: ignore[attr-defined]
    query = telegram.press_update(telegram.person(7).user, None, "x")["callback_query"]
    for text in ("first", "second"):
        assert telegram.call("answerCallbackQuery", {"callback_query_id": query["id"], "text": text}, {})
    assert [answer.text for answer in telegram.answers] == ["first"]
    with pytest.raises(ApiError, match="query is too old"):
        telegram.call("answerCallbackQuery", {"callback_query_id": "12345"}, {})


@pytest.mark.parametrize("command", ["Top", "top-ten", "x" * 33, ""])
def test_commands_that_are_refused(send: Callable[..., Any], command: str):
    with pytest.raises(ApiError, match="BOT_COMMAND_INVALID"):
        send("setMyCommands", commands=[{"command": command, "description": "Ten picks"}])


@pytest.mark.parametrize("options", [["one"], ["x" * 101, "y"], [str(n) for n in range(13)]])
def test_polls_that_are_refused(send: Callable[..., Any], options: list[str]):
    with pytest.raises(ApiError, match="poll"):
        send("sendPoll", question="Tonight?", options=options)


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"url": "http://a.b"}, "An HTTPS URL must be provided for webhook"),
        ({"url": "https://a.b:5000"}, "only on ports 80, 88, 443 or 8443"),
        ({"url": "https://a.b", "secret_token": ""}, "unallowed characters"),
        ({"url": "https://a.b", "secret_token": "1:x"}, "unallowed characters"),
        ({"url": "https://a.b", "secret_token": "x" * 257}, "unallowed characters"),
        ({"url": "https://a.b", "max_connections": 101}, "max_connections"),
    ],
)
def test_webhooks_that_are_refused(send: Callable[..., Any], params: Json, complaint: str):
    with pytest.raises(ApiError) as raised:
        send("setWebhook", **params)
    assert complaint in raised.value.description
    assert send("getWebhookInfo")["url"] == ""


@pytest.mark.parametrize(("chat", "most", "seconds"), [(7, 15, 10), (-7, 20, 60)])
def test_who_says_too_much_is_told_to_wait(send: Callable[..., Any], chat: int, most: int, seconds: int):
    telegram: FakeTelegram = send.telegram  # type: ignore[attr-defined]
    telegram.group(-7)
    now = 0.0
    telegram.limits_floods(lambda: now)
    for _ in range(most):
        send(chat_id=chat, text="x")
    with pytest.raises(ApiError, match=f"Too Many Requests: retry after {seconds}"):
        send(chat_id=chat, text="x")
    now = seconds
    send(chat_id=chat, text="x")
    assert telegram.floods_refused == 1


def test_who_has_a_webhook_cannot_ask_for_updates(send: Callable[..., Any]):
    send("setWebhook", url="https://a.b:8443/c", secret_token="x" * 256)
    assert send("getWebhookInfo")["url"] == "https://a.b:8443/c"
    with pytest.raises(ApiError, match="Conflict"):
        send("getUpdates")
    send("deleteWebhook")
    assert send("getUpdates") == []


def test_it_answers_over_http():
    telegram = FakeTelegram()
    anna = telegram.person(7)
    with serve_bot_api(telegram, token="1:a") as url:

        def post(path: str) -> tuple[int, Json]:
            try:
                with urllib.request.urlopen(f"{url}/{path}", data=b"offset=0&timeout=1") as answer:  # noqa: S310
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as e:
                return e.code, json.load(e)

        assert post("bot1:a/getMe")[1]["result"]["username"] == "matinee_bot"
        assert post("bot1:b/getMe") == (401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        telegram._pending.append(telegram.message_update(anna.user, anna.chat, "/start"))
        (update,) = post("bot1:a/getUpdates")[1]["result"]
        assert update["message"]["text"] == "/start"
