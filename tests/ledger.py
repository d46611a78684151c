"""Whether what is kept still adds up: asked after everything has been killed at random."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import psutil
import sqlalchemy as sa

from engine.store import Store
from engine.store.chat.inbox import inbox
from engine.store.models import LISTS, factors, live, versions
from engine.store.people import events, ratings
from engine.store.runs import runs, watchers


def faults(store: Store, keep: int) -> list[str]:
    """Return what is wrong with the database, one line for each fault; nothing where nothing is under way."""
    with store.read() as connection:
        return [*_replayed(connection), *_versions(connection), *_left(connection, store.kept_versions(keep))]


def _replayed(connection: sa.Connection) -> Iterator[str]:
    """The events of a film, in order, end with the rating in the table; each begins where the one before ended."""
    now = {(row.user_id, row.movie_id): row.stars for row in connection.execute(sa.select(ratings))}
    acts = connection.execute(sa.select(events).order_by(events.c.user_id, events.c.movie_id, events.c.id)).all()
    for pair, history in groupby(acts, lambda act: (act.user_id, act.movie_id)):
        stars = None
        for act in history:
            if act.previous_stars != stars:
                yield f"event {act.id} begins at {act.previous_stars}, the one before ended at {stars}"
            if act.stars == stars:
                yield f"event {act.id} changes nothing"
            stars = act.stars
        if now.pop(pair, None) != stars:
            yield f"the last event of {pair} says {stars}, and the rating something else"
    yield from (f"no event has made the rating of {pair}" for pair in now)


def _versions(connection: sa.Connection) -> Iterator[str]:
    """Events were learned from by versions that went live; one version is live; what done runs made went live."""
    published = dict(connection.execute(sa.select(versions.c.version, versions.c.published_at)).all())
    for version in connection.scalars(sa.select(events.c.model_version).distinct()):
        if version is not None and published.get(version) is None:
            yield f"events belong to version {version}, which never went live"
    if connection.scalar(sa.select(sa.func.count()).select_from(live)) != 1:
        yield "not one version is live"
    for run in connection.execute(sa.select(runs).where(runs.c.state == "done", runs.c.model_version.is_not(None))):
        if published.get(run.model_version) is None:
            yield f"run {run.id} is done, and its version {run.model_version} never went live"


def _left(connection: sa.Connection, kept: set[int]) -> Iterator[str]:
    """No rows of versions that nobody can be served from, no open run, no update that is not dealt with."""
    for of in (factors, *LISTS):
        for version in connection.scalars(sa.select(of.c.model_version).distinct()):
            if version not in kept:
                yield f"{of.name} holds rows of version {version}, which cannot be served"
    for run in connection.execute(sa.select(runs).where(runs.c.open_slot.is_not(None))):
        yield f"run {run.id} is still {run.state}"
    if count := connection.scalar(sa.select(sa.func.count()).select_from(watchers)):
        yield f"{count} messages still show a run"
    if count := connection.scalar(sa.select(sa.func.count()).select_from(inbox).where(inbox.c.body.is_not(None))):
        yield f"{count} updates are not dealt with"


def fewest_lost(tapped: Sequence[float], stored: Sequence[float | None]) -> int | None:
    """Return how many of somebody's taps on a film's stars had no effect, at the least; None if they did not tap what
    is stored.

    Args:
        tapped: the stars that they tapped, in order.
        stored: the stars of their events, in order. A tap on the stars that the film has by then is no event, which
            can only be where the tap before was lost.
    """
    lost = {0: 0}  # by how many of the events the taps so far explain
    for stars in tapped:
        after: dict[int, int] = {}
        for explained, so_far in lost.items():
            if explained and stored[explained - 1] == stars:
                ways = {explained: so_far}
            else:
                ways = {explained: so_far + 1}
                if explained < len(stored) and stored[explained] == stars:
                    ways[explained + 1] = so_far
            for way, count in ways.items():
                after[way] = min(count, after.get(way, count))
        lost = after
    return lost.get(len(stored))


def files_left(folder: Path) -> list[str]:
    """Return what runs left behind in a data set's folder."""
    scratch = [path for name in ("scratch", "spark") for path in (folder / name).glob("*") if path.is_dir()]
    half = [path for pattern in ("*.tmp", "*.part", "*.new") for path in folder.rglob(pattern)]
    return sorted(str(path.relative_to(folder)) for path in (*scratch, *half))


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the programs that run on a home folder, and what they started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MATINEE_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
