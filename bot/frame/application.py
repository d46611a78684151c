"""Puts the bot together: takes services and features, returns python-telegram-bot's Application.

An update waits for its turn behind the earlier ones of the same person, meets the features' handlers in their order,
and leaves one line in the log and one sample in the metrics.
"""

import asyncio
import functools
from collections.abc import Sequence
from typing import Any, cast

from telegram import Update
from telegram.constants import ChatMemberStatus, ChatType
from telegram.ext import (
    Application,
    ApplicationBuilder,
    ChatMemberHandler,
    ContextTypes,
    JobQueue,
)
from telegram.request import BaseRequest, HTTPXRequest

from bot.frame.context import App, Context, Feature, Handler, Services, handling
from bot.frame.door import Door
from bot.frame.errors import on_error
from bot.frame.flood import FloodLimits, Slots
from bot.frame.inbox import Inbox
from bot.frame.outbox import Outbox
from bot.frame.turns import CONCURRENT_UPDATES, InTurn

TERMINAL_TOKEN = "1:terminal"  # noqa: S105 - opens nothing: the terminal chat has no server behind it

BEFORE_ALL = -1
"""The group of handlers that see an update before the features' do."""

LATE_SECONDS = 300
"""A job may begin this late, after the machine slept or was busy."""


def build_application(
    services: Services,
    features: Sequence[Feature],
    *,
    request: BaseRequest | None = None,
    get_updates_request: BaseRequest | None = None,
    flood_limits: bool | None = None,
) -> App:
    """Put the bot together; nothing is sent yet.

    Args:
        features: what people can do, in the order in which their handlers see an update.
        request: carries calls to Telegram. None: over the network.
        get_updates_request: carries the polling. None: ``request`` does, or the network if that is None too.
        flood_limits: whether calls are held back to Telegram's limits. None: they are, unless a ``request`` is given.
    """
    settings = services.settings
    token = settings.telegram_token.get_secret_value() if settings.telegram_token else TERMINAL_TOKEN
    api = settings.telegram_api.rstrip("/")
    slots, inbox = Slots(CONCURRENT_UPDATES), Inbox(services.store)
    builder: ApplicationBuilder[Any, Context, Any, Any, Any, Any] = (
        Application.builder()
        .token(token)
        .base_url(f"{api}/bot")
        .base_file_url(f"{api}/file/bot")
        .context_types(ContextTypes(context=Context))
        .updater(None)  # ``serving`` takes updates in
        .concurrent_updates(InTurn(token, slots, inbox))
        .request(Outbox(request or HTTPXRequest(read_timeout=10), inbox))
        .get_updates_request(get_updates_request or request or polling_request())
    )
    if flood_limits or (flood_limits is None and request is None):
        builder = builder.rate_limiter(FloodLimits(slots))
    application: App = builder.build()
    application.bot_data["services"] = services
    application.bot_data["inbox"] = inbox
    application.bot_data["refusals"] = tuple(
        refused for feature in features if (refused := getattr(feature, "refused", None)) is not None
    )
    if settings.allowed:
        application.add_handler(Door().handler(), group=BEFORE_ALL)
    for feature in features:
        for handler in feature.handlers():
            application.add_handler(_named(handler))
    application.add_handler(_named(ChatMemberHandler(membership, ChatMemberHandler.MY_CHAT_MEMBER)))
    application.add_error_handler(on_error)
    queue = cast(JobQueue[Context], application.job_queue)
    # By default, APScheduler silently skips a job that is a second late.
    job_defaults = {"coalesce": True, "misfire_grace_time": LATE_SECONDS}
    queue.scheduler.configure(**queue.scheduler_configuration, job_defaults=job_defaults)
    for feature in features:
        if (jobs := getattr(feature, "jobs", None)) is not None:
            jobs(application)
    return application


def polling_request() -> HTTPXRequest:
    """Return the request that carries long polling. With the default of one connection, a hanging one would stop
    polling for good."""
    return HTTPXRequest(connection_pool_size=4, pool_timeout=5)


def _named(handler: Handler) -> Handler:
    """Make a handler note its name, such as ``picks.top``, for the log: the text of an update does not belong there."""
    callback = getattr(handler, "callback", None)
    if callback is None:  # such as a handler that holds other handlers
        return handler
    name = f"{callback.__module__.rpartition('.')[2]}.{callback.__name__}"

    @functools.wraps(callback)
    async def named(update: Any, context: Context) -> Any:
        if (now := handling.get()) is not None:
            now.handler, now.outcome = name, "ok"
        return await callback(update, context)

    handler.callback = named
    return handler


async def membership(update: Update, context: Context) -> None:
    """Note that someone has blocked or unblocked the bot."""
    change = update.my_chat_member
    if change is not None and change.chat.type == ChatType.PRIVATE:
        active = change.new_chat_member.status == ChatMemberStatus.MEMBER
        await asyncio.to_thread(context.services.store.set_active, change.chat.id, active)
