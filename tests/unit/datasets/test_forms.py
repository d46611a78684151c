"""Every form that ratings come in: columns, separators, times, ten stars, play counts."""

from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from engine.datasets import DatasetError
from engine.domain import Feedback, ItemKind
from tests.unit.datasets.sets import HEADER, MOVIES, unusable


@pytest.mark.parametrize(
    "ratings",
    [
        "userId,movieId,rating,timestamp\n7,1,3.5,1000000000\n7,2,4,1000000000\n",
        "timestamp,rating,movieId,userId\n1000000000,3.5,1,7\n1000000000,4,2,7\n",
        "USERID,Movie_ID,Rating,TimeStamp\r\n7,1,3.5,1000000000\r\n7,2,4,1000000000\r\n",
        "\ufeffuserId,movieId,rating,timestamp\n7,1,3.5,1000000000\n7,2,4,1000000000",
        '"userId","movieId","rating","timestamp"\n"7","1","3.5","1000000000"\n"7","2","4","1000000000"\n',
        "userId,movieId,rating,timestamp\n7,1,3.5,2001-09-09 01:46:40\n7,2,4,2001-09-09 01:46:40\n",
        "userId,movieId,rating,timestamp\n7,1,3.5,2001-09-09T01:46:40Z\n7,2,4,2001-09-09T03:46:40+02:00\n",
        "userId,movieId,rating,timestamp,note\n7,1,3.5,1000000000,a\n7,2,4,1000000000,\n",
        "userId;movieId;rating;timestamp\n7;1;3,5;1000000000\n7;2;4;1000000000\n",
        '"person";"film";"score";"date"\r\n"7";"1";"3.5";"2001-09-09 01:46:40"\r\n7;2;4;2001-09-09 01:46:40\r\n',
        "userId,movieId,rating,timestamp\n7.0,1.0,3.5,1000000000.0\n\n7,2,4,1000000000\n\n",
    ],
)
def test_columns_and_times_in_every_form(world, ratings):
    world.write(ratings_csv=ratings, movies_csv=MOVIES)
    report = world.load()
    assert world.ratings(report) == {(7, 1): 3.5, (7, 2): 4.0}
    assert set(world.ratings(report, "rated_at").values()) == {datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)}
    assert unusable(report) == []


def test_a_table_of_films_as_a_spreadsheet_writes_it(world):
    """Semicolons, the year in a column of its own, genres with commas."""
    films = 'id;title;year;genre\n1;Heat;1995;Action, Crime\n2;Léon: The Professional (1994);1994;"Drama"\n3;Fargo;;\n'
    world.write(ratings_csv="userId;filmId;rating\n7;1;3,5\n", films_csv=films)
    assert unusable(world.load()) == []
    assert [(film.title, film.genres) for film in world.store.films.values()] == [
        ("Heat (1995)", ("Action", "Crime")),
        ("Léon: The Professional (1994)", ("Drama",)),
        ("Fargo", ()),
    ]


def test_ratings_may_have_no_time(world):
    world.write(ratings_csv="userId,movieId,rating\n7,1,3.5\n7,1,4\n", movies_csv=MOVIES)
    report = world.load()
    assert world.ratings(report) == {(7, 1): 4.0}
    assert world.ratings(report, "rated_at") == {(7, 1): None}


def test_dat_files_with_double_colons(world):
    films = "1::Heat (1995)::Action|Crime\n2::Léon: The Professional (1994)::Drama\n3::A::B (2000)::Drama\n"
    world.write(ratings_dat="7::1::3.5::1\n7::2::4::1\n7::3::5::1\n", movies_dat=films, tags_dat="7::1::Heist::1\n")
    report = world.load()
    assert world.ratings(report) == {(7, 1): 3.5, (7, 2): 4.0, (7, 3): 5.0}
    assert [film.title for film in world.store.films.values()] == [
        "Heat (1995)",
        "Léon: The Professional (1994)",
        "A::B (2000)",
    ]
    assert world.store.films[1].imdb_id is None
    assert pq.read_table(report.tags).to_pylist() == [{"movie_id": 1, "tag": "heist", "count": 1}]


def test_a_file_that_is_not_utf_8_is_latin_1(world):
    world.write(ratings_dat="7::1::3::1\n", movies_dat="1::Misérables, Les (1995)::Drama\n".encode("latin-1"))
    world.load()
    assert world.store.films[1].display_title == "Les Misérables"


def test_u_data_with_tabs_and_pipes(world):
    flags = "0|1|0|0|0|1|0|0|0|0|0|0|0|0|0|0|1|0|0"
    items = f"1|GoldenEye (1995)|01-Jan-1995||http://imdb|{flags}\n267|unknown||||1{'|0' * 18}\n"
    items += "2|Café (1995)|01-Jan-1995||x|" + "0|" * 18 + "1\n"
    world.write(u_data="196\t1\t3\t881250949\n", u_item=items.encode("latin-1"))
    report = world.load()
    assert world.ratings(report) == {(196, 1): 3.0}
    golden_eye, unknown, cafe = world.store.films.values()
    assert (golden_eye.year, golden_eye.genres) == (1995, ("Action", "Comedy", "Thriller"))
    assert (unknown.display_title, unknown.genres) == ("unknown", ())
    assert (cafe.display_title, cafe.genres) == ("Café", ("Western",))


