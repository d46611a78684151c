"""Ways of writing: escaping, plurals, stars, names, lists. Pure except for the current language
(``bot.speech.language``). The texts themselves are in ``views``."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.speech import language
from bot.speech.language import _, marked, ngettext
from engine.domain import Film

NAME_LENGTH = 80
"""Longest title in a list, in characters: ten lines of three titles each stay far below Telegram's 4096."""

TITLE_LENGTH = 250
QUOTE_LENGTH = 60
BUTTON_LENGTH = 64

MESSAGE_LENGTH = 4096
"""Most characters of one message."""

TAG = re.compile(r"</?[a-z][^<>]*>")


class Html(str):
    """Text that is ready for Telegram: escaped where needed."""

    __slots__ = ()


def say(sentence: str, /, **facts: object) -> Html:
    """Translate a sentence into the reader's language and fill in facts. Facts are escaped unless they are ``Html``."""
    return _filled(_(sentence), facts)


def count(one: str, many: str, n: int, /, **facts: object) -> Html:
    """Like ``say``, with the form of the sentence for the number ``n``, which is also a fact of that name."""
    return _filled(ngettext(one, many, n), {"n": language.number(n), **facts})


def plain(fact: object) -> Html:
    """Return a title, a number or another value that is not our text, escaped."""
    return fact if isinstance(fact, Html) else Html(html.escape(str(fact), quote=False))


def _filled(sentence: str, facts: Mapping[str, object]) -> Html:
    return Html(sentence.format(**{name: plain(fact) for name, fact in facts.items()}))


def lines(*parts: Html | None) -> Html:
    """Put parts below each other; those that are None or empty are left out."""
    return Html("\n".join(part for part in parts if part))


def paragraphs(*parts: Html | None) -> Html:
    """Put parts below each other with a blank line between."""
    return Html("\n\n".join(part for part in parts if part))


def facts(*parts: Html | None) -> Html:
    """Put short facts next to each other: "The Matrix (1999) · Action · about 4½ for you"."""
    return Html(" · ".join(part for part in parts if part))


def clip(text: str, length: int) -> str:
    """Return ``text`` in one line of at most ``length`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def length(text: Html) -> int:
    """Return a text's length as Telegram counts it: the visible characters, with an emoji as two."""
    return len(html.unescape(TAG.sub("", text)).encode("utf_16_le")) // 2


def split(text: Html, limit: int = MESSAGE_LENGTH) -> list[Html]:
    """Cut a text into messages that Telegram accepts, only at line ends. Formatting continues after a cut."""
    if length(text) <= limit:
        return [text]
    messages: list[Html] = []
    message, still_open = "", list[str]()
    for line in text.split("\n"):
        if length(Html(line)) > limit:
            line = plain(clip(html.unescape(TAG.sub("", line)), limit // 2))
        longer = f"{message}\n{line}" if message else line
        if message and length(Html(longer)) > limit:
            messages.append(Html(message + "".join(f"</{_tag(tag)}>" for tag in reversed(still_open))))
            longer = "".join(still_open) + line
        message = longer
        for found in TAG.finditer(line):
            if found.group().startswith("</"):
                still_open.pop()
            else:
                still_open.append(found.group())
    return [*messages, Html(message)]


def _tag(opening: str) -> str:
    return opening.strip("<>").split(" ")[0]


def quote(text: str) -> Html:
    """Return a person's text, shortened so that it can be repeated."""
    return say("“{text}”", text=clip(text, QUOTE_LENGTH))


def title(film: Film, length: int = NAME_LENGTH) -> str:
    """Return a film's name without its year."""
    return clip(film.display_title, length)


def name(film: Film, length: int = NAME_LENGTH) -> str:
    """Return a film's name and year: "The Matrix (1999)"."""
    bare = clip(film.display_title, length)
    return bare if film.year is None else f"{bare} ({film.year})"


def stars(value: float) -> str:
    """Return stars in halves as people write them: 4.5 and 4.6 are "4½", 0.5 is "½"."""
    halves = max(1, min(10, int(value * 2 + 0.5)))
    whole, half = divmod(halves, 2)
    return f"{whole or ''}{'½' if half else ''}"


def both(names: Sequence[str]) -> Html:
    """Return one, two or three names as a list in words."""
    match names:
        case [only]:
            return plain(only)
        case [first, second]:
            return say("{first} and {second}", first=first, second=second)
        case [*others, last]:
            return say("{others} and {last}", others=", ".join(others), last=last)
    return Html("")


_MONTHS = (
    marked("Jan"),
    marked("Feb"),
    marked("Mar"),
    marked("Apr"),
    marked("May"),
    marked("Jun"),
    marked("Jul"),
    marked("Aug"),
    marked("Sep"),
    marked("Oct"),
    marked("Nov"),
    marked("Dec"),
)


def day(moment: datetime) -> str:
    """Return a date: "3 Mar 2026"."""
    month = _(_MONTHS[moment.month - 1])
    return _("{day} {month} {year}").format(day=moment.day, month=month, year=moment.year)


def month(moment: datetime) -> str:
    """Return a month: "Mar 2026"."""
    return _("{month} {year}").format(month=_(_MONTHS[moment.month - 1]), year=moment.year)


def genre_list(genres: Iterable[str]) -> Html:
    """Return the names of genres, separated by commas."""
    return plain(", ".join(map(language.genre, genres)))


def duration(passed: timedelta) -> str:
    """Return minutes and seconds, "1:32", with hours if there are any."""
    seconds = max(0, int(passed.total_seconds()))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def bar(fraction: float, cells: int = 12) -> str:
    """Return a progress bar with a number: "▓▓▓▓▓▓▓░░░░░ 58 %"."""
    fraction = max(0.0, min(1.0, fraction))
    full = int(fraction * cells + 0.5)
    return f"{'▓' * full}{'░' * (cells - full)} {int(fraction * 100 + 1e-9)} %"


def numbered(items: Iterable[Html], first: int) -> Html:
    """Return one line an item, with its number in front."""
    return Html("\n".join(f"{number}  {item}" for number, item in enumerate(items, first)))
