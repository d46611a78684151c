"""Every text that people read is marked for translation, and every language has all of them, in a form that Telegram
accepts.

Besides the catalogue of all texts there are two with the texts that differ, in English too: for play counts, and for
artists.
"""

import ast
import contextvars
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

from bot.features import account_views, admin_views, picks_views
from bot.speech import language, views
from bot.speech.understanding import World, understand_wish
from engine.serving.title_index import TitleIndex
from engine.serving.wish import Wish
from tests.artists import OF_FILMS, OF_STARS, words_of
from tests.fakes import TEXT_LENGTH, TOAST_LENGTH, parse_html

BOT = Path(language.__file__).parents[1]
MODULES = {path.relative_to(BOT).as_posix() for path in BOT.rglob("*.py")}
TRANSLATED = [code for code in language.LANGUAGES if code != language.SOURCE]
SUBJECTS = (language.PLAYS, language.ARTISTS)
CATALOGUES = [(code, language.DOMAIN) for code in TRANSLATED]
CATALOGUES += [(code, subject) for code in language.LANGUAGES for subject in SUBJECTS]

KEYWORDS = {"_": None, "ngettext": (1, 2), "marked": None, "say": None, "count": (1, 2)}
"""The functions that take a text, as `make texts` has them."""

Key = str | tuple[str, ...]