def test_yes_and_no_are_no_stars(world):
    bits = "userId,movieId,rating\n" + "".join(f"{user},{1 + user % 3},{user % 2}\n" for user in range(30))
    world.write(ratings_csv=bits, movies_csv=MOVIES)
    with pytest.raises(DatasetError, match=r"no rating above 1, so these are no stars.* --feedback counts"):
        world.load()
    report = world.load(feedback=Feedback.COUNTS)
    assert (report.catalogue.feedback, report.catalogue.rating_count) == (Feedback.COUNTS, 15)
    assert set(report.unusable) == {"ratings.csv: count is not above 0"}


def test_ten_stars_are_halved(world):
    world.write(
        ratings_dat="1::0068646::10::1\n1::0078748::7::1\n2::0068646::1::1\n2::0078748::0::1\n",
        movies_dat="0068646::The Godfather (1972)::Crime|Drama\n0078748::Alien (1979)::\n",
    )
    report = world.load()
    assert world.ratings(report) == {(1, 68646): 5.0, (1, 78748): 3.5, (2, 68646): 0.5, (2, 78748): 0.5}
    assert "Its stars go from 0 to 10: halved" in report.lines()
    assert world.store.films[68646].mean_stars == 2.75
    assert world.store.films[78748].imdb_id == "0078748", "ids of seven digits are IMDb's"


def test_a_few_stars_above_five_are_mistakes(world):
    """They do not make it a set of ten stars: halving all its ratings would ruin it."""
    good = "".join(f"{user},1,4.5,1\n" for user in range(20))
    world.write(ratings_csv=HEADER + good + "50,1,9,1\n51,2,0,1\n52,1,10.5,1\n", movies_csv=MOVIES)
    report = world.load()
    assert set(world.ratings(report).values()) == {4.5}
    assert report.catalogue.user_count == 20
    assert set(world.store.users) == set(range(20)), "nobody is created for ratings that are not used"
    assert unusable(report) == [
        ("ratings.csv", 22, "rating is outside 0.5 to 5: 9.0"),
        ("ratings.csv", 23, "rating is outside 0.5 to 5: 0.0"),
        ("ratings.csv", 24, "rating is outside 0.5 to 5: 10.5"),
    ]


def test_stars_between_two_half_steps_go_to_the_nearer(world):
    lines = "1,1,3.2,1\n2,1,3.25,1\n3,1,3.3,1\n4,1,4.9,1\n5,1,0.6,1\n"
    world.write(ratings_csv=HEADER + lines, movies_csv=MOVIES)
    ratings = world.ratings(world.load())
    assert [ratings[user, 1] for user in range(1, 6)] == [3.0, 3.5, 3.5, 5.0, 0.5]


def test_play_counts_are_summed(world):
    counts = "userId,artistId,plays\n1,1,3\n1,1,4\n1,2,1\n2,2,0\n2,3,-1\n"
    world.write(plays_csv=counts, artists_csv="artistId,name\n1,Boards of Canada\n2,Can\n3,Cibelle\n")
    report = world.load()
    assert world.ratings(report, "plays") == {(1, 1): 7.0, (1, 2): 1.0}
    assert report.repeated == 1
    assert (world.store.films[1].rating_count, world.store.films[1].mean_stars) == (1, None)
    assert report.catalogue.feedback is Feedback.COUNTS
    assert report.catalogue.kind is ItemKind.ARTIST
    assert report.lines()[0] == "Loaded films: 2 play counts by 1 person of 3 artists"
    assert unusable(report) == [
        ("plays.csv", 5, "count is not above 0: 0.0"),
        ("plays.csv", 6, "count is not above 0: -1.0"),
    ]


AUDIOSCROBBLER = {
    "user_artist_data_small_txt": "1 10 3\n1 11 4\n1 12 1\n2 13 5\n2 99 1\n",
    "artist_data_small_txt": "10\tBeatles, The (live)\n11\tThe Beetles\n12\tSigur Rós\nbroken line\n13\tCan\n",
    "artist_alias_small_txt": "11\t10\n13\t77\n\t5\n",
}


def test_artists_with_aliases_and_broken_lines(world):
    for name, content in AUDIOSCROBBLER.items():
        world.write(**{name: content})
    report = world.load()
    # 11 is a misspelling of 10. 13 would be one of 77, which has no name, so it stays itself.
    assert world.ratings(report, "plays") == {(1, 10): 7.0, (1, 12): 1.0, (2, 13): 5.0}
    assert set(world.store.films) == {10, 12, 13}
    beatles = world.store.films[10]
    assert beatles.display_title == "Beatles, The (live)", "the name of an artist is not taken apart"
    assert (beatles.year, beatles.genres) == (None, ())
    assert unusable(report) == [
        ("artist_alias_small.txt", 3, "not two ids: '\\t5'"),
        ("artist_data_small.txt", 4, "no tab between id and name: 'broken line'"),
        ("user_artist_data_small.txt", 5, "no such title in artist_data_small.txt: 99"),
    ]


def test_play_counts_are_not_taken_for_stars(world):
    for name, content in AUDIOSCROBBLER.items():
        world.write(**{name: content})
    with pytest.raises(DatasetError, match="holds play counts, not stars: load it without --feedback stars"):
        world.load(feedback=Feedback.STARS)


@pytest.mark.parametrize(("header", "is_what"), [("plays", "counts"), ("Play Count", "counts"), ("rating", "stars")])
def test_the_name_of_a_column_says_what_its_values_are(world, header, is_what):
    world.write(ratings_csv=f"userId,movieId,{header}\n1,1,3\n", movies_csv=MOVIES)
    report = world.load()
    assert report.catalogue.feedback == is_what
    assert report.catalogue.kind is ItemKind.FILM
