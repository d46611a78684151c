"""The arithmetic of both models, on numbers that can be checked by other means."""

import json
import tracemalloc
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import FactorRows
from engine.serving.factors import (
    AVERAGE_SHARE,
    Hyperparameters,
    Model,
    Moments,
    PreferenceHyperparameters,
    diversify,
    fold_in,
    observed,
    user_bias,
    user_order_vectors,
)


def made_model(n: int = 40, rank: int = 6, rating_rank: int = 3, seed: int = 0, **parameters: object) -> Model:
    """A model of random factors whose film ids are 10, 20, 30 …"""
    rng = np.random.default_rng(seed)
    rows = FactorRows(
        np.arange(1, n + 1, dtype=np.int32) * 10,
        rng.normal(size=(n, rank)).astype(np.float32),
        rng.normal(size=(n, rating_rank)).astype(np.float32) / 3,
        rng.normal(size=n).astype(np.float32) / 3,
    )
    return Model.assemble(rows, asdict(Hyperparameters()) | {"mean_stars": 3.5} | parameters)


class TestFoldIn:
    def test_the_preference_row_minimises_the_objective_of_hu_koren_volinsky(self) -> None:
        """Every other row has a higher cost: Σ c (t − y·u)² over all films, plus λ·|u − prior|²."""
        model = made_model()
        rated, weights = np.array([3, 8, 20]), np.array([1.0, 1.4, 0.3])
        targets, prior = np.array([1.0, 0.0, 0.6]), np.linspace(-0.2, 0.3, 6)
        row, _ = fold_in(model.preference, rated, weights, targets, ridge=0.6, gram=model.gram, prior=prior)

        def cost(u: np.ndarray) -> float:
            confidence, wanted = np.ones(40), np.zeros(40)
            confidence[rated] += weights
            wanted[rated] = targets
            return float((confidence * (wanted - model.preference @ u) ** 2).sum() + 0.6 * ((u - prior) ** 2).sum())

        least = cost(row.astype(np.float64))
        for direction in np.eye(6):
            assert cost(row + 1e-2 * direction) > least
            assert cost(row - 1e-2 * direction) > least

    def test_the_rating_row_is_ridge_regression(self) -> None:
        model = made_model()
        rated, left = np.array([0, 5, 7, 9]), np.array([0.5, -0.5, 1.0, 0.0])
        row, _ = fold_in(model.rating, rated, np.ones(4), left, ridge=0.4)
        q = model.rating[rated].astype(np.float64)
        stacked = np.vstack([q, np.sqrt(0.4) * np.eye(3)])
        expected = np.linalg.lstsq(stacked, np.append(left, np.zeros(3)), rcond=None)[0]
        np.testing.assert_allclose(row, expected, rtol=1e-5)

    def test_without_ratings_a_row_is_the_prior_and_the_bias_nothing(self) -> None:
        nothing, prior = np.empty(0), np.array([0.1, 0.2, -0.3])
        row, _ = fold_in(made_model().rating, np.empty(0, np.intp), nothing, nothing, ridge=0.1, prior=prior)
        np.testing.assert_allclose(row, prior, rtol=1e-6)
        assert user_bias(nothing, nothing, mean_stars=3.5, damping=8.0) == 0

    def test_a_bias_is_damped_towards_nothing(self) -> None:
        """Two ratings, each a star above what everyone gives, count as 2 / (2 + 8)."""
        assert user_bias(np.array([4.5, 5.0]), np.array([0.0, 0.5]), mean_stars=3.5, damping=8.0) == pytest.approx(0.2)


class TestObserved:
    def test_target_stars_wants_the_stars_of_whatever_was_rated(self) -> None:
        said = observed(np.array([0.5, 3.0, 5.0]), PreferenceHyperparameters(alpha=4.0, scale=5.0))
        assert said.weights.tolist() == [4.0, 4.0, 4.0]
        assert said.targets.tolist() == pytest.approx([0.1, 0.6, 1.0])
        assert said.counted.all()

    def test_target_signed_wants_what_was_liked_and_not_what_was_disliked(self) -> None:
        said = observed(
            np.array([0.5, 3.0, 5.0]), PreferenceHyperparameters("signed", alpha=2.0, neutral=3.0, scale=1.0)
        )
        assert said.weights.tolist() == pytest.approx([5.0, 0.0, 4.0])
        assert said.targets.tolist() == [0, 1, 1]
        assert said.counted.tolist() == [False, True, True]


