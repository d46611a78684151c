"""How long until a rating counts? One person folded into a model of 87,000 films, and their picks.

    python -m benchmarks.speed.fold_in

Folds someone with 5, 50, 500 and 2,000 ratings into both models (rank 64 and 50), then chooses their ten picks out of
all films. Beside it the only other way to use a rating without training: solving the same equations over all films, as
the textbook writes them. Exits with 1 if a fold-in of 50 ratings takes by far (three times) longer than the 5 ms aimed
at.
"""

import bot  # noqa: F401 - first, as in the bot itself: it says how many threads numpy may use

# isort: split
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.speed.chat import PARAMETERS, PREFERENCE_RANK, RATING_RANK
from engine.domain import FactorRows
from engine.serving.factors import Model, Profile, observed

FILMS = 87_000
RATINGS = (5, 50, 500, 2_000)
USUAL = 50
AIM_MS = 5.0
TIMES = 100


def made_up_model() -> Model:
    dice = np.random.default_rng(7)
    rows = FactorRows(
        np.arange(1, FILMS + 1, dtype=np.int32),
        dice.normal(0, 0.15, (FILMS, PREFERENCE_RANK)).astype(np.float32),
        dice.normal(0, 0.15, (FILMS, RATING_RANK)).astype(np.float32),
        dice.normal(0, 0.3, FILMS).astype(np.float32),
    )
    model = Model.assemble(rows, PARAMETERS)
    model.warm_up()
    return model


def textbook(model: Model, rated: dict[int, float]) -> np.ndarray:
    """Return the preference row by Hu et al.'s (YᵀCY + λI)⁻¹ YᵀCp over all films. Storing YᵀY saves most of this."""
    settings, rows = model.hyperparameters.preference, model.rows(rated)
    said = observed(np.array(list(rated.values())), settings)
    confidence, wanted, y = np.ones(FILMS), np.zeros(FILMS), model.preference
    confidence[rows] += said.weights
    wanted[rows] = said.targets
    ridge = float(settings.ridge(int(said.counted.sum()), settings.nu_users))
    left = (y * confidence[:, None]).T @ y + ridge * np.eye(y.shape[1])
    prior = ridge * model.average_taste if settings.prior else 0.0
    return np.linalg.solve(left, y.T @ (confidence * wanted) + prior)


def milliseconds(work: Callable[[], object], times: int) -> np.ndarray:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return np.percentile(taken, [50, 99])


def main() -> int:
    model, dice, usual_ms = made_up_model(), np.random.default_rng(1), 0.0
    print(f"{FILMS:,} films, ms           fold-in p50   p99       picks p50   p99    textbook p50")
    for count in RATINGS:
        films = dice.choice(model.movie_ids, count, replace=False).tolist()
        rated = dict(zip(films, (dice.integers(1, 11, count) / 2).tolist(), strict=True))
        profile: Profile = model.profile(rated)
        difference = float(np.abs(textbook(model, rated) - profile.preference).max())
        assert difference < 1e-3, f"the fold-in differs from the textbook by {difference}"
        fold = milliseconds(lambda rated=rated: model.profile(rated), TIMES)
        best = milliseconds(lambda profile=profile: model.best(profile, limit=10), TIMES)
        slow = milliseconds(lambda rated=rated: textbook(model, rated), 5)
        print(f"{count:6} ratings {fold[0]:24.2f}{fold[1]:6.2f}{best[0]:16.2f}{best[1]:6.2f}{slow[0]:16.1f}")
        usual_ms = float(fold[0]) if count == USUAL else usual_ms
    return int(usual_ms > 3 * AIM_MS)


if __name__ == "__main__":
    sys.exit(main())
