"""Verbs for models: list, report, export, import, publish, roll back."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.shared import Json, Output, answer, cli, figures, opened
from engine.store import ModelVersion, Reception
from engine.verbs import Verbs

models = typer.Typer(cls=Verbs, rich_markup_mode=None)


cli.add_typer(models, name="models")


@models.callback(invoke_without_command=True)
def list_models(context: typer.Context, as_json: Json = False) -> None:
    """List every model: when it was made, how it measured, what became of it and why. Changes nothing.

    Or take one out of this database, or bring one in: see the commands.
    """
    if context.invoked_subcommand is not None:
        return
    with opened() as (_, store):
        versions, receptions = store.model_versions(), store.receptions()
    lines = [_model_line(model, receptions.get(model.version)) for model in versions] or [
        "There is none yet: `python -m engine train`."
    ]
    facts = [asdict(model) | {"reception": _reception(receptions.get(model.version))} for model in versions]
    answer(as_json, facts, lines)


def _reception(found: Reception | None) -> dict[str, object]:
    """Return a text on how many films shown by a model in the last 90 days were rated later, and how well."""
    reception = found or Reception()
    return asdict(reception) | {"liked_share": reception.liked_share}


def _model_line(model: ModelVersion, reception: Reception | None) -> str:
    made = f"{model.created_at:%Y-%m-%d %H:%M}"
    reason = f" · {model.reason}" if model.reason else ""
    received = f" · {reception.shown:,} films shown, {reception.rated:,} of them rated later" if reception else ""
    if reception and reception.liked_share is not None:
        received += f", {100 * reception.liked_share:.0f} % of these with 4 stars or more"
    return f"{model.version:4}  {model.state:9}  {made}  {figures(model.metrics)}{received}{reason}"


Saved = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the saved model.")]


@models.command("export")
def export_saved(
    version: Annotated[int, typer.Argument(help="The model; `models` lists them.")],
    folder: Saved,
    as_json: Json = False,
) -> None:
    """Write a model to a new folder: factors, lists, figures, and both models in Spark's own format.

    pyspark's ALSModel.load opens FOLDER/preference and FOLDER/rating. Nobody of the chat is in it.
    """
    from engine.clock import utc_now
    from engine.runs.saved_models import export_model

    with opened() as (settings, store):
        done = export_model(store, settings, version, folder, now=utc_now())
    holds = f"{done.films:,} films, {done.people:,} people, {done.bytes / 1e6:,.1f} MB"
    answer(as_json, {"version": version} | asdict(done), [f"Model {version} is in {done.folder}: {holds}."])


@models.command("import")
def import_saved(
    folder: Saved,
    force: Annotated[bool, typer.Option("--force", help="Take a model of other data too, what fits of it.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a model in from a folder, as a candidate: what is live stays live until you publish it.

    Checks that every file is as it was exported. Publish it before the next training, which sweeps candidates away.
    """
    from engine.clock import utc_now
    from engine.runs.saved_models import import_model

    with opened() as (settings, store):
        done = import_model(store, settings, folder, now=utc_now(), force=force)
    lines = [f"Model {done.version} is here: {done.films:,} films, lists of {done.people:,} people."]
    if done.left_out:
        lines.append(
            f"{done.left_out:,} lines of lists were left out: they were about films or people that are not here."
        )
    answer(as_json, asdict(done), [*lines, f"`python -m engine models publish {done.version}` makes it live."])


@models.command("publish")
def publish_saved(
    version: Annotated[int, typer.Argument(help="The model; `models` lists them.")],
    force: Annotated[bool, typer.Option("--force", help="Also one of other data than is loaded.")] = False,
    as_json: Json = False,
) -> None:
    """Make an imported model live, at once, however it measures: the gate is not asked.

    Ratings that wait for the next training go on waiting.
    """
    from engine.clock import utc_now
    from engine.runs.saved_models import publish_model

    with opened() as (_, store):
        before = publish_model(store, version, now=utc_now(), force=force)
    answer(as_json, {"live": version, "before": before}, [_now_live(version, before)])


def _now_live(version: int, before: int | None) -> str:
    then = "." if before is None else ", as it was." if before == version else f", in place of {before}."
    return f"Model {version} is live{then} The gate was not asked."


@cli.command()
def rollback(
    version: Annotated[int, typer.Argument(help="A model that was live before; `models` lists them.")],
    as_json: Json = False,
) -> None:
    """Serve an earlier model again, at once, however it measures: the gate is not asked."""
    from engine.clock import utc_now

    with opened() as (_, store):
        before = store.live_version()
        store.rollback(version, utc_now())
    answer(as_json, {"live": version, "before": before}, [_now_live(version, before)])


@cli.command()
def report(
    version: Annotated[int | None, typer.Argument(help="The model; without it, the one that is live.")] = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Write a page about a model: an HTML file that needs no network. Prints where it is.

    It is reports/model-VERSION.html in the data set's folder, unless you name another. With --json its numbers are
    printed.
    """
    from engine.pages.report import report as write_page

    with opened() as (settings, store):
        page, numbers = write_page(store, settings, version, output=output)
    answer(as_json, {"page": str(page)} | numbers, [str(page)])
