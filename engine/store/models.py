"""Model versions: written beside the live one, checked, made live in one short transaction, swept later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from engine.domain import FactorRows, Floats, MatineeError, ModelState, RunState
from engine.store.database import Database, chunked, patiently
from engine.store.schema import (
    TAG_LENGTH,
    ItemFactorsRow,
    LiveRow,
    ModelVersionRow,
    RatingEventRow,
    RatingRow,
    RecommendationRow,
    RunRow,
    SimilarMovieRow,
    UserRow,
    table,
)

versions, live, factors = table(ModelVersionRow), table(LiveRow), table(ItemFactorsRow)
recommendations, similar_movies = table(RecommendationRow), table(SimilarMovieRow)
events, ratings, runs, users = table(RatingEventRow), table(RatingRow), table(RunRow), table(UserRow)

CHUNK_ROWS = 5_000
"""Rows in one transaction: about 30 ms on SQLite, so that a rating written meanwhile waits no longer than that."""

LISTS = (recommendations, similar_movies)

SIMILAR_COLUMNS = ("position", "similar_movie_id", "similarity", "times_chance", "shared_tag")
"""The columns of one line in a film's list, in the order of ``SimilarFilm``."""

SimilarRow = tuple[int, int, int, float, float | None, str | None]
"""movie_id, position, similar_movie_id, similarity, times_chance, shared_tag."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A trained model: how it was made, its metrics, its state and the reason for that state."""

    version: int
    state: ModelState
    reason: str | None
    dataset: str
    dataset_fingerprint: str
    hyperparameters: dict[str, Any]
    metrics: dict[str, Any]
    counts: dict[str, Any]
    created_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One line of someone's published list. ``position`` 1 is best."""

    position: int
    movie_id: int
    score: float
    predicted_stars: float | None


@dataclass(frozen=True, slots=True)
class SimilarFilm:
    """One line of a film's list of similar titles. ``times_chance`` says how many times as many people as by chance
    like both films; ``shared_tag`` is a tag of both. Each is None if it does not speak for the similarity."""

    position: int
    movie_id: int
    similarity: float
    times_chance: float | None = None
    shared_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """The chat's ratings and the events that led to them, as of one moment. All arrays are parallel per group."""

    event_ids: NDArray[np.int64]
    user_ids: NDArray[np.int32]
    movie_ids: NDArray[np.int32]
    stars: NDArray[np.float32]
    rated_at: NDArray[np.int64]  # microseconds since 1970, UTC


class PublishRefused(MatineeError):
    """The rows written for a version do not pass the checks; nothing went live."""


class NoSuchVersion(MatineeError):
    """The model does not exist, or its lists have been swept."""


