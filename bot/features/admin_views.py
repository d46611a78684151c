"""Texts and buttons for admins: runs, models, figures. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.speech import buttons
from bot.speech.language import _, marked, number
from bot.speech.views import View, press
from bot.speech.words import Html, bar, clip, count, day, duration, facts, lines, paragraphs, plain, say, stars
from engine.domain import Catalogue, Feedback, MatineeError, ModelState, RunKind, RunState
from engine.store import Course, DataShown, ModelsShown, ModelVersion, NoSuchVersion, Reception, Run, Spread

COMMANDS = (
    ("retrain", marked("Train on all ratings; goes live unless clearly worse")),
    ("tune", marked("Search for better hyperparameters: /tune preference or /tune rating")),
    ("cancel", marked("Stop the run that is under way")),
    ("status", marked("The live model, the queue, the current run")),
    ("models", marked("The models so far, with their figures")),
    ("rollback", marked("Serve an earlier model again")),
    ("stats", marked("How many people, films and ratings")),
    ("invite", marked("A link that lets somebody in: /invite, or /invite 5 for five")),
)

NOT_FOR_YOU = marked("This button is for my admins. /help says what I can do for you.")

ENGINE_PATIENCE = timedelta(seconds=10)
"""After a run has waited this long, the text asks whether an engine is running."""

REASON_LENGTH = 500
MODELS = 8


def not_for_you(command: str) -> View:
    return View.of(say("/{command} is for my admins. /help says what I can do for you.", command=command))


# --- Runs -------------------------------------------------------------------------------------------------------------

_KINDS = {
    RunKind.TRAIN: marked("Training"),
    RunKind.TUNE: marked("Tuning"),
    RunKind.ROLLBACK: marked("Rollback"),
    RunKind.BACKUP: marked("Backup"),
}


def progress(
    run: Run,
    now: datetime,
    *,
    served: int | None = None,
    before: int | None = None,
    cancelled_by: str | None = None,
) -> View:
    """Show a run as it is now.

    Args:
        served: the version that is live now.
        before: the version that was live before this run's, if a rollback to it is possible.
        cancelled_by: the name of the admin who stopped it; None if the engine was stopped.
    """
    if run.is_open:
        cancel = [press(_("Cancel"), buttons.AskCancel(0, run.id))]
        return View.of(_under_way(run, now), [None if run.cancel_asked else cancel])
    took = duration((run.finished_at or now) - (run.started_at or run.asked_at))
    again = [press(_("Train again"), buttons.AskRetrain(0))]
    why = clip(run.error or run.detail or _("no reason was given"), REASON_LENGTH)
    if run.kind is RunKind.BACKUP:
        return View.of(say("The backup failed: {why}.", why=why.rstrip(".")))
    if run.kind is RunKind.TUNE:
        return _searched(run, took, why, cancelled_by)
    match run.state:
        case RunState.DONE:
            return _done(run, took, before)
        case RunState.REJECTED:
            kept = say("A model was trained ({took}), but it does not go live: {why}.", took=took, why=why.rstrip("."))
            return View.of(lines(kept, _figures(run), _goes_on(served)), [_compare(run), again])
        case RunState.CANCELLED if cancelled_by:
            ended = say("The training was cancelled by {name} after {took}.", name=cancelled_by, took=took)
            return View.of(lines(ended, _goes_on(served)), [again])
        case RunState.CANCELLED:
            ended = say("The training was stopped after {took}: {why}.", took=took, why=why.rstrip("."))
            return View.of(lines(ended, _goes_on(served)), [again])
        case RunState.LOST:
            lost = say("The training was lost after {took}: {why}.", took=took, why=why.rstrip("."))
            return View.of(lines(lost, _goes_on(served)), [again])
    failed = say("The training failed after {took}: {why}.", took=took, why=why.rstrip("."))
    return View.of(lines(failed, _goes_on(served)), [again])


def _under_way(run: Run, now: datetime) -> Html:
    kind = plain(_(_KINDS[run.kind]))
    if run.state is RunState.QUEUED:
        if now - run.asked_at < ENGINE_PATIENCE:
            return facts(kind, say("waiting for its turn"))
        return facts(kind, say("waiting for the engine: is <code>python -m engine serve</code> running?"))
    passed = plain(duration(now - (run.started_at or now)))
    if run.cancel_asked:
        return facts(kind, passed, say("stopping"))
    detail = plain(clip(run.detail, REASON_LENGTH))
    return facts(kind, passed, Html(f"{detail} {bar(run.fraction)}".strip()))


def _done(run: Run, took: str, before: int | None) -> View:
    if run.model_version is None:
        return View.of(say("Done ({took}).", took=took))
    live = say("Model {version} is live ({took}).", version=run.model_version, took=took)
    new = run.metrics.get("new_ratings")
    learned = None if new is None else count("{n} new rating in.", "{n} new ratings in.", int(new))
    back = press(_roll_back(before), buttons.AskRollback(0, before)) if before is not None else None
    rows = [[*(_compare(run) or ()), *([back] if back else ())]]
    return View.of(Html(" ".join(part for part in (live, _figures(run), learned) if part)), rows)


def _searched(run: Run, took: str, why: str, cancelled_by: str | None) -> View:
    """Say what a search found; the next training uses it."""
    again = [press(_("Train"), buttons.AskRetrain(0))]
    winner = run.metrics.get("winner")
    match run.state:
        case RunState.DONE if winner:
            found = say(
                "The search is done ({took}). Best {model} setting: {setting}",
                took=took,
                model=run.metrics.get("model", ""),
                setting=" ".join(f"{name}={value:g}" for name, value in winner.items()),
            )
            figures = [plain(f"{label} {value}") for key, label in FIGURES if (value := _number(run.metrics, key))]
            trials = count("{n} trial", "{n} trials", int(run.metrics.get("trials", 0)))
            ended = None if run.metrics.get("finished", True) else say("its time ran out before all were done")
            return View.of(lines(found, facts(*figures, trials, ended), say("The next training uses it.")), [again])
        case RunState.DONE:
            return View.of(say("The search is done ({took}).", took=took), [again])
        case RunState.CANCELLED if cancelled_by:
            ended = say("The search was cancelled by {name} after {took}.", name=cancelled_by, took=took)
            return View.of(lines(ended, say("Its measurements are kept.")))
        case RunState.CANCELLED:
            ended = say("The search was stopped after {took}: {why}.", took=took, why=why.rstrip("."))
            return View.of(lines(ended, say("Its measurements are kept.")))
        case RunState.LOST:
            return View.of(say("The search was lost after {took}: {why}.", took=took, why=why.rstrip(".")))
    return View.of(say("The search failed after {took}: {why}.", took=took, why=why.rstrip(".")))


def which_model(models: Sequence[str]) -> View:
    offered = " ".join(f"/tune {model}" for model in models)
    return View.of(say("Which of the two models? Send one of these: {offered}", offered=offered))


def unattended(run: Run, view: View) -> View:
    """Tell an admin how a run ended that no chat message showed."""
    asked = run.asked_at
    began = (
        say("The scheduled run of {time} UTC:", time=_time(asked))
        if run.asked_by == "schedule"
        else say("The run that new ratings began on {time} UTC:", time=_time(asked))
    )
    return with_notice(began, view)


def _compare(run: Run) -> Any:
    return [press(_("Compare"), buttons.Compare(0, run.model_version))] if run.model_version is not None else None


def _goes_on(served: int | None) -> Html:
    if served is None:
        return say("Every rating is still queued.")
    return say("Model {version} goes on, and every rating is still queued.", version=served)


FIGURES = (("ndcg_at_10", "nDCG@10"), ("rmse_all", "RMSE"))
"""The two figures of a model, for its order and its stars, by which the gate and a search judge."""


def _figures(run: Run) -> Html | None:
    """Return the measured figures, next to those of the model before."""
    before = run.metrics.get("before") or {}
    parts = []
    for key, label in FIGURES:
        value, old = _number(run.metrics, key), _number(before, key)
        if value and old:
            parts.append(say("{label} {value}, was {old}", label=label, value=value, old=old))
        elif value:
            parts.append(plain(f"{label} {value}"))
    return Html(facts(*parts) + ".") if parts else None


def _number(metrics: Mapping[str, Any], key: str) -> str | None:
    value = metrics.get(key)
    return number(value, 3) if isinstance(value, int | float) else None


def already_open(run: Run) -> Html:
    return say("It was already asked for at {time} UTC:", time=f"{run.asked_at:%H:%M}")


def one_at_a_time(kind: RunKind, model: str | None) -> Html:
    """Say that the requested run has not begun, and which command to send once the run below has ended."""
    command = f"/tune {model}" if kind is RunKind.TUNE else "/retrain"
    return say("I do one thing at a time: this is under way. Send {command} again once it is done.", command=command)


def ask_cancel(run: Run, now: datetime) -> View:
    """Ask before a run is stopped."""
    passed = duration(now - (run.started_at or now))
    if run.kind is RunKind.TUNE:
        sure = say("Stop the search? It has run for {passed}; what it measured is kept.", passed=passed)
    elif run.state is RunState.QUEUED:
        sure = say("Stop the training? It has not begun yet.")
    else:
        sure = say("Stop the training? It has run for {passed}, and would have to begin again.", passed=passed)
    keep = press(_("Let it go on"), buttons.KeepRun(0))
    return View.of(sure, [[press(_("Yes, stop it"), buttons.CancelRun(0, run.id)), keep]])


def stopping(run: Run) -> View:
    return View.of(say("I'm stopping the search.") if run.kind is RunKind.TUNE else say("I'm stopping the training."))


def goes_on() -> View:
    return View.of(say("It goes on."))


def who(asked: str | None, admins: Mapping[str, str]) -> str | None:
    """Return the name of an admin, or of a site's API key, that asked for or stopped a run."""
    if asked is None:
        return None
    kind, _colon, name = asked.partition(":")
    return admins.get(asked) or (name if kind == "api" else "") or _("an admin")


