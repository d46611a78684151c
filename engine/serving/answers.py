"""One person's picks as of now, from store and shelf together. Chat, API and command line all give this list."""

from collections.abc import Collection

from engine.serving import advice
from engine.serving.advice import PAGE, Line
from engine.serving.factors import DIVERSITY
from engine.serving.library import Shelf
from engine.serving.wish import ANYTHING, Wish
from engine.store import Recommendation, Store, Taste

LINE_BYTES = 200
"""What a line of a published list takes in memory, about."""


def current_picks(
    store: Store,
    shelf: Shelf,
    taste: Taste,
    wish: Wish = ANYTHING,
    *,
    leave_out: Collection[int] = (),
    only: Collection[int] | None = None,
    limit: int = PAGE,
    reasons: int = 2,
    diversity: float = DIVERSITY,
) -> list[Line]:
    """Return ``advice.picks``, with the list that the engine published for this person if it may be used.

    Raises:
        EmptyCatalogue: there are no films at all.
    """
    published: list[Recommendation] = []
    if wish.is_open and only is None and not taste.waiting:
        published = shelf.recent.of("list", taste, lambda: store.recommendations(taste.user_id), _bytes)
    return advice.picks(
        shelf,
        taste,
        wish,
        published=published,
        leave_out=leave_out,
        only=only,
        limit=limit,
        reasons=reasons,
        diversity=diversity,
    )


def _bytes(lines: list[Recommendation]) -> int:
    return LINE_BYTES * len(lines)
