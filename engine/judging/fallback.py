"""Replaces a model that has learned nothing by popularity and the mean of all stars."""

from dataclasses import replace

import numpy as np
from pyspark.sql import functions as F

from engine.domain import Floats
from engine.judging.gate import Losing
from engine.learning.training import Trained

NEVER = 1e9
"""A damping so large that a bias becomes 0."""


def best_there_is(trained: Trained, counts: Floats, losing: Losing) -> Trained:
    """Return the model with each losing half replaced: the order by popularity, or the stars by their mean.

    The result is a normal model with one factor: people are folded in, and all get the same order.

    Args:
        counts: the number of ratings of each film, in the order of the model's films.
        losing: the halves that lose to the simplest recommender.
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
