"""Callback data: parsing returns what was packed, and refuses everything else."""

from dataclasses import fields
from typing import get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.speech import buttons
from bot.speech.buttons import LATER, LIMITS, PLACES, BadButton, Button, Place, pack, parse
from bot.speech.language import LANGUAGES
from engine.store import Dismissal
from engine.store.links import CODE

places = st.builds(
    Place,
    st.sampled_from(sorted(PLACES)),
    st.integers(0, 2**31 - 1),
    st.integers(*LIMITS["page"]),
)


def any_button(kind: type[Button]) -> st.SearchStrategy[Button]:
    """Every button of one kind, its values as large as they may be."""
    types = get_type_hints(kind)
    values = {
        field.name: places
        if types[field.name] is Place
        else st.sampled_from(Dismissal)
        if types[field.name] is Dismissal
        else st.from_regex(CODE, fullmatch=True)
        if field.name == "code"
        else st.sampled_from(["-", *LANGUAGES])
        if types[field.name] is str
        else st.integers(*LIMITS[field.name])
        for field in fields(kind)
    }
    return st.builds(kind, **values)


all_buttons = st.one_of([any_button(kind) for kind in buttons.kinds().values()])


@given(all_buttons)
def test_every_button_comes_back_as_it_was_packed(button: Button):
    assert parse(pack(button)) == button


@given(all_buttons)
def test_no_button_is_longer_than_telegram_takes(button: Button):
    assert 1 <= len(pack(button).encode()) <= 64


@given(st.text())
def test_any_text_is_a_button_or_refused(text: str):
    try:
        button = parse(text)
    except BadButton:
        return
    assert pack(button) == text


@given(all_buttons, st.integers(0, 63), st.text(max_size=3))
@example(buttons.UndoImport(0, 1, 1, 1), 8, "")
def test_data_that_was_tampered_with_is_well_formed_or_refused(button: Button, at: int, text: str):
    data = pack(button)
    try:
        other = parse(data[:at] + text + data[at + 1 :])
    except BadButton:
        return
    for field in fields(other):
        value = getattr(other, field.name)
        if isinstance(value, int) and not (value == 0 and field.name in LATER):  # cut off, as on older buttons
            low, high = LIMITS[field.name]
            assert low <= value <= high


@pytest.mark.parametrize(
    "data",
    [None, "", "r", "r:1:2", "r:1:2:11:-0_1", "r:1:2:0:-0_1", "r:1:2:+5:-0_1", "r:1:2:5:-0_1 ", "r:1:-1:5:-0_1",
     "r:1:2:5:q0_1", "r:1:2:5:p1_0", "p:1:2:q:-0_1", "zz:1", "fy:", "fy:1:1", "fy:1_0", "fy:²"],
)  # fmt: skip
def test_what_no_button_of_ours_carries_is_refused(data: str | None):
    with pytest.raises(BadButton):
        parse(data)


def test_codes_are_told_apart_by_their_pattern():
    """ "qa" begins with "q", but neither handler takes the other's taps."""
    import re

    for code, kind in buttons.kinds().items():
        matching = [other for other in buttons.kinds() if re.match(buttons.pattern(kind), f"{other}:1")]
        assert matching == [code]


def test_half_stars_become_stars():
    assert buttons.Rate(1, 2, 9).stars == 4.5
    assert buttons.Answer(1, 2, 1).stars == 0.5
