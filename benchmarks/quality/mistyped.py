"""Which film is found for a title that was typed badly, and is a wrong one ever opened?

    python -m benchmarks.quality.mistyped [--data FOLDER] [--seed N] [--wrong]

Types 500 titles as people do: a key beside the right one, letters lost, doubled or swapped, no spaces, articles behind
or left out, "2" for "II", words by their sound, half a title, German and Spanish names; well-known films more often.
Prints for each kind how often the film comes first and among the first eight, how often the search is sure, and how
often it is sure of another film; a film of the same name counts as right. Exits with 1 if fewer than 97 % come first or
more than 0.5 % are opened wrongly. The films are the bundled ones, or those of a data set's folder. ``--seed`` draws
other titles, ``--wrong`` lists what went wrong: for working on the search, so that the default seed stays unseen.
"""

import argparse
import csv
import random
import re
import string
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engine.datasets.titles import parse_title
from engine.domain import Film
from engine.serving import names
from engine.serving.names.words import ARTICLES
from engine.serving.title_index import TitleIndex
from tests.said import demo_films

TYPED = 500
FIRST, WRONG = 0.97, 0.005

BESIDE = {
    key: (row[at - 1 : at] if at else "") + row[at + 1 : at + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for at, key in enumerate(row)
}
SOUNDS = (("ph", "f"), ("ck", "k"), ("ie", "ei"), ("ei", "ie"), ("y", "i"), ("c", "k"), ("z", "s"), ("tch", "ch"))
SOUNDS += (("qu", "kw"), ("x", "ks"), ("ough", "o"), ("ea", "ee"), ("wh", "w"), ("th", "t"))
NUMERALS = {"II": "2", "III": "3", "IV": "4", "V": "5", "2": "II", "3": "III", "4": "IV", "5": "V"}

Typing = Callable[[random.Random, Film], str | None]


def slip(dice: random.Random, text: str) -> str:
    """Return a text with one letter lost, doubled, swapped with the next, or replaced by the key beside it."""
    places = [at for at, sign in enumerate(text) if sign.isalpha()]
    if not places:
        return text
    at = dice.choice(places)
    letter, rest = text[at], text[at + 1 :]
    beside = BESIDE.get(letter.lower(), "") or string.ascii_lowercase
    return text[:at] + dice.choice(
        (rest, letter + letter + rest, rest[:1] + letter + rest[1:], dice.choice(beside) + rest)
    )


def one_slip(dice: random.Random, film: Film) -> str | None:
    return slip(dice, film.display_title.lower()) if _letters(film) >= 5 else None


def two_slips(dice: random.Random, film: Film) -> str | None:
    return slip(dice, slip(dice, film.display_title.lower())) if _letters(film) >= 12 else None


def no_spaces(_: random.Random, film: Film) -> str | None:
    return film.display_title.lower().replace(" ", "") if " " in film.display_title else None


def no_signs(_: random.Random, film: Film) -> str | None:
    bare = re.sub(r"[^\w\s]", "", film.display_title.lower())
    return bare if bare.strip() and bare != film.display_title.lower() else None


def article(dice: random.Random, film: Film) -> str | None:
    first, _, rest = film.display_title.partition(" ")
    if first.lower() not in ARTICLES or not rest:
        return None
    return slip(dice, dice.choice((rest, f"{rest}, {first}", f"{rest} {first}")).lower())


def numeral(_: random.Random, film: Film) -> str | None:
    words = film.display_title.replace(":", "").split()
    other = [NUMERALS.get(word, word) for word in words]
    return " ".join(other).lower() if other != words else None


def by_sound(dice: random.Random, film: Film) -> str | None:
    text = film.display_title.lower()
    ways = [(heard, written) for heard, written in SOUNDS if heard in text[1:]]
    if not ways or _letters(film) < 6:
        return None
    heard, written = dice.choice(ways)
    return text[0] + text[1:].replace(heard, written, 1)


def half_of_it(halves: Counter[str]) -> Typing:
    """Type the part before or after the colon, if no other film has it."""

    def half(dice: random.Random, film: Film) -> str | None:
        telling = [part for part in _halves(film) if halves[part] == 1 and len(part) > 9]
        return slip(dice, dice.choice(telling)) if telling else None

    return half


def with_year(dice: random.Random, film: Film) -> str | None:
    year = (film.year or 0) + dice.choice((0, 0, 1, -1))
    return f"{slip(dice, film.display_title.lower())} {year}" if _letters(film) >= 5 and film.year else None


def elsewhere(called: dict[int, list[str]]) -> Typing:
    def translated(dice: random.Random, film: Film) -> str | None:
        others = [name for name in called.get(film.id, ()) if len(name) >= 8]
        return slip(dice, dice.choice(others).lower()) if others else None

    return translated


def catalogue(folder: Path | None) -> list[Film]:
    """Return the films, each with its number of ratings."""
    if folder is None:
        return demo_films()
    counts: defaultdict[int, int] = defaultdict(int)
    with (folder / "ratings.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counts[int(row["movieId"])] += 1
    films = []
    with (folder / "movies.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            parsed = parse_title(row["title"])
            film = Film(int(row["movieId"]), row["title"], parsed.display_title, parsed.alternative_titles, parsed.year)
            films.append(replace(film, rating_count=counts[film.id]))
    return films


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--seed", type=int, default=1895)
    arguments.add_argument("--wrong", action="store_true")
    asked = arguments.parse_args()
    dice, films = random.Random(asked.seed), catalogue(asked.data)
    index = TitleIndex(films, tables := names.read())
    called: dict[int, list[str]] = {}
    for film, others in tables.called:
        for meant in index.named(f"{film.titles[0]} {film.year}")[:1]:
            called.setdefault(meant.id, []).extend(others)
    ways: dict[str, Typing] = {
        "one slip": one_slip,
        "two slips": two_slips,
        "no spaces": no_spaces,
        "no signs": no_signs,
        "article": article,
        "numeral": numeral,
        "by sound": by_sound,
        "half of it": half_of_it(
            Counter(part for film in films for part in {*_halves(film), film.display_title.lower()})
        ),
        "with its year": with_year,
        "another language": elsewhere(called),
    }
    weights = [film.rating_count + 1 for film in films]
    results: dict[str, list[tuple[bool, bool, bool]]] = {kind: [] for kind in ways}
    while sum(map(len, results.values())) < TYPED:
        kind = min(ways, key=lambda kind: (len(results[kind]), kind))
        film = dice.choices(films, weights)[0]
        text = ways[kind](dice, film)
        if text is None:
            continue
        results[kind].append(answer := judged(index, film, text))
        if asked.wrong and not answer[0]:
            shown = [f"{hit.film.title} {hit.score}" for hit in index.find(text).hits[:3]]
            print(f"{kind}: {text!r} is {film.title!r}, found {shown}{' SURE' if answer[2] else ''}")
    print(f"{'typed':<18}{'first':>8}{'of eight':>10}{'sure':>8}{'wrong':>8}")
    for kind, judgements in results.items():
        print(f"{kind:<18}{_shares(judgements)}")
    every = [judgement for judgements in results.values() for judgement in judgements]
    print(f"{'all':<18}{_shares(every)}")
    first = sum(judgement[0] for judgement in every) / len(every)
    wrong = sum(judgement[2] and not judgement[0] for judgement in every) / len(every)
    return 1 if first < FIRST or wrong > WRONG else 0


def judged(index: TitleIndex, film: Film, text: str) -> tuple[bool, bool, bool]:
    """Return whether the film comes first, whether it is among the first eight, and whether the search is sure."""
    found = index.find(text, 8)
    right = [hit.film.display_title == film.display_title for hit in found.hits]
    return right[:1] == [True], any(right), found.sure


def _shares(judgements: Sequence[tuple[bool, bool, bool]]) -> str:
    n = len(judgements)
    first, eight, sure = (sum(judgement[at] for judgement in judgements) / n for at in range(3))
    wrong = sum(judgement[2] and not judgement[0] for judgement in judgements) / n
    return f"{first:>8.1%}{eight:>10.1%}{sure:>8.1%}{wrong:>8.1%}"


def _halves(film: Film) -> list[str]:
    parts = re.split(r": | - ", film.display_title.lower())
    return parts if len(parts) > 1 else []


def _letters(film: Film) -> int:
    return sum(map(str.isalpha, film.display_title))


if __name__ == "__main__":
    sys.exit(main())
