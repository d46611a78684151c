"""Every text that people read is marked for translation, and every language has all of them, as Telegram takes them."""

import ast
import io
import re
import string
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bot import account_views, admin_views, language, picks_views, views
from bot.wish import Wish, parse_wish
from tests.fakes import TEXT_LENGTH, TOAST_LENGTH, parse_html

BOT = Path(language.__file__).parent
TRANSLATED = [code for code in language.LANGUAGES if code != language.SOURCE]

KEYWORDS = {"_": None, "ngettext": (1, 2), "marked": None, "say": None, "count": (1, 2)}
"""What a text can be an argument of, as `make texts` has it."""

Key = str | tuple[str, ...]


def catalogue(code: str) -> Catalog:
    with (BOT / "locales" / code / "LC_MESSAGES" / "matinee.po").open("rb") as file:
        return read_po(file, locale=code)


def messages(code: str) -> list[Message]:
    return [message for message in catalogue(code) if message.id]


def forms(message: Message) -> list[tuple[str, str]]:
    """Return each form of a translation with the English that it is to be compared with."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return [(message.id[min(at, 1)], form) for at, form in enumerate(message.string)]


@cache
def texts_in_code() -> frozenset[Key]:
    found = extract_from_dir(str(BOT), keywords=KEYWORDS)  # type: ignore[arg-type]
    return frozenset(key if isinstance(key, str) else tuple(key) for _file, _line, key, _comments, _context in found)


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_has_the_texts_of_the_code_and_no_others(code: str) -> None:
    known = {message.id if isinstance(message.id, str) else tuple(message.id) for message in messages(code)}
    assert known - texts_in_code() == set(), "not in the code (any more): make texts"
    assert texts_in_code() - known == set(), "not in the catalogue: make texts"


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_is_translated(code: str) -> None:
    left = [message.id for message in messages(code) if message.fuzzy or not all(form for _, form in forms(message))]
    assert left == []
    for message in messages(code):
        assert message.pluralizable == (not isinstance(message.string, str))
        if message.pluralizable:
            assert len(message.string) == catalogue(code).num_plurals, message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_compiled_catalogue_is_that_of_the_text(code: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(code))
    on_disk = BOT / "locales" / code / "LC_MESSAGES" / "matinee.mo"
    assert on_disk.read_bytes() == compiled.getvalue(), "make texts"


def fields(text: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("code", TRANSLATED)
def test_placeholders_are_those_of_the_english(code: str) -> None:
    for message in messages(code):
        for english, translated in forms(message):
            if message.pluralizable:  # "one of them" may say its number in words, or not at all
                most = fields(message.id[0]) | fields(message.id[1]) | Counter(["n"])
                assert set(fields(translated)) <= set(most), translated
                assert set(fields(english)) - {"n"} <= set(fields(translated)), translated
            else:
                assert fields(translated) == fields(english), translated


@pytest.mark.parametrize("code", TRANSLATED)
def test_tags_commands_and_line_ends_are_those_of_the_english(code: str) -> None:
    for message in messages(code):
        for english, translated in forms(message):
            parse_html(translated.replace("{", "").replace("}", ""))
            for pattern in (r"</?\w+>", r"(?<![\w<])/[a-z]+\b", r"\n", r"<code>.*?</code>"):
                assert re.findall(pattern, translated) == re.findall(pattern, english), translated


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_begin_and_end_as_the_english(code: str) -> None:
    """A capital letter where it stands at the beginning of a sentence, and a period where it ends one."""
    for message in messages(code):
        for english, translated in forms(message):
            assert (english[-1] in ".:") == (translated[-1] in ".:") or message.id in ABBREVIATED, translated
            assert translated == translated.strip()


ABBREVIATED = {"Jan", "Feb", "Apr", "Aug", "Sep", "Oct", "Nov", "Dec"}

LONGEST = 2
"""How many times as long as the English a translation may be: beyond that, somebody added a thought of their own."""


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_translations_keep_to_the_limits_of_telegram(code: str) -> None:
    with language.speaking(code):
        for toast in (views.OLD_BUTTON, views.NOT_YOURS, admin_views.NOT_FOR_YOU):
            assert len(language._(toast)) <= TOAST_LENGTH
        for _command, what in account_views.described((*account_views.COMMANDS, *admin_views.COMMANDS)):
            assert 3 <= len(what) <= 100, what
        everything = (
            account_views.help_text(account_views.COMMANDS, admin_views.COMMANDS).text + account_views.privacy(180).text
        )
        assert len(everything) < TEXT_LENGTH


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_translation_is_much_longer_than_the_english(code: str) -> None:
    for message in messages(code):
        for english, translated in forms(message):
            assert len(translated) <= max(24, LONGEST * len(english)), translated


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_examples_in_texts_are_understood(code: str) -> None:
    genres = sorted(language.GENRES)
    with language.speaking(code):
        shown = [str(picks_views.genres(1, 1, 1, ["Comedy"], {"Comedy": 1}, Wish()).text)]
        shown += [what for name, what in account_views.described(account_views.COMMANDS) if name == "top"]
        for text in shown:
            example = re.findall(r"/top ([\w -]+)", text)[0]
            wish, unknown = parse_wish(example, genres, 2026)
            assert not unknown, text
            assert wish.genres, text
            assert wish.since, text


# --- In the code ------------------------------------------------------------------------------------------------------

WRAPPERS = {"_": 1, "ngettext": 2, "marked": 1, "say": 1, "count": 2}
"""What takes texts, and how many."""

SHOWS = {"press", "InlineKeyboardButton", "of", "Html", "facts", "lines", "paragraphs", "plain", "numbered"}
"""What puts its arguments before people: there, even a single word is a text."""

ALLOWED = {"IMDb", "Letterboxd", "Matinee", "nDCG@10", "RMSE", "tt"}
"""Names, which are the same in all languages."""

NOT_FOR_PEOPLE = {"__main__.py", "console.py", "health.py", "settings.py", "buttons.py", "wish.py"}
"""The command line and the terminal's own notes, which are English; figures for Prometheus; words that people type."""

