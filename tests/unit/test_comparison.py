"""The arguments of a comparison."""

import pytest

from engine.judging.comparison import BadPercents, parse_percents


def test_percents_are_read_as_people_write_them() -> None:
    assert parse_percents("60,70, 75,80") == [60, 70, 75, 80]
    assert parse_percents("80") == [80]


@pytest.mark.parametrize("text", ["", "0", "100", "0.8", "80,", "60 70", "-5", "eighty"])
def test_what_is_no_percentage_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadPercents, match="as in 60,70,75,80"):
        parse_percents(text)
