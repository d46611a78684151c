"""Verbs for backups, and for moving to another database."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import make_url

from engine.cli.shared import Json, answer, cli, opened, people_line
from engine.clock import utc_now
from engine.store import Store

Force = Annotated[bool, typer.Option("--force", help="Replace all that is in the database that is filled.")]


@cli.command()
def backup(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Where to; else MATINEE_BACKUP_FOLDER.")
    ] = None,
    portable: Annotated[
        bool, typer.Option("--portable", help="From Postgres too, a SQLite file that goes into either database.")
    ] = False,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Count it as a scheduled one, and remove all but so many of these.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write everything that the database holds to one file, while bot and engine go on.

    It holds all that was acknowledged before it began. From Postgres it is what pg_dump writes, where that is installed
    and not older than the server; else a SQLite file. The data set's own files are not in it: `load` brings them back.
    """
    from engine.backups.files import BY_HAND, SCHEDULED, sweep
    from engine.backups.keeping import back_up

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # raised as an error, so that nothing half done stays
    with opened() as (settings, store):
        where = folder or settings.backups
        name = BY_HAND if keep is None else SCHEDULED
        made = back_up(store, where, now=utc_now(), name=name, portable=portable)
        gone = [] if keep is None else sweep(where, keep)
    facts = {
        "path": str(made.path),
        "bytes": made.bytes,
        "made_at": made.made_at,
        "removed": [str(old) for old in gone],
    }
    lines = [f"{made.path}: {made.bytes / 1e6:,.1f} MB"]
    if gone:
        lines.append(f"Removed {len(gone)} older.")
    answer(as_json, facts, lines)


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote. Take none from strangers.")],
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Put a backup into the database, and bring its tables up to date. Refuses a database that is not empty.

    A backup from SQLite goes into Postgres too, and one made with --portable into SQLite. It is done in one step: if it
    fails, what was there is there. Afterwards restart the programs, and `load` if the data set's files are not here.
    """
    from engine.backups.keeping import restore as put_back
    from engine.datasets import dataset_name

    with opened() as (settings, store):
        # With SQLite a data set has a folder and a database of its own.
        dataset = dataset_name(settings.dataset) if settings.database_url is None and not force else None
        before, now = put_back(store, file, settings.backups, dataset=dataset, force=force)
        people, live = store.people_counts(), store.live_version()
    facts = {"before": before, "now": now, "people": people, "live": live}
    model = "no model is live" if live is None else f"model {live} is live"
    older = "" if before == now else f" Its tables were brought from {before} to {now}."
    answer(as_json, facts, [f"Restored: {people_line(people)}, {model}.{older}"])


@cli.command()
def move(
    to: Annotated[
        str | None,
        typer.Argument(metavar="[URL]", help='postgresql://USER:PASSWORD@HOST/NAME, sqlite:///PATH or just "sqlite".'),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Bring everything to another database: from SQLite to Postgres, or back.

    Who rates meanwhile waits, and nothing that was acknowledged is missing there. From then on the old database takes
    no more writing; it is left as it is. A password on a command line stays in the shell's history: MATINEE_MOVE_TO
    in .env says where to instead.
    """
    from engine.backups.keeping import move as bring

    with opened() as (settings, store):
        to = to or (settings.move_to.get_secret_value() if settings.move_to else None)
        if to is None:
            raise typer.BadParameter("say where to: a URL here, or in MATINEE_MOVE_TO")
        url = settings.model_copy(update={"database_url": None}).url if to == "sqlite" else to
        target = Store(url)
        try:
            bring(store, target, settings.backups, force=force)
            people = target.people_counts()
        finally:
            target.close()
        shown = make_url(url).render_as_string()
    unset = "leave MATINEE_DATABASE_URL away" if to == "sqlite" else f"set MATINEE_DATABASE_URL={shown}"
    lines = [
        f"Everything is in {shown}: {people_line(people)}.",
        f"Now {unset} for engine, bot and API, and restart them.",
    ]
    answer(as_json, {"to": shown, "people": people}, lines)
