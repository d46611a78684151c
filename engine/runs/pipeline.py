"""The work of a run: a search for hyperparameters or a training, and then its pictures."""

from concurrent.futures import ThreadPoolExecutor

from engine.clock import utc_now
from engine.domain import RunKind, RunState, Stage
from engine.judging.tuning import Search, describe, tune
from engine.pages import glance
from engine.progress import Show
from engine.runs.patience import patient
from engine.runs.retrain import Outcome, Report, retrain
from engine.runs.worker import Pipeline
from engine.settings import EngineSettings
from engine.store import Run, Store


def pipeline(store: Store, settings: EngineSettings, run: Run, show: Show) -> Pipeline:
    """Return the function that does the work of a run; it also shows progress in this terminal.

    It waits for a database that is away.
    """
    store = patient(store)

    def work(report: Report) -> Outcome:
        def tell(stage: Stage, fraction: float, detail: str) -> None:
            report(stage, fraction, detail)
            show(stage, fraction, detail)

        if run.kind is RunKind.TUNE:
            return _tune(store, settings, run, tell)
        force, dry_run = bool(run.options.get("force")), bool(run.options.get("dry_run"))
        with ThreadPoolExecutor(1) as beside:  # the pictures are drawn while Spark stops

            def draw() -> None:
                beside.submit(glance.draw, store, settings, now=utc_now())

            return retrain(
                store,
                settings,
                report=tell,
                now=utc_now,
                run_id=run.id,
                force=force,
                dry_run=dry_run,
                settled=draw,
            )

    return work


def _tune(store: Store, settings: EngineSettings, run: Run, tell: Report) -> Outcome:
    """Search; the metrics get ``heat_maps``, the path of a PNG, or None if there was nothing to draw."""
    # Imported here because matplotlib takes a second to load and a training does not need it.
    from engine.pages.report import write_heat_maps

    search, resume = Search.parse(run.options), bool(run.options.get("resume"))
    metrics = tune(store, settings, search, report=tell, now=utc_now, resume=resume)
    picture = write_heat_maps(store, metrics["search"], settings.folder / "reports" / f"tuning-{search.model}.png")
    metrics["heat_maps"] = None if picture is None else str(picture)
    return Outcome(RunState.DONE, None, describe(metrics), metrics)
