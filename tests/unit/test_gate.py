"""A model may go live if it is as good as the simplest recommender and not clearly worse than the live one."""

import numpy as np
import pandas as pd
import pytest

from engine.judging.gate import TOLERATED, Losing, bootstrap, decide, losing, resampled_sums

POPULARITY = {"ndcg_at_10": 0.16, "rmse_all": 1.04}
RATINGS_EACH = 20


def measured(ndcg: float, rmse: float, *, people: int = 400, seed: int = 1, first_id: int = 1) -> pd.DataFrame:
    """Per-user figures as an evaluation records them, with these means; people differ by as much as real ones."""
    rng = np.random.default_rng(seed)
    lists = np.clip(rng.normal(0, 0.25, people), -0.3, 0.3)
    squared = rng.gamma(4, 1, people)
    return pd.DataFrame(
        {
            "user_id": np.arange(first_id, first_id + people),
            "ndcg": lists - lists.mean() + ndcg,
            "n_all": float(RATINGS_EACH),
            "squared_all": squared / squared.mean() * rmse**2 * RATINGS_EACH,
        }
    )


def jittered(live: pd.DataFrame, *, seed: int = 2) -> pd.DataFrame:
    """The same model trained again: each person's figures move a little, up or down."""
    rng = np.random.default_rng(seed)
    ndcg = live["ndcg"] + rng.normal(0, 0.08, len(live))
    return live.assign(ndcg=ndcg, squared_all=live["squared_all"] * rng.normal(1, 0.1, len(live)))


LIVE = measured(0.31, 0.85)


class TestAgainstTheSimplest:
    def test_a_first_model_that_beats_popularity_goes_live(self) -> None:
        verdict = decide(LIVE, POPULARITY, None)
        assert verdict.accepted
        assert verdict.reason == "nDCG@10 0.310 beats popularity (0.160)"

    def test_a_model_no_better_than_popularity_is_rejected(self) -> None:
        """The people of the ratings have been shuffled: then only the popularity of films can be learned."""
        verdict = decide(measured(0.155, 0.95), POPULARITY, None)
        assert not verdict.accepted
        assert verdict.reason.startswith("nDCG@10 0.155 is below popularity (0.160)")
        assert "`tune`" in verdict.reason

    def test_stars_no_better_than_the_mean_of_all_are_rejected(self) -> None:
        """The stars have been shuffled: a model can still learn which films people watch, but not which they like."""
        verdict = decide(measured(0.25, 1.06), POPULARITY, None)
        assert not verdict.accepted
        assert verdict.reason.startswith("RMSE 1.060 is above that of the mean of all stars (1.040)")

    @pytest.mark.parametrize(
        ("ndcg", "rmse", "lists", "stars"),
        [(0.2, 0.9, False, False), (0.155, 0.9, True, False), (0.2, 1.05, False, True), (0.155, 1.05, True, True)],
    )
    def test_what_loses_to_the_simplest_is_named(self, ndcg: float, rmse: float, lists: bool, stars: bool) -> None:
        lost = losing(measured(ndcg, rmse), POPULARITY)
        assert lost == Losing(lists, stars)
        assert ("popularity" in lost.said(), "mean of all" in lost.said()) == (lists, stars)

    def test_too_few_people_lose_nothing(self) -> None:
        assert not losing(measured(0.1, 1.5, people=9), POPULARITY)

    def test_who_does_as_well_as_the_simplest_goes_live(self) -> None:
        """The losing halves were replaced by popularity and by the mean of all: that is the best there is."""
        verdict = decide(measured(0.16, 1.04), POPULARITY, None)
        assert verdict.accepted
        assert verdict.reason == "nDCG@10 0.160 is that of popularity (0.160)"

    def test_where_everybody_gives_five_stars_there_is_nothing_to_predict(self) -> None:
        assert decide(measured(0.31, 0.01), POPULARITY | {"rmse_all": 0.0}, None).accepted

    def test_stars_that_are_not_numbers_are_rejected(self) -> None:
        broken = LIVE.assign(squared_all=LIVE["squared_all"].where(LIVE["user_id"] > 3))
        assert not decide(broken, POPULARITY, None).accepted

    def test_play_counts_are_judged_by_their_lists_alone(self) -> None:
        counts = LIVE.assign(n_all=np.nan, squared_all=np.nan)
        assert decide(counts, {"ndcg_at_10": 0.16, "rmse_all": None}, None).accepted
        assert decide(counts, {"ndcg_at_10": 0.16, "rmse_all": None}, counts).accepted

    def test_being_the_best_so_far_is_not_enough(self) -> None:
        """The live model is even worse, but the minimum still applies."""
        assert not decide(measured(0.15, 0.85), POPULARITY, measured(0.12, 0.85)).accepted


