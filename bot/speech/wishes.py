"""From words to a wish: "sci-fi 80s", "comedy -horror after 2000". Pure."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache

from bot.speech.language import names_of_genre
from engine.serving.wish import FIRST_YEAR, LAST_YEAR, Wish

# What people may type, in each of our languages; nobody is shown these words.
_FILLERS = frozenset({"a", "an", "and", "the", "of", "in", "some", "with", "for", "me", "please"})
_FILLERS |= {"film", "films", "movie", "movies", "genre"}
_FILLERS |= {"ein", "eine", "einen", "der", "die", "das", "den", "und", "mit", "aus", "im", "für", "mich", "bitte"}
_FILLERS |= {"filme", "jahre", "jahren", "un", "una", "el", "la", "los", "las", "de", "del", "y", "o", "con", "para"}
_FILLERS |= {"mi", "por", "favor", "película", "películas", "pelicula", "peliculas", "género", "año", "años"}
_NOT = frozenset({"not", "no", "without", "except", "nicht", "kein", "keine", "keinen", "ohne", "sin"})
_AFTER = frozenset({"after", "nach", "después", "despues", "tras"})
_SINCE = frozenset({"since", "from", "seit", "ab", "desde"})
_BEFORE = frozenset({"before", "vor", "antes"})
_UNTIL = frozenset({"until", "till", "bis", "hasta"})

_ALIASES = {
    "sf": "scifi",
    "sciencefiction": "scifi",
    "romcom": "comedy",
    "romantic": "romance",
    "kids": "children",
    "family": "children",
    "cartoon": "animation",
    "animated": "animation",
    "scary": "horror",
    "noir": "filmnoir",
    "funny": "comedy",
    "doc": "documentary",
    "musicals": "musical",
    "kinder": "children",
    "lustig": "comedy",
    "zeichentrick": "animation",
    "gruselfilm": "horror",
    "liebe": "romance",
    "krieg": "war",
    "niños": "children",
    "infantiles": "children",
    "divertida": "comedy",
    "dibujos": "animation",
    "miedo": "horror",
    "romántica": "romance",
    "guerra": "war",
    "policíaca": "crime",
}

_YEAR = re.compile(r"(\d{4})")
_SPAN = re.compile(r"(\d{4})(?:-|–|to|\.\.)(\d{4})")
_DECADE = re.compile(r"'?(\d{2}|\d{4})(?:'?s|er)")


def parse_wish(text: str, genres: Sequence[str], this_year: int) -> tuple[Wish, tuple[str, ...]]:
    """Return what ``text`` asks for, and the words in it that mean nothing to us.

    Args:
        genres: those of the catalogue; a word may be the beginning of one, misspelled, or a usual name for it, in any
            of our languages.
        this_year: "20s" are those of 2020 once that has come, "30s" are still those of 1930.
    """
    wanted: list[str] = []
    unwanted: list[str] = []
    unknown: list[str] = []
    since: int | None = None
    until: int | None = None
    # "sci fi" and "film noir" are one genre each; "1990 - 1999" one span; "años 80" ten years.
    text = re.sub(r"(?<=\d)\s*[-–]\s*(?=\d)", "-", text.lower())
    text = re.sub(r"\b(sci|film|science|cine|ciencia)\s+(?=fi\b|noir\b|fiction\b|negro\b|ficci[oó]n\b)", r"\1", text)
    text = re.sub(r"\b(?:años|los)\s+'?(\d{2}|\d{4})\b", r"\1s", text)
    bound, negative = "", False
    for raw in re.split(r"[\s,;/]+", text):
        word = raw.strip('.!?"“”()')
        dashed, word = word.startswith(("-", "−")), word.lstrip("-−")
        if not word:
            continue
        if word in _NOT:
            negative = True
        elif word in _AFTER | _SINCE | _BEFORE | _UNTIL:
            bound = word
        elif (years := _years(word, this_year)) is not None:
            low, high = years
            if bound in _AFTER | _SINCE:
                since = high + 1 if bound in _AFTER else low
            elif bound in _BEFORE | _UNTIL:
                until = low - 1 if bound in _BEFORE else high
            else:
                since, until = low, high
            bound = ""
        elif word in _FILLERS:
            continue
        elif (genre := _genre(word, _names(tuple(genres)))) is not None:
            (unwanted if dashed or negative else wanted).append(genre)
            negative = False
        else:
            unknown.append(word)
    wish = Wish(tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(unwanted)), since, until)
    return wish, tuple(unknown)


def _years(word: str, this_year: int) -> tuple[int, int] | None:
    if match := _SPAN.fullmatch(word):
        low, high = sorted((int(match[1]), int(match[2])))
    elif match := _YEAR.fullmatch(word):
        low = high = int(match[1])
    elif match := _DECADE.fullmatch(word):
        low = int(match[1])
        if len(match[1]) == 2:
            low += 2000 if 2000 + low <= this_year else 1900
        low -= low % 10
        high = low + 9
    else:
        return None
    return (low, high) if low >= FIRST_YEAR and high <= LAST_YEAR else None


@lru_cache(maxsize=4)
def _names(genres: tuple[str, ...]) -> dict[str, str]:
    """Return each genre under what it is called in any of our languages."""
    names = {_plain(called): genre for genre in genres for called in names_of_genre(genre)}
    return names | {_plain(genre): genre for genre in genres}


def _plain(word: str) -> str:
    return re.sub(r"[\W_]+", "", word.lower())


def _genre(word: str, names: Mapping[str, str]) -> str | None:
    plain = _plain(word)
    plain = _ALIASES.get(plain, plain)
    if plain in names:
        return names[plain]
    begins = [name for name in names if len(plain) >= 3 and name.startswith(plain)]
    close = begins or get_close_matches(plain, names, n=1, cutoff=0.75)
    return names[close[0]] if close else None
