"""Decides whether a newly trained model may go live. Pure: it takes figures and returns a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

HIGHER_IS_BETTER = {"ndcg_at_10": True, "rmse_all": False, "roem": False}
"""The metrics by which models and settings are chosen, and whether a higher value is better."""

RESAMPLES = 1_000
CONFIDENCE = 0.95
SURE = 0.99
"""Confidence level of the interval that must lie on the wrong side before a model is withheld. With nightly trainings
the gate decides a thousand times in three years, and should rarely withhold a model by chance."""

FEWEST_PEOPLE = 10
"""With fewer people to rank for, chance decides, so a model is not withheld for its figures."""

TOLERATED = 0.01
"""A drop of less than 1 % does not justify withholding everybody's new ratings, however significant it is."""

MOST_LOST = 0.5
"""If a larger share of the people that the live model was measured on is missing, the data counts as damaged."""

LEVEL = 1e-6
"""Figures that differ by less count as equal."""

TRY = ": `tune` looks for better settings, `train --force` publishes it all the same"
"""Advice for a model that is worse than it must be."""

LEAST_SPREAD_STARS = 0.1
"""If the stars' standard deviation is smaller, nearly all ratings are the same and there is nothing to predict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Losing:
    """The halves in which a model loses to the simplest recommender: its lists to popularity, its stars to their
    mean."""

    lists: bool
    stars: bool

    def __bool__(self) -> bool:
        return self.lists or self.stars

    def said(self) -> str:
        """Return a text that says what goes live in place of a losing half."""
        parts = []
        if self.lists:
            parts.append(
                "no personal order beats popularity on these ratings, so everybody is shown what most people rated"
            )
        if self.stars:
            parts.append("no predicted stars beat the mean of all, so everybody is shown that")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its confidence interval."""

    mean: float
    low: float
    high: float


def resampled_sums(shares: Doubles, *, seed: int = 0) -> Doubles:
    """Return the sums of the columns in each of ``RESAMPLES`` bootstrap resamples of the people.

    Each resample draws as many people as there are, with repetition. A row of ``shares`` (n_people, k) is one person's
    share of the k sums. The result has shape (``RESAMPLES``, k).

    Source: Efron and Tibshirani 1993, chapter 6.
    """
    rng = np.random.default_rng(seed)
    n = len(shares)
    return np.array([np.bincount(rng.integers(0, n, n), minlength=n) @ shares for _ in range(RESAMPLES)])


def spread(value: float, resampled: Doubles, *, confidence: float = CONFIDENCE) -> Interval:
    """Return a figure with its percentile interval, given its values in the resamples."""
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(value), float(low), float(high))


def bootstrap(values: Doubles, *, confidence: float = CONFIDENCE, seed: int = 0) -> Interval:
    """Return the mean of per-person values, shape (n_people,), with its confidence interval."""
    means = resampled_sums(values[:, None], seed=seed)[:, 0] / len(values)
    return spread(float(values.mean()), means, confidence=confidence)


def decide(
    challenger: pd.DataFrame,
    popularity: Mapping[str, float | None],
    champion: pd.DataFrame | None,
) -> Verdict:
    """Decide whether the challenger may go live.

    Its lists must be as good as popularity's, and its stars as good as the mean of all stars, which popularity
    predicts; a half that loses is replaced before this is called (``losing``). Neither half may be worse than the
    champion's by more than both chance and ``TOLERATED``, in a paired bootstrap over the people that both were measured
    on. Most of the champion's people must still be there.

    Args:
        challenger: per-user figures (``evaluation.measure``).
        popularity: popularity's metrics on the same test side.
        champion: the live model's recorded per-user figures; None if no model is live or it was measured on other data.
    """
    if champion is not None:
        common, before = int(champion["user_id"].isin(challenger["user_id"]).sum()), len(champion)
        if before >= FEWEST_PEOPLE and common < (1 - MOST_LOST) * before:
            return Verdict(
                False,
                f"only {common} of {before} people that the live model was measured on are still in it: load the whole "
                "data set again, or publish with `train --force` if it is meant to be so",
            )
    ndcg = challenger["ndcg"].dropna().to_numpy(np.float64)
    if len(ndcg) < FEWEST_PEOPLE:
        before = 0 if champion is None else int(champion["ndcg"].notna().sum())
        if before >= FEWEST_PEOPLE:
            few = f"only {len(ndcg)} people could be measured, with the live model {before}"
            return Verdict(False, f"{few}: load the whole data set again, or publish with `train --force`")
        return Verdict(True, f"only {len(ndcg)} people could be measured, too few to judge by")

    worse = _below_the_bar(challenger, ndcg, popularity)
    if worse is not None:
        return Verdict(False, worse)
    bar = popularity["ndcg_at_10"] or 0.0
    beaten = (
        f"nDCG@10 {ndcg.mean():.3f} {'beats' if ndcg.mean() > bar + LEVEL else 'is that of'} popularity ({bar:.3f})"
    )
    if champion is None:
        return Verdict(True, beaten)
    return _beside_champion(challenger.merge(champion, on="user_id", suffixes=("", "_champion")), beaten)


