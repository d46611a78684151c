"""Measures recommenders on ratings that they were not trained on.

Every recommender, the baselines too, is measured in one form: people's rows and a ``Model`` for the films' side. All
films are ranked, those of the training side taken out; blocks of people are scored in the executors, so that 200,000
people by 90,000 films fit in memory. ``measure`` reads people's rows from Spark; ``measure_folded`` gets them from
people's own ratings, and so needs no more than one pass over the ratings. Each person has a row with their share of
every metric. Metrics are ratios of sums over people, so a bootstrap over people gives their confidence intervals.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from engine.domain import STARS, FactorRows, Floats
from engine.judging.gate import Interval, resampled_sums, spread
from engine.learning.fits import Folding, People
from engine.learning.scoring import Block, histories, read_block
from engine.learning.training import PEOPLE_A_BATCH, Trained, float_lists, values_of
from engine.serving.factors import Doubles, Hyperparameters, Model, user_order_vectors

TEST_PERCENT = 20
RELEVANT_STARS = 4.0
"""A film of the test side is relevant from this many stars on: it should have been shown."""

THRESHOLD_STARS = 3.0
"""The threshold at which tutorials count a prediction as "would like it"."""

TOP = 10
RANKED_USERS = 20_000
"""Ranking is measured on at most about this many people: more would hardly narrow the intervals."""

BLOCK_SCORES = 20_000_000
"""Number of scores that an executor holds at a time: 80 MB."""

PER_USER = (
    "n_warm", "squared_warm", "absolute_warm", "n_all", "squared_all", "absolute_all",
    "true_positive", "false_positive", "false_negative",
    "ranked", "ndcg", "precision", "recall", "f1", "average_precision", "novelty", "rank_sum", "rank_weight",
)  # fmt: skip
"""Columns with one person's share of the metrics; ``measure`` explains each."""

