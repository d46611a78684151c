"""Sets that are fetched by name, from a server that breaks off, has no ranges or has moved."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.datasets import DownloadFailed, silent
from engine.datasets.fetching import fetch
from tests.unit.datasets.sets import HEADER, MOVIES


class GroupLens(ThreadingHTTPServer):
    """Serves one zip and its checksum, with ranges. The first ``breaks`` answers stop after a third of their length."""

    def __init__(self, content: bytes, *, md5: str | None = None, breaks: int = 0, ranges: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Publishes)
        self.content, self.md5, self.breaks, self.ranges = content, md5, breaks, ranges
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/datasets/"


class _Publishes(BaseHTTPRequestHandler):
    server: GroupLens
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        content, status = self.server.content, 200
        if self.path == "/datasets/ml-latest-small.zip.md5" and self.server.md5:
            content = f"MD5 (ml-latest-small.zip) = {self.server.md5}\n".encode()
        elif self.path != "/datasets/ml-latest-small.zip":
            content, status = b"not here", 404
        elif asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            content, status = (content[start:], 206) if start < len(content) else (b"", 416)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.path.endswith(".zip") and self.server.breaks and status < 300:
            self.server.breaks -= 1
            content = content[: len(content) // 3]
            self.close_connection = True
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Start a GroupLens of our own, which answers until the test ends."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    started: list[GroupLens] = []

    def start(content: bytes = FILMS_ZIP, **behaviour) -> GroupLens:
        behaviour.setdefault("md5", hashlib.md5(content, usedforsecurity=False).hexdigest())
        server = GroupLens(content, **behaviour)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def _films_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("ml-latest-small/ratings.csv", HEADER + "".join(f"{user},1,4,1\n" for user in range(500)))
        archive.writestr("ml-latest-small/movies.csv", MOVIES)
    return content.getvalue()


FILMS_ZIP = _films_zip()
NAME = "ml-latest-small"


def fetched(server: GroupLens, downloads: Path) -> Path:
    return fetch(NAME, downloads, base_url=server.url, progress=silent, wait=lambda seconds: None)


def test_a_name_is_fetched_once_and_loaded(world, published):
    server = published()
    heard: list[str] = []
    report = world.load(NAME, base_url=server.url, progress=lambda stage, done, detail: heard.append(stage))
    assert report.catalogue.dataset == NAME
    assert report.catalogue.rating_count == 500
    assert "GroupLens" in report.catalogue.terms
    assert report.catalogue.terms in "\n".join(report.lines())
    assert "fetch" in heard
    assert [path.name for path in (world.path / "downloads").iterdir()] == ["ml-latest-small.zip"]

    asked = len(server.asked)
    assert not world.load(NAME, base_url=server.url).changed
    assert len(server.asked) == asked


def test_a_download_that_breaks_off_goes_on_where_it_stopped(tmp_path, published):
    server = published(breaks=2)
    assert fetched(server, tmp_path).read_bytes() == FILMS_ZIP
    ranges = [asked for path, asked in server.asked if path.endswith(".zip")]
    third = len(FILMS_ZIP) // 3
    assert ranges == [None, f"bytes={third}-", f"bytes={third + (len(FILMS_ZIP) - third) // 3}-"]


def test_a_server_without_ranges_sends_it_whole_again(tmp_path, published):
    server = published(breaks=1, ranges=False)
    assert fetched(server, tmp_path).read_bytes() == FILMS_ZIP


@pytest.mark.parametrize(
    "left",
    [FILMS_ZIP[:100], FILMS_ZIP, b"of an older edition", FILMS_ZIP + b"too much"],
    ids=["its beginning", "all of it", "an older edition", "too much"],
)
def test_what_an_earlier_try_left_is_used_if_it_fits(tmp_path, published, left):
    (tmp_path / "ml-latest-small.zip.part").write_bytes(left)
    assert fetched(published(), tmp_path).read_bytes() == FILMS_ZIP
    assert [path.name for path in tmp_path.iterdir()] == ["ml-latest-small.zip"]


def test_a_wrong_checksum_leaves_no_file(tmp_path, published):
    server = published(md5="0" * 32)
    with pytest.raises(DownloadFailed, match="does not match its checksum"):
        fetched(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("content", "whole"), [(FILMS_ZIP, True), (FILMS_ZIP[:-50], False)])
def test_where_no_checksum_is_published_the_zip_checks_itself(tmp_path, published, content, whole):
    server = published(content, md5=None)
    if whole:
        assert fetched(server, tmp_path).read_bytes() == content
    else:
        with pytest.raises(DownloadFailed, match="checksum"):
            fetched(server, tmp_path)


def test_without_a_network_the_way_by_hand_is_told(tmp_path, published):
    server = published()
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadFailed, match=r"ml-latest-small.zip: .*in a browser.*engine load .*ml-latest-small.zip"):
        fetched(server, tmp_path)


def test_a_server_that_keeps_breaking_off_is_given_up(tmp_path, published):
    server = published(breaks=100, ranges=False)
    with pytest.raises(DownloadFailed, match="goes on where it stopped"):
        fetched(server, tmp_path)
    assert (tmp_path / "ml-latest-small.zip.part").exists()


def test_a_file_that_is_not_there_any_more(tmp_path, published):
    server = published()
    with pytest.raises(DownloadFailed, match="the server answered 404"):
        fetch("ml-1m", tmp_path, base_url=server.url, progress=silent)
