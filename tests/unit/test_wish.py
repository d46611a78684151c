"""The wishes that words of /top mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.speech.understanding import World, understand_wish
from engine.domain import Film
from engine.serving.title_index import TitleIndex
from engine.serving.wish import LAST_YEAR, Wish

GENRES = ("Action", "Children", "Comedy", "Documentary", "Drama", "Film-Noir", "Horror", "Romance", "Sci-Fi", "War")
WORLD = World(TitleIndex([]), GENRES, newest=2024, this_year=2026)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("", Wish()),
        ("comedy", Wish(("Comedy",))),
        ("COMEDY drama", Wish(("Comedy", "Drama"))),
        ("comedy comedy", Wish(("Comedy",))),
        ("sci-fi", Wish(("Sci-Fi",))),
        ("scifi", Wish(("Sci-Fi",))),
        ("sci fi", Wish(("Sci-Fi",))),
        ("science fiction", Wish(("Sci-Fi",))),
        ("film noir", Wish(("Film-Noir",))),
        ("docu", Wish(("Documentary",))),
        ("horor", Wish(("Horror",))),
        ("kids movies", Wish(("Children",))),
        ("80s", Wish(since=1980, until=1989)),
        ("the '80s", Wish(since=1980, until=1989)),
        ("1980s", Wish(since=1980, until=1989)),
        ("10s", Wish(since=2010, until=2019)),
        ("20s", Wish(since=2020, until=2029)),
        ("30s", Wish(since=1930, until=1939)),
        ("1995", Wish(since=1995, until=1995)),
        ("1990-1999", Wish(since=1990, until=1999)),
        ("1999 – 1990", Wish(since=1990, until=1999)),
        ("after 2000", Wish(since=2001)),
        ("since 2000", Wish(since=2000)),
        ("from 2000", Wish(since=2000, until=2000)),
        ("from 1990 to 1995", Wish(since=1990, until=1995)),
        ("80s and 90s", Wish(since=1980, until=1999)),
        ("before 1980", Wish(until=1979)),
        ("until 1980", Wish(until=1980)),
        ("after 1970 before 1980", Wish(since=1971, until=1979)),
        ("after the 80s", Wish(since=1990)),
        ("comedy -horror after 2000", Wish(("Comedy",), ("Horror",), since=2001)),
        ("comedy, not horror; no war", Wish(("Comedy",), ("Horror", "War"))),
        ("some good", Wish()),
        ("comedy or horror", Wish(either=("Comedy", "Horror"))),
        ("comedy, not horror or war", Wish(("Comedy",), ("Horror", "War"))),
        ("five comedies", Wish(("Comedy",), count=5)),
        ("newer comedies", Wish(("Comedy",), since=2020)),
        ("not too old", Wish(since=1980)),
        ("Actionkomödie", Wish(("Action", "Comedy"))),
        ("die besten Horrorfilme der 80er", Wish(("Horror",), since=1980, until=1989)),
        ("die besten", Wish()),
        ("sci-fi 80s", Wish(("Sci-Fi",), since=1980, until=1989)),
    ],
)
def test_words_that_mean_something(text: str, wish: Wish):
    assert understand_wish(text, WORLD).wish == wish


@pytest.mark.parametrize(
    ("text", "unknown"), [("nordic comedy", ("nordic",)), ("9999", ("9999",)), ("x 🎬", ("x", "🎬"))]
)
def test_words_that_mean_nothing_are_returned(text: str, unknown: tuple[str, ...]):
    assert understand_wish(text, WORLD).left_out == unknown


@given(st.text(max_size=300))
def test_any_text_is_read(text: str):
    wish = understand_wish(text, WORLD).wish
    assert set(wish.genres + wish.without + wish.either) <= set(GENRES)
    for year in (wish.since, wish.until):
        assert year is None or 0 < year <= LAST_YEAR + 10


@given(
    st.builds(
        Wish,
        st.lists(st.sampled_from(GENRES)).map(tuple),
        st.lists(st.sampled_from(GENRES)).map(tuple),
        st.none() | st.integers(1870, 2100),
        st.none() | st.integers(1870, 2100),
        st.lists(st.sampled_from(GENRES)).map(tuple),
        st.none() | st.integers(1, 50),
    )
)
def test_a_wish_comes_back_from_json(wish: Wish):
    assert Wish.parse(wish.as_json()) == wish


def film(year: int | None, *genres: str) -> Film:
    return Film(1, "T", "T", (), year, genres)


def test_a_film_fits_if_it_has_all_genres_none_of_the_others_and_a_year_between():
    wish = Wish(("Comedy", "War"), ("Horror",), 1990, 1999)
    assert wish.fits(film(1990, "War", "Comedy"))
    assert wish.fits(film(1999, "War", "Comedy", "Drama"))
    assert not wish.fits(film(1995, "Comedy"))
    assert not wish.fits(film(1995, "Comedy", "War", "Horror"))
    assert not wish.fits(film(2000, "Comedy", "War"))
    assert not wish.fits(film(None, "Comedy", "War"))
    assert Wish().fits(film(None))
    assert Wish(either=("War", "Horror")).fits(film(1995, "War"))
    assert not Wish(either=("War", "Horror")).fits(film(1995, "Comedy"))
