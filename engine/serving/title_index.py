"""Title search: finds the films that a typed text may mean.

A pure index in memory. It holds two tables of strings. Whole names without spaces ("spiderman", "matrix") show whether
the text is a title, begins one, or is a misspelled one. Single words show whether a title contains the words of the
text, in any order. A film's score is the best that any of these gives it:

    100  its display title; case, accents, punctuation and spaces aside
     98  the same but for articles and numerals, an alternative title, what it is called in other languages,
         or its series and the number that it has there ("die hard 3")
     91  the name of its series
     90  a name begins with it
     88  a whole name with typos, less the share of wrong letters
     80  the title contains its words, less the share that is missing, unfinished or misspelled;
         or a name begins with it once the spaces are gone

A year in the text takes points from films of other years. Where films score the same, the best known comes first.
"""

import math
import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from engine.domain import Film
from engine.serving.names import NO_NAMES, FilmName, Names
from engine.serving.names.words import ARTICLES, LEADING_ARTICLES, NUMERALS, PART_WORDS

QUERY_LENGTH = 200
"""Only this many characters of a text are read. The longest titles are about this long."""

TITLE, NAME, IN_SERIES, BEGINS, RESEMBLES, CONTAINS = 100, 98, 91, 90, 88, 80
"""The scores of the list above."""

UNFINISHED = 0.95
"""Score of a word whose first letters were typed: "alien" finds "My Stepmother Is an Alien" before "Mutant Aliens"."""

FLOOR = 40
"""A film with a lower score is no hit: its title has less than half of the words, rare ones counting more."""

REACH = 22
"""A film further than this below the best one is no hit. For an exact title, titles that contain it are hits, but short
titles that are merely spelled like it are not; for a title with its year, remakes of other years are not."""

CLEAR = 5
"""The first hit is sure if the second is further than this below it. It is less than the 8 points that a misspelled
whole title has over a longer title that contains it, so "the matrx" is sure to be The Matrix."""

GOOD = 70
"""The score that the first hit needs to be sure. A five-letter title with one wrong letter has 70, a four-letter one
66."""

COVERED = 0.4
"""The share of a title's letters that must have been typed to be sure: "thanks" is a word of one film only, but a small
part of its title. The part before or after a colon counts as a title."""

NEARLY_ALL = 0.66
"""The same where the last word typed is only the beginning of one."""

OTHER_YEAR, NEARLY_THAT_YEAR = 36, 6
"""``OTHER_YEAR`` is the loss of a film of another year, so that the right title with a wrong year is a hit but never
sure. ``NEARLY_THAT_YEAR`` is the loss of a film of unknown year or of an adjacent year, which people often name."""

MOST_WORDS = 12
"""Only this many words of a text are looked up. A longer title is found as a whole, by its beginning, or by these
words."""

Indices = NDArray[np.int32]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Hit:
    """A film, and how well it matches: whole points, 40 to 100."""

    film: Film
    score: int


@dataclass(frozen=True, slots=True)
class Found:
    """The films that a text may mean.

    ``hits`` come best first. ``total`` counts all that match well, also those past the limit. ``sure`` says that the
    first hit is the only close match, so its card can be shown at once; it is false when there are no hits.
    """

    hits: tuple[Hit, ...] = ()
    total: int = 0
    sure: bool = False


