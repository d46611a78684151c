"""Title search finds the film that was meant, and says when it is not sure."""

import csv
import random
import re
import string
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.domain import Film
from engine.serving import names
from engine.serving.title_index import Found, Hit, TitleIndex

REAL_MOVIES = Path(__file__).parents[3] / "shared" / "data" / "ml-latest-small" / "movies.csv"

# Title, year, number of ratings, alternative titles.
FILMS: list[tuple[str, int | None, int, tuple[str, ...]]] = [
    ("The Matrix", 1999, 278, ()),
    ("The Matrix Reloaded", 2003, 96, ()),
    ("The Matrix Revolutions", 2003, 80, ()),
    ("Pulp Fiction", 1994, 307, ()),
    ("The Godfather", 1972, 192, ()),
    ("The Godfather: Part II", 1974, 129, ()),
    ("The Godfather: Part III", 1990, 36, ()),
    ("Tokyo Godfathers", 2003, 6, ()),
    ("Seven", 1995, 203, ("Se7en",)),
    ("Seven Samurai", 1954, 48, ("Shichinin no samurai",)),
    ("The City of Lost Children", 1995, 38, ("La Cité des enfants perdus",)),
    ("Amelie", 2001, 120, ("Le Fabuleux destin d'Amélie Poulain",)),
    ("Ocean's Eleven", 2001, 119, ()),
    ("Ocean's Eleven", 1960, 7, ("Ocean's 11",)),
    ("Ocean's Twelve", 2004, 40, ()),
    ("Spider-Man", 2002, 122, ()),
    ("Spider-Man 2", 2004, 79, ()),
    ("The Amazing Spider-Man", 2012, 20, ()),
    ("WALL·E", 2008, 104, ()),
    ("Wall Street", 1987, 39, ()),
    ("Nine to Five", 1980, 18, ("9 to 5",)),
    ("M*A*S*H", 1970, 36, ("MASH",)),
    ("Rocky", 1976, 64, ()),
    ("Rocky II", 1979, 29, ()),
    ("Rocky III", 1982, 30, ()),
    ("Star Wars: Episode IV - A New Hope", 1977, 251, ()),
    ("Star Wars: Episode V - The Empire Strikes Back", 1980, 211, ()),
    ("Back to the Future Part II", 1989, 77, ()),
    ("Heat", 1995, 102, ()),
    ("Heat", 1972, 1, ()),
    ("Red Heat", 1988, 9, ()),
    ("Heathers", 1989, 33, ()),
    ("Alien", 1979, 146, ()),
    ("Aliens", 1986, 126, ()),
    ("Alien³", 1992, 56, ("Alien 3",)),
    ("My Stepmother Is an Alien", 1988, 7, ()),
    ("The Ring", 2002, 61, ()),
    ("Ring", 1998, 19, ("Ringu",)),
    ("Her", 2013, 28, ()),
    ("The Her", 2001, 1, ()),
    ("1941", 1979, 19, ()),
    ("2001: A Space Odyssey", 1968, 109, ()),
    ("2001 Maniacs", 2005, 2, ()),
    ("300", 2007, 80, ()),
    ("1917", 2019, 50, ()),
    ("Blade Runner", 1982, 124, ()),
    ("Blade Runner 2049", 2017, 22, ()),
    ("Dune", 1984, 31, ()),
    ("Dune", 2021, 64, ()),
    ("Hamlet", 1990, 17, ()),
    ("Hamlet", 1996, 19, ()),
    ("Hamlet", 2000, 17, ()),
    ("Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb", 1964, 97, ()),
    ("The Strange Love of Martha Ivers", 1946, 2, ()),
    ("The Shawshank Redemption", 1994, 317, ()),
    ("Fast & Furious", 2009, 21, ()),
    ("Romeo + Juliet", 1996, 63, ()),
    ("Die Hard", 1988, 145, ()),
    ("Hard Candy", 2005, 13, ()),
    ("Das Boot", 1981, 40, ("The Boat",)),
    ("L'Avventura", 1960, 5, ("The Adventure",)),
    ("The Good, the Bad and the Ugly", 1966, 60, ("Il Buono, il brutto, il cattivo",)),
    ("I, Robot", 2004, 70, ()),
    ("X-Men", 2000, 133, ()),
    ("E.T. the Extra-Terrestrial", 1982, 122, ()),
    ("L.A. Confidential", 1997, 97, ()),
    ("Ænigma", 1987, 1, ()),
    ("Spirited Away", 2001, 87, ("千と千尋の神隠し",)),
    ("기생충", 2019, 90, ("Parasite",)),
    ("Брат", 1997, 12, ("Brother",)),
    ("$", 1971, 1, ("Dollars",)),
    ("Babylon 5", None, 2, ()),
]

