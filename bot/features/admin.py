"""Commands for admins: train, watch, compare, roll back.

A progress message is edited until its run ends. The database remembers these messages, so a restarted bot goes on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, cast

import structlog
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError

from bot.features import admin_views
from bot.frame.context import App, Context, Handler
from bot.frame.delivery import edit, wait_asked
from bot.frame.talk import AdminsOnly, Visit, command, tap
from bot.speech import buttons, language
from bot.speech.views import View
from engine.domain import MatineeError, RunKind
from engine.store import DataShown, ModelsShown, ModelVersion, Run, RunAlreadyOpen, Store, Watcher, live_when_trained

log = structlog.get_logger(__name__)

FOLLOW_SECONDS = 1.5
"""Progress messages are updated this often; Telegram takes about one message a second in a chat."""

TUNED = ("preference", "rating")
TUNE_BUDGET = "20m"
"""A search may take this long. Asking again continues it."""

REST_SECONDS, GROUP_REST_SECONDS = 1.2, 12.0
"""The pause after an edit in a chat. A group gets ten messages a minute (flood.GROUP), and this uses half of them."""


ADMINS = AdminsOnly(admin_views.not_for_you, admin_views.NOT_FOR_YOU)


def handlers() -> list[Handler]:
    return [
        command("retrain", retrain, only=ADMINS),
        command("tune", tune, only=ADMINS),
        command("cancel", cancel, only=ADMINS),
        command("status", status, only=ADMINS),
        command("models", models, only=ADMINS),
        command("rollback", rollback, only=ADMINS),
        command("stats", stats, only=ADMINS),
        tap(buttons.AskRetrain, retrain_again, only=ADMINS),
        tap(buttons.AskCancel, ask_cancel, only=ADMINS),
        tap(buttons.CancelRun, cancel_run, only=ADMINS),
        tap(buttons.KeepRun, keep_run, only=ADMINS),
        tap(buttons.Compare, compare, only=ADMINS),
        tap(buttons.AskRollback, ask_rollback, only=ADMINS),
        tap(buttons.Rollback, roll_back, only=ADMINS),
        tap(buttons.KeepModel, keep_model, only=ADMINS),
    ]


def jobs(application: App) -> None:
    if application.job_queue is None:
        return
    application.job_queue.run_repeating(
        partial(follow_runs, following=Following({}, {})),
        FOLLOW_SECONDS,
        first=0.1,
        name="follow_runs",
        # The job may run late, and once in place of several times.
        job_kwargs={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )


def refused(error: MatineeError) -> View | None:
    """Return the text for an error that answers an admin's request."""
    return admin_views.refused(error)


# --- Runs -------------------------------------------------------------------------------------------------------------


async def retrain(visit: Visit) -> None:
    """/retrain: ask for a training, or follow the one that has been asked for."""
    await ask(visit, RunKind.TRAIN)


async def tune(visit: Visit) -> None:
    """/tune [preference|rating]: ask for a search for better hyperparameters of one of the two models."""
    model = visit.words.strip().lower() or "preference"
    tuned = TUNED if visit.shelf.films.gives_stars else TUNED[:1]  # the rating model needs stars
    if model in tuned:
        await ask(visit, RunKind.TUNE, {"model": model, "budget": TUNE_BUDGET})
    else:
        await visit.show(admin_views.which_model(tuned))


async def ask(visit: Visit, kind: RunKind, options: dict[str, Any] | None = None) -> None:
    """Ask for a run, or follow the open one, in a message that is updated until the run ends."""
    try:
        run = await visit.store(Store.request_run, kind, f"telegram:{visit.owner}", visit.now, options=options)
        view = admin_views.progress(run, visit.now)
    except RunAlreadyOpen as error:
        run, model = error.run, (options or {}).get("model")
        same = (run.kind, run.options.get("model")) == (kind, model)
        notice = admin_views.already_open(run) if same else admin_views.one_at_a_time(kind, model)
        view = admin_views.with_notice(notice, admin_views.progress(run, visit.now))
    sent = await visit.tell(view)
    await visit.store(Store.watch_run, run.id, sent.chat_id, sent.message_id, language.current())


async def retrain_again(visit: Visit, _button: buttons.AskRetrain) -> None:
    await retrain(visit)


async def cancel(visit: Visit) -> None:
    """/cancel: ask whether to stop the open run."""
    run = await visit.store(Store.open_run)
    if run is None:
        await visit.show(admin_views.nothing_runs())
    else:
        await ask_cancel(visit, buttons.AskCancel(0, run.id))


