"""The Bot API in memory over HTTP, for bots in other processes and in containers."""

import json
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message as EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bot.terminal.telegram import ApiError, Json
from tests.fakes.telegram import FakeTelegram

TOKEN = "123456:TEST-TOKEN"


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
