"""The best there is where learning finds nothing: what most people rated, and the mean of all stars."""

from dataclasses import replace

import numpy as np
from pyspark.sql import functions as F

from engine.domain import Floats
from engine.judging.gate import Losing
from engine.learning.training import Trained

NEVER = 1e9
"""A damping in ratings that nobody has: a bias so damped is 0."""


def best_there_is(trained: Trained, counts: Floats, losing: Losing) -> Trained:
    """Return the model with everybody's order, or everybody's stars, in place of a personal one that loses to them.

    It is a model like any other, with one factor: people are folded in, and all get the same order.

    Args:
        counts: ratings of each film, in the order of the model's films.
        losing: which half of it the simplest recommender does better.
    """
    found = trained
    if losing.lists:
        popularity = np.log1p(counts)[:, None].astype(np.float32) / np.float32(np.log1p(counts.max(initial=1)))
        alone = replace(trained.hyperparameters.preference, rank=1, alpha=0.0, pseudo=0.0)
        found = replace(
            found,
            rows=replace(found.rows, preference=popularity),
            hyperparameters=replace(found.hyperparameters, preference=alone, blend=0.0),
            average_taste=np.ones(1, np.float32),
            users=found.users.withColumn("preference", F.array(F.lit(1.0).cast("float"))),
        )
    rating = found.hyperparameters.rating
    if losing.stars and rating is not None:
        flat = replace(rating, user_damping=NEVER, movie_damping=NEVER)
        found = replace(
            found,
            rows=replace(found.rows, rating=np.zeros_like(found.rows.rating), bias=np.zeros_like(found.rows.bias)),
            hyperparameters=replace(found.hyperparameters, rating=flat),
            users=found.users.withColumn("rating", F.transform("rating", lambda x: F.lit(0.0).cast("float")))
            .withColumn("bias", F.lit(0.0).cast("float")),
        )  # fmt: skip
    return found