async def ask_cancel(visit: Visit, button: buttons.AskCancel) -> None:
    """Ask before a run is stopped: minutes of work would be lost."""
    seen = await visit.store(look_at, button.run_id)
    if seen is None:
        await visit.show(admin_views.nothing_runs())
    elif seen.run.is_open and not seen.run.cancel_asked:
        # As a new message, because the one with the button keeps showing the run.
        await visit.tell(admin_views.ask_cancel(seen.run, visit.now))
    else:
        await visit.show(seen.view(visit.now, _admins_seen(visit.context)))


async def cancel_run(visit: Visit, button: buttons.CancelRun) -> None:
    """Stop a run. Show how it ends, unless a message in this chat does already."""
    by, user, message = f"telegram:{visit.owner}", visit.update.effective_user, visit.update.effective_message
    admins = _admins_seen(visit.context)
    if user is not None:
        admins[by] = user.first_name
    await visit.store(Store.ask_cancel, button.run_id, by, visit.now)
    seen = await visit.store(look_at, button.run_id)
    if seen is None:
        await visit.show(admin_views.nothing_runs())
    elif not seen.run.is_open or message is None:
        await visit.show(seen.view(visit.now, admins))
    elif await visit.store(_is_followed, seen.run.id, message.chat.id):
        await visit.show(admin_views.stopping(seen.run))
    else:
        await visit.show(seen.view(visit.now))
        await visit.store(Store.watch_run, seen.run.id, message.chat.id, message.message_id, language.current())


async def keep_run(visit: Visit, _button: buttons.KeepRun) -> None:
    await visit.show(admin_views.goes_on())


def _is_followed(store: Store, run_id: int, chat_id: int) -> bool:
    return any((watcher.run_id, watcher.chat_id) == (run_id, chat_id) for watcher in store.watchers())


def _admins_seen(context: Context) -> dict[str, str]:
    """Return the first names of admins who have stopped a run, by the id stored with it. Names are not in the database,
    and are lost at a restart."""
    return cast(dict[str, str], context.bot_data.setdefault("admins_seen", {}))


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run, the version that is live now, and the one that was live before the run's."""

    run: Run
    served: int | None
    before: int | None

    def view(self, now: datetime, admins: Mapping[str, str] = MappingProxyType({})) -> View:
        """Show the run. ``admins`` are the names of admins who may have stopped it."""
        by = admin_views.who(self.run.cancelled_by, admins)
        return admin_views.progress(self.run, now, served=self.served, before=self.before, cancelled_by=by)


def look_at(store: Store, run_id: int) -> RunShown | None:
    """Return a run as it is now, or None if there is no such run."""
    try:
        run = store.run(run_id)
    except KeyError:
        return None
    if run.is_open:
        return RunShown(run, None, None)
    served = store.live_version()
    is_live = run.model_version is not None and run.model_version == served
    return RunShown(run, served, version_before(store.model_versions(), served) if is_live else None)


@dataclass(frozen=True, slots=True)
class Following:
    """The view that each watched chat shows now, and the end of the pause before its next edit."""

    shown: dict[Watcher, View]
    rest_until: dict[Watcher, datetime]

    def forget(self, watcher: Watcher) -> None:
        self.shown.pop(watcher, None)
        self.rest_until.pop(watcher, None)


async def follow_runs(context: Context, following: Following) -> None:
    """Update every progress message; forget those whose run has ended."""
    store, now = context.services.store, context.services.clock()
    for watcher in await asyncio.to_thread(store.watchers):
        language.speak_of_catalogue((await context.services.library.shelf()).films.catalogue)
        seen = await asyncio.to_thread(look_at, store, watcher.run_id)
        with language.speaking(watcher.language):
            if seen is not None and not await _brought_up_to_date(context, watcher, seen, following, now):
                continue
        await asyncio.to_thread(store.unwatch_run, watcher.run_id, watcher.chat_id)
        following.forget(watcher)