def with_notice(notice: Html, view: View) -> View:
    return View(lines(notice, view.text), view.keyboard)


def nothing_runs() -> View:
    return View.of(say("Nothing is under way."), [[press(_("Train"), buttons.AskRetrain(0))]])


# --- Models -----------------------------------------------------------------------------------------------------------


def models(versions: Sequence[ModelVersion], receptions: Mapping[int, Reception]) -> View:
    """List the models, newest first, with a way back to those that were live before."""
    if not versions:
        none = say("No model has been trained yet. /retrain trains the first.")
        return View.of(none)
    entries = [_model(version, receptions.get(version.version)) for version in versions[:MODELS]]
    if len(versions) > MODELS:
        left = len(versions) - MODELS
        entries.append(count("and {n} older one", "and {n} older ones", left))
    earlier = [version.version for version in versions if version.state is ModelState.RETIRED][:2]
    rows = [[press(_roll_back(version), buttons.AskRollback(0, version)) for version in earlier]]
    return View.of(paragraphs(say("<b>Models</b>"), *entries), rows)


_STATES = {
    ModelState.CANDIDATE: marked("candidate"),
    ModelState.LIVE: marked("live"),
    ModelState.RETIRED: marked("retired"),
    ModelState.REJECTED: marked("rejected"),
}


