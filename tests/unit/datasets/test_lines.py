"""Lines that real data has: titles that are hard to read, links, tags, repeated ratings."""

import pyarrow.parquet as pq
import pytest

from engine.datasets import tags_file
from tests.unit.datasets.sets import HEADER, MOVIES, unusable


@pytest.mark.parametrize(
    ("line", "title", "display_title", "year"),
    [
        ('"American President, The (1995)"', "American President, The (1995)", "The American President", 1995),
        ('"11\'09""01 - September 11 (2002)"', "11'09\"01 - September 11 (2002)", "11'09\"01 - September 11", 2002),
        ("Babylon 5", "Babylon 5", "Babylon 5", None),
        ("Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto", 2006),
        ("Runaway Brain (1995) ", "Runaway Brain (1995) ", "Runaway Brain", 1995),
        ('"Blind Side, The  (2009)"', "Blind Side, The  (2009)", "The Blind Side", 2009),
        ("千と千尋の神隠し (2001)", "千と千尋の神隠し (2001)", "千と千尋の神隠し", 2001),
        ("1941 (1979)", "1941 (1979)", "1941", 1979),
        ("Lilo & Stitch <3 (2002)", "Lilo & Stitch <3 (2002)", "Lilo & Stitch <3", 2002),
        ("*batteries not_included (1987)", "*batteries not_included (1987)", "*batteries not_included", 1987),
        (f"{'Long ' * 40}(1964)", f"{'Long ' * 40}(1964)", f"{'Long ' * 40}".strip(), 1964),
        ('"Two\nlines (1999)"', "Two\nlines (1999)", "Two lines", 1999),
        ('12" of Snow (2010)', '12" of Snow (2010)', '12" of Snow', 2010),
        ("Nu\0l (2000)", "Nul (2000)", "Nul", 2000),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_titles_that_are_hard_to_read(world, line, title, display_title, year, line_end):
    films = f"movieId,title,genres\n1,{line},Drama\n2,Next (2007),Action\n".replace("\n", line_end)
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=films)
    report = world.load()
    film = world.store.films[1]
    assert film.title.replace("\r\n", "\n") == title
    assert (film.display_title, film.year, film.genres) == (display_title, year, ("Drama",))
    assert world.store.films[2].genres == ("Action",)
    assert unusable(report) == []


def test_a_quote_that_nobody_closes_costs_one_line(world):
    films = 'movieId,title,genres\n1,"Heat (1995),Crime\n2,"Fargo, The (1996)",Crime\n3,Alien (1979),Horror\n'
    world.write(ratings_csv=HEADER + "7,2,3,1\n", movies_csv=films)
    report = world.load()
    assert set(world.store.films) == {2, 3}
    assert unusable(report) == [("movies.csv", 2, "not 3 columns: 2")]


def test_genres_that_are_none(world):
    films = "movieId,title,genres\n1,Heat,(no genres listed)\n2,Alien,\n3,Fargo,Crime|Crime|IMAX\n"
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=films)
    world.load()
    assert [film.genres for film in world.store.films.values()] == [(), (), ("Crime", "IMAX")]


def test_alternative_titles_reach_the_store(world):
    films = 'movieId,title,genres\n1,"City of Lost Children, The (Cité des enfants perdus, La) (1995)",Drama\n'
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=films)
    world.load()
    assert world.store.films[1].alternative_titles == ("La Cité des enfants perdus",)


def test_titles_that_are_the_same_stay_two_films(world):
    films = "movieId,title,genres\n1,Emma (1996),Drama\n2,Emma (1996),Romance\n"
    world.write(ratings_csv=HEADER + "7,1,3,1\n7,2,4,1\n", movies_csv=films)
    report = world.load()
    assert len(world.store.films) == 2
    assert len(world.ratings(report)) == 2


def test_links_keep_zeros_and_may_be_empty(world):
    links = "movieId,imdbId,tmdbId\n1,0113277,949\n2,78748,\n3,tt0116282,x\n4,0000001,1\n"
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES, links_csv=links)
    report = world.load()
    ids = {film.id: (film.imdb_id, film.tmdb_id) for film in world.store.films.values()}
    assert ids == {1: ("0113277", 949), 2: ("0078748", None), 3: ("0116282", None)}
    assert unusable(report) == [
        ("links.csv", 4, "tmdbId is not a number: 'x'"),
        ("links.csv", 5, "no such title in movies.csv: '4'"),
    ]


def test_someone_who_gave_everything_five_stars_counts(world):
    world.write(ratings_csv=HEADER + "53,1,5.0,1\n53,2,5.0,1\n53,3,5.0,1\n", movies_csv=MOVIES)
    report = world.load()
    assert set(world.ratings(report).values()) == {5.0}
    assert {film.mean_stars for film in world.store.films.values()} == {5.0}


def test_of_repeated_pairs_the_latest_wins_and_the_later_line_on_a_tie(world):
    lines = "7,1,1,30\n7,1,2,20\n8,1,1,10\n8,1,2,10\n8,2,4,5\n"
    world.write(ratings_csv=HEADER + lines, movies_csv=MOVIES)
    report = world.load()
    assert world.ratings(report) == {(7, 1): 1.0, (8, 1): 2.0, (8, 2): 4.0}
    assert report.repeated == 2
    assert "2 ratings came again for the same person and title: the latest one counts" in report.lines()
    assert world.store.films[1].rating_count == 2


def test_tags_are_counted_in_lower_case(world):
    tags = 'userId,movieId,tag,timestamp\n1,1,Heist,1\n2,1, heist ,1\n2,2,"in space, alone",1\n2,9,x,1\n2,1,,1\n'
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES, tags_csv=tags)
    report = world.load()
    assert report.tags == tags_file(world.parquet, report.catalogue.fingerprint)
    assert pq.read_table(report.tags).to_pylist() == [
        {"movie_id": 1, "tag": "heist", "count": 2},
        {"movie_id": 2, "tag": "in space, alone", "count": 1},
    ]
    assert unusable(report) == [
        ("tags.csv", 5, "no such title in movies.csv: '9'"),
        ("tags.csv", 6, "empty tag: ''"),
    ]