CATALOGUE = [
    Film(number, f"{title} ({year})", title, alternatives, year, rating_count=ratings)
    for number, (title, year, ratings, alternatives) in enumerate(FILMS, start=1)
]


TYPED = ("the", "matrix", "1995", "2001", "godfather", "II", "part", "a", "heat", "of", "alien", "3", "&", "strange")


@pytest.fixture(scope="module")
def index() -> TitleIndex:
    return TitleIndex(CATALOGUE, names.read())


def named(hits: tuple[Hit, ...]) -> list[str]:
    return [f"{hit.film.display_title} ({hit.film.year})" for hit in hits]


@pytest.mark.parametrize(
    ("text", "film"),
    [
        # Articles in front, behind, missing, in other languages
        ("the matrix", "The Matrix (1999)"),
        ("Matrix, The", "The Matrix (1999)"),
        ("Matrix, The (1999)", "The Matrix (1999)"),
        ("matrix the", "The Matrix (1999)"),
        ("matrix", "The Matrix (1999)"),
        ("boot", "Das Boot (1981)"),
        ("Boat, The", "Das Boot (1981)"),
        ("avventura", "L'Avventura (1960)"),
        ("Avventura, L'", "L'Avventura (1960)"),
        ("lavventura", "L'Avventura (1960)"),
        ("good, the bad and the ugly, the", "The Good, the Bad and the Ugly (1966)"),
        ("die hard", "Die Hard (1988)"),
        # Typos
        ("the matrx", "The Matrix (1999)"),
        ("teh matrix", "The Matrix (1999)"),
        ("pulp fictoin", "Pulp Fiction (1994)"),
        ("pulpfiction", "Pulp Fiction (1994)"),
        ("godfater", "The Godfather (1972)"),
        ("god father", "The Godfather (1972)"),
        ("shawshnk redmption", "The Shawshank Redemption (1994)"),
        ("strangelov dr", "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964)"),
        ("spidrman", "Spider-Man (2002)"),
        # Alternative titles and accents
        ("se7en", "Seven (1995)"),
        ("seven", "Seven (1995)"),
        ("la cité des enfants perdus", "The City of Lost Children (1995)"),
        ("cite des enfants perdus", "The City of Lost Children (1995)"),
        ("AMÉLIE", "Amelie (2001)"),
        ("le fabuleux destin d’amelie poulain", "Amelie (2001)"),
        ("aenigma", "Ænigma (1987)"),
        # Punctuation, and spaces that people leave out or put in
        ("spider man", "Spider-Man (2002)"),
        ("spiderman", "Spider-Man (2002)"),
        ("amazing spiderman", "The Amazing Spider-Man (2012)"),
        ("wall e", "WALL·E (2008)"),
        ("wall-e", "WALL·E (2008)"),
        ("walle", "WALL·E (2008)"),
        ("m*a*s*h", "M*A*S*H (1970)"),
        ("mash", "M*A*S*H (1970)"),
        ("e.t.", "E.T. the Extra-Terrestrial (1982)"),
        ("la confidential", "L.A. Confidential (1997)"),
        ("xmen", "X-Men (2000)"),
        ("i robot", "I, Robot (2004)"),
        ("$", "$ (1971)"),
        # & and +, roman and arabic numerals, numbers in words
        ("fast and furious", "Fast & Furious (2009)"),
        ("romeo and juliet", "Romeo + Juliet (1996)"),
        ("romeo & juliet", "Romeo + Juliet (1996)"),
        ("9 to 5", "Nine to Five (1980)"),
        ("rocky 2", "Rocky II (1979)"),
        ("rocky part two", "Rocky II (1979)"),
        ("godfather 2", "The Godfather: Part II (1974)"),
        ("godfather part two", "The Godfather: Part II (1974)"),
        ("star wars episode 4", "Star Wars: Episode IV - A New Hope (1977)"),
        ("star wars 5", "Star Wars: Episode V - The Empire Strikes Back (1980)"),
        ("back to the future 2", "Back to the Future Part II (1989)"),
        ("alien 3", "Alien³ (1992)"),
        # Years, and titles that are numbers
        ("heat 1995", "Heat (1995)"),
        ("Heat (1995)", "Heat (1995)"),
        ("heat, 1972", "Heat (1972)"),
        ("1972 heat", "Heat (1972)"),
        ("dune 1984", "Dune (1984)"),
        ("dune [2021]", "Dune (2021)"),
        ("ocean's eleven 1960", "Ocean's Eleven (1960)"),
        ("hamlet 1996", "Hamlet (1996)"),
        ("hamlt 1996", "Hamlet (1996)"),
        ("1941", "1941 (1979)"),
        ("1941 (1979)", "1941 (1979)"),
        ("300", "300 (2007)"),
        ("1917", "1917 (2019)"),
        ("1917 2019", "1917 (2019)"),
        ("2001: A Space Odyssey", "2001: A Space Odyssey (1968)"),
        ("2001 1968", "2001: A Space Odyssey (1968)"),
        ("2001 a space odyssey 1968", "2001: A Space Odyssey (1968)"),
        ("blade runner 2049", "Blade Runner 2049 (2017)"),
        ("blade runner", "Blade Runner (1982)"),
        # A part of the title, in any order
        ("shawshank", "The Shawshank Redemption (1994)"),
        ("redemption", "The Shawshank Redemption (1994)"),
        ("learned stop worrying", "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964)"),
        ("strangelove dr", "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964)"),
        ("empire strikes", "Star Wars: Episode V - The Empire Strikes Back (1980)"),
        # Other scripts
        ("千と千尋の神隠し", "Spirited Away (2001)"),
        ("брат", "Брат (1997)"),
        # An exact title, though others contain it
        ("alien", "Alien (1979)"),
        ("aliens", "Aliens (1986)"),
        ("rocky", "Rocky (1976)"),
        ("her", "Her (2013)"),
    ],
)
def test_the_film_that_was_meant_comes_first_and_sure(index: TitleIndex, text: str, film: str) -> None:
    found = index.find(text)
    assert named(found.hits)[:1] == [film]
    assert found.sure


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("hamlet", ["Hamlet (1996)", "Hamlet (2000)", "Hamlet (1990)"]),  # equally well known: the newer one first
        ("heat", ["Heat (1995)", "Heat (1972)"]),
        ("dune", ["Dune (2021)", "Dune (1984)"]),
        ("oceans eleven", ["Ocean's Eleven (2001)", "Ocean's Eleven (1960)"]),
        ("oceans 11", ["Ocean's Eleven (2001)", "Ocean's Eleven (1960)"]),
        ("godf", ["The Godfather (1972)", "The Godfather: Part II (1974)", "The Godfather: Part III (1990)"]),
        ("2001", ["2001: A Space Odyssey (1968)", "2001 Maniacs (2005)"]),
        (
            "star wars",
            ["Star Wars: Episode IV - A New Hope (1977)", "Star Wars: Episode V - The Empire Strikes Back (1980)"],
        ),
        ("ring", ["Ring (1998)", "The Ring (2002)"]),  # exact, but the other one is better known
        (
            "strangelove",
            [
                "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964)",
                "The Strange Love of Martha Ivers (1946)",
            ],
        ),
    ],
)
def test_where_several_films_may_be_meant_the_best_known_comes_first(
    index: TitleIndex, text: str, first: list[str]
) -> None:
    found = index.find(text)
    assert named(found.hits)[: len(first)] == first
    assert not found.sure


