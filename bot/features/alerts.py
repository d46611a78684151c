"""Messages to admins about runs that nobody watched: failed or lost ones, and models that the gate rejected.

Every admin is told once, which the database remembers. Messages of quiet hours are sent afterwards.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from telegram.error import TelegramError

from bot.features import admin_views
from bot.features.admin import look_at
from bot.frame.context import App, Context, Handler
from bot.frame.delivery import deliver, surely_not_sent
from bot.speech import language
from engine.store import Run, Store

log = structlog.get_logger(__name__)

LOOK_SECONDS = 20

NEWS = timedelta(days=2)
"""Runs that ended longer ago are not mentioned: after a month's absence there would be many."""


def handlers() -> list[Handler]:
    return []


def jobs(application: App) -> None:
    if application.job_queue is not None:
        job: dict[str, Any] = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        application.job_queue.run_repeating(tell_admins, LOOK_SECONDS, first=5, name="tell_admins", job_kwargs=job)


def is_quiet(now: datetime, hours: tuple[int, int] | None) -> bool:
    """Return whether it is a quiet hour. ``hours`` may pass midnight; the last hour is not included."""
    if hours is None:
        return False
    (since, until), hour = hours, now.astimezone(UTC).hour
    return since <= hour < until if since <= until else hour >= since or hour < until


async def tell_admins(context: Context) -> None:
    """Tell each admin about the runs that they have not been told of."""
    services = context.services
    now = services.clock()
    if not services.settings.admins or is_quiet(now, services.settings.quiet):
        return
    for run in await asyncio.to_thread(services.store.failed_unattended, now - NEWS):
        language.speak_of_catalogue((await services.library.shelf()).films.catalogue)
        for admin in sorted(services.settings.admins):
            if await asyncio.to_thread(services.store.take_notice, run.id, admin):
                await _tell(context, run, admin, now)


async def _tell(context: Context, run: Run, admin: int, now: datetime) -> None:
    store = context.services.store
    seen = await asyncio.to_thread(look_at, store, run.id)
    if seen is None:
        return
    with language.speaking(await asyncio.to_thread(_language, store, admin)):
        view = admin_views.unattended(run, seen.view(now))
    try:
        await deliver(context.bot, admin, view)
    except TelegramError as error:
        log.warning("admin_not_told", run=run.id, reason=type(error).__name__)
        if surely_not_sent(error):  # otherwise they have never written to us, have left, or may have got the message
            await asyncio.to_thread(store.give_notice_back, run.id, admin)


def _language(store: Store, telegram_id: int) -> str | None:
    person = store.find_person(telegram_id)
    return None if person is None else person.language
