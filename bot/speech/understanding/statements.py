"""Reads a statement or a question about a film: "I loved Heat", "Heat gets 4 stars", "do you know Heat?". Pure."""

import re
from collections.abc import Sequence

from bot.speech.understanding.meanings import Stance, Statement, TitleOf, Which, World
from bot.speech.understanding.wishes import Asked, read_wish, whole_chunks
from bot.speech.vocabulary import Role, Token, Vocabulary
from engine.domain import STARS, Film

_OUT_OF = (("out", "of"), ("of",), ("von",), ("de",))
_RATE = frozenset({"rate", "give", "bewerte", "gib", "puntua", "dale", "ponle"})
_FOR = frozenset({"for", "fur", "para", "a"})
_VALUE = re.compile(r"(\d{1,2})?(?:[.,](\d))?(½)?(?:/(5|10))?")


def read_statement(said: Sequence[Token], world: World, words: Vocabulary) -> Statement | TitleOf | Which | None:
    if (rated := _rated(said, world, words)) is not None:
        return rated
    looked_up = 0
    for pattern, slot in words.patterns_in(said):
        for piece in trimmed(slot, words.adverbs):
            film = _film(piece, world, words, search=looked_up < 2)
            looked_up += 1
            if isinstance(film, Film):
                return TitleOf(film) if pattern == "film" else Statement(Stance(pattern), film)
            if film is not None:
                return film
    return _rated(said, world, words, bare=True) if said and said[0].word in _RATE else None


def _rated(said: Sequence[Token], world: World, words: Vocabulary, *, bare: bool = False) -> Statement | Which | None:
    """Return a statement that names stars. With ``bare``, a number at its end will do: "rate Heat 4"."""
    for at in range(len(said)):
        stars, length = _value(said, at, words, bare=bare)
        if stars not in STARS:
            continue
        for piece in trimmed([*said[:at], *said[at + length :]], words.adverbs | words.rated):
            film = _film(piece, world, words)
            if isinstance(film, Film):
                return Statement(Stance.RATED, film, stars)
            if film is not None:
                return film
    return None


def _value(said: Sequence[Token], at: int, words: Vocabulary, *, bare: bool = False) -> tuple[float | None, int]:
    """Return the stars that are named here, in halves, and their number of tokens; None for other numbers."""
    token, following = said[at], [other.word for other in said[at + 1 : at + 4]]
    if signs := sum(map(token.raw.count, "★⭐")):
        return signs + 0.5 * token.raw.endswith("½"), 1
    if token.word in words.numbers or token.word in words.ones:
        value, out_of, exact = float(words.numbers.get(token.word, 1)), None, False
    elif number := _VALUE.fullmatch(token.raw):
        value = int(number[1] or 0) + int(number[2] or 0) / 10 + 0.5 * bool(number[3])
        out_of, exact = number[4], bool(number[2] or number[3])
    else:
        return None, 0
    length = 2 if following[:1] and following[0] in words.stars else 1
    for link in _OUT_OF:
        after = following[len(link) : len(link) + 1]
        if tuple(following[: len(link)]) == link and after and after[0] in ("5", "10"):
            out_of, length = after[0], len(link) + 2
    at_end = at == len(said) - 1
    if length == 1 and out_of is None and not (exact and (at_end or following[0] in _FOR)) and not (bare and at_end):
        return None, 0
    if out_of == "10":
        value /= 2
    return round(value * 2) / 2, length


def trimmed(slot: Sequence[Token], extras: frozenset[tuple[str, ...]]) -> list[Sequence[Token]]:
    """Return readings of words that should be a title: as they are, and without words that people add at either end."""
    pieces: list[Sequence[Token]] = [slot]
    changed = True
    while changed and slot:
        changed = False
        for length in range(min(4, len(slot)), 0, -1):
            if tuple(token.word for token in slot[:length]) in extras:
                slot, changed = slot[length:], True
                break
            if tuple(token.word for token in slot[-length:]) in extras:
                slot, changed = slot[:-length], True
                break
    return [piece for piece in (pieces[0], slot) if piece] if len(slot) != len(pieces[0]) else list(filter(len, pieces))


def _film(piece: Sequence[Token], world: World, words: Vocabulary, *, search: bool = True) -> Film | Which | None:
    """Return the film that these words surely name, or the several films with exactly this name, or None."""
    text = " ".join(token.raw for token in whole_chunks(piece))
    named = world.titles.named(text)
    if not named:
        ask = read_wish(piece, world, words)
        if not search or (isinstance(ask, Asked) and not ask.left_out):
            return None
    elif all(words.role_of(token.word) in (Role.GENRE, Role.MOOD) for token in piece):
        return None
    found = world.titles.find(text)
    if found.sure:
        return found.hits[0].film
    return Which(text, found) if named and found.hits else None
