"""Verbs for training, tuning and evaluation. Each verb imports Spark only if it needs it, so `status` answers at
once."""

import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli.shared import Json, answer, cli, figures, load_settings, opened
from engine.domain import Feedback, MatineeError, RunKind, RunState
from engine.progress import Show, clock, nothing, progress
from engine.settings import EngineSettings
from engine.store import Run, RunAlreadyOpen, Store

if TYPE_CHECKING:
    from engine.runs.retrain import Outcome
    from engine.runs.watch import Hold

REJECTED = 3

LOOK_SECONDS = 0.5
"""How often we look whether somebody else's run lives."""


@cli.command()
def train(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after the gate; publish nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Publish whatever the gate says.")] = False,
    run: Annotated[int | None, typer.Option(hidden=True, help="Execute this run, which the caller has taken.")] = None,
    as_json: Json = False,
) -> None:
    """Train both models on all ratings, and publish them unless they are clearly worse than what is live.

    A model that is as good, or worse by up to 1 % or within chance, goes live: it knows newer ratings. With --force any
    does. Runs here, not in the worker; refuses if another run is open. Until the last moment what was live stays live.
    Exits with 3 if the gate kept the old model.
    """
    settings = load_settings()
    if run is not None:
        _execute_for_worker(settings, run)
        return
    taken, outcome = _execute_here(settings, RunKind.TRAIN, {"force": force, "dry_run": dry_run})
    facts = {"run": taken.id, "state": outcome.state, "version": outcome.version, "reason": outcome.reason}
    answer(as_json, facts | {"metrics": outcome.metrics}, _outcome_lines(outcome, dry_run=dry_run))
    if outcome.state is RunState.REJECTED:
        raise typer.Exit(REJECTED)


def _execute_here(settings: EngineSettings, kind: RunKind, options: dict[str, Any]) -> tuple[Run, "Outcome"]:
    """Take the one open place and execute a run in this process."""
    from engine.runs.watch import Hold

    with opened(settings) as (_, store):
        hold = Hold(settings.folder / "holds")
        taken = _take(store, kind, options, hold)
        hold.clear_up()
        with progress() as show:
            return taken, _execute(settings, store, taken, show)


def _execute(settings: EngineSettings, store: Store, run: Run, show: Show, *, orphanable: bool = False) -> "Outcome":
    """Execute a run that was taken. Java starts while Python loads the modules of a run: both take two seconds."""
    from engine.runs.patience import patient
    from engine.spark.session import java_ahead, lasts_briefly

    catalogue = patient(store).catalogue()
    brief = run.kind is RunKind.TRAIN and catalogue is not None and lasts_briefly(settings, catalogue.rating_count)
    with java_ahead(settings, log=settings.spark_log, brief=brief):
        from engine.clock import utc_now
        from engine.runs.pipeline import pipeline
        from engine.runs.worker import Stopped, execute

        try:
            return execute(run, store, pipeline(store, settings, run, show), now=utc_now, orphanable=orphanable)
        except Stopped as e:
            raise MatineeError(f"run {run.id} did not finish: {e}") from e


def _take(store: Store, kind: RunKind, options: dict[str, Any], hold: "Hold") -> Run:
    """Take the one open place. If another run has it, watch that one until it gives a sign of life, or is dead.

    Raises:
        MatineeError: it lives, or waits for an engine.
    """
    from engine.clock import utc_now
    from engine.runs.watch import Watch

    watch, met = Watch(hold), None
    while True:
        try:
            return store.request_run(kind, "cli", utc_now(), options=options, take=True, holder=hold.name)
        except RunAlreadyOpen as e:
            other = e.run
            if watch.is_dead(other):
                store.lose_run(other.id, other.heartbeat_at, utc_now())
                met = None
                continue
            if met is None:
                met = other
                typer.echo(f"Run {other.id} is open. Without a sign of life for a minute it is given up.", err=True)
            if other.state is RunState.QUEUED or (other.id, other.heartbeat_at) != (met.id, met.heartbeat_at):
                raise MatineeError(f"{e}: `python -m engine status` shows how far it is") from e
        time.sleep(LOOK_SECONDS)