class ModelStore(Database):
    def read_queue(self) -> Queue:
        """Return every chat rating, and the ids of the events that no published model has used, as of one moment."""
        with self.read() as connection:
            unused = sa.select(events.c.id).where(events.c.model_version.is_(None)).order_by(events.c.id)
            event_ids = connection.scalars(unused).all()
            columns = (ratings.c.user_id, ratings.c.movie_id, ratings.c.stars, ratings.c.rated_at)
            rows = connection.execute(sa.select(*columns).order_by("user_id", "movie_id")).all()
        return Queue(
            np.array(event_ids, np.int64),
            np.array([row.user_id for row in rows], np.int32),
            np.array([row.movie_id for row in rows], np.int32),
            np.array([row.stars for row in rows], np.float32),
            np.array([int(row.rated_at.timestamp() * 1_000_000) for row in rows], np.int64),
        )

    def create_version(
        self,
        *,
        dataset: str,
        dataset_fingerprint: str,
        hyperparameters: dict[str, Any],
        metrics: dict[str, Any],
        counts: dict[str, Any],
        now: datetime,
    ) -> int:
        """Store a trained model as a candidate and return its version number."""
        row = sa.insert(versions).values(
            state=ModelState.CANDIDATE.value,
            dataset=dataset,
            dataset_fingerprint=dataset_fingerprint,
            hyperparameters=hyperparameters,
            metrics=metrics,
            counts=counts,
            created_at=now,
        )
        with self.write() as connection:
            return int(connection.scalar(row.returning(versions.c.version)))

    def reject(self, version: int, reason: str) -> None:
        """Mark a model as rejected, with the reason."""
        with self.write() as connection:
            changed = sa.update(versions).where(versions.c.version == version)
            connection.execute(changed.values(state=ModelState.REJECTED.value, reason=reason))

    def explain_version(self, version: int, reason: str) -> None:
        """Store the reason why a model went live."""
        with self.write() as connection:
            connection.execute(sa.update(versions).where(versions.c.version == version).values(reason=reason))

    def model_versions(self) -> list[ModelVersion]:
        """Return every model, newest first."""
        with self.read() as connection:
            rows = connection.execute(sa.select(versions).order_by(versions.c.version.desc())).mappings().all()
        return [_version(row) for row in rows]

    def model_version(self, version: int) -> ModelVersion:
        """Return one model.

        Raises:
            NoSuchVersion: there is no model of that number.
        """
        with self.read() as connection:
            row = connection.execute(sa.select(versions).where(versions.c.version == version)).mappings().one_or_none()
        if row is None:
            raise NoSuchVersion(f"there is no model {version}: `python -m engine models` lists them")
        return _version(row)

    def live_version(self) -> int | None:
        """Return the number of the live version, or None before the first."""
        with self.read() as connection:
            return connection.scalar(sa.select(live.c.model_version))

    def write_item_factors(self, version: int, rows: FactorRows) -> None:
        """Write the item factors of both models in chunks, beside the live rows."""
        preference, rating = rows.preference.astype("<f4"), rows.rating.astype("<f4")
        self._copy(
            factors,
            (
                (version, int(movie_id), preference[i].tobytes(), rating[i].tobytes(), float(rows.bias[i]))
                for i, movie_id in enumerate(rows.movie_ids)
            ),
        )

    def write_recommendations(self, version: int, rows: Iterable[tuple[int, int, int, float, float | None]]) -> int:
        """Write (user_id, position, movie_id, score, predicted_stars) in chunks, beside the live rows.

        People who were deleted meanwhile are left out. Each chunk locks its people's rows until it is committed, so
        that nobody is deleted in between. Returns the number of rows written.
        """
        return self._copy(recommendations, ((version, *row) for row in rows), only_known_users=True)

    def write_similar(self, version: int, rows: Iterable[SimilarRow]) -> int:
        """Write (movie_id, position, similar_movie_id, similarity, times_chance, shared_tag) in chunks, beside the live
        rows."""
        return self._copy(similar_movies, ((version, *row[:-1], row[-1] and row[-1][:TAG_LENGTH]) for row in rows))

    def _copy(self, into: sa.Table, rows: Iterable[tuple[Any, ...]], *, only_known_users: bool = False) -> int:
        return sum(self._copy_chunk(into, chunk, only_known_users) for chunk in chunked(rows, CHUNK_ROWS))

    def _copy_chunk(self, into: sa.Table, chunk: list[tuple[Any, ...]], only_known_users: bool) -> int:
        columns, marks = ", ".join(column.name for column in into.columns), ", ".join("?" * len(into.columns))
        tries = 0

        def write() -> int:
            nonlocal tries
            tries += 1
            rows = chunk
            with self.write_chunk() as connection:
                if tries > 1 and _is_there(connection, into, chunk):
                    return len(chunk)
                if only_known_users:
                    known = _hold_users(connection, sorted({row[1] for row in chunk}))
                    rows = [row for row in chunk if row[1] in known]
                if self.is_postgres:
                    cursor = connection.connection.cursor()
                    with cursor.copy(f"COPY {into.name} ({columns}) FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
                elif rows:
                    insert = f"INSERT INTO {into.name} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
                    connection.exec_driver_sql(insert, rows)
            return len(rows)

        return patiently(write, self.patience_seconds)

    def check_version(self, version: int, *, lists: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None) -> None:
        """Check the rows written for ``version`` before anybody is served from it.

        This does not check for films that the reader has rated: the pipeline, which also knows the data set's ratings,
        does so while it writes.

        Args:
            lists: people, and the least number of films that each one's list must hold: two parallel arrays. People who
                were deleted meanwhile are ignored. None: lengths are not checked.

        Raises:
            PublishRefused: factors or lists are missing, a number is not finite, a list holds a film twice, or a list
                is too short.
        """
        mine = recommendations.c.model_version == version
        twice = (
            sa.select(recommendations.c.user_id)
            .where(mine)
            .group_by(recommendations.c.user_id, recommendations.c.movie_id)
            .having(sa.func.count() > 1)
        )
        # This finds NaN on Postgres, where it is equal to itself and above all numbers. SQLite stores NaN as null,
        # which scores must not be but stars may be. So callers that write stars check for NaN first, as ``retrain`` and
        # ``saved_models`` do.
        absurd = sa.or_(sa.func.abs(recommendations.c.score) > 1e30, sa.func.abs(recommendations.c.predicted_stars) > 5)
        with self.read() as connection:
            if not connection.scalar(_count(factors, version)):
                raise PublishRefused(f"model {version} has no item factors")
            if not connection.scalar(_count(recommendations, version)):
                raise PublishRefused(f"model {version} has no recommendations")
            if connection.scalar(sa.select(sa.exists(sa.select(recommendations.c.user_id).where(mine, absurd)))):
                raise PublishRefused(f"model {version} has scores that are not finite, or stars above 5")
            if (user_id := connection.scalar(twice.limit(1))) is not None:
                raise PublishRefused(f"model {version} shows user {user_id} a film twice")
            if lists is not None:
                short = _known_users(connection, _short(connection, version, *lists))
                if short:
                    raise PublishRefused(
                        f"model {version} lacks films in {len(short):,} lists; user {min(short)} has one"
                    )

    def publish(
        self,
        version: int,
        *,
        event_ids: NDArray[np.int64],
        now: datetime,
        run_id: int | None = None,
    ) -> None:
        """Make ``version`` live, in one short transaction that also marks the events it has used.

        Args:
            event_ids: the events that the run read; no others are marked.
            run_id: the run that publishes; the version is noted in it. If the run has been closed (given up as lost
                while it still worked), nothing changes.

        Raises:
            PublishRefused: the run has been closed.
        """
        with self.write() as connection:
            if run_id is not None:
                state = connection.scalar(sa.select(runs.c.state).where(runs.c.id == run_id).with_for_update())
                if state != RunState.RUNNING:
                    raise PublishRefused(f"run {run_id} is {state}; model {version} stays a candidate")
                connection.execute(sa.update(runs).where(runs.c.id == run_id).values(model_version=version))
            _flip(connection, version, now)
            for chunk in chunked(event_ids.tolist(), 10_000):
                mark = sa.update(events).where(events.c.id.in_(chunk), events.c.model_version.is_(None))
                connection.execute(mark.values(model_version=version))

    def rollback(self, version: int, now: datetime) -> None:
        """Make an earlier model live again.

        Raises:
            NoSuchVersion: there is no such model, it was never live, or its lists were swept.
        """
        if self.model_version(version).published_at is None:
            raise NoSuchVersion(f"model {version} was never live: `python -m engine models` lists those that were")
        with self.write() as connection:
            _hold_live(connection)  # this comes first: from here on, no sweep is in the middle of deleting the version
            if not connection.scalar(_count(factors, version)):
                raise NoSuchVersion(f"model {version} has no lists any more: only the last few are kept")
            _flip(connection, version, now)

    def kept_versions(self, keep: int) -> set[int]:
        """Return the versions that can be served: the live one and the last ``keep`` that were live before."""
        last = (
            sa.select(versions.c.version)
            .where(versions.c.published_at.is_not(None))
            .order_by(versions.c.published_at.desc(), versions.c.version.desc())
            .limit(keep)
        )
        with self.read() as connection:
            return {*connection.scalars(last), *connection.scalars(sa.select(live.c.model_version))}

    def sweep(self, keep: int) -> list[int]:
        """Delete the rows of all but the live version and the last ``keep`` that were live, in chunks.

        Candidates that never went live lose their rows too, so call this only from a run, when no other run can be
        writing. Records in ``model_versions`` stay. Returns the versions whose rows were deleted.

        The factors are deleted first, in one transaction. From then on ``rollback`` refuses the version, even if the
        sweep is killed. A version that was rolled back to before that is live, and stays.
        """
        kept, swept = self.kept_versions(keep), []
        has_rows = sa.or_(*(sa.exists().where(of.c.model_version == versions.c.version) for of in (factors, *LISTS)))
        with self.read() as connection:
            present = connection.scalars(sa.select(versions.c.version).where(has_rows).order_by("version")).all()
        for version in present:
            if version in kept:
                continue
            with self.write() as connection:
                if _hold_live(connection) == version:
                    continue
                connection.execute(sa.delete(factors).where(factors.c.model_version == version))
            for of in LISTS:
                self._delete_rows(of, version)
            swept.append(version)
        return swept

    def drop_version(self, version: int) -> None:
        """Delete a candidate that never went live, and its rows, as if it had never been there."""
        with self.write() as connection:
            connection.execute(sa.delete(factors).where(factors.c.model_version == version))
        for of in LISTS:
            self._delete_rows(of, version)
        with self.write() as connection:
            never = sa.delete(versions).where(versions.c.version == version, versions.c.published_at.is_(None))
            connection.execute(never)

    def _delete_rows(self, of: sa.Table, version: int) -> None:
        key = of.columns[1]  # user_id or movie_id: the part of the key after the version
        step = 200
        with self.read() as connection:
            mine = sa.select(key).where(of.c.model_version == version).distinct().order_by(key)
            ids = connection.scalars(mine).all()
        for chunk in chunked(ids, step):
            with self.write_chunk() as connection:
                connection.execute(sa.delete(of).where(of.c.model_version == version, key.between(chunk[0], chunk[-1])))

    def recommendations(self, user_id: int, *, limit: int = 50) -> list[Recommendation]:
        """Return someone's published list, best first; empty if there is none."""
        with self.read() as connection:
            return [Recommendation(*row) for row in connection.execute(_LIST_OF, {"user_id": user_id, "most": limit})]

    def similar(self, movie_id: int, *, limit: int = 20) -> list[SimilarFilm]:
        """Return the published titles most like one film, best first; empty if there are none."""
        query = (
            sa.select(*(similar_movies.c[name] for name in SIMILAR_COLUMNS))
            .where(similar_movies.c.model_version == _live(), similar_movies.c.movie_id == movie_id)
            .order_by(similar_movies.c.position)
            .limit(limit)
        )
        with self.read() as connection:
            return [SimilarFilm(*row) for row in connection.execute(query)]

    def similarities(self, version: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
        """Return all similar titles of one version as parallel arrays: a film, a similar one, their similarity."""
        columns = (similar_movies.c.movie_id, similar_movies.c.similar_movie_id, similar_movies.c.similarity)
        query = sa.select(*columns).where(similar_movies.c.model_version == version)
        kind = np.dtype([("film", np.int32), ("other", np.int32), ("value", np.float32)])
        with self.read() as connection:
            found = connection.execution_options(yield_per=10_000).execute(query)
            rows = np.fromiter((tuple(row) for row in found), kind)
        return rows["film"], rows["other"], rows["value"]

    def item_factors(self, version: int) -> FactorRows:
        """Return one version's item factors of both models, by film id.

        Raises:
            NoSuchVersion: its rows do not exist (any more).
        """
        columns = (factors.c.movie_id, factors.c.preference, factors.c.rating, factors.c.bias)
        query = sa.select(*columns).where(factors.c.model_version == version).order_by(factors.c.movie_id)
        with self.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            raise NoSuchVersion(f"model {version} has no item factors any more: only the last few are kept")
        return FactorRows(
            np.array([row.movie_id for row in rows], np.int32),
            np.frombuffer(b"".join(row.preference for row in rows), "<f4").reshape(len(rows), -1),
            np.frombuffer(b"".join(row.rating for row in rows), "<f4").reshape(len(rows), -1),
            np.array([row.bias for row in rows], np.float32),
        )


def live_when_trained(model: ModelVersion, among: Iterable[ModelVersion]) -> ModelVersion | None:
    """Return the model that was live when ``model`` was trained; None if there was none.

    A rollback overwrites the time at which a model went live, and the earlier time is not stored. So one that was
    rolled back to since is passed over.
    """
    earlier = [
        (other.published_at, other.version, other)
        for other in among
        if other.version < model.version and other.published_at is not None and other.published_at <= model.created_at
    ]
    return max(earlier, key=lambda found: found[:2])[2] if earlier else None


def _version(row: sa.RowMapping) -> ModelVersion:
    return ModelVersion(**{**row, "state": ModelState(row["state"])})


def _live() -> sa.ScalarSelect[int]:
    return sa.select(live.c.model_version).scalar_subquery()


_LIST_OF = (
    sa.select(*(recommendations.c[name] for name in ("position", "movie_id", "score", "predicted_stars")))
    .where(recommendations.c.model_version == _live(), recommendations.c.user_id == sa.bindparam("user_id"))
    .order_by(recommendations.c.position)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


def _count(of: sa.Table, version: int) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(of).where(of.c.model_version == version)


def _short(connection: sa.Connection, version: int, user_ids: NDArray[np.int32], films: NDArray[np.int32]) -> list[int]:
    """Return the people whose list holds fewer films than it must."""
    per_list = sa.select(recommendations.c.user_id, sa.func.count()).where(recommendations.c.model_version == version)
    there = np.array(connection.execute(per_list.group_by(recommendations.c.user_id)).all(), np.int64).reshape(-1, 2)
    people = np.concatenate([user_ids, there[:, 0]])
    unique, index = np.unique(people, return_inverse=True)
    missing = np.bincount(index, weights=np.concatenate([films, -there[:, 1]]), minlength=len(unique))
    short: list[int] = unique[missing > 0].tolist()
    return short


def _is_there(connection: sa.Connection, into: sa.Table, chunk: list[tuple[Any, ...]]) -> bool:
    """Say whether a chunk was committed by a try whose answer was lost: it is there as a whole or not at all."""
    key = [column for column in into.columns if column.primary_key]
    places = [list(into.columns).index(column) for column in key]
    for rows in chunked(chunk, 100):  # rows of people who were deleted meanwhile are in no chunk
        among = sa.tuple_(*key).in_([tuple(row[place] for place in places) for row in rows])
        if connection.scalar(sa.select(sa.exists(sa.select(key[0]).where(among)))):
            return True
    return False


def _known_users(connection: sa.Connection, user_ids: Sequence[int]) -> set[int]:
    """Return which of these people exist."""
    known: set[int] = set()
    for chunk in chunked(user_ids, 10_000):
        known.update(connection.scalars(sa.select(users.c.id).where(users.c.id.in_(chunk))))
    return known


def _hold_users(connection: sa.Connection, user_ids: Sequence[int]) -> set[int]:
    """Return which of these people exist, and lock their rows until the transaction ends."""
    known: set[int] = set()
    for chunk in chunked(user_ids, 10_000):
        query = sa.select(users.c.id).where(users.c.id.in_(chunk)).with_for_update(read=True, key_share=True)
        known.update(connection.scalars(query))
    return known


def _hold_live(connection: sa.Connection) -> int | None:
    """Return the live version, and lock it until the transaction ends."""
    return connection.scalar(sa.select(live.c.model_version).with_for_update())


def _flip(connection: sa.Connection, version: int, now: datetime) -> None:
    before = _hold_live(connection)
    if before is None:
        connection.execute(sa.insert(live).values(id=1, model_version=version))
    else:
        connection.execute(sa.update(live).values(model_version=version))
        retired = sa.update(versions).where(versions.c.version == before)
        connection.execute(retired.values(state=ModelState.RETIRED.value))
    served = sa.update(versions).where(versions.c.version == version)
    connection.execute(served.values(state=ModelState.LIVE.value, published_at=now))