PURE = [*sorted(path.name for path in BOT.glob("*views.py")), "words.py"]
OTHERS = sorted({path.name for path in BOT.glob("*.py")} - set(PURE) - NOT_FOR_PEOPLE)

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*|[A-Z][A-Za-z_]*(\.[a-z_]+)*")
MARKUP = re.compile(r"<[^<>]*>|^/\w+|https?://\S*|/?\?\w+=\w*|%\w")
WORD = re.compile(r"[^\W\d_]{2,}")


def called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def unwrapped(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield the line of each string that is no argument of a wrapper, the string, and whether it is shown as it is."""
    tree = ast.parse(path.read_text())
    skipped: set[ast.AST] = set()
    shown: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)  # a docstring
        elif isinstance(node, ast.Raise) or called(node) in ("compile", "sub", "findall", "__init__", "TypeVar"):
            skipped.update(ast.walk(node))  # errors carry facts, for the log; patterns
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_log(node.func):
            skipped.update(ast.walk(node))
        elif name := called(node):
            arguments = node.args  # type: ignore[attr-defined]
            skipped.update(arguments[: WRAPPERS.get(name, 0)])
            if name in SHOWS:
                shown.update(arguments)
                shown.update(part for given in arguments for part in getattr(given, "values", ()))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node.lineno, node.value, node in shown


def _is_log(func: ast.Attribute) -> bool:
    return isinstance(func.value, ast.Name) and func.value.id in ("log", "logging")


@pytest.mark.parametrize("module", PURE)
def test_every_text_of_the_views_is_marked(module: str) -> None:
    for line, text, is_shown in unwrapped(BOT / module):
        words = WORD.findall(MARKUP.sub(" ", text))
        if not words or set(text.split()) <= ALLOWED or (not is_shown and IDENTIFIER.fullmatch(text)):
            continue
        raise AssertionError(f"bot/{module}:{line}: not marked for translation: {text!r}")


@pytest.mark.parametrize("module", OTHERS)
def test_other_modules_say_nothing_of_their_own(module: str) -> None:
    for line, text, is_shown in unwrapped(BOT / module):
        words = WORD.findall(MARKUP.sub(" ", text))
        if (is_shown and words) or (len(words) > 1 and re.search(r"\w[,.!?]? \w", text) and text not in OF_OTHERS):
            raise AssertionError(f"bot/{module}:{line}: texts stand in views, marked for translation: {text!r}")


OF_OTHERS = {
    "your rating",
    "is not modified",
    "query is too old",
    "query id is invalid",
    "to edit not found",
    "can't be edited",
    "no text in the message",
}
"""What errors of Telegram are told by, and a column of IMDb's."""


def test_whatever_says_a_text_is_given_one_that_can_be_collected() -> None:
    """A text that is put together, or comes from a variable, is in no catalogue."""
    for path in BOT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for argument in node.args[: WRAPPERS.get(called(node), 0)] if isinstance(node, ast.Call) else ():
                assert not isinstance(argument, ast.JoinedStr | ast.BinOp), f"{path.name}:{argument.lineno}"