class TitleIndex:
    """Finds films by title. Immutable once built, so threads may share it."""

    def __init__(self, films: Sequence[Film], called: Names = NO_NAMES) -> None:
        # Films are in order of fame, so that their index breaks ties: most ratings first, then the newest, then the
        # lowest id.
        self._films = sorted(films, key=lambda film: (-film.rating_count, -(film.year or 0), film.id))
        self._years = np.array([film.year or 0 for film in self._films], dtype=np.int32)
        self._pages = _pages(self._films)
        titles = [[_fold(name) for name in (film.display_title, *film.alternative_titles)] for film in self._films]
        places = self._places(titles, called)
        for film_name, others in called.called:
            for film in places.get(film_name, ()):
                titles[film] += map(_fold, others)
        names: defaultdict[str, list[int]] = defaultdict(list)
        words: defaultdict[str, list[int]] = defaultdict(list)
        for film, folded in enumerate(titles):
            for key in {key for title in folded for key in _keys(_split(title))}:
                names[key].append(film)
            for word in {word for title in folded for word in _bag(title)}:
                words[word].append(film)
        self._titles = titles
        self._series, self._numbered = _series(called, places, titles)
        for key, (series_words, members) in self._series.items():
            for word in series_words if len(key) > 2 else ():
                words[word] += [film for film in members if film not in words[word]]
        self._names = _Table(names)
        self._words = _Table(words)
        self._series_names = _Table(
            {
                key: members
                for key, (words_of, members) in self._series.items()
                if not self._has_own_name(words_of, members)
            }
        )

    def find(self, text: str, limit: int = 8) -> Found:
        """Return the films that ``text`` may mean, at most ``limit``, best first.

        Any text will do: the empty one and one that resembles no title find nothing. Among films with the same score,
        the one with the most ratings comes first, then the newest, then the lowest id.
        """
        if (film := self.at(text)) is not None:
            return Found((Hit(film, TITLE),)[: max(limit, 0)], total=1, sure=True)
        words = _split(_fold(text.strip()[:QUERY_LENGTH]))
        if not words or not self._films:
            return Found()
        points = self._score(words)
        for year, others in _years(words):
            np.maximum(points, self._score(others) - self._wrong_year(year), out=points)
        scores = np.rint(points).astype(np.int16)
        best = int(scores.max())
        if best < FLOOR:
            return Found()
        good = np.flatnonzero(scores >= max(FLOOR, best - REACH))
        # A stable sort keeps the order of fame among equals.
        ranked = good[np.argsort(-scores[good], kind="stable")]
        shown = ranked[: max(limit, 0)].tolist()
        series = self._of_series(words)
        if (
            ranked[0] in series
            and best in (IN_SERIES, TITLE)
            and scores[ranked[0]] == scores[ranked[1:2]].max(initial=0)
        ):
            # all films of a series are meant equally: take the best known, in the series' order
            shown.sort(key=lambda film: (-scores[film], series.index(film) if film in series else len(series)))
        hits = tuple(Hit(self._films[film], int(scores[film])) for film in shown)
        sure = _is_sure(scores[ranked], ranked) and (best > IN_SERIES or self._is_most(int(ranked[0]), words, best))
        return Found(hits, total=len(good), sure=sure)

    def named(self, text: str) -> list[Film]:
        """Return the films with exactly this name, the best known first: with or without article and year, in any
        language, or as a part of a series. The name of a series gives all its films."""
        words = _split(_fold(text.strip()[:QUERY_LENGTH]))
        films = self._called(words) if words else []
        for year, others in () if films else _years(words):
            films += [film for film in self._called(others) if self._years[film] == year]
        return [self._films[film] for film in sorted(set(films))]

    def at(self, text: str) -> Film | None:
        """Return the film whose IMDb id or page address ``text`` is."""
        if match := _IMDB.search(text):
            return self._pages.get(("imdb", str(int(match[1]))))
        if match := _TMDB.search(text):
            return self._pages.get(("tmdb", match[1]))
        if match := _LETTERBOXD.search(text):
            return self._by_slug(match[1])
        return None

    def has_pages_of(self, address: str) -> bool:
        """Return whether an address is of a site by whose numbers or names films of this catalogue can be found."""
        sites = {site for site, _ in self._pages}
        return any(
            site in sites and pattern.search(address) for site, pattern in (("imdb", _IMDB), ("tmdb", _TMDB))
        ) or bool(_LETTERBOXD.search(address))

    @property
    def most_ratings(self) -> int:
        """The number of ratings of the best known film."""
        return self._films[0].rating_count if self._films else 0

    def _by_slug(self, slug: str) -> Film | None:
        """Return the film that a Letterboxd address ends with, such as "heat-1995". A bare "heat" is the first film of
        this name on that site, which is mostly the best known."""
        name, year = slug.replace("-", " "), re.fullmatch(r"(.+)-(\d{4})", slug)
        named = self.named(name)
        if not named and year:
            named = [film for film in self.named(year[1].replace("-", " ")) if film.year == int(year[2])]
        return named[0] if named else None

    def _called(self, words: Sequence[str]) -> list[int]:
        found = [film for key in _keys(words) for film in self._names.equal(key).tolist()]
        return found or self._of_series(words)

    def _of_series(self, words: Sequence[str]) -> list[int]:
        """Return the film that has this number in a series, or all films of the series of this name."""
        digits = _with_digits(words)
        for key in dict.fromkeys(("".join(digits), "".join(_without_article(digits)))):
            if key in self._numbered:
                return [self._numbered[key]]
            if key in self._series:
                return list(self._series[key][1])
        if len(words) > 1 and words[-1] in _SERIES_WORDS:
            return self._of_series(words[:-1])
        return self._of_series(words[1:]) if len(words) > 1 and words[0] in _ALL else []

    def _is_most(self, film: int, words: Sequence[str], score: int) -> bool:
        """Return whether enough of a film's title has been typed to be sure: its beginning in whole words, or nearly
        all of it."""
        covered = self._covered(film, words)
        if score != BEGINS:
            return covered >= COVERED
        whole = any(
            list(form[: len(words)]) == list(words)
            for title in map(_split, self._titles[film])
            for form in (title, _without_article(title))
        )
        return covered >= (COVERED if whole else NEARLY_ALL)

    def _covered(self, film: int, words: Sequence[str]) -> float:
        """Return the share of one of this film's titles, or of a part of it, that has been typed."""
        heard = {word[:3] for word in words}
        lengths = [
            sum(map(len, part_words))
            for title in self._titles[film]
            for part in (title, *_SEGMENT.split(title))
            if (part_words := _without_article(_split(part))) and heard & {word[:3] for word in part_words}
        ]
        return sum(map(len, words)) / min(lengths, default=1)

    def _places(self, titles: Sequence[Sequence[str]], called: Names) -> dict[FilmName, list[int]]:
        """Return the films that a table's titles mean: those of the given year, else of an adjacent year."""
        wanted = {film for film, _ in called.called} | {film for series in called.series for film in series.films}
        if not wanted:
            return {}
        films: defaultdict[str, list[int]] = defaultdict(list)
        for film, folded in enumerate(titles):
            for title in folded:
                films["".join(_without_article(_split(title)))].append(film)
        found = {}
        for name in wanted:
            keys = {"".join(_without_article(_split(_fold(title)))) for title in name.titles}
            near = sorted(
                {film for key in keys for film in films.get(key, ()) if abs(self._years[film] - name.year) <= 1}
            )
            if near:
                closest = min(abs(int(self._years[film]) - name.year) for film in near)
                found[name] = [film for film in near if abs(int(self._years[film]) - name.year) == closest]
        return found

    def _score(self, words: Sequence[str]) -> Scores:
        """Return every film's points for these words; 0 where nothing fits."""
        contained = self._contained(words)
        points = contained.copy()
        for key in _keys(words):
            for wrong, films in self._names.near(key):
                _raise(points, films, RESEMBLES * (1 - wrong))
            # "strangelove" begins "The Strange Love of Martha Ivers" only without its spaces, which is no better than a
            # word of "Dr. Strangelove".
            films = self._names.beginning(key)
            by_words = contained[films] > CONTAINS * UNFINISHED - 1
            _raise(points, films, CONTAINS)
            _raise(points, films[by_words], BEGINS)
            _raise(points, self._names.equal(key), NAME)
        for score, meant in self._in_series(words):
            _raise(points, np.array(meant, dtype=np.int32), score)
        whole = "".join(words)
        for film in self._names.equal(whole).tolist():
            if "".join(_split(_fold(self._films[film].display_title))) == whole:
                points[film] = TITLE
        return points

    def _in_series(self, words: Sequence[str]) -> Iterator[tuple[float, Sequence[int]]]:
        """Yield films that are meant by the name of their series, and their scores."""
        films = self._of_series(words)
        if len(films) == 1:  # series and number score like a name of the film
            yield NAME, films
        elif films:
            yield (IN_SERIES if self._has_own_name(words, films) else TITLE), films
        else:
            for wrong, films_of in self._series_names.near("".join(_without_article(words))):
                yield RESEMBLES * (1 - wrong), films_of.tolist()

    def _has_own_name(self, words: Sequence[str], films: Sequence[int]) -> bool:
        """Return whether one film of a series has the name of the series: "the matrix" means the first film, but no
        part of The Lord of the Rings has just that name."""
        called = {film for key in _keys(words) for film in self._names.equal(key).tolist()}
        return bool(called & set(films))

    def _contained(self, words: Sequence[str]) -> Scores:
        """Return every film's points for the words that its titles share with these, a rare word weighing more."""
        total = np.zeros(len(self._films), dtype=np.float32)
        weights = 0.0
        read = dict.fromkeys(words[:MOST_WORDS])
        for word in read:
            likeness = np.zeros_like(total)
            for wrong, films in self._words.near(word):
                _raise(likeness, films, 1 - wrong)
            if word == words[-1]:  # the last word may be unfinished
                _raise(likeness, self._words.beginning(word), UNFINISHED)
            likeness[self._words.equal(word)] = 1
            likeness[self._words.equal(_DIGITS.get(word, word))] = 1
            films_with_it = max(1, int(np.count_nonzero(likeness == 1)))
            weight = math.log1p(len(self._films) / films_with_it)
            total += weight * likeness
            weights += weight
        return total * (CONTAINS / weights)

    def _wrong_year(self, year: int) -> Scores:
        """Return the points that each film loses when the text names ``year``."""
        off = np.abs(self._years - year)
        nearly = (off == 1) | (self._years == 0)
        return np.where(off == 0, 0, np.where(nearly, NEARLY_THAT_YEAR, OTHER_YEAR)).astype(np.float32)


