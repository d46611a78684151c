"""Verbs for data: the tables, a data set, and a page about it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.shared import Json, Output, answer, cli, close_to_others, load_settings, opened
from engine.domain import Feedback, MatineeError
from engine.progress import progress
from engine.settings import EngineSettings, remember_dataset

if TYPE_CHECKING:
    from engine.datasets import LoadReport


@cli.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database to the newest tables.

    Makes it if it is not there. Does nothing to one that is up to date; several programs may do this at once. Files
    that an earlier release left readable for other users are closed to them.
    """
    from engine.store.migrate import migrate

    with opened() as (settings, store):
        before, now = migrate(store)
        close_to_others(settings, store)
    done = "was up to date" if before == now else "made" if before is None else f"brought from {before}"
    answer(as_json, {"before": before, "now": now}, [f"The database has tables {now}: {done}."])


@cli.command()
def load(
    source: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|PATH]", help="demo, a name of GroupLens (ml-latest-small), a folder or a zip."),
    ] = None,
    feedback: Annotated[Feedback | None, typer.Option(help="What its values are, if the files don't say.")] = None,
    if_missing: Annotated[bool, typer.Option("--if-missing", help="If it is loaded, do not read it again.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what is loaded even by a set with under half of its ratings.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Load a data set: the one that is current, unless you name another, which then is the current one.

    It is remembered in the home folder and used by engine, bot and API, until another is loaded; MATINEE_DATASET and
    --dataset come before it. Writes its films to the database, whose tables it makes if need be, and its ratings to
    files for Spark. Lines that cannot be used are named. Loading the same again changes nothing. A set of GroupLens is
    fetched the first time.
    """
    from engine.clock import utc_now
    from engine.datasets import LoadReport, dataset_name, full_source, ratings_folder
    from engine.datasets import load as load_dataset
    from engine.store.migrate import migrate

    settings = load_settings()
    source = full_source(source or settings.dataset)
    settings = settings.model_copy(update={"dataset": source})
    with _leaving_nothing_behind(settings), opened(settings) as (_, store):
        migrate(store)
        held = store.catalogue()
        # A database that was restored on another machine names its data set, but the files may be missing here.
        if held is not None and (ratings := ratings_folder(settings.folder, held.fingerprint)).exists():
            if if_missing and held.dataset == dataset_name(source):
                _loaded(settings, LoadReport(held, changed=False, ratings=ratings), as_json)
                return
            if (run := store.open_run()) is not None:
                raise MatineeError(f"run {run.id} may be reading the ratings: wait for it (`python -m engine status`)")
        with progress() as show:
            report = load_dataset(
                source,
                store,
                settings.folder,
                settings.home / "downloads",
                feedback=feedback,
                force=force,
                now=utc_now(),
                progress=show,
            )
    _loaded(settings, report, as_json)


@contextmanager
def _leaving_nothing_behind(settings: EngineSettings) -> Iterator[None]:
    """Remove the folder of a data set that was not there before and cannot be loaded."""
    is_new = not settings.folder.exists()
    try:
        yield
    except MatineeError:
        if is_new:
            shutil.rmtree(settings.folder, ignore_errors=True)
        raise


def _loaded(settings: EngineSettings, report: "LoadReport", as_json: bool) -> None:
    """Make the loaded set the current one, and print the result."""
    remember_dataset(settings.home, settings.dataset)
    lines = report.lines()
    if (said := load_settings()).folder != settings.folder:
        lines.append(f"MATINEE_DATASET={said.dataset} comes before it: unset that to use what was loaded.")
    answer(as_json, asdict(report), lines)


@cli.command()
def explore(output: Output = None, as_json: Json = False) -> None:
    """Write a page about the data: an HTML file that needs no network. Prints where it is.

    It is reports/explore.html in the data set's folder, unless you name another. With --json its numbers are printed.
    """
    from engine.pages.explore import explore as write_page

    with opened() as (settings, store):
        page, numbers = write_page(store, settings, output=output)
    answer(as_json, {"page": str(page)} | numbers, [str(page)])