KNOWN_FROM = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Lower bounds of classes of films by their number of training ratings."""

ERRORS = ("n", "squared", "absolute", "signed")
_CELLS = (len(STARS), len(KNOWN_FROM), len(ERRORS))

RATIOS = {
    "rmse_warm": ("squared_warm", "n_warm"),
    "rmse_all": ("squared_all", "n_all"),
    "mae_warm": ("absolute_warm", "n_warm"),
    "mse_warm": ("squared_warm", "n_warm"),
    "ndcg_at_10": ("ndcg", "ranked"),
    "precision_at_10": ("precision", "ranked"),
    "recall_at_10": ("recall", "ranked"),
    "f1_at_10": ("f1", "ranked"),
    "map_at_10": ("average_precision", "ranked"),
    "novelty_at_10": ("novelty", "ranked"),
    "roem": ("rank_sum", "rank_weight"),
    "precision_at_3_stars": ("true_positive", "promised"),
    "recall_at_3_stars": ("true_positive", "liked"),
    "f1_at_3_stars": ("true_positive", "promised_or_liked"),
}
"""Metrics that are one sum over people divided by another; of an RMSE the root is taken."""


def split(ratings: DataFrame, *, seed: int, percent: int = TEST_PERCENT) -> tuple[DataFrame, DataFrame]:
    """Return the training side and the test side.

    A rating's side follows from a hash of (user, film, seed). It is the same on every machine, in every order and for
    every later training, so two models are judged on the same ratings.
    """
    held = is_held(seed=seed, percent=percent)
    return ratings.where(~held), ratings.where(held)


def is_held(*, seed: int, percent: int = TEST_PERCENT) -> Column:
    """Return whether a rating is on the test side of ``split``."""
    return F.pmod(F.xxhash64("user_id", "movie_id", F.lit(seed)), F.lit(100)) < percent


def split_by_time(ratings: DataFrame, *, percent: int = TEST_PERCENT) -> tuple[DataFrame, DataFrame]:
    """Return each person's earlier ratings and their last ``percent`` of a hundred, rounded down.

    Args:
        ratings: with rated_at. Among ratings of the same second, those of films with higher ids count as later.
    """
    person = Window.partitionBy("user_id")
    place = F.row_number().over(person.orderBy(F.desc("rated_at"), F.desc("movie_id")))
    last = place <= F.floor(F.count("*").over(person) * percent / 100)
    sides = ratings.withColumn("last", last)
    return sides.where(~F.col("last")).drop("last"), sides.where("last").drop("last")


@dataclass(frozen=True)
class Measured:
    """The measurements of one recommender.

    ``per_user`` has a row for each person of the test side: see ``measure``. ``errors`` splits the errors of predicted
    stars: for each number of stars given and each class of films (``known_from``), it has the number of ratings n, and
    three sums over their errors (predicted less given): squared, absolute and plain.
    """

    per_user: pd.DataFrame
    metrics: dict[str, float | None]
    errors: pd.DataFrame


def held_out(train: DataFrame, test: DataFrame) -> DataFrame:
    """Return user_id, seen (training films), films, values and relevant (of the test side) for everybody with test
    ratings.

    ``values`` are stars, or log(1 + plays); ``relevant`` marks films that should have been shown: those with
    ``RELEVANT_STARS`` or more, or all that were played. ``ranked`` marks people whose ranking is measured: everybody,
    or a fixed sample of about ``RANKED_USERS``.
    """
    rated = test.select("user_id", "movie_id", values_of(test).alias("value"), _relevant(test).alias("relevant"))
    pairs = rated.groupBy("user_id").agg(F.collect_list(F.struct("movie_id", "value", "relevant")).alias("test"))
    columns = {"movie_id": "films", "value": "values", "relevant": "relevant"}
    lists = pairs.select("user_id", *(F.col(f"test.{field}").alias(name) for field, name in columns.items()))
    ranked = _ranked(test.select("user_id").distinct().count())
    return lists.join(histories(train), "user_id", "left").withColumn("ranked", ranked)


def _relevant(ratings: DataFrame) -> Column:
    return F.col("stars") >= RELEVANT_STARS if "stars" in ratings.columns else F.lit(True)


def _ranked(people: int) -> Column:
    return F.pmod(F.xxhash64("user_id"), F.lit(1_000_000)) < int(1_000_000 * RANKED_USERS / max(people, 1))


def measure(
    users: DataFrame, model: Model, people: DataFrame, rating_counts: Floats, *, predicts_stars: bool = True
) -> Measured:
    """Measure one recommender.

    Args:
        users: user_id, preference, rating, bias: the rows of all people it was trained on.
        model: the films' side.
        people: the result of ``held_out``. People without a row in ``users`` are treated as strangers: mean and film
            biases predict their stars, and the average taste orders their films.
        rating_counts: training ratings of each of the model's films, for novelty.
        predicts_stars: False leaves the metrics of stars null, as it must be with play counts.

    Returns:
        Metrics by name, and per user: n_warm and n_all (test ratings), squared and absolute errors summed over each,
        hits and misses at ``THRESHOLD_STARS`` among the warm; rank_sum and rank_weight (for ROEM); and for people with
        a relevant test film ranked (1), ndcg, precision, recall, f1, average_precision and novelty. A test rating is
        warm if both its person and its film were trained on. A figure that does not apply to somebody is NaN.
    """
    model.warm_up()
    given = model, surprise_of(rating_counts), _familiarity(rating_counts)
    shared = users.sparkSession.sparkContext.broadcast(given)

    def judge(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                judged = _judge(*shared.value, batch, predicts_stars)
                yield pa.RecordBatch.from_pandas(judged, preserve_index=False)

    return measured(_with_rows(people, users, model).mapInArrow(judge, _JUDGED).toPandas(), len(rating_counts))


_JUDGED = f"user_id int, {', '.join(f'{name} double' for name in PER_USER)}, top array<int>, errors array<double>"


@dataclass(frozen=True)
class SameRow:
    """Gives everybody the same row in a model with one factor. A ``Folding`` gives everybody a row of their own."""

    model: Model

    def people(self, user_ids: NDArray[Any], movie_ids: NDArray[Any], values: NDArray[Any]) -> People:
        ids = np.unique(user_ids).astype(np.int32)
        ones = np.ones((len(ids), 1), np.float32)
        return People(ids, ones, 0 * ones, 0 * ones[:, 0])


def measure_folded(
    ratings: DataFrame, held: Column, recommenders: Sequence[Folding | SameRow], rating_counts: Floats
) -> list[Measured]:
    """Measure recommenders that make people's rows from people's training ratings; all of them in one pass.

    Args:
        ratings: user_id, movie_id, and stars or plays; all ratings of a person in one partition.
        held: which of them are on the test side.
        recommenders: their models have the same films.
        rating_counts: training ratings of each of these films.

    Returns:
        What ``measure`` returns, for each recommender.
    """
    for recommender in recommenders:
        recommender.model.warm_up()
    stars = "stars" in ratings.columns
    context = ratings.sparkSession.sparkContext
    shared = context.broadcast((recommenders, surprise_of(rating_counts), _familiarity(rating_counts)))

    def judge(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rated = [batch for batch in batches if batch.num_rows]
        recommenders, surprise, familiarity = shared.value
        for number, recommender in enumerate(recommenders):
            for batch in _tested(recommender, rated):
                judged = _judge(recommender.model, surprise, familiarity, batch, stars)
                yield pa.RecordBatch.from_pandas(judged.assign(recommender=number), preserve_index=False)

    people = ratings.where(held).select("user_id").distinct().count()
    facts = {"value": values_of(ratings), "relevant": _relevant(ratings), "held": held, "ranked": _ranked(people)}
    rated = ratings.select("user_id", "movie_id", *(column.alias(name) for name, column in facts.items()))
    rows = rated.mapInArrow(judge, f"{_JUDGED}, recommender long").toPandas()
    shared.destroy()
    found = [rows[rows["recommender"] == number] for number in range(len(recommenders))]
    return [measured(own.drop(columns="recommender"), len(rating_counts)) for own in found]


def _tested(recommender: Folding | SameRow, rated: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Fold people in from their training ratings, and yield those with test ratings in the form of ``_with_rows``.

    Args:
        rated: all ratings of some people: user_id, movie_id, value, relevant, held, ranked.
    """
    if not rated:
        return
    users, films, values, relevant, held, ranked = (
        column.to_numpy() for column in pa.Table.from_batches(rated).columns
    )
    if not held.any():
        return
    folded, model = recommender.people(users[~held], films[~held], values[~held]), recommender.model
    ids, first = np.unique(users[held], return_index=True)
    has_row = np.isin(ids, folded.user_ids)
    at = np.searchsorted(folded.user_ids, ids[has_row])
    preference = np.tile(model.average_taste, (len(ids), 1)).astype(np.float32)
    rating, bias = np.zeros((len(ids), model.rating.shape[1]), np.float32), np.zeros(len(ids), np.float32)
    preference[has_row], rating[has_row], bias[has_row] = folded.preference[at], folded.rating[at], folded.bias[at]
    tests = _lists(ids, users[held], films[held], values[held], relevant[held])
    seen = _lists(ids, users[~held], films[~held], np.ones_like(films[~held], np.float32))
    columns = {
        "user_id": ids, "has_row": has_row, "ranked": ranked[held][first],
        "preference": float_lists(preference), "rating": float_lists(rating), "bias": bias,
        **dict(zip(("seen", "liking"), seen, strict=True)),
        **dict(zip(("films", "values", "relevant"), tests, strict=True)),
    }  # fmt: skip
    yield from pa.table(columns).to_batches(max_chunksize=PEOPLE_A_BATCH)