class _Table:
    """Distinct strings, and the films that have each.

    Strings are sorted and films stored in the same order, so the films of all strings with one beginning are a slice.
    """

    def __init__(self, films: Mapping[str, Sequence[int]]) -> None:
        self._strings = sorted(films)
        self._films = np.fromiter(chain.from_iterable(films[string] for string in self._strings), dtype=np.int32)
        self._starts = np.cumsum([0, *(len(films[string]) for string in self._strings)], dtype=np.int32)
        lengths = np.array([len(string) for string in self._strings], dtype=np.int32)
        self._shortest_first = np.argsort(lengths, kind="stable").astype(np.int32)
        self._lengths = lengths[self._shortest_first]
        self._by_length = [self._strings[at] for at in self._shortest_first.tolist()]
        self._letters = _letters(self._by_length)

    def equal(self, text: str) -> Indices:
        """Return the films that have ``text``."""
        at = bisect_left(self._strings, text)
        found = at < len(self._strings) and self._strings[at] == text
        return self._between(at, at + found)

    def beginning(self, text: str) -> Indices:
        """Return the films that have a string with this beginning; a film with two such strings comes twice."""
        low = bisect_left(self._strings, text)
        return self._between(low, bisect_left(self._strings, text + _LAST, lo=low))

    def near(self, text: str) -> Iterator[tuple[float, Indices]]:
        """Yield (share of letters that are wrong, films) for each string that ``text`` may be a misspelling of.

        One slip for every four letters, at least one and at most four; none in texts of one or two letters. A slip is
        a letter lost, added, replaced, or swapped with the next. A digit is never one: Rocky III is not Rocky II.
        """
        if len(text) < 3:
            return
        most = min(max(len(text) // 4, 1), 4)
        low = int(np.searchsorted(self._lengths, len(text) - most, side="left"))
        high = int(np.searchsorted(self._lengths, len(text) + most, side="right"))
        # This test is quick and few strings pass it: a slip changes at most two of the letters in use.
        unlike = np.bitwise_count(self._letters[low:high] ^ _letters([text])) > 2 * most
        places = (low + np.flatnonzero(~unlike)).tolist()
        strings = [self._by_length[at] for at in places]
        slips = process.cdist([text], strings, scorer=OSA.distance, score_cutoff=most, dtype=np.uint8, workers=1)[0]
        for at in np.flatnonzero(slips <= most).tolist():
            if _digits(strings[at]) == _digits(text):
                place = int(self._shortest_first[places[at]])
                yield int(slips[at]) / max(len(text), len(strings[at])), self._between(place, place + 1)

    def _between(self, low: int, high: int) -> Indices:
        return self._films[self._starts[low] : self._starts[high]]


def _pages(films: Sequence[Film]) -> dict[tuple[str, str], Film]:
    """Return the films by their numbers on another site."""
    imdb = {("imdb", str(int(film.imdb_id))): film for film in films if film.imdb_id and film.imdb_id.isdecimal()}
    return imdb | {("tmdb", str(film.tmdb_id)): film for film in films if film.tmdb_id is not None}


def _series(
    called: Names, places: Mapping[FilmName, Sequence[int]], titles: Sequence[Sequence[str]]
) -> tuple[dict[str, tuple[Sequence[str], list[int]]], dict[str, int]]:
    """Return the films of each series by its names, and each film by those names and its number there.

    A number in the title counts before the place in the order: "star wars 5" is Episode V, the second film.
    """
    series: dict[str, tuple[Sequence[str], list[int]]] = {}
    numbered: dict[str, int] = {}
    for one in called.series:
        known = [(name, places[name][0]) for name in one.films if name in places]
        for alias in one.names:
            words = _without_article(_with_digits(_split(_fold(alias))))
            key = "".join(words)
            if not known or key in series:
                continue
            series[key] = words, [film for _, film in known]
            for position, name in enumerate(one.films, 1):
                if name in places:
                    numbered.setdefault(f"{key}{position}", places[name][0])
            own = {}
            for name, film in known:
                for title in name.titles:
                    digits = _without_article(_with_digits(_split(_fold(title))))
                    if list(digits[: len(words)]) == list(words) and len(digits) > len(words):
                        number = digits[len(words)]
                        if number.isdecimal() and len(number) < 3:
                            own[f"{key}{number}"] = film
            numbered |= own
    return series, numbered


def _letters(strings: Sequence[str]) -> NDArray[np.uint64]:
    """Return each string's letters as bits; letters whose code points are equal modulo 64 share a bit."""
    if not strings:
        return np.zeros(0, dtype=np.uint64)
    codes = np.frombuffer("".join(strings).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    starts = np.cumsum([0, *(len(string) for string in strings[:-1])])
    return np.bitwise_or.reduceat(np.left_shift(np.uint64(1), codes & 63, dtype=np.uint64), starts)


def _raise(points: Scores, films: Indices, least: float) -> None:
    points[films] = np.maximum(points[films], least)


def _is_sure(scores: NDArray[np.int16], ranked: NDArray[np.intp]) -> bool:
    """Return whether the first of these films is the one that was meant, given all scores and films, best first."""
    rivals = np.count_nonzero(scores >= scores[0] - CLEAR) - 1
    if scores[0] == TITLE and rivals and scores[1] < TITLE:
        # "heat" means Heat (1995) although The Heat (2013) matches too, because fewer people know that one. But "ring"
        # may well mean The Ring (2002), which is better known than Ring (1998).
        return bool(ranked[0] < ranked[1 : 1 + rivals].min())
    return rivals == 0 and bool(scores[0] >= GOOD)


# --- From a text to words and keys ------------------------------------------------------------------------------------

_LEADING = frozenset(article.rstrip("'") for article in LEADING_ARTICLES)
"""Articles that people may leave out in front."""

_BACK_ARTICLE = re.compile(rf"^(.+), *({'|'.join(ARTICLES)})(?= *(?:[(\[]?\d{{4}}[)\]]?)?$)")
"""The article of "Matrix, The" and "Matrix, The (1999)"."""

_ELISION = re.compile(r"\b([dl])'")
"""French and Italian drop a vowel here: "l'avventura" is two words, "ocean's" is one."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""A run of letters and digits. Chinese and Japanese put no spaces between words, so each of their signs is a word."""

_FOLD = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i", "&": " and ", "+": " and "}
    | dict.fromkeys("’‘ʼ`´", "'")
)
"""Letters that Unicode normalisation leaves as they are, and marks that people use for one another."""

_DIGITS = {numeral: str(number) for numeral, number in NUMERALS.items()}
# fmt: off
_SERIES_WORDS = frozenset({
    "trilogy", "saga", "series", "films", "movies", "franchise",
    "trilogie", "reihe", "filme", "teile", "trilogia", "peliculas", "pelis",
})
# fmt: on
"""Words behind the name of a series: "star wars movies"."""

_ALL = frozenset({"all", "alle", "todas", "todos"})
"""Words before it: "all bond films"."""

_YEAR = re.compile(r"(?:18[7-9]|19\d|20\d)\d")
_SEGMENT = re.compile(r"\s*[:;]\s+|\s+[-–—]\s+|\s+or:?\s+")
_IMDB = re.compile(r"(?:imdb\.com/(?:\w+/)*?title/|^\s*)tt0*(\d{1,10})\b", re.IGNORECASE)
_TMDB = re.compile(r"themoviedb\.org/(?:[a-z-]+/)?movie/(\d{1,9})", re.IGNORECASE)
_LETTERBOXD = re.compile(r"letterboxd\.com/(?:[\w-]+/)?film/([a-z0-9-]+)", re.IGNORECASE)
_LAST = chr(0x10FFFF)  # sorts behind every character


def _fold(text: str) -> str:
    """Return ``text`` without case, accents or compatibility forms, its article in front."""
    text = text.translate(_FOLD)
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text)
        text = "".join(sign for sign in apart if not unicodedata.category(sign).startswith("M"))
    text = text.casefold().translate(_FOLD).strip()
    return _ELISION.sub(r"\1 ", _BACK_ARTICLE.sub(r"\2 \1", text)).replace("'", "")


def _split(folded: str) -> list[str]:
    """Return the words of a folded text in order, or its signs if it has no letters or digits ("$"); nothing for a
    blank text."""
    return _WORD.findall(folded) or folded.split()


def _bag(folded: str) -> set[str]:
    """Return every word that may find a title: its words, numerals as digits, and "spiderman" for "spider-man"."""
    words = _split(folded)
    glued = ("".join(_WORD.findall(chunk)) for chunk in folded.split())
    return {*words, *_with_digits(words), *filter(None, glued)}


def _keys(words: Sequence[str]) -> set[str]:
    """Return the ways to write a name without spaces: with and without its article, numerals as they are and digits."""
    forms = words, _with_digits(words)
    return {"".join(form) for form in forms} | {"".join(_without_article(form)) for form in forms}


def _without_article(words: Sequence[str]) -> Sequence[str]:
    if len(words) > 1 and words[0] in _LEADING:
        return words[1:]
    if len(words) > 1 and words[-1] == "the":
        return words[:-1]
    return words


def _with_digits(words: Sequence[str]) -> list[str]:
    """Return ``words`` with numerals as digits and without the word before them: "Part II", "part two", "2" are one.

    A first word "I", "V" or "X" is left alone: I, Robot and X-Men are not numbered.
    """
    digits = [word if not at and word in ("i", "v", "x") else _DIGITS.get(word, word) for at, word in enumerate(words)]
    following = [*digits[1:], ""][: len(digits)]
    return [
        word for word, after in zip(digits, following, strict=True) if not (word in PART_WORDS and after.isdecimal())
    ]


def _years(words: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each reading of ``words`` as a title and a year: (year, the other words).

    Only the first and the last year are tried: a title may contain one ("2001: A Space Odyssey 1968"), other texts
    many. A lone "1941" is a title.
    """
    places = [at for at, word in enumerate(words) if _YEAR.fullmatch(word)]
    for at in sorted({*places[:1], *places[-1:]}):
        if others := [*words[:at], *words[at + 1 :]]:
            yield int(words[at]), others


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))
