"""Titles as real data sets write them, and what becomes of them."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.datasets.titles import ParsedTitle, parse_title
from tests.real_data import real


@pytest.mark.parametrize(
    ("text", "display_title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("Babylon 5", "Babylon 5", None),
        ("Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto", 2006),
        ("Fawlty Towers (1975-1979)", "Fawlty Towers", 1975),
        ("Big Bang Theory, The (2007– )", "The Big Bang Theory", 2007),
        ("Crash (1996/I)", "Crash", 1996),
        ("Romper Stomper(1992)", "Romper Stomper", 1992),
        ("Runaway Brain (1995) ", "Runaway Brain", 1995),
        ("  Angst \t (1983)", "Angst", 1983),
        ("Bicycle, Spoon, Apple\xa0(2010)", "Bicycle, Spoon, Apple", 2010),
        (
            "Land Before Time III: The Time of the Great Giving (1995) (V)",
            "Land Before Time III: The Time of the Great Giving",
            1995,
        ),
        # titles that are numbers
        ("1941 (1979)", "1941", 1979),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", 1968),
        ("1984 (1984)", "1984", 1984),
        ("(1995)", "(1995)", None),
        ("300 (2007)", "300", 2007),
        # signs that mean something elsewhere
        ("11'09\"01 - September 11 (2002)", "11'09\"01 - September 11", 2002),
        ('"Great Performances" Cats (1998)', '"Great Performances" Cats', 1998),
        ("Mike & Dave <3 *Need* _Dates_ (2016)", "Mike & Dave <3 *Need* _Dates_", 2016),
        ("千と千尋の神隠し (2001)", "千と千尋の神隠し", 2001),
        ("", "", None),
    ],
)
def test_display_title_and_year(text, display_title, year):
    assert parse_title(text) == ParsedTitle(display_title, (), year)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Matrix, The", "The Matrix"),
        ("Walk in the Clouds, A", "A Walk in the Clouds"),
        ("American in Paris, An", "An American in Paris"),
        ("Misérables, Les", "Les Misérables"),
        ("Avventura, L'", "L'Avventura"),
        ("Avventura, L’", "L’Avventura"),
        ("Boot, Das", "Das Boot"),
        ("Vitelloni, I", "I Vitelloni"),
        ("femme est une femme, Une", "Une femme est une femme"),
        ("Imposible, Lo", "Lo Imposible"),
        ("Sjunde inseglet, Det", "Det Sjunde inseglet"),
        ("matrix, the", "The matrix"),
        # the article belongs to the part before the colon
        ("Crow, The: Wicked Prayer", "The Crow: Wicked Prayer"),
        ("Fast and the Furious: Tokyo Drift, The", "The Fast and the Furious: Tokyo Drift"),
        ("Good, the Bad and the Ugly, The", "The Good, the Bad and the Ugly"),
        # no articles
        ("Monsters, Inc.", "Monsters, Inc."),
        ("Paris, Texas", "Paris, Texas"),
        ("I, Robot", "I, Robot"),
        ("One, Two, Three", "One, Two, Three"),
        ("Theory of Everything", "Theory of Everything"),
        ("The", "The"),
    ],
)
def test_an_article_at_the_end_moves_to_the_front(written, said):
    assert parse_title(f"{written} (1999)") == ParsedTitle(said, (), 1999)


@pytest.mark.parametrize(
    ("text", "display_title", "alternatives"),
    [
        ("Seven (a.k.a. Se7en) (1995)", "Seven", ["Se7en"]),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            "The City of Lost Children",
            ["La Cité des enfants perdus"],
        ),
        (
            "European Vacation (aka National Lampoon's European Vacation) (1985)",
            "European Vacation",
            ["National Lampoon's European Vacation"],
        ),
        (
            "Asterix in America (a.k.a Asterix Conquers America) (1994)",
            "Asterix in America",
            ["Asterix Conquers America"],
        ),
        ("Men in Black II (a.k.a. MIIB) (a.k.a. MIB 2) (2002)", "Men in Black II", ["MIIB", "MIB 2"]),
        ("Trou, Le (Hole, The) (Night Watch, The) (1960)", "Le Trou", ["The Hole", "The Night Watch"]),
        (
            "Empire of Passion (Ai no borei a.k.a. Phantom Love) (1978)",
            "Empire of Passion",
            ["Ai no borei", "Phantom Love"],
        ),
        ("Night Train (Aka Ana) (2008)", "Night Train", ["Aka Ana"]),
        ("1984 (Nineteen Eighty-Four) (1984)", "1984", ["Nineteen Eighty-Four"]),
        ("1-900 (06) (1994)", "1-900", ["06"]),
        ("Planet 51 (0042)", "Planet 51", ["0042"]),  # no year has films but 1870 to 2100
        ("Foo (Bar)(Baz (Qux)) (2001)", "Foo", ["Bar", "Baz (Qux)"]),
        ("Ghost (GHOST) (Spirit) (spirit) (1990)", "Ghost", ["Spirit"]),
        ("Me and you (io e te) (2012)", "Me and you", ["io e te"]),
    ],
)
def test_brackets_at_the_end_hold_other_names(text, display_title, alternatives):
    parsed = parse_title(text)
    assert parsed.display_title == display_title
    assert list(parsed.alternative_titles) == alternatives


@pytest.mark.parametrize(
    ("text", "display_title", "alternatives"),
    [
        ("(500) Days of Summer (2009)", "(500) Days of Summer", ()),
        ("Frontière(s) (2007)", "Frontière(s)", ()),
        (
            "Evangelion: 1.0 You Are (Not) Alone (Evangerion: Jo) (2007)",
            "Evangelion: 1.0 You Are (Not) Alone",
            ("Evangerion: Jo",),
        ),
        (
            "Birdman: Or (The Unexpected Virtue of Ignorance) (2014)",
            "Birdman: Or (The Unexpected Virtue of Ignorance)",
            (),
        ),
        ("Human Centipede, The (First Sequence) (2009)", "The Human Centipede (First Sequence)", ()),
        (
            "Hotel Chevalier (Part 1 of 'The Darjeeling Limited') (2007)",
            "Hotel Chevalier (Part 1 of 'The Darjeeling Limited')",
            (),
        ),
        ("Hommage à Zgougou (et salut à Sabine Mamou) (2002)", "Hommage à Zgougou (et salut à Sabine Mamou)", ()),
        ("(Untitled) (2009)", "(Untitled)", ()),
        ("Foo (Bar", "Foo (Bar", ()),
        ("Foo) (1999)", "Foo)", ()),
        ("Foo () (1999)", "Foo ()", ()),
    ],
)
def test_brackets_that_belong_to_the_title_stay(text, display_title, alternatives):
    parsed = parse_title(text)
    assert (parsed.display_title, parsed.alternative_titles) == (display_title, alternatives)


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="(),"), min_size=1, max_size=20
).filter(lambda name: name == " ".join(name.split()) and not name.lower().endswith(" or"))


@given(names, st.integers(1870, 2100))
def test_what_is_written_as_movielens_writes_comes_back(name, year):
    assert parse_title(f"{name}, The ({year})") == ParsedTitle(f"The {name}", (), year)


@given(st.text(max_size=200))
def test_any_text_has_a_display_title_unless_it_is_blank(text):
    parsed = parse_title(text)
    assert bool(parsed.display_title) == bool(text.split())
    assert all(parsed.alternative_titles)
    assert parsed.display_title == " ".join(parsed.display_title.split())


@given(st.text("()a, The19.k", max_size=40))
def test_nothing_but_spaces_the_year_and_commas_is_lost(text):
    """Every word of a title is in its display title or in an alternative, or is the year."""
    parsed = parse_title(text)
    shown = " ".join([parsed.display_title, *parsed.alternative_titles, str(parsed.year)]).lower()
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").lower().split()
    lost = [word for word in words if word not in shown]
    assert [word for word in lost if not set(word) <= set("a.k.") and not word[:4].isdigit()] == []


def test_every_title_of_movielens():
    with (real("ml-latest-small") / "movies.csv").open(encoding="utf-8", newline="") as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    parsed = [parse_title(title) for title in titles]
    assert len(titles) == 9742
    # 13 titles do not end in one year in brackets: 12 have none, and one has a range.
    assert sum(each.year is None for each in parsed) == 12
    # 1,070 titles end in a bracket before the year; 5 of these brackets are part of the title.
    assert sum(bool(each.alternative_titles) for each in parsed) == 1065
    assert sum(len(each.alternative_titles) for each in parsed) == 1121
    assert {each.display_title for each in parsed if "(" in each.display_title} == {
        "Frontière(s)",
        "(500) Days of Summer",
        "Evangelion: 1.0 You Are (Not) Alone",
        "Evangelion: 2.0 You Can (Not) Advance",
        "Evangelion: 3.0 You Can (Not) Redo",
        "Birdman: Or (The Unexpected Virtue of Ignorance)",
        "The Human Centipede (First Sequence)",
        "Jim Jefferies: Fully Functional (EPIX)",
        "Hotel Chevalier (Part 1 of 'The Darjeeling Limited')",
        "Hommage à Zgougou (et salut à Sabine Mamou)",
    }
    articles = (", The", ", A", ", An", ", La", ", Le", ", Les", ", L'", ", Il", ", El", ", Der", ", Die", ", Das")
    assert not [
        each for each in parsed for name in (each.display_title, *each.alternative_titles) if name.endswith(articles)
    ]
