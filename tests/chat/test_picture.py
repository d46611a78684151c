"""The README's picture of the chat shows what the bot says today."""

import asyncio

from docs.draw_chat import conversation, pictures
from tests import world


async def test_the_picture_is_up_to_date() -> None:
    """If it is not: `make picture`."""
    drawn = await asyncio.to_thread(pictures)
    assert len(drawn) == 2
    for path, svg in drawn.items():
        assert path.read_text() == svg, f"{path.name} is out of date: make picture"


async def test_the_picture_shows_a_rating_and_picks_with_reasons() -> None:
    asks, picks = await asyncio.to_thread(conversation)
    assert [said.pressed for said in asks if said.pressed] == ["4½"]
    assert asks[-1].html.startswith("The Matrix, 4½")
    assert any(name in picks[-1].html for name in world.NAMES.values())
    assert "because of" in picks[-1].html
