"""The words of all languages that people may type, as one table. It may import only the standard library and rapidfuzz.

Each language is a file beside this one, and adding a language means adding a file. ``meanings.toml`` gives the genres
of a mood; ``people.txt`` lists people of the cinema. All languages are understood at all times, because people mix
them. These words are never shown.
"""

import enum
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from rapidfuzz.distance import OSA

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "de", "es")

PHRASE_LENGTH = 9
"""Number of words of the longest phrase."""

TYPO_LENGTH, TWO_TYPOS_LENGTH = 5, 10
"""Words with this many letters may have one wrong letter, or two."""

Words = tuple[str, ...]


# --- From a text to words ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text: ``word`` without case, accents and apostrophes; ``raw`` what it was written in. "Sci-Fi" is two
    tokens of one ``chunk``. ``dashed`` says that a minus stands before it, ``after_comma`` a comma."""

    word: str
    raw: str
    chunk: int
    dashed: bool = False
    after_comma: bool = False


_SPAN = re.compile(r"(?<=\d)\s*[-–—]\s*(?=\d)")
_CHUNK = re.compile(r"(?:(?<=\d)[.,/](?=\d)|[^\s,;/])+|[,;/]")
_AROUND = "\"'“”„‚‘’«»()[]{}.!?¿¡:…*~_=|"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?½?(?:/\d+)?|½|[★⭐]+½?|\d{4}-\d{4}")
_WORD = re.compile(r"[^\W_]+|[\u2190-\u2bff\U0001f000-\U0001faff]")


def tokens(text: str) -> list[Token]:
    """Return the words of a text in order. Signs such as "👍" are words; punctuation is dropped."""
    found: list[Token] = []
    comma = False
    for chunk, match in enumerate(_CHUNK.finditer(_SPAN.sub("-", text))):
        raw = match.group().strip(_AROUND)
        if match.group() in (",", ";", "/"):
            comma = True
            continue
        dashed = raw.startswith(("-", "−", "–"))
        raw = raw.lstrip("-−–")
        if not raw:
            continue
        whole = _NUMBER.fullmatch(raw)
        for word in [raw] if whole else _WORD.findall(_apart(raw)):
            found.append(Token(word if whole else _fold(word), raw, chunk, dashed, comma))
            comma = False
    return found


def _apart(raw: str) -> str:
    return re.sub("['’‘`´]", "", raw)


def _fold(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def words_of(text: str) -> Words:
    """Return the folded words of a text."""
    return tuple(token.word for token in tokens(text))


# --- The table --------------------------------------------------------------------------------------------------------


class Role(enum.Enum):
    """The role of a word or phrase in a wish."""

    UNKNOWN = enum.auto()
    GENRE = enum.auto()
    MOOD = enum.auto()
    LIKE = enum.auto()
    NOT = enum.auto()
    OR = enum.auto()
    BOUND = enum.auto()
    NEW = enum.auto()
    OLD = enum.auto()
    SHORT_LIST = enum.auto()
    NUMBER = enum.auto()
    DECADE = enum.auto()
    FRAME = enum.auto()
    FILLER = enum.auto()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A statement or question: the words before and after the title, and its meaning."""

    before: Words
    after: Words
    says: str


_POLITE = (
    "please, pls, very much, so much, a lot, and, too, then, now, for now, oh, ah, well, man, dude, mate, bot, matinee"
)
_POLITE += ", bitte, sehr, vielmals, und, auch, dann, jetzt, mal, doch, na"
_POLITE += ", por favor, porfa, y, también, ahora, ay, bueno, pues, amigo, amiga"
"""Words that may stand beside a phrase."""

_ONE = frozenset({"one", "a", "ein", "eine", "einen", "un", "una"})
_ONE_FILM = frozenset({"film", "movie", "one", "pelicula", "peli", "streifen", "flick"})


