"""Steps that many tests share: rate films by hand, and read lists off the screen."""

import re

from tests.fakes import Person

ENTRY = re.compile(r"^(\d+)  (.+?)(?: ·.*)?$", re.MULTILINE)


def numbers(text: str) -> list[int]:
    """The numbers in front of a list's lines."""
    return [int(number) for number, _ in ENTRY.findall(text)]


def titles(text: str) -> list[str]:
    """The films of a list, with their years, in order. A text without a list fails the test."""
    found = listed(text)
    assert found, f"there is no list in {text!r}"
    return found


def listed(text: str) -> list[str]:
    """The films of a list, with their years, in order; empty without a list."""
    return [film for _, film in ENTRY.findall(text)]


async def rates(person: Person, **ratings: str) -> None:
    """Give stars by the films' names: ``await rates(anna, heat="4½", high_noon="5")``."""
    for name, stars in ratings.items():
        await person.says(name.replace("_", " "))
        await person.presses(stars)
        assert f", {stars}. " in person.sees, person.screen


async def answers(person: Person, *stars: str) -> None:
    """Answer the questions on screen one after the other."""
    for value in stars:
        await person.presses(value)