def _lists(ids: NDArray[Any], users: NDArray[Any], *columns: NDArray[Any]) -> list[pa.ListArray]:
    """Group rows by person: in each column a list for each of ``ids``, which are ascending."""
    rows = np.flatnonzero(np.isin(users, ids))
    rows = rows[np.argsort(users[rows], kind="stable")]
    starts = pa.array(np.append(np.searchsorted(users[rows], ids), len(rows)).astype(np.int32))
    return [pa.ListArray.from_arrays(starts, pa.array(column[rows])) for column in columns]


def measured(rows: pd.DataFrame, n_films: int) -> Measured:
    """Sum up a frame of user_id, ``PER_USER``, top and errors of everybody with test ratings."""
    shown = np.concatenate([*rows["top"], np.empty(0, np.int32)])
    coverage = _ratio(len(np.unique(shown)), n_films) if len(shown) else None
    per_user = rows.drop(columns=["top", "errors"])
    metrics = metrics_of(_totals(per_user)) | {"coverage_at_10": coverage}
    return Measured(per_user, metrics, _error_table(rows["errors"].dropna()))


def surprise_of(rating_counts: Floats) -> Floats:
    """Return each film's self-information in bits: how unlikely it is that a rating picked at random is of this film.

    Source: Zhou et al. 2010, "Solving the apparent diversity-accuracy dilemma of recommender systems".
    """
    return -np.log2(np.maximum(rating_counts, 1) / max(float(rating_counts.sum()), 1))