@pytest.mark.parametrize(
    ("text", "film"), [("千尋", "Spirited Away (2001)"), ("기생", "기생충 (2019)"), ("worrying", "Dr. Strangelove")]
)
def test_a_small_part_of_a_title_is_offered_but_not_sure(index: TitleIndex, text: str, film: str) -> None:
    found = index.find(text)
    assert named(found.hits)[0].startswith(film)
    assert not found.sure


RINGS = [
    Film(1, "", "The Lord of the Rings: The Fellowship of the Ring", (), 2001, rating_count=300),
    Film(2, "", "The Lord of the Rings: The Two Towers", (), 2002, rating_count=290),
    Film(3, "", "The Lord of the Rings: The Return of the King", (), 2003, rating_count=310),
    Film(4, "", "The Lord of the Rings", (), 1978, rating_count=20),
    Film(5, "", "Die Hard", (), 1988, rating_count=200),
    Film(6, "", "Die Hard 2", (), 1990, rating_count=100),
    Film(7, "", "Die Hard: With a Vengeance", (), 1995, rating_count=120),
]


@pytest.mark.parametrize("text", ["lotr", "the lord of the rings", "lord of the rigns", "Der Herr der Ringe"])
def test_a_series_is_offered_in_its_order_and_no_namesake_is_opened(text: str) -> None:
    found = TitleIndex(RINGS, names.read()).find(text)
    assert {hit.film.year for hit in found.hits[:3]} == {2001, 2002, 2003}
    assert not found.sure