def losing(challenger: pd.DataFrame, popularity: Mapping[str, float | None]) -> Losing:
    """Return the halves that lose to the simplest recommender on the same test side; none if too few people can be
    measured."""
    ndcg = challenger["ndcg"].dropna().to_numpy(np.float64)
    if len(ndcg) < FEWEST_PEOPLE:
        return Losing(lists=False, stars=False)
    bar, mean_rmse = popularity["ndcg_at_10"] or 0.0, popularity["rmse_all"]
    # NaN stars do not count as losing to the mean: they are broken, and ``decide`` refuses them.
    stars = mean_rmse is not None and mean_rmse > LEAST_SPREAD_STARS and _rmse_of(challenger) >= mean_rmse
    return Losing(lists=bool(ndcg.mean() <= bar), stars=bool(stars))


def _rmse_of(challenger: pd.DataFrame) -> float:
    return float(_rmse(challenger["squared_all"].sum(skipna=False), challenger["n_all"].sum()))


def _below_the_bar(challenger: pd.DataFrame, ndcg: Doubles, popularity: Mapping[str, float | None]) -> str | None:
    """Return a text on what the simplest recommender does better, if anything; being as good is enough."""
    bar, mean_rmse = popularity["ndcg_at_10"] or 0.0, popularity["rmse_all"]
    if ndcg.mean() < bar - LEVEL:
        return f"nDCG@10 {ndcg.mean():.3f} is below popularity ({bar:.3f}){TRY}"
    rmse = _rmse_of(challenger)
    # Not "rmse > mean_rmse", which would let NaN pass.
    if mean_rmse is not None and mean_rmse > LEAST_SPREAD_STARS and not rmse <= mean_rmse + LEVEL:
        return f"RMSE {rmse:.3f} is above that of the mean of all stars ({mean_rmse:.3f}){TRY}"
    return None


def _beside_champion(pairs: pd.DataFrame, beaten: str) -> Verdict:
    """Compare challenger and champion on the people that both were measured on."""
    ranked = pairs.dropna(subset=["ndcg", "ndcg_champion"])
    if len(ranked) < FEWEST_PEOPLE:
        return Verdict(True, f"{beaten}; too few people in common with the live model to compare")
    was = float(ranked["ndcg_champion"].mean())
    gain = bootstrap((ranked["ndcg"] - ranked["ndcg_champion"]).to_numpy(np.float64), confidence=SURE)
    if gain.high < 0 and gain.mean < -TOLERATED * was:
        return Verdict(
            False,
            f"nDCG@10 is worse than the live model's: {was + gain.mean:.3f}, was {was:.3f} "
            f"(difference {gain.low:+.3f} to {gain.high:+.3f}){TRY}",
        )
    reason = f"nDCG@10 {was + gain.mean:.3f}, was {was:.3f}"
    columns = ["squared_all", "n_all", "squared_all_champion", "n_all_champion"]
    stars = pairs[columns].dropna().to_numpy(np.float64)
    if not stars.size:  # play counts have no stars
        return Verdict(True, reason)
    now, before = (float(_rmse(*stars.sum(axis=0)[side])) for side in (slice(0, 2), slice(2, 4)))
    worlds = resampled_sums(stars)
    loss = spread(now - before, _rmse(*worlds[:, :2].T) - _rmse(*worlds[:, 2:].T), confidence=SURE)
    if loss.low > 0 and now > (1 + TOLERATED) * before:
        return Verdict(False, f"RMSE is worse than the live model's: {now:.3f}, was {before:.3f}{TRY}")
    return Verdict(True, f"{reason}; RMSE {now:.3f}, was {before:.3f}")


def _rmse(squared: Any, n: Any) -> Any:
    return np.sqrt(squared / np.maximum(n, 1))