@dataclass(frozen=True)
class Vocabulary:
    """All words that are understood for one catalogue's genres.

    ``phrases`` may be whole messages: what they say and which. ``meanings`` are the words of wishes; the value of a
    genre or mood is the genres that are wanted and those that are not. ``spelled`` are single words of both that may be
    misspelled.
    """

    phrases: Mapping[Words, tuple[str, str]]
    polite: frozenset[Words]
    meanings: Mapping[Words, tuple[Role, Any]]
    patterns: tuple[Pattern, ...]
    adverbs: frozenset[Words]
    rated: frozenset[Words]
    stars: frozenset[str]
    numbers: Mapping[str, int]
    introduces: frozenset[Words]
    ends_title: frozenset[Words]
    people: frozenset[Words]
    spelled: tuple[tuple[str, tuple[Role, Any]], ...]
    ones: frozenset[str] = _ONE
    one_film: frozenset[str] = _ONE_FILM

    def longest(self, said: Sequence[Token], at: int) -> tuple[Role, Any, int]:
        """Return the role of the longest known phrase from ``at`` on, its value, and its number of tokens."""
        for length in range(min(PHRASE_LENGTH, len(said) - at), 0, -1):
            found = self.meanings.get(tuple(token.word for token in said[at : at + length]))
            if found is not None:
                return *found, length
        return *self._unknown(said[at].word), 1

    def role_of(self, word: str) -> Role:
        """Return the role of a single word."""
        return self.meanings.get((word,), (Role.UNKNOWN, None))[0]

    def patterns_in(self, said: Sequence[Token]) -> Iterator[tuple[str, Sequence[Token]]]:
        """Yield the statements that a text may make, and the words in the place of its title; the longest pattern comes
        first."""
        heard = tuple(token.word for token in said)
        for pattern in self.patterns:
            start, end = len(pattern.before), len(heard) - len(pattern.after)
            if start < end and heard[:start] == pattern.before and heard[end:] == pattern.after:
                yield pattern.says, said[start:end]

    def _unknown(self, word: str) -> tuple[Role, Any]:
        """Return the genre or mood that a word misspells or is compounded with, or None."""
        for cut in range(3, len(word) - 2):  # "Actionkomödie"
            first, second = self.meanings.get((word[:cut],)), self.meanings.get((word[cut:],))
            if first and second and first[0] is second[0] is Role.GENRE:
                return Role.GENRE, (first[1][0] + second[1][0], ())
        if len(word) < TYPO_LENGTH or not word.isalpha():
            return Role.UNKNOWN, None
        most = 2 if len(word) >= TWO_TYPOS_LENGTH else 1
        meant = {
            meaning
            for known, meaning in self.spelled
            if abs(len(known) - len(word)) <= most
            and known[0] == word[0]
            # A word that differs only at its end is another form or another word: "música" is no musical.
            and not (known.startswith(word) or word.startswith(known))
            and OSA.distance(word, known, score_cutoff=most) <= most
        }
        # If two genres are equally near, neither is meant: a slip never turns one into the other.
        return meant.pop() if len(meant) == 1 else (Role.UNKNOWN, None)


@cache
def _languages() -> tuple[dict[str, Any], ...]:
    return tuple(tomllib.loads((FOLDER / f"{code}.toml").read_text(encoding="utf-8")) for code in LANGUAGES)