@pytest.mark.parametrize(
    ("text", "year"),
    [("lotr 2", 2002), ("die hard 3", 1995), ("die hard three", 1995), ("stirb langsam 2", 1990), ("die hard", 1988)],
)
def test_a_number_tells_the_film_of_a_series(text: str, year: int) -> None:
    found = TitleIndex(RINGS, names.read()).find(text)
    assert found.hits[0].film.year == year
    assert found.sure


@pytest.mark.parametrize("text", ["alien 1980", "blade runner 1983", "heat 1996"])
def test_a_year_may_be_wrong_by_one(index: TitleIndex, text: str) -> None:
    assert index.find(text).sure


def test_a_wrong_year_still_finds_the_film_but_is_not_sure(index: TitleIndex) -> None:
    found = index.find("pulp fiction 1950")
    assert named(found.hits) == ["Pulp Fiction (1994)"]
    assert not found.sure


def test_a_year_leaves_out_the_remakes_of_other_years(index: TitleIndex) -> None:
    assert named(index.find("hamlet 1996").hits) == ["Hamlet (1996)"]


def test_a_digit_is_never_taken_for_a_typo(index: TitleIndex) -> None:
    assert not index.find("rocky 4").sure
    assert not index.find("1942").hits


def test_exact_comes_before_beginning_before_contained(index: TitleIndex) -> None:
    titles = named(index.find("alien").hits)
    assert titles == ["Alien (1979)", "Aliens (1986)", "Alien³ (1992)", "My Stepmother Is an Alien (1988)"]


def test_total_counts_past_the_limit(index: TitleIndex) -> None:
    found = index.find("the matrix", limit=1)
    assert (len(found.hits), found.total, found.sure) == (1, 3, True)
    assert index.find("matrix", limit=0).hits == ()


def test_equal_films_come_in_the_order_of_ratings_then_newest_then_id() -> None:
    films = [
        Film(4, "M (1931)", "M", year=1931, rating_count=5),
        Film(3, "M (1951)", "M", year=1951, rating_count=5),
        Film(2, "M (1951)", "M", year=1951, rating_count=5),
        Film(1, "M", "M", year=None, rating_count=5),
        Film(9, "M (1920)", "M", year=1920, rating_count=6),
    ]
    assert [hit.film.id for hit in TitleIndex(films).find("m").hits] == [9, 2, 3, 4, 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "🎬",
        "🎬🍿❤️",
        "???",
        "...",
        "'",
        "\x00\x01\x1b",
        "\ud800",
        "qwrtzxcv",
        "zzzzzz xkjqw",
        "x" * 5000,
        "\u0301\u0301",
    ],
)
def test_what_resembles_no_title_finds_nothing(index: TitleIndex, text: str) -> None:
    assert index.find(text) == Found((), 0, False)