def _model(version: ModelVersion, reception: Reception | None) -> Html:
    figures = [plain(f"{label} {value}") for key, label in FIGURES if (value := _number(version.metrics, key))]
    return lines(
        facts(plain(version.version), plain(_(_STATES[version.state])), plain(day(version.created_at))),
        facts(*figures),
        _received(version, reception) if reception else None,
        plain(clip(version.reason, 120)) if version.reason else None,
    )


def _received(version: ModelVersion, reception: Reception) -> Html:
    """Say what people did with the films that a model showed them."""
    shown, rated = number(reception.shown), number(reception.rated)
    if reception.liked_share is None or version.hyperparameters.get("rating") is None:  # otherwise there are no stars
        return say("{shown} shown, {rated} of them answered", shown=shown, rated=rated)
    share = f"{100 * reception.liked_share:.0f} %"
    return say(
        "{shown} films shown, {rated} of them rated later, {share} of these with 4 stars or more",
        shown=shown,
        rated=rated,
        share=share,
    )


_COURSES = {
    "ndcg_at_10": marked("nDCG@10, more is better: {figures}"),
    "rmse_all": marked("RMSE in stars, less is better: {figures}"),
    "rmse_warm": marked("RMSE of known films in stars, less is better: {figures}"),
    "roem": marked("Percentile rank, less is better: {figures}"),
}
"""The metrics in the picture of the models. Earlier releases drew the RMSE of warm rows."""