def _familiarity(rating_counts: Floats) -> NDArray[np.intp]:
    """Return each film's class of ``KNOWN_FROM``."""
    return (np.searchsorted(KNOWN_FROM, rating_counts, side="right") - 1).astype(np.intp)


def _error_table(sums: Iterable[NDArray[np.float64]]) -> pd.DataFrame:
    """Add up the blocks' sums of ``add_errors``, as a table without empty cells."""
    cells = np.sum([np.zeros(_CELLS), *(block.reshape(_CELLS) for block in sums)], axis=0)
    stars, known = np.nonzero(cells[..., 0])
    columns = {"stars": np.array(STARS)[stars], "known_from": np.array(KNOWN_FROM)[known]}
    return pd.DataFrame(columns | dict(zip(ERRORS, cells[stars, known].T, strict=True)))


def _with_rows(people: DataFrame, users: DataFrame, model: Model) -> DataFrame:
    """Join people's rows with their test ratings. People without a row get that of a stranger, with ``has_row``
    false."""
    joined = people.join(users, "user_id", "left").withColumn("has_row", F.col("bias").isNotNull())
    stranger = {"preference": model.average_taste.tolist(), "rating": [0.0] * model.rating.shape[1]}
    for name, row in stranger.items():
        joined = joined.withColumn(name, F.coalesce(name, _floats(row)))
    return joined.fillna(0.0, ["bias"])


def _floats(row: list[float]) -> Column:
    return F.array(*(F.lit(x).cast("float") for x in row))


def _judge(
    model: Model, surprise: Floats, familiarity: NDArray[np.intp], batch: pa.RecordBatch, predicts_stars: bool
) -> pd.DataFrame:
    """Measure one block of people; the functions below compute each metric.

    The sums of the block's errors stand in its first row.
    """
    block = read_block(batch, model.movie_ids)
    has_row, wanted = (np.array(batch.column(name).to_pylist(), bool) for name in ("has_row", "ranked"))
    truths = [values.values.to_numpy() for values in batch.column("values")]
    relevants = [relevant.values.to_numpy(zero_copy_only=False) for relevant in batch.column("relevant")]
    tests = [find_films(model.movie_ids, films.values.to_numpy()) for films in batch.column("films")]

    rows: list[dict[str, Any]] = []
    errors = np.zeros(_CELLS)
    for i, (truth, (at, known)) in enumerate(zip(truths, tests, strict=True)):
        row: dict[str, Any] = {"user_id": block.user_ids[i], "top": np.empty(0, np.int32)}
        if predicts_stars:
            of_film = np.where(known, model.rating[at] @ block.rating[i] + model.bias[at], 0)
            predicted = np.clip(model.mean_stars + block.bias[i] + of_film, 0.5, 5)
            row |= star_errors(truth, predicted, warm=known & has_row[i])
            add_errors(errors, truth, predicted, np.where(known, familiarity[at], 0))
        rows.append(row)
    rows[0]["errors"] = errors.ravel()

    who = np.flatnonzero(wanted)
    for i, scores in zip(who.tolist(), _scores(model, block, who), strict=True):
        seen = block.seen[block.starts[i] : block.starts[i + 1]]
        rows[i] |= judge_order(scores, seen, *tests[i], truths[i], relevants[i], surprise)
    return pd.DataFrame(rows).reindex(columns=["user_id", *PER_USER, "top", "errors"])


def judge_order(
    scores: Floats,
    seen: NDArray[Any],
    at: NDArray[np.intp],
    known: NDArray[np.bool_],
    truth: NDArray[Any],
    relevant: NDArray[np.bool_],
    surprise: Floats,
) -> dict[str, Any]:
    """Return one person's share of the ranking metrics, and their ``top``.

    Args:
        scores: the scores of all films; those of ``seen`` are overwritten.
        seen: rows of the person's training films.
        at: the row of each test film; it has no meaning if the film is not ``known``.
        truth: the value given to each test film.
        relevant: whether each test film should have been shown.
        surprise: each film's self-information in bits.
    """
    scores[seen] = -np.inf
    share: dict[str, Any] = percentile_ranks(scores, at[known], truth[known])
    if relevant.any():
        top = top_n(scores, TOP)
        share |= ranking(np.isin(top, at[known & relevant]), int(relevant.sum()))
        if len(top):
            share |= {"top": top, "novelty": float(surprise[top].mean())}
    return share