@cache
def _meanings() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "meanings.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=4)
def vocabulary(genres: tuple[str, ...]) -> Vocabulary:
    """Return the words of all languages for a catalogue of these genres; a word for another genre is unknown."""
    languages = _languages()
    patterns = {
        Pattern(words_of(before), words_of(after), says)
        for language in languages
        for says, sentences in [*language["state"].items(), *language["ask"].items()]
        if says not in ("adverbs", "rated", "stars")
        for before, _, after in (sentence.partition("*") for sentence in sentences)
    }
    meanings = _of_wishes(languages, genres)
    return Vocabulary(
        phrases={
            words_of(phrase): (kind, name)
            for language in languages
            for kind in ("say", "do")
            for name, phrases in language[kind].items()
            for phrase in phrases
        },
        polite=_all(_POLITE.split(",")),
        meanings=meanings,
        patterns=tuple(sorted(patterns, key=lambda it: (-len(it.before) - len(it.after), it.before, it.after))),
        adverbs=_all(chain.from_iterable(language["state"]["adverbs"] for language in languages)),
        rated=_all(chain.from_iterable(language["state"]["rated"] for language in languages)),
        stars=frozenset(_fold(word) for language in languages for word in language["state"]["stars"]),
        numbers={_fold(word): n for language in languages for word, n in language["numbers"].items()},
        introduces=_all(chain.from_iterable(language["wish"]["with"] for language in languages)),
        ends_title=_all(chain.from_iterable(language["wish"]["but"] for language in languages)),
        people=_all(chain.from_iterable(line.split("|") for line in _lines("people.txt"))),
        spelled=tuple(
            (words[0], meaning)
            for words, meaning in meanings.items()
            if len(words) == 1 and len(words[0]) >= TYPO_LENGTH and meaning[0] in (Role.GENRE, Role.MOOD)
        ),
    )


def _of_wishes(languages: Sequence[dict[str, Any]], genres: tuple[str, ...]) -> dict[Words, tuple[Role, Any]]:
    """Return the words of wishes. If a word has two meanings, the more specific one is kept."""
    found: dict[Words, tuple[Role, Any]] = {}

    def note(kind: Role, value: Any, phrases: "Sequence[str] | Iterator[str]") -> None:
        for phrase in phrases:
            found.setdefault(words_of(phrase), (kind, value))

    called = _called(genres)
    for genre in genres:
        note(Role.GENRE, ((genre,), ()), [genre])
    for language in languages:
        note(Role.DECADE, None, ())
        for name, phrases in language["genres"].items():
            if name in called:
                note(Role.GENRE, ((called[name],), ()), _with_endings(phrases, language["endings"]))
    for language in languages:
        for mood, phrases in language["moods"].items():
            parts = _meanings()["moods"][mood].split()
            wanted = tuple(called.get(part, "") for part in parts if not part.startswith("-"))
            without = tuple(called[part[1:]] for part in parts if part.startswith("-") and part[1:] in called)
            if all(wanted):
                note(Role.MOOD, (wanted, without), _with_endings(phrases, language["endings"]))
    for kind, name in ((Role.LIKE, "like"), (Role.NOT, "not"), (Role.NEW, "new"), (Role.OLD, "old"), (Role.OR, "or")):
        for language in languages:
            note(kind, None, language["wish"][name])
    for bound in ("after", "since", "before", "until"):
        for language in languages:
            note(Role.BOUND, bound, language["wish"][bound])
    for language in languages:
        note(Role.SHORT_LIST, None, language["wish"]["short_list"])
        for word, number in language["numbers"].items():
            note(Role.NUMBER, number, [word])
        for word, decade in language["decades"].items():
            note(Role.DECADE, decade, [word])
    for kind, name in ((Role.FRAME, "frame"), (Role.FILLER, "filler")):
        for language in languages:
            note(kind, None, language["wish"][name])
    return found


def _called(genres: Sequence[str]) -> dict[str, str]:
    """Return the catalogue's name of each genre of ours that it has."""
    called = {genre: genre for genre in genres}
    for ours, others in _meanings()["also"].items():
        if ours not in called and (theirs := next((name for name in others if name in called), None)):
            called[ours] = theirs
    return called


def _with_endings(phrases: Sequence[str], endings: Sequence[str]) -> Iterator[str]:
    yield from phrases
    for phrase in phrases:
        if len(words_of(phrase)) == 1 and len(phrase) > 2:
            for ending in endings:
                yield phrase + ending


def _all(phrases: "Sequence[str] | Iterator[str] | chain[str]") -> frozenset[Words]:
    return frozenset(words_of(phrase) for phrase in phrases) - {()}


def _lines(name: str) -> list[str]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
