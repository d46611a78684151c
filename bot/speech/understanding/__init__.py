"""Finds the meaning of a person's text, in all our languages at once. Pure and deterministic.

The words are in ``vocabulary``, in a table for each language; this folder only knows how sentences are built from
them. It may import ``vocabulary``, and serving's title search and wishes.

Readings are tried in this order, and the first one that fits is taken:

1. the address or number of a film's page;
2. whole phrases: "hello", "thanks a lot", "undo that please";
3. the exact title of a film;
4. a statement or a question about a film: "I loved Heat", "Heat gets 4 stars", "do you know Heat?";
5. a wish: "10 best horror films of the 80s", "like Inception but newer";
6. somebody's name;
7. a title, maybe misspelled.
"""

import re
from collections.abc import Sequence

from bot.speech.understanding.meanings import (
    Courtesy,
    Filmmaker,
    Meaning,
    Nothing,
    SpokenCommand,
    SpokenCourtesy,
    SpokenWish,
    Stance,
    Statement,
    TitleOf,
    Which,
    World,
)
from bot.speech.understanding.statements import read_statement, trimmed
from bot.speech.understanding.wishes import Asked, read_wish
from bot.speech.vocabulary import PHRASE_LENGTH, Role, Token, Vocabulary, tokens, vocabulary
from engine.domain import Film
from engine.serving.title_index import Found

__all__ = [
    "Courtesy", "Filmmaker", "Meaning", "Nothing", "SpokenCommand", "SpokenCourtesy", "SpokenWish", "Stance",
    "Statement", "TitleOf", "Which", "World", "understand", "understand_like", "understand_wish",
]  # fmt: skip

TEXT_LENGTH = 300
"""Only this many characters of a text are read."""

RESEMBLANCE = 50
"""The score that a search's best hit needs to be offered. With less, text and title share only one common word."""

WELL_KNOWN_SHARE = 0.05
"""A title that also reads as a wish ("scary film") is meant as the title only if that film has this share of the
ratings of the best known one."""


def understand(text: str, world: World) -> Meaning:
    """Return what a text means."""
    text = text.strip()
    film = world.titles.at(text)
    if film is not None:
        return TitleOf(film)
    if _PAGE.search(text):
        return Nothing(text, page=True)
    words = vocabulary(world.genres)
    said = tokens(text[:TEXT_LENGTH])
    if (phrase := _whole(said, words)) is not None and not (phrase in _REMARKS and world.titles.named(text)):
        return phrase
    if not _SAYS_SOMETHING.search(text):
        return SpokenCourtesy(Courtesy.ASIDE)
    ask = read_wish(said, world, words)
    if (title := _exact(text, ask, world)) is not None:
        return title
    for heard in (*trimmed(said, words.adverbs), *trimmed(_after_hello(said, words), words.adverbs)):
        if (stated := read_statement(heard, world, words)) is not None:
            return stated
    if isinstance(ask, Which):
        return ask
    if ask is not None and ask.left_out and all(word.casefold() in words.stars for word in ask.left_out):
        return Nothing(text)  # stars, but no film is named
    if ask is not None and ask.is_clear and not ask.left_out:
        return ask.asked
    if ask is not None and ask.is_clear:
        found = world.titles.find(text)
        return TitleOf(found.hits[0].film) if found.sure and _is_as_long(text, found.hits[0].film) else ask.asked
    if ask is not None and ask.person is not None and not ask.content:
        found = world.titles.find(text) if not ask.framed else Found()
        return TitleOf(found.hits[0].film) if found.sure else Filmmaker(ask.person)
    return _title(text, world)


def understand_wish(text: str, world: World) -> SpokenWish:
    """Return the wish in a text that follows /top. If it is not clear which film others should be like, its title is
    left out."""
    ask = read_wish(tokens(text.strip()[:TEXT_LENGTH]), world, vocabulary(world.genres))
    if isinstance(ask, Which):
        return SpokenWish(left_out=(ask.text,))
    if ask is None:
        return SpokenWish()
    if ask.left_out and not world.genres and world.newest is None:  # a person's name cannot be used to choose films
        return SpokenWish(left_out=(text.strip()[:TEXT_LENGTH],))
    return ask.asked