@cli.command()
def tune(
    model: Annotated[Literal["preference", "rating"], typer.Option(help="Which model to tune.")] = "preference",
    budget: Annotated[str | None, typer.Option(metavar="30m", help="Stop after so long; the best so far wins.")] = None,
    folds: Annotated[int, typer.Option(min=1, max=10, help="Measure each setting so many times.")] = 1,
    sample: Annotated[float, typer.Option(min=0.01, max=1, help="Share of people in the wide first phase.")] = 0.3,
    grid: Annotated[str | None, typer.Option(help='What to try: "rank=8,10,12 reg=.05,.1,.15".')] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last search of this kind.")] = False,
    as_json: Json = False,
) -> None:
    """Search for better hyperparameters; the next training uses what is found.

    First a wide grid on a sample of people, then the best few on everybody; unless --grid names what to try, then
    steps around the best, and how far the stars have a say in the order (a grid may name that too: blend=0,.2,.4).
    Each trial is kept as it ends, so a search that was cut goes on with --resume. The test ratings are never looked at.
    """
    from engine.judging.tuning import Search

    options = {"model": model, "grid": grid, "sample": sample, "folds": folds, "budget": budget, "resume": resume}
    try:
        Search.parse(options)
    except MatineeError as e:
        raise typer.BadParameter(str(e)) from e
    _, outcome = _execute_here(load_settings(), RunKind.TUNE, options)
    lines = [outcome.reason]
    if outcome.metrics["heat_maps"]:
        lines.append(f"Heat maps: {outcome.metrics['heat_maps']}")
    answer(as_json, outcome.metrics, lines)


@cli.command()
def evaluate(
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Measure on this, instead of on what is loaded.")
    ] = None,
    split: Annotated[
        Literal["random", "time"], typer.Option(help="Test on a random part, or on each person's last ratings.")
    ] = "random",
    splits: Annotated[str, typer.Option(metavar="60,70,75,80", help="Percent of the ratings to train on.")] = "80",
    feedback: Annotated[Feedback | None, typer.Option(help="What the values of --dataset are.")] = None,
    as_json: Json = False,
) -> None:
    """Compare our models with simpler ones, by every metric: what each step buys. Changes nothing.

    Everything is trained anew on one side of a split that is always the same, and measured on the other. Several
    percentages are several comparisons; as JSON they are a list named splits. Takes a minute or two each.
    """
    from engine.clock import utc_now
    from engine.judging.comparison import evaluate as compare_models
    from engine.judging.comparison import parse_percents

    percents = parse_percents(splits)
    with opened() as (settings, store), progress() as show:
        found = compare_models(
            settings,
            store,
            dataset=dataset,
            feedback=feedback,
            by=split,
            train_percents=percents,
            show=show,
            now=utc_now(),
        )
    facts = [comparison.facts() for comparison in found]
    lines = [line for comparison in found for line in (*comparison.lines(), "")]
    answer(as_json, facts[0] if len(facts) == 1 else {"splits": facts}, lines)


def _execute_for_worker(settings: EngineSettings, run_id: int) -> None:
    from engine.runs.patience import patient

    with opened(settings, serves=True) as (_, store):
        _execute(settings, store, patient(store).run(run_id), nothing, orphanable=True)


def _outcome_lines(outcome: "Outcome", *, dry_run: bool) -> list[str]:
    metrics = outcome.metrics
    measured = figures(metrics, metrics.get("before"))
    if dry_run:
        verdict = "would be published" if outcome.state is RunState.DONE else "would be rejected"
        return [f"A dry run: the model {verdict}, for {outcome.reason}.", measured]
    if outcome.state is RunState.REJECTED:
        return [
            f"Model {outcome.version} was rejected: {outcome.reason}. What was live stays live.",
            "`python -m engine train --force` publishes all the same.",
            measured,
        ]
    return [f"Model {outcome.version} is live, after {clock(metrics['seconds'])}: {outcome.reason}.", measured]