class TestHyperparameters:
    def test_they_survive_being_stored(self) -> None:
        ours = Hyperparameters(PreferenceHyperparameters(rank=3, nu_items=0.7, pull=1.0), None, 0.1)
        assert Hyperparameters.parse(json.loads(json.dumps(asdict(ours)))) == ours

    def test_those_of_a_version_that_mllib_trained_still_mean_what_they_did(self) -> None:
        """Those versions used MLlib's objective, and called pseudo-users typical viewers."""
        then = {
            "preference": {"rank": 64, "reg": 0.2, "alpha": 2.0, "iterations": 15, "neutral": 3.0, "typical": 0.7},
            "rating": {"rank": 50, "reg": 0.15, "iterations": 15, "user_damping": 8.0, "movie_damping": 3.0},
            "blend": 0.4,
        }
        read = Hyperparameters.parse(then)
        assert read.preference.target == "signed"
        assert read.preference.ridge(np.array([0, 10]), read.preference.nu_users).tolist() == pytest.approx([0.2, 2.0])
        assert not read.preference.prior
        assert read.preference.pseudo == 0.7
        assert read.rating is not None
        assert read.rating.pseudo == 0


class TestOrder:
    @given(st.integers(0, 2**31), st.floats(0, 2))
    @settings(max_examples=25, deadline=None)
    def test_the_closed_form_is_the_sum_of_two_standard_scores(self, seed: int, blend: float) -> None:
        model = made_model(seed=seed)
        rng = np.random.default_rng(seed)
        preference, rating = rng.normal(size=(4, 6)), rng.normal(size=(4, 3))
        vectors, offset = user_order_vectors(preference, rating, model.preference_moments, model.rating_moments, blend)
        ours = vectors @ model.order_vectors.T - offset[:, None]

        def standard(scores: np.ndarray) -> np.ndarray:
            return (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)

        stars = rating @ model.rating.T + model.bias
        expected = standard(preference @ model.preference.T) + blend * standard(stars)
        np.testing.assert_allclose(ours, expected, atol=2e-3)

    def test_nobody_divides_by_zero(self) -> None:
        moments = Moments.of(np.zeros((5, 2), np.float32))
        assert moments.deviation(np.ones((3, 2))).tolist() == [1, 1, 1]

    @given(st.integers(0, 2**31), st.lists(st.integers(1, 40), unique=True, max_size=15), st.integers(1, 30))
    @settings(max_examples=50, deadline=None)
    def test_picks_are_never_rated_hidden_or_twice(self, seed: int, films: list[int], limit: int) -> None:
        model = made_model(seed=seed)
        rated = {film * 10: 4.0 for film in films[:5]}
        hidden = {film * 10 for film in films[5:]}
        picks = model.best(model.profile(rated), limit=limit, hidden=hidden)
        ids = [pick.movie_id for pick in picks]
        assert len(ids) == len(set(ids)) == min(limit, 40 - len(films))
        assert not set(ids) & (rated.keys() | hidden)
        assert all(0.5 <= pick.predicted_stars <= 5 for pick in picks)

    def test_only_what_is_allowed_is_picked(self) -> None:
        model = made_model()
        allowed = model.movie_ids <= 50
        picks = model.best(model.profile({}), limit=10, allowed=allowed)
        assert {pick.movie_id for pick in picks} == {10, 20, 30, 40, 50}

    def test_the_average_taste_counts_twice_after_one_rating_and_hardly_more_than_once_after_many(self) -> None:
        model = made_model(average_taste=[1.0, 0.0, 0.0, 0.0, 0.0, 2.0])
        rows = np.zeros((4, 6), np.float32)
        added = model.ordering(rows, np.array([0, 1, 3, 300]))[:, 5]
        np.testing.assert_allclose(added / (2 * AVERAGE_SHARE), [2, 2, 10 / 9, 1], rtol=1e-4)
        unpulled = replace(
            model, hyperparameters=replace(model.hyperparameters, preference=PreferenceHyperparameters(prior=False))
        )
        assert not unpulled.ordering(rows, np.array([0, 1, 3, 300])).any()

    def test_without_variety_the_order_is_that_of_the_scores(self) -> None:
        model = made_model()
        profile = model.profile({10: 5.0, 30: 1.0})
        scores = model.scores(profile)
        scores[[0, 2]] = -np.inf
        picks = model.best(profile, limit=5, diversity=0.0)
        assert [pick.movie_id for pick in picks] == model.movie_ids[np.argsort(-scores)[:5]].tolist()

    def test_variety_keeps_the_best_first_and_passes_over_its_twin(self) -> None:
        vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        relevance = np.array([3.0, 2.9, 2.5])
        assert diversify(relevance, vectors, 3, 0.0) == [0, 1, 2]
        assert diversify(relevance, vectors, 3, 1.0) == [0, 2, 1]


