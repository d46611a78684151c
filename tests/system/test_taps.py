"""Taps while the bot is killed, told to stop, or has much to catch up on: real processes, a Telegram over HTTP."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.taps import club

pytestmark = pytest.mark.system


@pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])
async def test_no_tap_is_lost_when_the_bot_is_killed(tmp_path: Path, webhook: bool):
    """At random moments under ten taps a second, and in the midst of a burst. Each tap is one act, and said once."""
    with club(tmp_path, people=30, webhook=webhook) as film_club:
        film_club.start()
        for _ in range(2):
            tapping = asyncio.create_task(film_club.tap_on(3, per_second=10))
            await asyncio.sleep(random.uniform(0.5, 2.5))
            film_club.kill()
            film_club.start()
            await tapping
        await film_club.settle()
        for person in film_club.people:
            await film_club.tap(person)
        await film_club.has_begun()
        film_club.kill()
        film_club.start()
        await film_club.settle()
        assert film_club.missing() == 0
        assert film_club.astray() == []
        assert film_club.told_twice() == 0


async def test_told_to_stop_with_taps_at_hand_it_answers_them_then_or_after_the_restart(tmp_path: Path):
    with club(tmp_path, people=400) as film_club:
        film_club.start()
        for person in film_club.people:
            await film_club.tap(person)
        await film_club.has_begun()
        assert await film_club.stop() == 0
        film_club.telegram.counts_calls()
        film_club.start()
        await film_club.settle()
        assert film_club.missing() == 0
        assert film_club.astray() == []
        assert film_club.telegram.most_calls_in_a_second() <= 30


async def test_an_answer_that_never_arrives_loses_no_tap(tmp_path: Path):
    """Telegram answers every answerCallbackQuery with 502."""
    with club(tmp_path, people=5) as film_club:
        film_club.start()
        film_club.telegram.fails_for_ever("answerCallbackQuery")
        for person in film_club.people:
            await film_club.tap(person)
        await film_club.settle()
        assert film_club.missing() == 0
        assert film_club.astray() == []
