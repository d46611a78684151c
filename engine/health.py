"""Shows whether a program is healthy: by a heartbeat in a file, and by a small server with /healthz and /metrics."""

import contextlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from engine.domain import MatineeError

REQUEST_SECONDS = 10.0
"""A request may take this long to come in; otherwise a client that says nothing would hold a thread for ever."""


class Heartbeat:
    """The time of a program's last sign of life, or of its start.

    It is stored as the modification time of a file, so that another process can read it (``check``), even if only the
    home folder is writable.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last = self._written = time.monotonic()

    def start(self) -> None:
        """Count from now on: the file of an earlier process says nothing about this one.

        Raises:
            OSError: the file's folder cannot be written to.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.unlink(missing_ok=True)
        self._last, self._written = time.monotonic(), float("-inf")

    def beat(self) -> None:
        """Record a sign of life. The file is touched at most once a second."""
        self._last = time.monotonic()
        if self._last - self._written >= 1:
            with contextlib.suppress(OSError):  # a full disk is no reason to stop; the file's age shows it
                self._file.touch()
                self._written = self._last

    def age_seconds(self) -> float:
        return time.monotonic() - self._last


def check(file: Path, what: str, *, limit_seconds: float, now: float) -> tuple[bool, str]:
    """Return whether a program is healthy, by its heartbeat file.

    Args:
        what: the name of the sign of life, such as "answered poll".
        now: seconds since 1970, as the file's own time.

    Returns:
        Whether it is healthy, and a line that says why.
    """
    try:
        age = max(0.0, now - file.stat().st_mtime)
    except FileNotFoundError:
        return False, f"unhealthy: no {what} yet ({file} is not there)"
    if age > limit_seconds:
        return False, f"unhealthy: the last {what} was {age:.0f} s ago, more than {limit_seconds:.0f}"
    return True, f"healthy: the last {what} was {age:.0f} s ago"


class PortTaken(MatineeError):
    """The port for /healthz and /metrics cannot be used."""


class HealthServer:
    """Answers in its own threads until ``close``. ``port`` is the port that it listens on."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def serve(port: int, healthy: Callable[[], tuple[bool, str]]) -> HealthServer:
    """Serve /healthz (200, or 503 with the reason) and Prometheus /metrics on all interfaces.

    Args:
        port: 0 is any that is free.
        healthy: returns whether the program is healthy, and a line that says why; it is called in another thread.

    Raises:
        PortTaken: another program has the port, or it may not be used.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            if self.path == "/healthz":
                well, line = healthy()
                self._reply(200 if well else 503, f"{line}\n".encode(), "text/plain; charset=utf-8")
            elif self.path.partition("?")[0] == "/metrics":
                self._reply(200, generate_latest(), CONTENT_TYPE_LATEST)
            else:
                self._reply(404, b"try /healthz or /metrics\n", "text/plain; charset=utf-8")

        def _reply(self, code: int, body: bytes, content_type: str) -> None:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing: probes come every few seconds."""

    try:
        server = ThreadingHTTPServer(("", port), Handler)
    except OSError as e:
        raise PortTaken(f"port {port} for /healthz and /metrics cannot be had: {e.strerror}") from e
    server.daemon_threads = True
    return HealthServer(server)
