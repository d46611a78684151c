"""The numbers and the pages of ``explore`` and ``report``, on data small enough to count by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from engine.datasets import ratings_folder
from engine.domain import Catalogue, Feedback, Film, MatineeError
from engine.pages.drawing import percent
from engine.pages.examples import of_different_tastes
from engine.pages.explore import (
    DAMPING,
    NothingToShow,
    RatingArrays,
    damped_means,
    explore,
    explore_facts,
    explore_numbers,
    filled_blocks,
    spread,
)
from engine.pages.html import render, write_page
from engine.pages.report import (
    by_person,
    errors_by,
    heat_maps_of,
    interval,
    latest_searches,
    metric_rows,
    report,
    tiers,
    write_heat_maps,
)
from engine.settings import EngineSettings
from engine.store import NoSuchVersion, Store
from tests import world
from tests.conftest import NewDatabase

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CATALOGUE = Catalogue("tiny", "f" * 64, False, Feedback.STARS, "Made up for tests.", 6, 3, 4, NOW)
FILMS = (
    Film(1, "One (1994)", "One", year=1994, genres=("Drama", "Crime"), rating_count=3),
    Film(2, "Two (1999)", "Two", year=1999, genres=("Drama",), rating_count=2),
    Film(3, "Three (2012)", "Three", year=2012, genres=("Comedy",), rating_count=1),
    Film(4, "Four", "Four", genres=("Comedy",)),  # nobody rated it, nobody knows when it was made
)


def ratings(*rows: tuple[int, int, float, str]) -> RatingArrays:
    """Ratings from (user, film, stars, day)."""
    users, films, stars, days = zip(*rows, strict=True)
    return RatingArrays(
        np.array(users, np.int32),
        np.array(films, np.int32),
        np.array(stars, np.float32),
        np.array(days, "datetime64[D]"),
    )


SIX = ratings(
    (1, 1, 5.0, "2024-01-01"),
    (1, 2, 4.0, "2024-01-01"),
    (1, 3, 3.0, "2024-01-02"),
    (2, 1, 4.0, "2024-01-04"),
    (2, 2, 2.0, "2024-01-04"),
    (3, 1, 3.0, "2024-01-04"),
)


# --- The data set -----------------------------------------------------------------------------------------------------


def test_the_headline_numbers_are_those_counted_by_hand() -> None:
    numbers = explore_numbers(CATALOGUE, FILMS, SIX)
    assert (numbers["ratings"], numbers["people"], numbers["films"], numbers["films_unrated"]) == (6, 3, 4, 1)
    assert numbers["share_of_grid_filled"] == pytest.approx(6 / 9)  # 3 people by 3 films that somebody rated
    assert (numbers["mean_stars"], numbers["median_stars"]) == (3.5, 3.5)
    assert (numbers["first_day"], numbers["last_day"]) == ("2024-01-01", "2024-01-04")
    assert [row["ratings"] for row in numbers["stars"]] == [0, 0, 0, 1, 0, 2, 0, 2, 0, 1]
    assert numbers["films_for_half_of_ratings"] == 1  # the best known has three of six


def test_a_film_counts_in_each_of_its_genres_and_decades_have_no_gaps() -> None:
    numbers = explore_numbers(CATALOGUE, FILMS, SIX)
    assert {row["genre"]: (row["films"], row["ratings"], row["mean_stars"]) for row in numbers["genres"]} == {
        "Comedy": (2, 1, 3.0),
        "Drama": (2, 5, pytest.approx(18 / 5)),
        "Crime": (1, 3, 4.0),
    }
    assert [(row["decade"], row["films"], row["mean_stars"]) for row in numbers["decades"]] == [
        (1990, 2, pytest.approx(18 / 5)),
        (2000, 0, None),
        (2010, 1, 3.0),
    ]


def test_activity_counts_ratings_and_people_of_each_day_also_the_quiet_ones() -> None:
    activity = explore_numbers(CATALOGUE, FILMS, SIX)["activity"]
    assert activity["unit"] == "day"
    assert [(slot["from"], slot["ratings"], slot["people"]) for slot in activity["slots"]] == [
        ("2024-01-01", 2, 1),
        ("2024-01-02", 1, 1),
        ("2024-01-03", 0, 0),
        ("2024-01-04", 3, 2),
    ]


@pytest.mark.parametrize(
    ("last", "unit", "first"),
    [
        ("2024-07-01", "week", "2024-01-01"),  # a Monday
        ("2028-01-01", "month", "2024-01-01"),
        ("2044-02-01", "quarter", "2024-01-01"),
    ],
)
def test_a_longer_time_is_told_in_larger_units(last: str, unit: str, first: str) -> None:
    activity = explore_numbers(CATALOGUE, FILMS, ratings((1, 1, 4.0, "2024-01-03"), (2, 1, 4.0, last)))["activity"]
    assert (activity["unit"], activity["slots"][0]["from"]) == (unit, first)
    assert sum(slot["ratings"] for slot in activity["slots"]) == 2


def test_without_times_there_is_no_activity() -> None:
    timeless = RatingArrays(SIX.user_ids, SIX.movie_ids, SIX.values, np.full(6, "NaT", "datetime64[D]"))
    numbers = explore_numbers(CATALOGUE, FILMS, timeless)
    assert numbers["activity"] is None
    assert numbers["first_day"] is None


def test_one_five_does_not_make_a_film_the_best() -> None:
    """A hundred people gave the first film 4.5 on average; one gave the second 5."""
    counts, sums = np.array([100, 1]), np.array([450.0, 5.0])
    assert np.argmax(damped_means(counts, sums, 3.5)) == 0
    assert damped_means(counts, sums, 3.5)[1] == pytest.approx((5 + 3.5 * DAMPING) / (1 + DAMPING))


def test_a_spread_counts_every_value_once_and_ten_opens_a_class() -> None:
    values = np.arange(1, 101)
    found = spread(values)
    assert sum(found["counts"]) == 100
    assert 10 in found["edges"]
    assert (found["median"], found["largest"]) == (50.5, 100)


def test_play_counts_have_no_stars() -> None:
    catalogue = Catalogue("plays", "f" * 64, False, Feedback.COUNTS, "", 6, 3, 4, NOW)
    plays = RatingArrays(SIX.user_ids, SIX.movie_ids, np.array([900, 3, 1, 20, 1, 1], np.float32), SIX.times)
    numbers = explore_numbers(catalogue, FILMS, plays)
    assert numbers["mean_stars"] is None
    assert numbers["best_rated"] == []
    page = render("explore.html.j2", explore_facts(numbers, plays))
    assert "Nobody gave stars here" in page
    assert "Best rated" not in page


def test_the_dense_block_is_where_the_busiest_meet_the_best_known() -> None:
    dense, random = filled_blocks(SIX, size=2)
    assert dense.tolist() == [[True, True], [True, True]]  # people 1 and 2, films 1 and 2
    assert random.sum() <= 6


def test_the_page_works_for_a_single_rating() -> None:
    one = ratings((1, 1, 4.0, "2024-01-01"))
    page = render("explore.html.j2", explore_facts(explore_numbers(CATALOGUE, FILMS[:1], one), one))
    assert "<svg" in page


def test_titles_and_terms_are_text_and_never_markup() -> None:
    nasty = '<script>alert("x")</script> & $9.99$'
    film = Film(1, nasty, nasty, genres=("<i>Drama</i>",), rating_count=1)
    catalogue = Catalogue("<b>set</b>", "f" * 64, True, Feedback.STARS, "<img src=x>", 2, 2, 1, NOW)
    two = ratings((1, 1, 4.0, "2024-01-01"), (2, 1, 4.0, "2024-01-01"))
    page = render("explore.html.j2", explore_facts(explore_numbers(catalogue, [film], two), two))
    assert "<script" not in page
    assert "<i>Drama" not in page
    assert "<b>set" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; $9.99$" in page


def test_simulated_data_is_called_simulated_and_real_data_is_not() -> None:
    for simulated in (True, False):
        catalogue = Catalogue("tiny", "f" * 64, simulated, Feedback.STARS, "", 6, 3, 4, NOW)
        page = render("explore.html.j2", explore_facts(explore_numbers(catalogue, FILMS, SIX), SIX))
        assert ("simulated" in page.lower()) is simulated


@pytest.mark.parametrize(("share", "text"), [(0.58, "58%"), (0.0756, "7.6%"), (0.00061, "0.06%"), (0, "0%")])
def test_a_small_share_is_not_said_to_be_none(share: float, text: str) -> None:
    assert percent(share) == text


def test_a_page_is_replaced_whole(tmp_path: Path) -> None:
    page = write_page(tmp_path / "reports" / "page.html", "one")
    assert write_page(page, "two").read_text() == "two"
    assert list(page.parent.iterdir()) == [page]


def test_a_page_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MatineeError, match="--output"):
        write_page(tmp_path / "file" / "page.html", "one")


# --- A model ----------------------------------------------------------------------------------------------------------


def test_an_interval_holds_the_mean_and_is_a_point_where_all_are_alike() -> None:
    values = np.random.default_rng(0).random(200)
    low, high = interval(values, np.ones(200))
    assert low < values.mean() < high
    assert high - low < 0.1
    assert interval(np.full(50, 0.3), np.ones(50)) == pytest.approx((0.3, 0.3))


def test_people_are_classed_by_how_many_ratings_they_have() -> None:
    """Thirty people with 5 ratings, twenty-five with 60; small classes join the next."""
    few, many = np.arange(30), np.arange(30, 55)
    users = np.concatenate([np.repeat(few, 5), np.repeat(many, 60)]).astype(np.int32)
    of = RatingArrays(users, np.zeros_like(users), np.zeros(len(users)), np.full(len(users), "NaT", "datetime64[D]"))
    figures = {"user_id": np.arange(55), "n_all": 2.0, "ndcg": 0.5}
    per_user = pd.DataFrame(figures).assign(squared_all=[2.0] * 30 + [0.5] * 25)
    rows = by_person(per_user, of)
    assert [(row["ratings"], row["people"]) for row in rows] == [("5–9", 30), ("50+", 25)]
    assert [row["rmse"] for row in rows] == pytest.approx([1.0, 0.5])
    assert rows[0]["rmse_interval"] == pytest.approx((1.0, 1.0))


def test_errors_are_summed_by_stars_and_by_film() -> None:
    errors = pd.DataFrame(
        [(1.0, 0, 2, 8.0, 4.0, 4.0), (1.0, 5, 2, 0.0, 0.0, 0.0), (5.0, 5, 4, 4.0, 4.0, -4.0)],
        columns=["stars", "known_from", "n", "squared", "absolute", "signed"],
    )
    assert errors_by(errors, "stars") == [
        {"class": "1", "n": 4, "rmse": pytest.approx(2**0.5), "bias": 1.0},
        {"class": "5", "n": 4, "rmse": 1.0, "bias": -1.0},
    ]
    assert [(row["class"], row["n"]) for row in errors_by(errors, "known_from")] == [("0", 2), ("5", 6)]


def test_tiers_share_out_all_ratings_and_all_places() -> None:
    """The first of 100 films has 101 ratings and every place but two; one of those goes to a film nobody rated."""
    films = np.concatenate([np.full(101, 1), np.arange(2, 101)]).astype(np.int32)
    rows = tiers(films, {1: 8, 100: 1, 999: 1})
    assert [row["films"] for row in rows] == [1, 4, 5, 15, 25, 50]
    assert rows[0]["ratings"] == pytest.approx(101 / 200)
    assert rows[0]["places"] == pytest.approx(0.8)
    assert rows[-1]["places"] == pytest.approx(0.2)
    assert sum(row["ratings"] for row in rows) == pytest.approx(1)


def test_of_each_kind_of_search_the_last_is_shown() -> None:
    names = ["abc preference sample=0.3 folds=1 #9", "abc preference sample=0.3 folds=1 #10", "abc rating #1"]
    assert latest_searches(names) == ["abc preference sample=0.3 folds=1 #10", "abc rating #1"]


def test_a_cell_of_a_heat_map_is_the_best_of_its_trials() -> None:
    trials = [
        {"setting": {"rank": 8, "reg": 0.1, "iterations": 10}, "score": 0.90},
        {"setting": {"rank": 8, "reg": 0.1, "iterations": 15}, "score": 0.88},
        {"setting": {"rank": 16, "reg": 0.2, "iterations": 10}, "score": 0.91},
    ]
    (found,) = heat_maps_of({"model": "rating", "metric": "rmse_all", "trials": trials})
    assert (found.x, found.y) == ("reg", "rank")
    assert found.values == [[0.88, None], [None, 0.91]]


def test_the_best_of_a_row_of_metrics_knows_which_way_is_better() -> None:
    numbers = {
        "metrics": {"ndcg_at_10": 0.3, "rmse_all": 0.9, "roem": None, "f1_at_10": 0.20001},
        "before": {"ndcg_at_10": 0.2, "rmse_all": 0.8, "f1_at_10": 0.20002},
        "popularity": {"ndcg_at_10": 0.1},
    }
    rows = {row["key"]: row for row in metric_rows(numbers)}
    assert rows.keys() == {"ndcg_at_10", "rmse_all", "f1_at_10"}
    assert (rows["ndcg_at_10"]["best"], rows["rmse_all"]["best"]) == (["model"], ["before"])
    assert rows["f1_at_10"]["best"] == ["model", "before"]  # both print as 0.200


def test_examples_are_people_whose_taste_stands_out() -> None:
    """Fifty people like one drama and one comedy; person 7 likes horror, person 8 westerns."""
    genres = {1: "Drama", 2: "Comedy", 3: "Horror", 4: "Western"}
    films = [Film(i, genre, genre, genres=(genre,)) for i, genre in genres.items()]
    rows = [(user, film, 5.0, "2024-01-01") for user in range(100, 150) for film in (1, 2)]
    rows += [(7, 3, 5.0, "2024-01-01"), (8, 4, 4.0, "2024-01-01"), (8, 1, 1.0, "2024-01-01")]
    of = ratings(*rows)
    assert set(of_different_tastes(films, of, of.values >= 4)[:2]) == {(7, "Horror"), (8, "Western")}


def test_examples_need_no_genres() -> None:
    films = [Film(1, "One", "One"), Film(2, "Two", "Two"), Film(3, "Three", "Three")]
    assert of_different_tastes(films, SIX, SIX.values >= 4) == [(1, None), (2, None), (3, None)]


@pytest.mark.parametrize(("alphas", "drawn"), [((0.5, 1.0), True), ((1.0,), False)])
def test_heat_maps_of_a_search_are_a_picture(store: Store, tmp_path: Path, alphas: tuple[float], drawn: bool) -> None:
    for alpha, reg in product(alphas, (0.1, 0.2)):
        store.save_trial(
            search="abc preference #1",
            setting=f"1: {alpha} {reg}",
            model="preference",
            phase=1,
            hyperparameters={"alpha": alpha, "reg": reg},
            metrics={"ndcg_at_10": alpha + reg},
            seconds=1.0,
            now=NOW,
        )
    path = write_heat_maps(store, "abc preference #1", tmp_path / "new" / "heat.png")
    assert (path is not None) is drawn
    if path:
        picture = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
        assert len(np.unique(picture, axis=0)) > 50


# --- Both, from a store -----------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> EngineSettings:
    return EngineSettings(_env_file=None, home=tmp_path / "home", dataset="tiny")


@pytest.fixture
def store(new_database: NewDatabase, settings: EngineSettings) -> Iterator[Store]:
    """The tiny world, with ratings of its three viewers."""
    store = Store(new_database("sqlite"))
    world.build(store)
    folder = ratings_folder(settings.folder, "0" * 64)
    folder.mkdir(parents=True)
    films = {1: (10, 11, 12, 30), 2: (20, 21, 22, 31), 3: (40, 43, 44, 20)}  # westerns, science fiction, romance
    rows = [(user, film, 5.0 - place) for user, own in films.items() for place, film in enumerate(own)]
    users, rated, stars = zip(*rows, strict=True)
    columns = {
        "user_id": pa.array(users, pa.int32()),
        "movie_id": pa.array(rated, pa.int32()),
        "stars": pa.array(stars, pa.float32()),
        "rated_at": pa.array([NOW] * len(users), pa.timestamp("us", tz="UTC")),
    }
    parquet.write_table(pa.table(columns), folder / "part-00000.parquet")
    yield store
    store.close()


def test_explore_writes_one_page_and_returns_its_numbers(store: Store, settings: EngineSettings) -> None:
    page, numbers = explore(store, settings)
    assert page == (settings.folder / "reports" / "explore.html").absolute()
    assert numbers["ratings"] == 12
    assert "12 simulated ratings by 3 people" in page.read_text()


def test_a_page_fetches_nothing(store: Store, settings: EngineSettings) -> None:
    for page, _ in (explore(store, settings), report(store, settings)):
        text = page.read_text()
        assert "default-src 'none'" in text
        for tag in ("<script", '<link rel="stylesheet', "@import", 'src="http', 'href="http', "url(http"):
            assert tag not in text


def test_a_report_shows_the_lists_that_the_version_published(store: Store, settings: EngineSettings) -> None:
    page, numbers = report(store, settings, output=settings.home / "mine.html")
    assert page == (settings.home / "mine.html").absolute()
    assert numbers["version"] == 1
    western = next(person for person in numbers["people"] if person["dataset_user"] == 1)
    assert western["loved"][0]["title"] == "High Noon"
    published = [pick.movie_id for pick in store.recommendations(1)][:10]
    assert [pick["movie_id"] for pick in western["picks"]] == published
    assert len(numbers["similar"]) == 5
    assert "High Noon" in page.read_text()


def test_a_report_compares_with_popularity_and_with_the_model_before(store: Store, settings: EngineSettings) -> None:
    second = store.create_version(
        dataset="tiny",
        dataset_fingerprint="0" * 64,
        hyperparameters=world.HYPERPARAMETERS,
        metrics={"ndcg_at_10": 0.4, "popularity": {"ndcg_at_10": 0.2}},
        counts={},
        now=datetime(2026, 3, 2, tzinfo=UTC),
    )
    _, numbers = report(store, settings, second)
    assert (numbers["before_version"], numbers["before"]["ndcg_at_10"]) == (1, 0.312)
    assert numbers["popularity"]["ndcg_at_10"] == 0.2
    assert numbers["people"] == []  # it was never published
    assert any("lists" in line for line in numbers["missing"])


def test_a_report_uses_what_was_measured_for_each_person(store: Store, settings: EngineSettings) -> None:
    folder = settings.folder / "models" / "1"
    folder.mkdir(parents=True)
    figures = {"user_id": [1, 2, 3], "n_all": [2.0, 2.0, 1.0], "squared_all": [1.0, 0.5, 0.0], "ndcg": [1.0, 0.0, None]}
    pd.DataFrame(figures).to_parquet(folder / "per_user.parquet")
    _, numbers = report(store, settings)
    assert numbers["measured"]["people"] == 3
    assert numbers["ndcg_each"] == [1.0, 0.0]
    assert numbers["by_person"][0]["rmse"] == pytest.approx((1.5 / 5) ** 0.5)


def test_a_report_on_other_data_says_what_it_cannot_tell(store: Store, settings: EngineSettings) -> None:
    store.save_catalogue(Catalogue("tiny", "1" * 64, True, Feedback.STARS, "", 12, 3, len(world.FILMS), NOW))
    page, numbers = report(store, settings)
    assert numbers["lists"] is None
    assert "Not on this page" in page.read_text()


def test_there_is_no_report_without_a_model_and_no_page_without_data(
    new_database: NewDatabase, settings: EngineSettings
) -> None:
    empty = Store(new_database("sqlite"))
    with pytest.raises(NoSuchVersion):
        report(empty, settings)
    with pytest.raises(NothingToShow):
        explore(empty, settings)
    empty.close()
