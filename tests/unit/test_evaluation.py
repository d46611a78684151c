"""Every metric, once by hand and once against an independent library on random data."""

import warnings

import numba
import numpy as np
import pandas as pd
import pytest

from engine.judging.evaluation import (
    KNOWN_FROM,
    PER_USER,
    RATIOS,
    TOP,
    add_errors,
    intervals,
    metrics_of,
    percentile_ranks,
    ranking,
    star_errors,
    top_n,
)


def places(*hit: int, length: int = TOP) -> np.ndarray:
    """A list of ten in which the films at these places, counted from 1, are relevant."""
    return np.isin(np.arange(1, length + 1), hit)


def person(**figures: float) -> dict[str, float]:
    return dict.fromkeys(PER_USER, 0.0) | figures


class TestRanking:
    def test_by_hand(self) -> None:
        """Two of four relevant films, at places 1 and 3.

        DCG 1 + 1/log2(4) = 1.5; the ideal 1 + 0.6309 + 0.5 + 0.4307 = 2.5616. Precision at each hit is 1/1 and 2/3.
        """
        found = ranking(places(1, 3), relevant=4)
        assert found["ndcg"] == pytest.approx(1.5 / 2.5616, abs=1e-4)
        assert found["precision"] == pytest.approx(0.2)
        assert found["recall"] == pytest.approx(0.5)
        assert found["f1"] == pytest.approx(2 * 0.2 * 0.5 / 0.7)
        assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 4)

    def test_a_perfect_list_has_ndcg_1_also_when_more_is_relevant_than_fits(self) -> None:
        assert ranking(places(*range(1, 11)), relevant=25)["ndcg"] == pytest.approx(1)
        assert ranking(places(1, 2), relevant=2)["ndcg"] == pytest.approx(1)

    def test_a_list_without_a_hit_is_0_and_not_nan(self) -> None:
        assert {name: value for name, value in ranking(places(), relevant=3).items() if value} == {"ranked": 1.0}

    def test_a_short_list_counts_as_if_the_rest_were_misses(self) -> None:
        """Somebody who has seen all but three films can be shown only three."""
        assert ranking(places(2, length=3), relevant=2) == pytest.approx(ranking(places(2), relevant=2))
        assert ranking(np.empty(0, bool), relevant=2)["ndcg"] == 0

    @pytest.mark.slow
    def test_against_ranx(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """200 random lists over 60 films; relevant films that are not among those ranked count as missed."""
        monkeypatch.setattr(numba.config, "DISABLE_JIT", True)  # compiling it takes longer than all other tests here
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from ranx import Qrels, Run, evaluate

        rng = np.random.default_rng(3)
        qrels: dict[str, dict[str, int]] = {}
        run: dict[str, dict[str, float]] = {}
        ours = []
        for user in range(200):
            scores = rng.random(60).astype(np.float32)
            relevant = rng.choice(70, rng.integers(1, 30), replace=False)  # films 60 to 69 are unknown to the model
            top = top_n(scores, TOP)
            qrels[f"u{user}"] = {f"m{film}": 1 for film in relevant}
            run[f"u{user}"] = {f"m{film}": float(scores[film]) for film in range(60)}
            ours.append(ranking(np.isin(top, relevant), len(relevant)))
        names = {"ndcg": "ndcg@10", "precision": "precision@10", "recall": "recall@10", "f1": "f1@10"}
        names["average_precision"] = "map@10"
        theirs = evaluate(Qrels(qrels), Run(run), list(names.values()))
        for our_name, their_name in names.items():
            assert np.mean([row[our_name] for row in ours]) == pytest.approx(theirs[their_name], abs=1e-9), our_name


class TestStars:
    def test_by_hand(self) -> None:
        """Four ratings, the last of a film that is new to the model. Errors 0.5, −1, 0 and 2."""
        truth = np.array([3.0, 4.0, 2.5, 2.0], np.float32)
        predicted = np.array([3.5, 3.0, 2.5, 4.0], np.float32)
        sums = star_errors(truth, predicted, warm=np.array([True, True, True, False]))
        metrics = metrics_of(person(**sums))
        assert metrics["mse_warm"] == pytest.approx(1.25 / 3)
        assert metrics["rmse_warm"] == pytest.approx((1.25 / 3) ** 0.5)
        assert metrics["mae_warm"] == pytest.approx(0.5)
        assert metrics["rmse_all"] == pytest.approx((5.25 / 4) ** 0.5)

    def test_at_three_stars_by_hand(self) -> None:
        """Liked: films 1, 2 and 4. Predicted: 1, 3 and 4. So precision and recall are two of three; exactly 3.0 counts
        as liked."""
        truth = np.array([3.0, 5.0, 2.5, 4.0])
        predicted = np.array([3.0, 2.9, 3.1, 4.0])
        metrics = metrics_of(person(**star_errors(truth, predicted, warm=np.ones(4, bool))))
        assert metrics["precision_at_3_stars"] == pytest.approx(2 / 3)
        assert metrics["recall_at_3_stars"] == pytest.approx(2 / 3)
        assert metrics["f1_at_3_stars"] == pytest.approx(2 / 3)

    def test_against_scikit_learn(self) -> None:
        """500 random ratings of 20 people: summed person by person, they give what one pass over all rows does."""
        from sklearn import metrics as theirs

        rng = np.random.default_rng(4)
        truth = rng.integers(1, 11, 500) / 2
        predicted = np.clip(truth + rng.normal(0, 1, 500), 0.5, 5)
        user = rng.integers(0, 20, 500)
        rows = [
            star_errors(truth[user == u], predicted[user == u], np.ones((user == u).sum(), bool)) for u in range(20)
        ]
        ours = metrics_of(pd.DataFrame([person(**row) for row in rows]).sum().to_dict())
        liked, promised = truth >= 3, predicted >= 3
        expected = {
            "rmse_warm": theirs.root_mean_squared_error(truth, predicted),
            "rmse_all": theirs.root_mean_squared_error(truth, predicted),
            "mse_warm": theirs.mean_squared_error(truth, predicted),
            "mae_warm": theirs.mean_absolute_error(truth, predicted),
            "precision_at_3_stars": theirs.precision_score(liked, promised),
            "recall_at_3_stars": theirs.recall_score(liked, promised),
            "f1_at_3_stars": theirs.f1_score(liked, promised),
        }
        assert {name: ours[name] for name in expected} == pytest.approx(expected, abs=1e-9)


class TestRoem:
    def test_by_hand(self) -> None:
        """Five candidates; films at places 1 and 4 (0 and 0.75 of the way down) with 5 and 3 stars: 2.25 / 8."""
        scores = np.array([9.0, 7.0, 5.0, 3.0, 1.0], np.float32)
        metrics = metrics_of(person(**percentile_ranks(scores, np.array([0, 3]), np.array([5.0, 3.0]))))
        assert metrics["roem"] == pytest.approx(2.25 / 8)

    def test_a_film_that_was_seen_before_takes_no_place(self) -> None:
        scores = np.array([-np.inf, 7.0, 5.0, 3.0], np.float32)
        assert percentile_ranks(scores, np.array([2]), np.array([4.0]))["rank_sum"] == pytest.approx(4 * 0.5)

    def test_a_recommender_that_knows_nothing_gets_a_half(self) -> None:
        """It would get 0 if all films of equal score counted as first."""
        metrics = metrics_of(person(**percentile_ranks(np.zeros(50, np.float32), np.arange(7), np.full(7, 3.0))))
        assert metrics["roem"] == pytest.approx(0.5)

    def test_against_scipy(self) -> None:
        from scipy.stats import rankdata

        rng = np.random.default_rng(5)
        scores = rng.integers(0, 30, 80).astype(np.float32)  # with many ties
        films, stars = rng.choice(80, 12, replace=False), rng.integers(1, 11, 12) / 2
        places = (rankdata(-scores)[films] - 1) / 79
        found = percentile_ranks(scores, films, stars)
        assert found["rank_sum"] / found["rank_weight"] == pytest.approx(np.average(places, weights=stars))


class TestTopN:
    def test_of_equals_the_lower_index_comes_first_also_at_the_end_of_the_list(self) -> None:
        assert top_n(np.array([1, 3, 1, 1, 2, 1], np.float32), 4).tolist() == [1, 4, 0, 2]

    def test_what_is_no_candidate_is_never_shown(self) -> None:
        assert top_n(np.array([-np.inf, 1, -np.inf, 2], np.float32), 10).tolist() == [3, 1]
        assert top_n(np.full(3, -np.inf, np.float32), 10).tolist() == []

    def test_a_model_whose_numbers_have_gone_bad_shows_nothing(self) -> None:
        assert top_n(np.full(20, np.nan, np.float32), 10).tolist() == []

    def test_against_sorting(self) -> None:
        scores = np.random.default_rng(6).integers(0, 40, 300).astype(np.float32)
        assert top_n(scores, 50).tolist() == np.argsort(-scores, kind="stable")[:50].tolist()


class TestMetrics:
    def test_ranking_metrics_are_means_over_people_and_star_metrics_over_ratings(self) -> None:
        """Ann has one test rating, Bob nine: his errors weigh more, his list does not."""
        ann = person(ranked=1, ndcg=1.0, n_all=1, squared_all=0.0)
        bob = person(ranked=1, ndcg=0.0, n_all=9, squared_all=9.0)
        metrics = metrics_of(pd.DataFrame([ann, bob]).sum().to_dict())
        assert metrics["ndcg_at_10"] == 0.5
        assert metrics["rmse_all"] == pytest.approx(0.9**0.5)

    def test_what_does_not_apply_is_null(self) -> None:
        assert metrics_of(person()) == dict.fromkeys(RATIOS)


class TestIntervals:
    def test_they_hold_the_figure_and_narrow_with_more_people(self) -> None:
        rng = np.random.default_rng(7)

        def interval_of(n: int) -> tuple[float, float, float]:
            rows = [person(ranked=1, ndcg=x, n_all=5, squared_all=5 * x) for x in rng.random(n)]
            found = intervals(pd.DataFrame(rows))["ndcg_at_10"]
            return found.low, found.mean, found.high

        few, many = interval_of(50), interval_of(2_000)
        assert few[0] < few[1] < few[2]
        assert (many[2] - many[0]) < (few[2] - few[0]) / 4

    def test_the_width_is_that_of_the_textbook(self) -> None:
        """For a mean: 1.96 standard errors to either side."""
        values = np.random.default_rng(8).random(400)
        found = intervals(pd.DataFrame([person(ranked=1, ndcg=x) for x in values]))["ndcg_at_10"]
        error = values.std() / 400**0.5
        assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)

    def test_people_who_are_not_ranked_count_for_nothing(self) -> None:
        ranked = [person(ranked=1, ndcg=0.5)] * 30
        others = [dict.fromkeys(PER_USER, np.nan) | {"n_all": 1.0, "squared_all": 1.0}] * 30
        found = intervals(pd.DataFrame(ranked + others))
        assert found["ndcg_at_10"].low == found["ndcg_at_10"].high == pytest.approx(0.5)
        assert "roem" not in found


def test_errors_are_summed_by_stars_given_and_by_how_well_known_the_film_is() -> None:
    """Two ratings of 4 for films of class 3, half a star too high and a whole one too low; one of ½ for a new film."""
    cells = np.zeros((10, len(KNOWN_FROM), 4))
    truth, predicted = np.array([4.0, 4.0, 0.5]), np.array([4.5, 3.0, 2.5])
    add_errors(cells, truth, predicted, np.array([3, 3, 0]))
    assert cells[7, 3].tolist() == [2, 0.25 + 1.0, 1.5, -0.5]
    assert cells[0, 0].tolist() == [1, 4.0, 2.0, 2.0]
    assert cells[..., 0].sum() == 3
