"""Takes film titles of data sets apart: the title to show, alternative titles, and the year. No I/O."""

import re
from dataclasses import dataclass

from engine.serving.names.words import ARTICLES

_ARTICLES = "|".join(ARTICLES).replace("'", "['’]")

# ", The" counts only where a title or its main part ends: "Crow, The: Wicked Prayer", but not "Good, the Bad …".
_MOVED_ARTICLE = re.compile(rf"(?P<name>.+?), ?(?P<article>{_ARTICLES})(?P<rest>(?:: | - ).*)?", re.IGNORECASE)

# "(1995)", "(2006–2007)", "(2006–)", IMDb's "(1995/II)", and the "(V)" or "(TV)" that older sets put after the year.
_YEAR = re.compile(r"(?P<title>.*\S)\s*\((?P<year>\d{4})(?:\s?[-–—/][^()]*)?\)(?:\s*\((?:V|TV|VG)\))?")
_YEARS = range(1870, 2101)

_ALSO_KNOWN_AS = re.compile(r"(?:^|[,;]?\s+)(?:a\.\s?k\.\s?a\b\.?|aka(?=[ :])|AKA(?=[ :])):?\s*")

# Brackets at the end that are part of the name or a note on it, not another name: "Birdman: Or (The Unexpected Virtue
# of Ignorance)", "Human Centipede, The (First Sequence)", "Hotel Chevalier (Part 1 of 'The Darjeeling Limited')",
# "Fanny and Alexander (TV version)", "Hommage à Zgougou (et salut à Sabine Mamou)".
_CARRIES_ON = re.compile(r"(?:and|or|et|ou|und|oder|with|avec)\s")
_NOTE = re.compile(
    r"(?:part|pt\.?|volume|vol\.?|chapter|episode|season)\s+(?:\d+|[ivx]+|one|two|three|four|five)\b.*"
    r"|.+\s(?:sequence|version|cut|edition)"
    r"|TV|EPIX|HBO|BBC|PBS",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ParsedTitle:
    """A title taken apart. ``display_title`` is the form that people say ("The Matrix"); ``year`` is None if there is
    none."""

    display_title: str
    alternative_titles: tuple[str, ...] = ()
    year: int | None = None


def parse_title(text: str) -> ParsedTitle:
    """Take a title apart: "City of Lost Children, The (Cité des enfants perdus, La) (1995)".

    Spaces are collapsed and articles moved to the front. Names in brackets at the end are alternatives, without their
    "a.k.a.", in the order written and without repeats; brackets anywhere else belong to the title ("(500) Days of
    Summer"), and so does a note such as "(Part 1)". In a range of years the first one counts. Nothing but the year, the
    "a.k.a." and a "(V)" after the year is dropped, and ``display_title`` is empty only if ``text`` is blank.
    """
    title = " ".join(text.split())
    year = None
    dated = _YEAR.fullmatch(title)
    if dated and int(dated["year"]) in _YEARS:
        title, year = dated["title"], int(dated["year"])

    name, brackets = _split_brackets(title)
    display_title = _article_first(name)
    alternatives: dict[str, str] = {}  # casefolded: as written
    for bracket in brackets:
        if _belongs(display_title, bracket):
            display_title += f" ({bracket})"
            continue
        for other in _ALSO_KNOWN_AS.split(bracket):
            if other:
                alternative = _article_first(other)
                alternatives.setdefault(alternative.casefold(), alternative)
    alternatives.pop(display_title.casefold(), None)
    return ParsedTitle(display_title, tuple(alternatives.values()), year)


def _split_brackets(title: str) -> tuple[str, list[str]]:
    """Return the title without the brackets at its end, and what stood in them, in order.

    A bracket counts only after a space or another bracket, so "Frontière(s)" stays whole, and "(Untitled)" is a name.
    """
    brackets: list[str] = []
    while title.endswith(")"):
        depth, start = 0, len(title)
        while start and (depth or start == len(title)):
            start -= 1
            depth += (title[start] == ")") - (title[start] == "(")
        inside, before = title[start + 1 : -1].strip(), title[:start]
        if depth or not inside or not before.endswith((" ", ")")):
            break
        brackets.insert(0, inside)
        title = before.rstrip()
    return title, brackets


def _belongs(name: str, bracket: str) -> bool:
    return name.lower().endswith(" or") or bool(_CARRIES_ON.match(bracket) or _NOTE.fullmatch(bracket))


def _article_first(name: str) -> str:
    moved = _MOVED_ARTICLE.fullmatch(name)
    if not moved:
        return name
    article = moved["article"][0].upper() + moved["article"][1:]
    space = "" if article.endswith(("'", "’")) else " "
    return f"{article}{space}{moved['name']}{moved['rest'] or ''}"