def models_caption(shown: ModelsShown, live: int | None) -> Html:
    """Describe the picture of the models in words.

    Args:
        shown: the picture's facts.
        live: the version that is live now; the picture may be older.
    """
    versions, served = shown.versions, shown.served
    heading = count(
        "How model {last} measured", "How the last {n} models measured, {first} to {last}",
        len(versions), first=versions[0], last=versions[-1],
    )  # fmt: skip
    courses = [_course(course, versions, served, shown.live) for course in shown.courses]
    out = served.count(False)
    rings = count("{n} did not go live: the ring", "{n} did not go live: the rings", out) if out else None
    since = None
    if live is not None and live != shown.live:
        since = say("It was drawn before model {version} went live.", version=live)
    return lines(heading, *courses, rings, since)


def _course(course: Course, versions: Sequence[int], served: Sequence[bool], live: int | None) -> Html:
    """Describe a metric's course: the first live model, the current one, and popularity or the mean."""
    known = [
        (version, value)
        for version, value, was in zip(versions, course.values, served, strict=True)
        if was and value is not None
    ]
    parts = [
        say("model {version}, live, {value}", version=version, value=number(value, 3))
        if version == live
        else say("model {version} {value}", version=version, value=number(value, 3))
        for place, (version, value) in enumerate(known)
        if place == 0 or version == live
    ]
    bars = [bar for bar in course.bars if bar is not None]
    key = course.key
    if bars:
        bar = number(bars[-1], 3)
        of_stars = key.startswith("rmse")
        parts.append(say("one mean for all {value}", value=bar) if of_stars else say("popularity {value}", value=bar))
    return say(_COURSES[key], figures=facts(*parts))


def compare(new: ModelVersion, old: ModelVersion | None) -> View:
    """Show all figures of a model beside those of the one before."""
    names = [name for name, value in new.metrics.items() if isinstance(value, int | float) and value is not True]
    width = max((len(name) for name in names), default=0)
    figures = [
        f"{name:<{width}}  {_number(new.metrics, name) or '':>9}  {_number(old.metrics if old else {}, name) or '':>9}"
        for name in names[:40]
    ]
    heading = f"{_('model'):<{width}}  {new.version:>9}  {old.version if old else '':>9}"
    rows = [[press(_roll_back(old.version), buttons.AskRollback(0, old.version))]] if old else []
    table = plain("\n".join([heading, *figures]))
    return View.of(Html(f"<pre>{table}</pre>"), rows)


def ask_rollback(version: int, served: int | None) -> View:
    sure = (
        say("Serve model {version} instead of {served}?", version=version, served=served)
        if served is not None
        else say("Serve model {version}?", version=version)
    )
    label = _("Keep {version}").format(version=served) if served is not None else _("Keep it")
    keep = press(label, buttons.KeepModel(0))
    return View.of(sure, [[press(_roll_back(version), buttons.Rollback(0, version)), keep]])


def _roll_back(version: int) -> str:
    return _("Roll back to {version}").format(version=version)


def already_served(version: int) -> View:
    return View.of(say("Model {version} is the one that is live.", version=version))


def nothing_to_go_back_to() -> View:
    return View.of(say("There is no earlier model to go back to."))


def which_version() -> View:
    return View.of(say("Which model? Send its number, as in: /rollback 11. /models lists them."))


def rolled_back(version: int, waiting: int) -> View:
    live = say("Model {version} is live again.", version=version)
    learn = count("{n} rating waits for the next training.", "{n} ratings wait for the next training.", waiting)
    return View.of(Html(f"{live} {learn}"))


def kept(served: int | None) -> View:
    return View.of(say("Nothing was changed.") if served is None else say("Model {version} goes on.", version=served))


_LAST_RUN = {
    RunState.DONE: marked("Nothing is under way. The last run finished on {time} UTC."),
    RunState.REJECTED: marked(
        "Nothing is under way. The last run ended on {time} UTC with a model that did not go live."
    ),
    RunState.FAILED: marked("Nothing is under way. The last run failed on {time} UTC."),
    RunState.CANCELLED: marked("Nothing is under way. The last run was cancelled on {time} UTC."),
    RunState.LOST: marked("Nothing is under way. The last run was lost on {time} UTC."),
}

# --- Figures ----------------------------------------------------------------------------------------------------------


