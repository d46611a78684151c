"""A database that can be cut off and come back: a proxy in front of a real Postgres."""

import contextlib
import socket
import tempfile
import threading
from pathlib import Path

import psycopg.conninfo
import sqlalchemy as sa


class Proxy:
    """Passes connections on to a Postgres while it is open. ``url`` is the database as seen through it.

    Closing it breaks every connection at once, like a server that is killed.
    """

    def __init__(self, url: str) -> None:
        facts = psycopg.conninfo.conninfo_to_dict(url)
        self._postgres = f"{facts['host']}/.s.PGSQL.{facts.get('port', 5432)}"
        self._folder = tempfile.TemporaryDirectory(prefix="proxy-")  # a socket's path must be short
        self._socket = Path(self._folder.name) / ".s.PGSQL.5432"
        through = {"host": self._folder.name, "port": "5432"}
        self.url = sa.make_url(url).update_query_dict(through).set(port=None, host=None).render_as_string(False)
        self._listening: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self.open()

    def open(self) -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self._socket))
        listening.listen()
        self._listening = listening
        threading.Thread(target=self._accept, args=[listening], daemon=True).start()

    def close(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            self._socket.unlink()
            for each in (listening, *self._connections):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._connections.clear()

    def closed_for(self, seconds: float) -> None:
        """Close it, and open it again after so long; return at once."""
        self.close()
        again = threading.Timer(seconds, self.open)
        again.daemon = True
        again.start()

    def remove(self) -> None:
        self.close()
        self._folder.cleanup()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = listening.accept()
                theirs = socket.socket(socket.AF_UNIX)
                theirs.connect(self._postgres)
                self._connections += [ours, theirs]
                for source, target in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=_pass_on, args=[source, target], daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_RDWR)
