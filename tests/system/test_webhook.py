"""Strangers at the webhook: nothing of theirs is read, and they cost no memory."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.frame.webhook import secret
from tests.fakes import TOKEN
from tests.taps import Club, club

pytestmark = pytest.mark.system

STRANGERS, MEGABYTES_EACH = 15, 59
SECRET = f"X-Telegram-Bot-Api-Secret-Token: {secret(TOKEN)}"


@pytest.fixture
async def film_club(tmp_path: Path) -> AsyncIterator[Club]:
    """A bot with a webhook that has been brought a tap."""
    with club(tmp_path, people=1, webhook=True) as film_club:
        film_club.start()
        await film_club.tap(film_club.people[0])
        await film_club.settle()
        yield film_club


def sends(
    film_club: Club, *headers: str, body: bytes = b"", megabytes: int = 0, path: str = "/films"
) -> tuple[str, int]:
    """Post something as slowly as it is taken. Return the first line of the answer, and how many bytes were sent."""
    sent = 0
    with socket.create_connection(("127.0.0.1", film_club.webhook_port), timeout=20) as connection:
        head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: films", *headers, "", ""])
        connection.sendall(head.encode() + body)
        chunk = bytes(1_000_000)
        with contextlib.suppress(ConnectionError):
            for _ in range(megabytes):
                connection.sendall(chunk)
                sent += len(chunk)
        try:
            answer = connection.recv(1000)
        except ConnectionError:  # it was refused while we were still sending
            answer = b""
    return answer.decode().partition("\r\n")[0], sent


async def memory_peak(film_club: Club) -> float:
    """The most memory that the bot has had so far, in MB."""
    assert film_club.process is not None
    status = await asyncio.to_thread(Path(f"/proc/{film_club.process.pid}/status").read_text)
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1000


async def test_a_crowd_of_strangers_with_large_bodies_costs_no_memory(film_club: Club):
    before = await memory_peak(film_club)
    length = f"Content-Length: {MEGABYTES_EACH * 1_000_000}"
    answers = await asyncio.gather(
        *(asyncio.to_thread(sends, film_club, length, megabytes=MEGABYTES_EACH) for _ in range(STRANGERS))
    )
    assert await memory_peak(film_club) - before <= 20
    # The two kernels take what fits into their buffers; the bot reads no more than that.
    assert max(sent for _, sent in answers) <= 20_000_000
    await film_club.tap(film_club.people[0])
    await film_club.settle()
    assert film_club.missing() == 0


def answer_to(film_club: Club, *headers: str, body: bytes = b"", path: str = "/films") -> str:
    return sends(film_club, *headers, body=body, path=path)[0]


async def test_who_does_not_know_the_secret_is_refused_before_anything_is_sent(film_club: Club):
    """The answer comes while the body is still awaited."""
    waiting = "Content-Length: 1000"
    for headers in (
        [waiting],
        [waiting, "X-Telegram-Bot-Api-Secret-Token: opensesame"],
        ["Transfer-Encoding: chunked"],
    ):
        assert "403" in await asyncio.to_thread(answer_to, film_club, *headers)


async def test_what_is_too_large_is_refused_unread_though_it_knows_the_secret(film_club: Club):
    assert "413" in await asyncio.to_thread(answer_to, film_club, SECRET, "Content-Length: 1000001")


async def test_what_is_no_update_is_refused(film_club: Club):
    for body in (b"", b"[]", b"{}", b'{"update_id": "1"}', b"\xff"):
        answer = await asyncio.to_thread(answer_to, film_club, SECRET, f"Content-Length: {len(body)}", body=body)
        assert "400" in answer, body


async def test_there_is_nothing_at_another_address(film_club: Club):
    for path in ("/", "/films/more", "/healthz"):
        assert "404" in await asyncio.to_thread(answer_to, film_club, SECRET, "Content-Length: 2", path=path)