@cache
def catalogue(code: str, domain: str) -> Catalog:
    with (language.LOCALES / code / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        return read_po(file, locale=code)


def messages(code: str, domain: str) -> list[Message]:
    return [message for message in catalogue(code, domain) if message.id]


def key_of(message: Message) -> Key:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def texts(code: str, domain: str) -> set[Key]:
    return {key_of(message) for message in messages(code, domain)}


def english(message: Message, code: str, domain: str) -> list[str]:
    """Return the English of a message: that of its own catalogue, where it has one."""
    if code != language.SOURCE and domain in SUBJECTS:
        own = catalogue(language.SOURCE, domain).get(message.id)
        assert own is not None, message.id
        message = Message(message.id, own.string)
        return [message.string] if isinstance(message.string, str) else list(message.string)
    return [message.id] if isinstance(message.id, str) else list(message.id)


def forms(message: Message, code: str, domain: str) -> list[tuple[str, str]]:
    """Return each form of a translation with the English that it is to be compared with."""
    source = english(message, code, domain)
    translated = [message.string] if isinstance(message.string, str) else message.string
    return [(source[min(at, len(source) - 1)], str(form)) for at, form in enumerate(translated)]


@cache
def texts_in_code() -> frozenset[Key]:
    found = list(extract_from_dir(str(BOT), keywords=KEYWORDS))  # type: ignore[arg-type]
    rooms = {Path(file).parts[0] for file, *_ in found}
    assert {"features", "frame", "speech"} <= rooms, "texts are looked for in the wrong place"
    return frozenset(key if isinstance(key, str) else tuple(key) for _file, _line, key, _comments, _context in found)


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_has_the_texts_of_the_code_and_no_others(code: str) -> None:
    known = texts(code, language.DOMAIN)
    assert known - texts_in_code() == set(), "not in the code (any more): make texts"
    assert texts_in_code() - known == set(), "not in the catalogue: make texts"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_reads_differently_is_in_the_code_and_does_so_in_all_languages(subject: str) -> None:
    first = texts(language.SOURCE, subject)
    assert first - texts_in_code() == set(), "not in the code (any more)"
    for code in TRANSLATED:
        assert texts(code, subject) == first, code


@pytest.mark.parametrize(("code", "domain"), CATALOGUES)
def test_every_text_is_translated(code: str, domain: str) -> None:
    for message in messages(code, domain):
        assert not message.fuzzy, message.id
        assert all(form for _, form in forms(message, code, domain)), message.id
        assert message.pluralizable == (not isinstance(message.string, str))
        if message.pluralizable:
            assert len(message.string) == catalogue(code, domain).num_plurals, message.id


@pytest.mark.parametrize(("code", "domain"), CATALOGUES)
def test_the_compiled_catalogue_is_that_of_the_text(code: str, domain: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(code, domain))
    on_disk = language.LOCALES / code / "LC_MESSAGES" / f"{domain}.mo"
    assert on_disk.read_bytes() == compiled.getvalue(), "make texts"


def fields(text: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize(("code", "domain"), CATALOGUES)
def test_placeholders_are_those_of_the_english(code: str, domain: str) -> None:
    """English that reads differently may leave some out."""
    for message in messages(code, domain):
        for source, translated in forms(message, code, domain):
            if message.pluralizable:  # "one of them" may say its number in words, or not at all
                most = fields(message.id[0]) | fields(message.id[1]) | Counter(["n"])
                assert set(fields(translated)) <= set(most), translated
                least = set(fields(source)) - {"n"}
            else:
                assert fields(translated) <= fields(source), translated
                least = set(fields(source))
            assert code == language.SOURCE or least <= set(fields(translated)), translated


@pytest.mark.parametrize(("code", "domain"), CATALOGUES)
def test_tags_commands_and_line_ends_are_those_of_the_english(code: str, domain: str) -> None:
    """English that reads differently may leave a command out."""
    for message in messages(code, domain):
        for source, translated in forms(message, code, domain):
            parse_html(translated.replace("{", "").replace("}", ""))
            for pattern in (r"</?\w+>", r"\n", r"<code>.*?</code>"):
                assert re.findall(pattern, translated) == re.findall(pattern, source), translated
            said, had = (re.findall(r"(?<![\w<])/[a-z]+\b", text) for text in (translated, source))
            assert said == had or (code == language.SOURCE and not said), translated


@pytest.mark.parametrize(("code", "domain"), CATALOGUES)
def test_translations_begin_and_end_as_the_english(code: str, domain: str) -> None:
    """A capital letter where it stands at the beginning of a sentence, and a period where it ends one."""
    for message in messages(code, domain):
        for source, translated in forms(message, code, domain):
            assert (source[-1] in ".:") == (translated[-1] in ".:") or message.id in ABBREVIATED, translated
            assert translated == translated.strip()


ABBREVIATED = {"Jan", "Feb", "Apr", "Aug", "Sep", "Oct", "Nov", "Dec"}

LONGEST = 2
"""A translation may be this many times as long as the English; a longer one has probably added something."""


@pytest.mark.parametrize("subjects", [(), (language.PLAYS,), (language.ARTISTS, language.PLAYS)])
@pytest.mark.parametrize("code", language.LANGUAGES)
def test_translations_keep_to_the_limits_of_telegram(code: str, subjects: tuple[str, ...]) -> None:
    contextvars.copy_context().run(keeps_to_the_limits, code, subjects)


def keeps_to_the_limits(code: str, subjects: tuple[str, ...]) -> None:
    language.speak_of(*subjects)
    with language.speaking(code):
        for toast in (views.OLD_BUTTON, views.NOT_YOURS, admin_views.NOT_FOR_YOU):
            assert len(language._(toast)) <= TOAST_LENGTH
        for _command, what in account_views.described((*account_views.COMMANDS, *admin_views.COMMANDS)):
            assert 3 <= len(what) <= 100, what
        everything = (
            account_views.help_text(account_views.COMMANDS, admin_views.COMMANDS).text + account_views.privacy(180).text
        )
        assert len(everything) < TEXT_LENGTH


@pytest.mark.parametrize(("code", "domain"), CATALOGUES)
def test_no_translation_is_much_longer_than_the_english(code: str, domain: str) -> None:
    for message in messages(code, domain):
        for source, translated in forms(message, code, domain):
            assert len(translated) <= max(24, LONGEST * len(source)), translated


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_examples_in_texts_are_understood(code: str) -> None:
    genres = sorted(language.GENRES)
    with language.speaking(code):
        shown = [str(picks_views.genres(1, 1, 1, ["Comedy"], {"Comedy": 1}, Wish()).text)]
        shown += [what for name, what in account_views.described(account_views.COMMANDS) if name == "top"]
        for text in shown:
            example = re.findall(r"/top ([\w -]+)", text)[0]
            asked = understand_wish(example, World(TitleIndex([]), tuple(genres), newest=2024, this_year=2026))
            assert not asked.left_out, text
            assert asked.wish.genres, text
            assert asked.wish.since, text


# --- Where nobody gives stars, and where the titles are artists ------------------------------------------------------

SPEECH = [((language.PLAYS,), [OF_STARS]), ((language.ARTISTS, language.PLAYS), [OF_STARS, OF_FILMS])]
"""The subjects that are spoken of, and the words that are none of theirs."""

WITH_STARS_ONLY = (
    "You give whole stars, 1 to 5.",
    "You give stars in halves, ½ to 5.",
    "Half stars",
    "Whole stars",
    "about {stars}",
    "everyone: {mean}",
    "RMSE in stars",
    "RMSE of known films",
    "Best first",
    "Your ratings, best first",
    "{shown} films shown, {rated} of them rated later",
    "Stars given: ",
    "Half of the people gave ",
    "Half of the films have ",
    "Bring your ratings",
    # In /me:
    "I give {mean} stars",
    "{mean} stars",
    "More stars than usual",
    "Fewer stars than usual",
    "<b>Where I disagree",
    "Genres, in stars",
    "My stars",
    # Bringing ratings:
    "Send me a file of your ratings",
    "From Letterboxd: ",
    "From IMDb: ",
    "I can't read ratings",
    "From Trakt: ",
    "Everything you rated gets its stars",
    "it needs the columns",
    "it is ",
    "{source}: ",
    "{n} line ",
    "{n} film will ",
    "{n} more film is noted",
    "{n} film is marked as seen",
    "{n} film of that file",
    "Your {n} rating, as Letterboxd",
)
"""The beginnings of texts that are never shown for play counts."""

WITH_FILMS_ONLY = (
    *language.GENRES,
    "Genres",
    "<b>Genres</b>",
    "Which genre, or which years?",
    "All genres",
    "All years",
    "{year}s",
    "I have nothing new for you that fits this",
    "Nothing else fits that is new to all of you",
    "Well-known films in the same genres",
    "Most films, ",
    "{n} film that I don't know:",  # in a file of ratings
    "There are no films yet.",  # so it is not known what there will be
)
"""The beginnings of texts that are never shown for artists, who have no genres and years."""


def reads(code: str, subjects: tuple[str, ...], key: Key) -> list[str]:
    """Return all forms of a text, as it is read where these are the subjects."""
    spoken = language._catalogue(code, subjects)
    return [spoken.gettext(key)] if isinstance(key, str) else [spoken.ngettext(*key, n) for n in (1, 2)]


@pytest.mark.parametrize(("subjects", "forbidden"), SPEECH)
@pytest.mark.parametrize("code", language.LANGUAGES)
def test_nobody_reads_of_stars_or_films_where_there_are_none(
    code: str, subjects: tuple[str, ...], forbidden: list[dict[str, str]]
) -> None:
    elsewhere = WITH_STARS_ONLY + (WITH_FILMS_ONLY if OF_FILMS in forbidden else ())
    wrong = [
        text
        for key in texts_in_code()
        if not (key if isinstance(key, str) else key[0]).startswith(elsewhere)
        for text in reads(code, subjects, key)
        if words_of(text, *(words[code] for words in forbidden))
    ]
    assert wrong == [], f"to be said in another way in {subjects[0]}.po"


@pytest.mark.parametrize(("subject", "elsewhere"), [("plays", WITH_STARS_ONLY), ("artists", WITH_FILMS_ONLY)])
def test_what_is_said_to_be_read_elsewhere_is_a_text_and_not_translated_here(
    subject: str, elsewhere: tuple[str, ...]
) -> None:
    begins = {key if isinstance(key, str) else key[0] for key in texts_in_code()}
    here = {key if isinstance(key, str) else key[0] for key in texts(language.SOURCE, subject)}
    for start in elsewhere:
        assert any(text.startswith(start) for text in begins), start
        assert not any(text.startswith(start) for text in here), start


# --- In the code ------------------------------------------------------------------------------------------------------

WRAPPERS = {"_": 1, "ngettext": 2, "marked": 1, "say": 1, "count": 2}
"""The functions that take texts, and how many."""

SHOWS = {"press", "InlineKeyboardButton", "of", "Html", "facts", "lines", "paragraphs", "plain", "numbered"}
"""The functions that put their arguments before people: there, even a single word is a text."""

ALLOWED = {"IMDb", "Letterboxd", "Matinee", "nDCG@10", "RMSE", "TMDb", "tt"}
"""Names, which are the same in all languages."""

NOT_FOR_PEOPLE = {
    "__main__.py",
    "frame/health.py",
    "settings.py",
    "speech/buttons.py",
    "speech/understanding/__init__.py",
    "speech/understanding/meanings.py",
    "speech/understanding/statements.py",
    "speech/understanding/wishes.py",
    "speech/vocabulary/__init__.py",
    "terminal/console.py",
    "terminal/telegram.py",
}
"""The command line and the terminal's own notes, which are English; figures for Prometheus; words that people type."""

PURE = [*sorted(module for module in MODULES if module.endswith("views.py")), "speech/words.py"]
OTHERS = sorted(MODULES - set(PURE) - NOT_FOR_PEOPLE)

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
    "date rated",
    "letterboxd list",
    "letterboxd uri",
    "title type",
    "watched date",
    "your rating",
    "is not modified",
    "query is too old",
    "query id is invalid",
    "to edit not found",
    "can't be edited",
    "no text in the message",
}
"""Parts of Telegram's error texts, and columns of others' tables."""


def test_whatever_says_a_text_is_given_one_that_can_be_collected() -> None:
    """A text that is concatenated, or comes from a variable, is in no catalogue."""
    for path in sorted(BOT / module for module in MODULES):
        for node in ast.walk(ast.parse(path.read_text())):
            for argument in node.args[: WRAPPERS.get(called(node), 0)] if isinstance(node, ast.Call) else ():
                assert not isinstance(argument, ast.JoinedStr | ast.BinOp), f"{path.name}:{argument.lineno}"