class TestReasons:
    def test_contributions_and_the_prior_add_up_to_the_score(self) -> None:
        """In ALS a score is exactly the sum over one's own ratings, plus the score of somebody unknown."""
        model = made_model(average_taste=[0.3, 0.1, -0.2, 0.0, 0.4, 0.2])
        profile = model.profile({10: 5.0, 20: 4.0, 30: 1.0})
        settings = model.hyperparameters.preference
        prior = float(settings.ridge(3, settings.nu_users)) * profile.covariance @ model.average_taste
        for row in (7, 30):
            expected = float(model.preference[row] @ profile.preference)
            parts = model.given(profile, row).sum() + model.preference[row] @ prior
            assert parts == pytest.approx(expected, abs=1e-5)

    def test_a_film_is_explained_by_its_twin_among_those_liked(self) -> None:
        model = made_model()
        model.order_vectors[7, :6] = model.order_vectors[1, :6]
        profile = model.profile({20: 5.0, 50: 4.0, 90: 4.0})
        assert model.reasons(profile, 80, limit=1) == [20]

    def test_what_was_disliked_is_no_reason(self) -> None:
        model = made_model()
        assert model.reasons(model.profile({10: 1.0, 20: 2.0}), 80) == []


class TestQuestions:
    def test_the_next_question_is_new_and_known_to_people(self) -> None:
        model = made_model()
        familiarity = np.zeros(40, np.float32)
        familiarity[:8] = 0.5
        for seed in range(20):
            asked = [10, 20]
            film = model.next_question(model.profile({30: 4.0}), asked=asked, familiarity=familiarity, seed=seed)
            assert film in {40, 50, 60, 70, 80}

    def test_when_all_has_been_asked_there_is_no_question(self) -> None:
        model = made_model()
        everything = model.movie_ids.tolist()
        assert model.next_question(model.profile({}), asked=everything, familiarity=np.ones(40), seed=1) is None

    def test_a_film_like_the_one_asked_before_waits(self) -> None:
        model = made_model()
        model.order_vectors[1, :6] = model.order_vectors[0, :6] * 1.5
        familiarity = np.full(40, 0.01, np.float32)
        familiarity[:2] = 1.0
        first = model.next_question(model.profile({}), asked=[], familiarity=familiarity, seed=1, among=1)
        then = model.next_question(model.profile({}), asked=[first or 0], familiarity=familiarity, seed=1, among=1)
        assert first in (10, 20)
        assert then not in (10, 20)

    def test_after_thousands_of_ratings_a_question_takes_little_memory_and_is_still_unlike_all_of_them(self) -> None:
        model = made_model(4_000)
        profile = model.profile({10 * n: 4.0 for n in range(1, 2_001)})
        familiarity = np.full(4_000, 0.5)
        tracemalloc.start()
        film = model.next_question(profile, asked=[], familiarity=familiarity, seed=1, among=1)
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most_bytes < 8_000_000, "a number for each film and rating would be 32 MB"

        y = model.preference
        unit = y / np.linalg.norm(y, axis=1, keepdims=True)
        gain = np.log1p(np.einsum("ij,ij->i", y @ profile.covariance, y)) * 0.5
        gain *= 1 - np.clip((unit @ unit[:2_000].T).max(axis=1), 0, 1)
        gain[:2_000] = -np.inf
        assert film == model.movie_ids[gain.argmax()]


def test_films_that_the_model_does_not_know_do_no_harm() -> None:
    model = made_model()
    profile = model.profile({11: 5.0, 10: 4.0})
    assert profile.rated.tolist() == [0]
    assert model.row(11) is None
    stars = model.predicted_stars(profile, [11, 10])
    assert stars[0] == pytest.approx(3.5 + profile.bias)
