"""The sentences of ``tests/data/said``, and whether one was understood."""

import re
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from bot.speech.understanding import (
    Filmmaker,
    Meaning,
    Nothing,
    SpokenCommand,
    SpokenCourtesy,
    SpokenWish,
    Statement,
    TitleOf,
    Which,
    World,
)
from engine.datasets import demo
from engine.domain import Film
from engine.serving import names
from engine.serving.title_index import TitleIndex
from engine.serving.wish import Wish

FOLDER = Path(__file__).parent / "data" / "said"
LANGUAGES = ("en", "de", "es")
THIS_YEAR = 2026


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that somebody may write, and its meaning: see the README beside the sentences."""

    text: str
    meaning: str

    @property
    def tests(self) -> bool:
        """Whether it belongs to the half that was not used to build the grammar."""
        return zlib.crc32(self.text.encode()) % 2 == 1


def sentences(language: str) -> list[Sentence]:
    lines = (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    return [Sentence(*line.split("\t")) for line in lines]


@cache
def demo_films() -> list[Film]:
    """The bundled films, each with as many ratings as it gets from the simulated audience."""
    films = demo.films()
    audience = demo.audience(films)
    counts: dict[int, int] = {}
    for movie_id in audience.movie_ids.tolist():
        counts[movie_id] = counts.get(movie_id, 0) + 1
    return [replace(film, rating_count=counts.get(film.id, 0)) for film in films]


@cache
def demo_world() -> World:
    films = demo_films()
    genres = tuple(sorted({genre for film in films for genre in film.genres}))
    return World(TitleIndex(films, names.read()), genres, max(film.year or 0 for film in films), THIS_YEAR)


def told(meaning: Meaning, expected: str) -> str:
    """Return a meaning in the words of the files. Open parts ("newer" than a film) are taken from ``expected``."""
    match meaning:
        case SpokenCourtesy(courtesy):
            return str(courtesy)
        case SpokenCommand(command):
            return f"do {command}"
        case Filmmaker(name):
            return f"person {name}"
        case TitleOf(film):
            return f"film {_name(film)}"
        case Which(_, found):
            return "nothing" if expected == "nothing" else f"which {_name(found.hits[0].film)}"
        case Statement(stance, film, stars):
            return f"{stance} {f'{stars:g} ' if stars else ''}{_name(film)}"
        case SpokenWish(wish, like, left_out):
            return _ask(wish, like, left_out)
        case Nothing():
            return "nothing"


def wanted(expected: str) -> str:
    """Return an expected meaning in the order of ``told``."""
    if not expected.startswith("wish"):
        return expected
    like = re.search(r"like=(.+? \((\d{4})\))", expected)
    rest = expected.replace(like[0], "") if like else expected
    rest, *left_out = re.split(r"\s*~", rest)
    parts = rest.split()[1:]
    years = next((part for part in parts if re.fullmatch(r"\d{4}-(\d{4})?|-\d{4}", part)), "-")
    since, _, until = years.partition("-")
    if like and "newer" in parts:
        since = str(int(like[2]) + 1)
    if like and "older" in parts:
        until = str(int(like[2]) - 1)
    genres = [part for part in parts if part[:1].isupper()]
    either = tuple(sorted(genre for part in genres if "|" in part for genre in part.split("|")))
    wish = Wish(
        tuple(sorted(genre for genre in genres if "|" not in genre)),
        tuple(sorted(part[1:] for part in parts if re.match(r"-[A-Z]", part))),
        int(since) if since else None,
        int(until) if until else None,
        either,
        next((int(part[1:]) for part in parts if part.startswith("#")), None),
    )
    return _ask(wish, like[1] if like else None, tuple(word.strip() for word in left_out))


def _ask(wish: Wish, like: Film | str | None, left_out: tuple[str, ...]) -> str:
    said = [
        *sorted(wish.genres),
        *(f"-{genre}" for genre in sorted(wish.without)),
        "|".join(sorted(wish.either)),
        f"{wish.since or ''}-{wish.until or ''}",
        f"#{wish.count}" if wish.count else "",
        f"like={_name(like) if isinstance(like, Film) else like}" if like else "",
        *(f"~{word.casefold()}" for word in left_out),
    ]
    return " ".join(["wish", *filter(None, said)])


def _name(film: Film) -> str:
    return f"{film.display_title} ({film.year})"