def understand_like(text: str, world: World) -> SpokenWish | Which | Nothing:
    """Return the film in a text that follows /similar, and the wish for films like it."""
    text = text.strip()[:TEXT_LENGTH]
    film = world.titles.at(text)
    if film is not None:
        return SpokenWish(like=film)
    words = vocabulary(world.genres)
    said = tokens(text)
    begins = bool(said) and words.longest(said, 0)[0] is Role.LIKE
    for heard in (said, [*tokens("like"), *said]) if begins else ([*tokens("like"), *said], said):
        ask = read_wish(heard, world, words)
        if isinstance(ask, Which):
            return ask
        if ask is not None and ask.like is not None:
            return ask.asked
    return Nothing(text)


_PAGE = re.compile(r"https?://|^tt\d{7,8}$|\b(?:imdb\.com|themoviedb\.org|letterboxd\.com|boxd\.it)/", re.IGNORECASE)


# --- Whole phrases ----------------------------------------------------------------------------------------------------

_PRIORITY = (
    "do", Courtesy.HELP, Courtesy.UNNAMED, Courtesy.REPROACH, Courtesy.THANKS, Courtesy.NO, Courtesy.YES, Courtesy.BYE,
    Courtesy.GREETING, Courtesy.ASIDE,
)  # fmt: skip

_REMARKS = {SpokenCourtesy(Courtesy.REPROACH), SpokenCourtesy(Courtesy.ASIDE)}
"""A film of exactly this name is meant rather than these: "wow", "The Idiot"."""

_SAYS_SOMETHING = re.compile(r"[^\W_]|[★⭐]")


def _after_hello(said: Sequence[Token], words: Vocabulary) -> Sequence[Token]:
    """Return the text after a greeting, as in "hey, I loved Heat"; the whole text if there is no greeting."""
    for length in range(min(PHRASE_LENGTH, len(said) - 1), 0, -1):
        if words.phrases.get(tuple(token.word for token in said[:length])) == ("say", Courtesy.GREETING):
            return said[length:]
    return said


MOST_PHRASED = 12
"""Number of words in the longest text that can consist of phrases alone."""


def _whole(said: Sequence[Token], words: Vocabulary) -> SpokenCourtesy | SpokenCommand | None:
    """Return the meaning of a text that consists of phrases alone; of several, the one that asks for most."""
    if len(said) > MOST_PHRASED:
        return None
    found = _phrases(tuple(token.word for token in said), words)
    if not found:
        return None
    kind, name = min(found, key=lambda phrase: _PRIORITY.index("do" if phrase[0] == "do" else Courtesy(phrase[1])))
    return SpokenCommand(name) if kind == "do" else SpokenCourtesy(Courtesy(name))


def _phrases(heard: tuple[str, ...], words: Vocabulary) -> list[tuple[str, str]] | None:
    """Return the phrases that a text is made of, the longest first; None if anything else is in it."""
    if not heard:
        return []
    for length in range(min(PHRASE_LENGTH, len(heard)), 0, -1):
        phrase = heard[:length]
        if phrase in words.phrases or phrase in words.polite:
            rest = _phrases(heard[length:], words)
            if rest is not None:
                return [words.phrases[phrase], *rest] if phrase in words.phrases else rest
    return None


# --- Titles -----------------------------------------------------------------------------------------------------------


def _exact(text: str, ask: Asked | Which | None, world: World) -> TitleOf | Which | None:
    """Return the film with exactly this name, unless the text is more likely a wish."""
    named = world.titles.named(text)
    if not named:
        return None
    if isinstance(ask, Asked) and not ask.left_out and (ask.says_which or ask.framed):
        spoken = len(tokens(text)) > 1 or text.strip().isdecimal()
        if not spoken or named[0].rating_count < WELL_KNOWN_SHARE * world.titles.most_ratings:
            return None
    found = world.titles.find(text)
    return TitleOf(found.hits[0].film) if found.sure else Which(text, found)


def _title(text: str, world: World) -> TitleOf | Which | Nothing:
    found = world.titles.find(text)
    if not found.hits or found.hits[0].score < RESEMBLANCE:
        return Nothing(text)
    return TitleOf(found.hits[0].film) if found.sure else Which(text, found)


def _is_as_long(text: str, film: Film) -> bool:
    """Return whether a text is about as long as a title of the film. A misspelled title is; "christmas films" is
    shorter than the title that has both words."""
    lengths = [len(title) for title in (film.display_title, *film.alternative_titles)]
    return any(abs(length - len(text)) <= 0.25 * length for length in lengths)