async def _brought_up_to_date(
    context: Context, watcher: Watcher, seen: RunShown, following: Following, now: datetime
) -> bool:
    """Edit one progress message. Return whether its run has ended."""
    view = seen.view(now, _admins_seen(context))
    if following.shown.get(watcher) == view:
        return not seen.run.is_open
    if now < following.rest_until.get(watcher, now):
        return False
    try:
        if not await edit(context.bot, watcher.chat_id, watcher.message_id, view):
            log.info("progress_message_gone", run=watcher.run_id)
            return True
    except RetryAfter as error:
        following.rest_until[watcher] = now + wait_asked(error)
        return False
    except Forbidden:
        return True
    except BadRequest as error:
        log.info("progress_message_gone", run=watcher.run_id, reason=error.message)
        return True
    except TelegramError as error:
        log.warning("progress_not_shown", run=watcher.run_id, reason=type(error).__name__)
        return False
    following.shown[watcher] = view
    rest = GROUP_REST_SECONDS if watcher.chat_id < 0 else REST_SECONDS
    following.rest_until[watcher] = now + timedelta(seconds=rest)
    return not seen.run.is_open


# --- Models -----------------------------------------------------------------------------------------------------------


async def models(visit: Visit) -> None:
    versions, receptions = await visit.store(Store.model_versions), await visit.store(Store.receptions)
    await visit.show(admin_views.models(versions, receptions))
    picture = await visit.store(Store.picture, ModelsShown)
    if picture is not None:
        served = await visit.store(Store.live_version)
        await visit.picture("models.png", picture.png, admin_views.models_caption(picture.facts, served))


async def compare(visit: Visit, button: buttons.Compare) -> None:
    """Show a model's figures beside those of the one that was live when it was trained."""
    new = await visit.store(Store.model_version, button.version)
    old = live_when_trained(new, await visit.store(Store.model_versions))
    await visit.tell(admin_views.compare(new, old))


async def rollback(visit: Visit) -> None:
    """/rollback [version]: ask whether to serve an earlier model again."""
    served = await visit.store(Store.live_version)
    if visit.words:
        number = visit.words.strip().removeprefix("#")
        version = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else None
        if not version:
            await visit.show(admin_views.which_version())
            return
    else:
        version = version_before(await visit.store(Store.model_versions), served)
        if version is None:
            await visit.show(admin_views.nothing_to_go_back_to())
            return
    await ask_rollback(visit, buttons.AskRollback(0, version))


async def ask_rollback(visit: Visit, button: buttons.AskRollback) -> None:
    """Ask before anything is changed.

    Raises:
        NoSuchVersion: there is no such model.
    """
    served = await visit.store(Store.live_version)
    wanted = await visit.store(Store.model_version, button.version)
    if wanted.version == served:
        await visit.show(admin_views.already_served(served))
    else:
        # As a new message: the one with the button says how the run ended.
        await visit.tell(admin_views.ask_rollback(wanted.version, served))


async def roll_back(visit: Visit, button: buttons.Rollback) -> None:
    """Serve an earlier model again.

    Raises:
        NoSuchVersion: there is no such model, or its lists were swept.
    """
    await visit.store(Store.rollback, button.version, visit.now)
    log.info("rolled_back", version=button.version)
    await visit.show(admin_views.rolled_back(button.version, await visit.store(Store.waiting_ratings)))


async def keep_model(visit: Visit, _button: buttons.KeepModel) -> None:
    await visit.show(admin_views.kept(await visit.store(Store.live_version)))


def version_before(versions: Sequence[ModelVersion], version: int | None) -> int | None:
    """Return the version that was live last beside ``version``, to which one goes back; None if there was none."""
    served = [other for other in versions if other.published_at is not None and other.version != version]
    return max(served, key=lambda other: (other.published_at, other.version)).version if served else None


# --- Figures ----------------------------------------------------------------------------------------------------------


async def status(visit: Visit) -> None:
    await visit.show(await visit.store(_status, visit.now))


def _status(store: Store, now: datetime) -> View:
    served = store.live_version()
    live = store.model_version(served) if served is not None else None
    last = next((run for run in store.last_runs(2) if not run.is_open), None)
    return admin_views.status(live, store.open_run(), last, store.waiting_ratings(), now)


async def stats(visit: Visit) -> None:
    people = await visit.store(Store.people_counts)
    waiting = await visit.store(Store.waiting_ratings)
    catalogue = visit.shelf.films.catalogue
    await visit.show(admin_views.stats(people, catalogue, waiting))
    picture = await visit.store(Store.picture, DataShown)
    # The picture may be of another data set: one is loaded before a training draws it.
    if picture is not None and catalogue is not None and picture.facts.dataset_fingerprint == catalogue.fingerprint:
        await visit.picture("data.png", picture.png, admin_views.data_caption(picture.facts))