def status(live: ModelVersion | None, open_run: Run | None, last: Run | None, waiting: int, now: datetime) -> View:
    """Say which model is live, how many ratings wait, and which run is open."""
    if live is None:
        served = say("No model is live yet. /retrain trains the first.")
    else:
        since = live.published_at or live.created_at
        figures = [plain(f"{label} {value}") for key, label in FIGURES if (value := _number(live.metrics, key))]
        live_since = say("Model {version} is live since {time} UTC", version=live.version, time=_time(since))
        served = facts(live_since, *figures)
    queue = count("{n} rating waits for the next training.", "{n} ratings wait for the next training.", waiting)
    if open_run is not None:
        runs = _under_way(open_run, now)
    elif last is not None:
        runs = say(_LAST_RUN[last.state], time=_time(last.finished_at or last.asked_at))
    else:
        runs = say("Nothing is under way, and there has been no run yet.")
    row = (
        [press(_("Cancel"), buttons.AskCancel(0, open_run.id))]
        if open_run is not None and not open_run.cancel_asked
        else [press(_("Train"), buttons.AskRetrain(0))]
        if open_run is None
        else None
    )
    return View.of(lines(served, queue, runs), [row])


def stats(people: Mapping[str, int], catalogue: Catalogue | None, waiting: int) -> View:
    """Say how many people, films and ratings there are."""
    chat = lines(
        count("{n} person in the chat", "{n} people in the chat", people["people"]),
        count("{n} of them can be reached", "{n} of them can be reached", people["active"]),
        count("{n} rating from the chat", "{n} ratings from the chat", people["ratings"]),
        count("{n} film put aside or kept for later", "{n} films put aside or kept for later", people["dismissals"]),
        count("{n} rating waits for the next training", "{n} ratings wait for the next training", waiting),
    )
    if catalogue is None:
        return View.of(paragraphs(chat, say("No data set is loaded.")))
    data = lines(
        say("Data set: {dataset}", dataset=clip(catalogue.dataset, 200)),
        count("{n} film", "{n} films", catalogue.movie_count),
        count(
            "{n} rating by {people} people", "{n} ratings by {people} people",
            catalogue.rating_count, people=number(catalogue.user_count),
        ),
        say("Its ratings are simulated.") if catalogue.simulated else None,
        None if catalogue.simulated else say("Terms: {terms}", terms=clip(catalogue.terms, 500)),
    )  # fmt: skip
    return View.of(paragraphs(chat, data))


def data_caption(shown: DataShown) -> Html:
    """Describe the picture of the data set in words."""
    plays = shown.feedback is Feedback.COUNTS
    parts = []
    if shown.stars:
        favourite = max(shown.stars, key=lambda row: row.ratings)
        given = say(
            "Stars given: {stars} most often ({percent} %), {mean} on average",
            stars=stars(favourite.stars),
            percent=number(100 * favourite.share),
            mean=number(shown.mean_stars or 0, 2),
        )
        parts.append(given)
    half, most = _half_and_most(shown.per_person)
    parts.append(
        count(
            "Half of the people played only {n} title, the keenest {most}",
            "Half of the people played {n} titles or fewer, the keenest {most}",
            half,
            most=most,
        )
        if plays
        else count(
            "Half of the people gave only {n} rating, the keenest {most}",
            "Half of the people gave {n} ratings or fewer, the keenest {most}",
            half,
            most=most,
        )
    )
    if shown.per_film is not None:
        half, most = _half_and_most(shown.per_film)
        parts.append(
            count(
                "Half of the titles were played by only {n} person, the best known by {most}",
                "Half of the titles were played by {n} people or fewer, the best known by {most}",
                half,
                most=most,
            )
            if plays
            else count(
                "Half of the films have only {n} rating, the best known {most}",
                "Half of the films have {n} ratings or fewer, the best known {most}",
                half,
                most=most,
            )
        )
    if shown.decades:
        richest = max(shown.decades, key=lambda row: row.films)
        films = number(richest.films)
        parts.append(say("Most films, {films}, are of the {decade}s", films=films, decade=richest.decade))
    return lines(*parts)


def _half_and_most(spread: Spread) -> tuple[int, str]:
    return round(spread.median), number(spread.largest)


def _time(moment: datetime) -> str:
    return f"{day(moment)}, {moment:%H:%M}"


def refused(error: MatineeError) -> View | None:
    """Return what to tell an admin where an error is the answer."""
    if isinstance(error, NoSuchVersion):
        return View.of(say("There is no such model, or its lists are gone: the last few are kept. /models lists them."))
    return None