@pytest.mark.parametrize("text", ["the matrix " * 500, "ﷺ" * 5000, "a " * 2500, "1999 " * 1000, "1 2 3 four V " * 400])
def test_a_text_of_thousands_of_characters_is_answered_at_once(index: TitleIndex, text: str) -> None:
    started = time.perf_counter()
    index.find(text)
    assert time.perf_counter() - started < 0.5


def test_an_empty_catalogue_finds_nothing() -> None:
    assert TitleIndex([]).find("heat") == Found((), 0, False)


@given(text=st.text(st.characters(), max_size=300), limit=st.integers(0, 10))
@example(text="\ud800\ud800\ud800", limit=8)
@example(text="²½③ Ⅳ ㍿ İ ß", limit=8)
def test_any_text_is_answered_within_the_limit(index: TitleIndex, text: str, limit: int) -> None:
    found = index.find(text, limit)
    assert len(found.hits) == min(limit, found.total)
    assert all(0 < hit.score <= 100 for hit in found.hits)
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)


@given(st.lists(st.sampled_from(TYPED), max_size=14))
def test_any_words_of_titles_are_answered(index: TitleIndex, words: list[str]) -> None:
    found = index.find(" ".join(words))
    assert found.total >= len(found.hits)
    assert not found.sure or found.hits


@pytest.mark.parametrize("film", CATALOGUE, ids=lambda film: film.title)
def test_every_film_is_found_by_each_of_its_titles(index: TitleIndex, film: Film) -> None:
    assert Hit(film, 100) in index.find(film.display_title).hits
    for title in film.alternative_titles:
        assert film in [hit.film for hit in index.find(title).hits if hit.score >= 98]


@pytest.fixture(scope="module")
def real_films() -> list[Film]:
    if not REAL_MOVIES.exists():
        pytest.skip(f"needs ml-latest-small at {REAL_MOVIES.parent}")
    with REAL_MOVIES.open(encoding="utf-8", newline="") as file:
        return [_parse(int(row["movieId"]), row["title"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def real_index(real_films: list[Film]) -> TitleIndex:
    return TitleIndex(real_films)


def test_one_typo_in_a_real_title_still_finds_it(real_films: list[Film], real_index: TitleIndex) -> None:
    """Measured: 99.6 % are among the first eight hits, 94.5 % come first."""
    dice = random.Random(1999)
    long = [film for film in real_films if sum(map(str.isalpha, film.display_title)) >= 6]
    asked = dice.sample(long, 1000)
    answers = [[hit.film for hit in real_index.find(_misspell(dice, film.display_title)).hits] for film in asked]
    among_eight = sum(film in hits for film, hits in zip(asked, answers, strict=True)) / len(asked)
    at_once = sum(film in hits[:1] for film, hits in zip(asked, answers, strict=True)) / len(asked)
    print(f"one typo: {among_eight:.1%} among the first eight, {at_once:.1%} in the first place")
    assert among_eight >= 0.98
    assert at_once >= 0.90


def test_every_real_title_is_found_as_it_is_written(real_films: list[Film], real_index: TitleIndex) -> None:
    for film in real_films[::7]:
        best = real_index.find(film.title).hits[0].film
        assert (best.display_title, best.year) == (film.display_title, film.year)


def _parse(number: int, written: str) -> Film:
    name, year = written.strip(), None
    if dated := re.fullmatch(r"(.+?) *\((\d{4})\)", name):
        name, year = dated[1], int(dated[2])
    alternatives = re.findall(r"\(([^()]+)\)", name)
    name = re.sub(r" *\([^()]+\)", "", name) or name
    return Film(
        number,
        written,
        _to_front(name),
        tuple(_to_front(title.removeprefix("a.k.a. ")) for title in alternatives),
        year,
    )


def _to_front(title: str) -> str:
    return re.sub(r"^(.+), (The|An?|L[ae]|Les|El|Il|Der|Die|Das)$", r"\2 \1", title)


def _misspell(dice: random.Random, title: str) -> str:
    """Return ``title`` with one letter lost, replaced or swapped with what follows."""
    at = dice.choice([at for at, sign in enumerate(title) if sign.isalpha()])
    before, letter, after = title[:at], title[at], title[at + 1 :]
    return before + dice.choice([after, dice.choice(string.ascii_lowercase) + after, after[:1] + letter + after[1:]])