def find_films(movie_ids: NDArray[np.int32], films: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the row of each film, and whether the model knows it; the row of an unknown film has no meaning."""
    at = np.minimum(np.searchsorted(movie_ids, films), len(movie_ids) - 1)
    return at, movie_ids[at] == films


def _scores(model: Model, block: Block, who: NDArray[np.intp]) -> Iterator[Floats]:
    """Yield the scores of all films for some people of a block, computed for a few people at a time."""
    queries, _ = user_order_vectors(
        model.ordering(block.preference[who], np.diff(block.starts)[who]),
        block.rating[who],
        model.preference_moments,
        model.rating_moments,
        model.hyperparameters.blend,
    )
    step = max(BLOCK_SCORES // len(model.movie_ids), 1)
    for start in range(0, len(queries), step):
        yield from queries[start : start + step] @ model.order_vectors.T


def top_n(scores: Floats, n: int) -> NDArray[np.int32]:
    """Return the indices of the ``n`` largest finite scores, best first; among equals the lower index comes first."""
    size = min(n, int(np.isfinite(scores).sum()))
    if not size:
        return np.empty(0, np.int32)
    least = np.partition(scores, -size)[-size]
    better, level = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
    best = np.concatenate([better, level[: size - len(better)]])
    return best[np.lexsort((best, -scores[best]))].astype(np.int32)


def star_errors(truth: NDArray[Any], predicted: NDArray[Any], warm: NDArray[np.bool_]) -> dict[str, float]:
    """Return one person's sums for RMSE, MAE and the counts at ``THRESHOLD_STARS``."""
    error = predicted.astype(np.float64) - truth
    liked, promised = truth[warm] >= THRESHOLD_STARS, predicted[warm] >= THRESHOLD_STARS
    return {
        "n_warm": float(warm.sum()),
        "squared_warm": float((error[warm] ** 2).sum()),
        "absolute_warm": float(np.abs(error[warm]).sum()),
        "n_all": float(len(error)),
        "squared_all": float((error**2).sum()),
        "absolute_all": float(np.abs(error).sum()),
        "true_positive": float((liked & promised).sum()),
        "false_positive": float((~liked & promised).sum()),
        "false_negative": float((liked & ~promised).sum()),
    }


def add_errors(cells: Doubles, truth: NDArray[Any], predicted: NDArray[Any], known: NDArray[np.intp]) -> None:
    """Add one person's errors to the sums of a block.

    Args:
        cells: shape (10, classes of ``KNOWN_FROM``, 4): by stars given, class of the film, and ``ERRORS``.
        known: class of each test film, 0 for films unknown to the model.
    """
    error = predicted.astype(np.float64) - truth
    stars = np.clip(np.rint(2 * truth).astype(np.intp) - 1, 0, len(STARS) - 1)
    np.add.at(cells, (stars, known), np.column_stack([np.ones(len(error)), error**2, np.abs(error), error]))


def ranking(hits: NDArray[np.bool_], relevant: int) -> dict[str, float]:
    """Return the ranking metrics of one list.

    Args:
        hits: for each place of the list, best first, whether its film is relevant; at most ``TOP``.
        relevant: the number of relevant films, at least 1; films unknown to the model count too.

    Precision is over ``TOP`` places, filled or not. Average precision is divided by all relevant films, as trec_eval's
    map_cut and ranx do; some divide by at most ``TOP``, which gives larger figures.

    Source: Järvelin and Kekäläinen 2002 (nDCG, binary gains); Voorhees and Harman 2005 (average precision).
    """
    places = np.arange(1, len(hits) + 1)
    discounts = 1 / np.log2(places + 1)
    ideal = (1 / np.log2(np.arange(2, min(relevant, TOP) + 2))).sum()
    found = int(hits.sum())
    precision, recall = found / TOP, found / relevant
    return {
        "ranked": 1.0,
        "ndcg": float(discounts[hits].sum() / ideal),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if found else 0.0,
        "average_precision": float((np.cumsum(hits) / places)[hits].sum() / relevant),
    }


def percentile_ranks(scores: Floats, films: NDArray[np.intp], values: NDArray[Any]) -> dict[str, float]:
    """Sum one person's share of ROEM, the expected percentile rank: 0 if the best-loved films come first, 1 if they
    come last. Films of equal score share their places.

    Args:
        scores: the scores of all films; −inf if a film is no candidate.
        films: rows of the test films, all of them candidates.
        values: the value given to each, which is its weight.

    Source: Hu, Koren, Volinsky 2008, section 6, with stars, or log(1 + plays), for the watching times.
    """
    last = max(int(np.isfinite(scores).sum()) - 1, 1)
    places = [(scores > score).sum() + ((scores == score).sum() - 1) / 2 for score in scores[films]]
    weight = values.astype(np.float64)
    return {"rank_sum": float(weight @ np.array(places, np.float64) / last), "rank_weight": float(weight.sum())}


def _totals(per_user: pd.DataFrame) -> dict[str, Any]:
    return dict(zip(PER_USER, per_user[list(PER_USER)].sum().to_numpy(np.float64), strict=True))


def metrics_of(totals: Mapping[str, Any]) -> dict[str, float | None]:
    """Turn sums over people into metrics, under the names that ``evaluate --json`` prints; None if a metric does not
    apply."""
    sums = _with_derived(totals)
    found = {name: _ratio(sums[part], sums[whole]) for name, (part, whole) in RATIOS.items()}
    return {name: _root(value) if name.startswith("rmse") else value for name, value in found.items()}


def intervals(per_user: pd.DataFrame, *, seed: int = 0) -> dict[str, Interval]:
    """Return each metric's confidence interval, by a bootstrap over people.

    Metrics that do not apply are left out, and so is coverage, which is not a mean over people.
    """
    sums = resampled_sums(per_user[list(PER_USER)].fillna(0).to_numpy(np.float64), seed=seed)
    resampled = _with_derived(dict(zip(PER_USER, sums.T, strict=True)))
    found = {}
    for name, value in metrics_of(_totals(per_user)).items():
        part, whole = (resampled[column] for column in RATIOS[name])
        drawn = whole > 0
        if value is not None and drawn.any():
            values = part[drawn] / whole[drawn]
            found[name] = spread(value, np.sqrt(values) if name.startswith("rmse") else values)
    return found


def _with_derived(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Add the sums that are derived from others; this works on numbers and on arrays."""
    promised = sums["true_positive"] + sums["false_positive"]
    liked = sums["true_positive"] + sums["false_negative"]
    return {**sums, "promised": promised, "liked": liked, "promised_or_liked": (promised + liked) / 2}


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _root(value: float | None) -> float | None:
    return None if value is None else float(np.sqrt(value))


def popularity(rating_counts: Floats, trained: Trained) -> SameRow:
    """Return the recommender that shows everybody the films with most ratings: every ranking must be at least as good.

    It predicts the mean of all stars for every person and film: every prediction must be at least as good.

    Args:
        rating_counts: training ratings of each film, in the order of the trained model's films.
        trained: the model whose films it is for.
    """
    return SameRow(_same_order(trained.rows.movie_ids, rating_counts, 0 * rating_counts, trained.mean_stars))


def same_for_all(
    people: DataFrame, movie_ids: NDArray[np.int32], order: Floats, bias: Floats, mean_stars: float
) -> tuple[DataFrame, Model]:
    """Make a recommender that shows everybody the same films, in the form that ``measure`` takes: one factor, one
    taste.

    Args:
        people: user_id, bias.
        order: the score of each film, shape (n_items,).
        bias: each film's bias, for the stars.
    """
    users = people.select("user_id", _floats([1.0]).alias("preference"), _floats([0.0]).alias("rating"), "bias")
    return users, _same_order(movie_ids, order, bias, mean_stars)


def _same_order(movie_ids: NDArray[np.int32], order: Floats, bias: Floats, mean_stars: float) -> Model:
    one_factor = order.reshape(-1, 1).astype(np.float32)
    rows = FactorRows(movie_ids, one_factor, np.zeros_like(one_factor), bias.astype(np.float32))
    parameters = asdict(Hyperparameters(blend=0.0)) | {"mean_stars": mean_stars, "average_taste": [1.0]}
    return Model.assemble(rows, parameters)
