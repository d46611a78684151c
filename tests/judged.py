"""Lists of similar titles, judged by what people wrote down by hand: ``data/judged_similar.txt``,
``data/film_families.txt`` and ``data/artist_scenes.txt``. Used by tests and by ``benchmarks/quality/similar.py``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.domain import Film

DATA = Path(__file__).parent / "data"
GUIDE, HELD_BACK = "guide", "held back"

Lists = Mapping[int, Sequence[int]]
"""For each film the ids of those most like it, best first."""


@dataclass(frozen=True)
class Judgement:
    """The judgement of one film: ids that belong in its list, and ids that would be laughed at."""

    half: str
    movie_id: int
    belongs: frozenset[int]
    laughable: frozenset[int]


def key(title: str) -> str:
    """Titles differ in signs from one data set to the next: "The Godfather Part II", "The Godfather: Part II"."""
    return re.sub(r"\W", "", title.casefold())


class Judge:
    """The written judgements, in the ids of one data set. Titles that it lacks are ignored."""

    def __init__(self, films: Sequence[Film]) -> None:
        self._films = films
        self._ids: dict[str, int] = {}
        for film in films:
            self._ids.setdefault(key(f"{film.display_title} ({film.year})"), film.id)
        self.verdicts = list(self._read((DATA / "judged_similar.txt").read_text().splitlines()))
        self.families = [self._known(family) for family in paragraphs("film_families.txt")]
        self.families = [family for family in self.families if len(family) > 1]

    def of_ten(self, lists: Lists, half: str) -> tuple[float, int]:
        """Return how many of a film's first ten belong there, on average, and how many would be laughed at in all."""
        verdicts = [verdict for verdict in self.verdicts if verdict.half == half]
        first = [(verdict, set(lists.get(verdict.movie_id, ())[:10])) for verdict in verdicts]
        belonging = [len(verdict.belongs & films) for verdict, films in first]
        return float(np.mean(belonging)), sum(len(verdict.laughable & films) for verdict, films in first)

    def family_recall(self, lists: Lists) -> float:
        """The share of a film's family (of ten of its members, if it has more) that its first ten hold; the mean."""
        return recall(self.families, lists)

    def id_of(self, title: str) -> int:
        return self._ids[key(title)]

    def _known(self, titles: Iterable[str]) -> list[int]:
        return [self._ids[key(title)] for title in titles if key(title) in self._ids]

    def _read(self, text: Iterable[str]) -> Iterable[Judgement]:
        groups: dict[str, list[str]] = {}
        judged: list[tuple[str, str, list[str], list[str]]] = []
        half, group = "", None
        for line in text:
            mark, rest = line[:1], line[1:].strip()
            if mark == "#":
                continue
            if mark == "[":
                half = rest.rstrip("]")
            elif mark == "=":
                judged.append((half, rest, [], []))
            elif line[:2] in ("+ ", "- "):
                judged[-1][2 if mark == "+" else 3].append(rest)
            elif mark == "@":
                group = groups.setdefault(rest, [])
            elif line and group is not None:
                group.append(line)
        for half, title, good, bad in judged:
            if key(title) in self._ids:
                movie_id = self.id_of(title)
                belongs = frozenset(self._meant(good, groups))
                yield Judgement(half, movie_id, belongs, frozenset(self._meant(bad, groups)) - belongs - {movie_id})

    def _meant(self, entries: Iterable[str], groups: Mapping[str, Sequence[str]]) -> set[int]:
        """Return the films of entries: titles, "@group", "any GENRE", "any GENRE FROM-TO"."""
        found: set[int] = set()
        for entry in entries:
            kind = re.fullmatch(r"any (\S+)(?: (\d{4})-(\d{4}))?", entry)
            if kind:
                since, until = (int(kind[2]), int(kind[3])) if kind[2] else (0, 9999)
                films = (film for film in self._films if kind[1] in film.genres)
                found.update(film.id for film in films if kind[2] is None or since <= (film.year or -1) <= until)
            else:
                found.update(self._known(groups[entry[1:]] if entry.startswith("@") else [entry]))
        return found


def scenes(films: Sequence[Film]) -> list[list[int]]:
    """Return the artists that belong together, by id; of two with one name, the better known."""
    ids: dict[str, int] = {}
    for artist in sorted(films, key=lambda artist: -artist.rating_count):
        ids.setdefault(key(artist.display_title), artist.id)
    return [[ids[key(name)] for name in names if key(name) in ids] for names in paragraphs("artist_scenes.txt")]


def of_a_scene(groups: Sequence[Sequence[int]], lists: Lists, known: Iterable[int]) -> float:
    """Return how many of an artist's first ten are of the same scene: the mean over artists in ``known``."""
    known = set(known)
    return float(
        np.mean(
            [
                len(set(lists.get(artist, ())[:10]) & set(group))
                for group in groups
                for artist in group
                if artist in known
            ]
        )
    )


def recall(groups: Sequence[Sequence[int]], lists: Lists) -> float:
    shares = []
    for group in groups:
        for member in group:
            others = set(group) - {member}
            shares.append(len(others & set(lists.get(member, ())[:10])) / min(len(others), 10))
    return float(np.mean(shares))


def paragraphs(name: str) -> list[list[str]]:
    """Return the lines of each paragraph of one of the files, without comments."""
    text = (DATA / name).read_text().split("\n\n")
    found = [[line for line in part.splitlines() if line and not line.startswith("#")] for part in text]
    return [part for part in found if part]