class TestAgainstTheLiveModel:
    def test_the_same_figures_are_accepted(self) -> None:
        verdict = decide(LIVE, POPULARITY, LIVE)
        assert verdict.accepted
        assert verdict.reason == "nDCG@10 0.310, was 0.310; RMSE 0.850, was 0.850"

    @pytest.mark.slow
    def test_noise_is_accepted(self) -> None:
        """Hardly any of two hundred trainings of one model, each a little better or worse, is withheld."""
        assert sum(not decide(jittered(LIVE, seed=seed), POPULARITY, LIVE).accepted for seed in range(200)) <= 3

    def test_a_better_model_is_accepted(self) -> None:
        assert decide(measured(0.33, 0.83), POPULARITY, LIVE).accepted

    def test_clearly_worse_lists_are_rejected_with_both_figures(self) -> None:
        verdict = decide(jittered(LIVE.assign(ndcg=LIVE["ndcg"] - 0.04)), POPULARITY, LIVE)
        assert not verdict.accepted
        assert verdict.reason.startswith("nDCG@10 is worse than the live model's: 0.2")
        assert "was 0.310" in verdict.reason

    def test_clearly_worse_stars_are_rejected_even_with_better_lists(self) -> None:
        verdict = decide(measured(0.35, 0.90), POPULARITY, LIVE)
        assert not verdict.accepted
        assert verdict.reason.startswith("RMSE is worse than the live model's: 0.900, was 0.850")

    def test_a_drop_too_small_to_matter_is_accepted_however_sure_it_is(self) -> None:
        """While a model is withheld, new ratings reach nobody, which costs more than half a percent."""
        slightly = LIVE.assign(ndcg=LIVE["ndcg"] * (1 - TOLERATED / 2), squared_all=LIVE["squared_all"] * 1.001)
        assert decide(slightly, POPULARITY, LIVE).accepted

    def test_a_drop_that_a_few_people_caused_is_accepted(self) -> None:
        """Three of 30 people got a bad list: that can happen to any model."""
        live = measured(0.31, 0.85, people=30)
        unlucky = live.assign(ndcg=live["ndcg"].where(live["user_id"] > 3, live["ndcg"] - 0.2))
        assert unlucky["ndcg"].mean() < (1 - TOLERATED) * live["ndcg"].mean()
        assert decide(unlucky, POPULARITY, live).accepted

    def test_people_are_compared_with_themselves(self) -> None:
        """Newcomers, for whom nothing is known yet, do not count against a model that serves the others as before."""
        newcomers = measured(0.10, 1.2, people=300, first_id=10_000)
        assert decide(pd.concat([LIVE, newcomers]), POPULARITY, LIVE).accepted

    def test_somebody_who_is_ranked_in_only_one_of_the_two_is_left_out(self) -> None:
        gaps = LIVE.assign(ndcg=LIVE["ndcg"].where(LIVE["user_id"] % 3 > 0))
        assert decide(gaps, POPULARITY, LIVE).accepted


class TestTooFewPeople:
    @pytest.mark.parametrize("champion", [None, measured(0.9, 0.5, people=6)])
    def test_a_handful_of_people_proves_nothing_either_way(self, champion: pd.DataFrame | None) -> None:
        """A club of six can retrain: fresh lists are worth more to it than proven ones."""
        verdict = decide(measured(0.1, 0.9, people=6), POPULARITY, champion)
        assert verdict.accepted
        assert verdict.reason == "only 6 people could be measured, too few to judge by"

    def test_a_model_that_cannot_be_measured_does_not_replace_one_that_was(self) -> None:
        """All stars of a reloaded file are below 4, so nobody has a relevant film."""
        nobody = LIVE.assign(ndcg=np.nan, squared_all=LIVE["squared_all"] * 10)
        verdict = decide(nobody, POPULARITY, LIVE)
        assert not verdict.accepted
        assert verdict.reason.startswith("only 0 people could be measured, with the live model 400")

    def test_data_that_has_lost_most_of_its_people_is_rejected(self) -> None:
        """A ratings file cut short still gives good lists to those who are left."""
        verdict = decide(LIVE.head(150), POPULARITY, LIVE)
        assert not verdict.accepted
        assert verdict.reason.startswith("only 150 of 400 people that the live model was measured on are still in it")
        assert not decide(LIVE.head(4), POPULARITY, LIVE).accepted

    def test_people_may_leave(self) -> None:
        assert decide(LIVE.head(300), POPULARITY, LIVE).accepted


class TestBootstrap:
    def test_the_interval_of_a_mean_is_that_of_the_textbook(self) -> None:
        values = np.random.default_rng(3).normal(2, 1, 900)
        found = bootstrap(values)
        assert found.mean == pytest.approx(values.mean())
        assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 30, rel=0.1)

    def test_the_same_figures_give_the_same_verdict(self) -> None:
        values = np.random.default_rng(4).normal(0, 1, 50)
        assert bootstrap(values) == bootstrap(values)

    def test_a_person_stays_whole(self) -> None:
        """Columns that are equal for every person have equal sums in every resample."""
        shares = np.random.default_rng(5).random((40, 1)).repeat(2, axis=1)
        sums = resampled_sums(shares)
        np.testing.assert_array_equal(sums[:, 0], sums[:, 1])
        assert sums[:, 0].std() > 0
