"""The last step of calls to Telegram: no message is sent twice, and no edit is sent that changes nothing."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import httpx
import structlog
from telegram.error import BadRequest, TelegramError
from telegram.request import BaseRequest, RequestData

from bot.frame.context import Handling, handling
from bot.frame.delivery import Carrier, surely_not_sent
from bot.frame.inbox import Inbox
from engine.store import StoreError

log = structlog.get_logger(__name__)

SHOWN = 5000
"""Number of messages whose content is remembered; for older ones, Telegram says whether an edit changes them."""

TOO_MANY_REQUESTS = 429


class AnsweredBefore(TelegramError):
    """An earlier process may have answered this update. The update's change has been made again, which does no harm."""

    def __init__(self) -> None:
        super().__init__("this may have been answered before")


class Outbox(Carrier):
    """Holds back messages that may have been sent before, and edits that change nothing."""

    def __init__(self, inner: BaseRequest, inbox: Inbox) -> None:
        super().__init__(inner)
        self._inbox = inbox
        self._shown: OrderedDict[tuple[str, str], object] = OrderedDict()

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *timeouts: Any, **named: Any
    ) -> tuple[int, bytes]:
        """Make a call.

        Raises:
            AnsweredBefore: this message answers an update that an earlier process may have answered.
            BadRequest: the message shows this already.
        """
        called = url.rpartition("/")[2]
        if called.startswith("send"):
            code, payload = await self._send(url, method, request_data, *timeouts, **named)
            if called == "sendMessage" and code == httpx.codes.OK and request_data is not None:
                parameters, sent = request_data.json_parameters, json.loads(payload)["result"]
                self._keep((parameters["chat_id"], str(sent["message_id"])), _content(parameters))
                payload = _result({name: sent[name] for name in ("message_id", "date", "chat")})
            return code, payload
        if called == "editMessageText" and request_data is not None and "message_id" in request_data.parameters:
            return await self._edit(request_data.json_parameters, url, method, request_data, *timeouts, **named)
        return await super().do_request(url, method, request_data, *timeouts, **named)

    async def _send(self, *call: Any, **named: Any) -> tuple[int, bytes]:
        now = handling.get()
        if now is None or now.update_id is None or now.answered:
            return await super().do_request(*call, **named)
        if not await self._may_answer(now.update_id):
            raise AnsweredBefore
        now.answered = True
        sent = True
        try:
            code, payload = await super().do_request(*call, **named)
            sent = code != TOO_MANY_REQUESTS
        except TelegramError as e:
            sent = not surely_not_sent(e)
            raise
        finally:
            if not sent:
                await self._take_back(now, now.update_id)
        return code, payload

    async def _may_answer(self, update_id: int) -> bool:
        try:
            return await self._inbox.may_answer(update_id)
        except StoreError as e:
            log.warning("inbox_unavailable", reason=type(e).__name__, detail=str(e))
            return True

    async def _take_back(self, now: Handling, update_id: int) -> None:
        now.answered = False
        try:
            await self._inbox.not_answered(update_id)
        except StoreError as e:
            log.warning("inbox_unavailable", reason=type(e).__name__, detail=str(e))

    async def _edit(self, parameters: Mapping[str, str], *call: Any, **named: Any) -> tuple[int, bytes]:
        message, content = (parameters["chat_id"], parameters["message_id"]), _content(parameters)
        if self._shown.get(message) == content:
            raise BadRequest("Message is not modified")
        mine = object()  # forget the content until the call returns: another edit may overtake this one
        self._keep(message, mine)
        code, payload = await super().do_request(*call, **named)
        if code != httpx.codes.OK:
            return code, payload
        if self._shown.get(message) is mine:
            self._keep(message, content)
        return code, _result(True)

    def _keep(self, message: tuple[str, str], content: object) -> None:
        self._shown[message] = content
        self._shown.move_to_end(message)
        if len(self._shown) > SHOWN:
            self._shown.popitem(last=False)


def _content(parameters: Mapping[str, str]) -> int:
    return hash((parameters.get("text"), parameters.get("parse_mode"), parameters.get("reply_markup")))


def _result(value: object) -> bytes:
    """Return Telegram's answer to a call that went well, cut to what is of use to us.

    Telegram repeats the message, and the library makes objects of it, of each button too: a tenth of what a /top costs.
    """
    return json.dumps({"ok": True, "result": value}).encode()
