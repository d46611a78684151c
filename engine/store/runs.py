"""Runs: somebody asks for one, one engine takes it, reports on it and ends it. The database settles every race."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine.domain import MatineeError, RunKind, RunState
from engine.store.database import Database, DatabaseMoved, upsert
from engine.store.schema import RunRow, RunWatcherRow, TrialRow, table

runs, watchers, trials = table(RunRow), table(RunWatcherRow), table(TrialRow)


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of the pipeline. ``fraction`` is the share of the whole run that is done, 0 to 1; ``cancelled_by``
    says who asked to stop it, in the form of ``asked_by``; ``holder`` names the lock of the process that took it
    (``engine.runs.watch.Hold``)."""

    id: int
    kind: RunKind
    asked_by: str
    options: dict[str, Any]
    state: RunState
    stage: str | None
    fraction: float
    detail: str
    asked_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    cancel_asked: bool
    cancelled_by: str | None
    error: str | None
    metrics: dict[str, Any]
    model_version: int | None
    holder: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state in (RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class Watcher:
    """A chat message that shows a run's progress, in the ``language`` of the admin who asked for it."""

    run_id: int
    chat_id: int
    message_id: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """The result of one hyperparameter setting of a search. ``setting`` is its label, unique within the search."""

    id: int
    search: str
    setting: str
    model: str
    phase: int
    hyperparameters: dict[str, Any]
    metrics: dict[str, Any]
    seconds: float
    finished_at: datetime


class RunAlreadyOpen(MatineeError):
    """A run is waiting or under way; a second would train on the same ratings."""

    def __init__(self, run: Run) -> None:
        super().__init__(f"run {run.id} ({run.kind}) was already asked for at {run.asked_at:%Y-%m-%d %H:%M} UTC")
        self.run = run


class RunStore(Database):
    def request_run(
        self,
        kind: RunKind,
        asked_by: str,
        now: datetime,
        *,
        options: dict[str, Any] | None = None,
        take: bool = False,
        holder: str | None = None,
    ) -> Run:
        """Ask for a run, which an engine will take. With ``take`` the caller takes it at once and executes it, and may
        name the ``holder`` of it.

        Raises:
            RunAlreadyOpen: another one is waiting or under way.
        """
        values: dict[str, Any] = {
            "kind": kind.value,
            "asked_by": asked_by,
            "options": options or {},
            "state": RunState.QUEUED.value,
            "fraction": 0.0,
            "detail": "",
            "asked_at": now,
            "cancel_asked": False,
            "metrics": {},
            "open_slot": 1,
        }
        if take:
            values |= {"state": RunState.RUNNING.value, "started_at": now, "heartbeat_at": now, "holder": holder}
        while True:
            if (other := self.open_run()) is not None:
                raise RunAlreadyOpen(other)
            try:
                with self.write() as connection:
                    return run_of(connection.execute(sa.insert(runs).values(values).returning(runs)).mappings().one())
            except MatineeError as e:  # unless it is that somebody was faster, asking again does not help
                if isinstance(e, DatabaseMoved) or not isinstance(e.__cause__, IntegrityError):
                    raise

    def note_failed_backup(self, error: str, now: datetime) -> Run:
        """Note that a scheduled backup failed, as a run that has ended: so admins are told, and ``status`` shows it."""
        values = {
            "kind": RunKind.BACKUP.value,
            "asked_by": "schedule",
            "options": {},
            "state": RunState.FAILED.value,
            "fraction": 0.0,
            "detail": "",
            "asked_at": now,
            "finished_at": now,
            "cancel_asked": False,
            "error": error,
            "metrics": {},
        }
        with self.write() as connection:
            return run_of(connection.execute(sa.insert(runs).values(values).returning(runs)).mappings().one())

    def claim_run(self, now: datetime, *, holder: str | None = None) -> Run | None:
        """Take the waiting run, if there is one; of two engines only one gets it, and its ``holder`` stands there."""
        with self.write() as connection:
            taken = sa.update(runs).where(runs.c.state == RunState.QUEUED.value, runs.c.open_slot == 1)
            taken = taken.values(state=RunState.RUNNING.value, started_at=now, heartbeat_at=now, holder=holder)
            row = connection.execute(taken.returning(runs)).mappings().one_or_none()
        return None if row is None else run_of(row)

    def report_run(self, run_id: int, now: datetime, *, stage: str, fraction: float, detail: str) -> None:
        """Store how far a run is. This is also its sign of life."""
        self._update_open(run_id, stage=stage, fraction=fraction, detail=detail, heartbeat_at=now)

    def beat(self, run_id: int, now: datetime) -> bool:
        """Store a run's sign of life. Return whether the run should go on: false once it was ended or cancelled."""
        self._update_open(run_id, heartbeat_at=now)
        run = self.run(run_id)
        return run.is_open and not run.cancel_asked

    def finish_run(
        self,
        run_id: int,
        state: RunState,
        now: datetime,
        *,
        error: str | None = None,
        metrics: dict[str, Any] | None = None,
        model_version: int | None = None,
    ) -> bool:
        """End a run. Return whether it was still open: only the first call to end it has an effect.

        A run that has published is done, even if its process failed afterwards.
        """
        end = _end(state, now, error)
        if metrics is not None:
            end["metrics"] = metrics
        if model_version is not None:
            end["model_version"] = model_version
        return self._update_open(run_id, **end)

    def _update_open(self, run_id: int, **values: Any) -> bool:
        with self.write() as connection:
            return (
                connection.execute(
                    sa.update(runs).where(runs.c.id == run_id, runs.c.open_slot == 1).values(values)
                ).rowcount
                > 0
            )

    def ask_cancel(self, run_id: int, by: str, now: datetime) -> bool:
        """Ask for a run to be stopped. One that still waits ends at once. Return whether it was open.

        Args:
            by: who asks, written as ``asked_by`` is; of several, the first is remembered.
        """
        first = {"cancel_asked": True, "cancelled_by": sa.func.coalesce(runs.c.cancelled_by, by)}
        with self.write() as connection:
            mine = (runs.c.id == run_id) & (runs.c.open_slot == 1)
            asked = connection.execute(sa.update(runs).where(mine).values(first)).rowcount > 0
            waiting = sa.update(runs).where(mine, runs.c.state == RunState.QUEUED.value)
            connection.execute(waiting.values(_end(RunState.CANCELLED, now, None)))
            return asked

    def lose_run(self, run_id: int, heartbeat_at: datetime | None, now: datetime) -> bool:
        """Give up a run that went silent, unless it has given another sign of life than ``heartbeat_at`` since.

        Return whether it was given up.
        """
        error = "its process stopped reporting; every rating is still queued, ask for it again"
        with self.write() as connection:
            mine = (runs.c.id == run_id) & (runs.c.state == RunState.RUNNING.value)
            lost = sa.update(runs).where(mine, runs.c.heartbeat_at == heartbeat_at)
            return connection.execute(lost.values(_end(RunState.LOST, now, error))).rowcount > 0

    def run(self, run_id: int) -> Run:
        """Return one run.

        Raises:
            KeyError: there is no such run.
        """
        with self.read() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).mappings().one_or_none()
        if row is None:
            raise KeyError(run_id)
        return run_of(row)

    def open_run(self) -> Run | None:
        """Return the run that waits or is under way, if any."""
        with self.read() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.open_slot == 1)).mappings().one_or_none()
        return None if row is None else run_of(row)

    def last_runs(self, limit: int = 10, *, kind: RunKind | None = None, state: RunState | None = None) -> list[Run]:
        """Return the latest runs, newest first; of one kind or state if asked."""
        query = sa.select(runs).order_by(runs.c.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(runs.c.kind == kind.value)
        if state is not None:
            query = query.where(runs.c.state == state.value)
        with self.read() as connection:
            return [run_of(row) for row in connection.execute(query).mappings()]

    def watch_run(self, run_id: int, chat_id: int, message_id: int, language: str | None = None) -> None:
        """Remember a message that shows this run, one for each chat. It is kept up to date until the run ends."""
        with self.write() as connection:
            key = {"run_id": run_id, "chat_id": chat_id}
            row = {**key, "message_id": message_id, "language": language}
            connection.execute(upsert(connection, watchers, list(key)), row)

    def watchers(self) -> list[Watcher]:
        """Return every message that still shows a run."""
        with self.read() as connection:
            return [Watcher(*row) for row in connection.execute(sa.select(watchers))]

    def take_watchers(self, chat_id: int) -> list[Watcher]:
        """Forget all messages of a chat that has moved to another id. Return them, so that the runs can be shown there
        again."""
        with self.write() as connection:
            taken = sa.delete(watchers).where(watchers.c.chat_id == chat_id).returning(*watchers.c)
            return [Watcher(*row) for row in connection.execute(taken)]

    def unwatch_run(self, run_id: int, chat_id: int) -> None:
        """Forget a message: its run has ended and it says so."""
        with self.write() as connection:
            mine = (watchers.c.run_id == run_id) & (watchers.c.chat_id == chat_id)
            connection.execute(sa.delete(watchers).where(mine))

    def save_trial(
        self,
        *,
        search: str,
        setting: str,
        model: str,
        phase: int,
        hyperparameters: dict[str, Any],
        metrics: dict[str, Any],
        seconds: float,
        now: datetime,
    ) -> None:
        """Store the result of one hyperparameter setting; a setting is stored once in a search."""
        row = {
            "search": search,
            "setting": setting,
            "model": model,
            "phase": phase,
            "hyperparameters": hyperparameters,
            "metrics": metrics,
            "seconds": seconds,
            "finished_at": now,
        }
        with self.write() as connection:
            seen = sa.select(trials.c.id).where(trials.c.search == search, trials.c.setting == setting)
            if connection.scalar(seen) is None:
                connection.execute(sa.insert(trials), row)

    def searches(self, key: str) -> list[str]:
        """Return the names of the searches that begin with ``key``."""
        with self.read() as connection:
            mine = sa.select(trials.c.search).where(trials.c.search.startswith(key, autoescape=True))
            return list(connection.scalars(mine.distinct().order_by(trials.c.search)))

    def trials(self, search: str) -> list[StoredTrial]:
        """Return the trials of one search, in the order in which they ended."""
        columns = [trials.c[name] for name in StoredTrial.__dataclass_fields__]
        with self.read() as connection:
            query = sa.select(*columns).where(trials.c.search == search).order_by(trials.c.id)
            return [StoredTrial(*row) for row in connection.execute(query)]


CANCELLED = "cancelled"
"""The reason of a run that somebody asked to stop, whatever its process said on its way out."""


def _end(state: RunState, now: datetime, error: str | None) -> dict[str, Any]:
    published = runs.c.model_version.is_not(None)
    why = sa.case((runs.c.cancel_asked, CANCELLED), else_=error) if state is RunState.CANCELLED else error
    return {
        "state": sa.case((published, RunState.DONE.value), else_=state.value),
        "error": sa.case((published, sa.null()), else_=why),
        "finished_at": now,
        "open_slot": None,
    }


def run_of(row: sa.RowMapping) -> Run:
    """Return the run that a row of the table holds."""
    facts = {name: row[name] for name in Run.__dataclass_fields__}
    return Run(**facts | {"kind": RunKind(row["kind"]), "state": RunState(row["state"])})
