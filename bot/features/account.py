"""/help, /privacy, /stop and /forget; and Telegram's menu of commands."""

import asyncio
import shutil

import structlog
from telegram import BotCommandScopeAllGroupChats, BotCommandScopeChat
from telegram.error import TelegramError

from bot.features import account_views, admin_views
from bot.frame.context import App, Context, Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons, language
from bot.speech.language import LANGUAGES, SOURCE
from engine.serving.library import Films
from engine.store import Store

log = structlog.get_logger(__name__)

IN_GROUPS = frozenset({"night", "top", "rate", "similar", "help", "privacy"})
"""Commands that are offered in groups; any other one that is sent there leads to the private chat."""


def commands(films: Films) -> list[tuple[str, str]]:
    """Return the commands to offer to everybody; for play counts without /import."""
    return [(name, what) for name, what in account_views.COMMANDS if films.gives_stars or name != "import"]


def handlers() -> list[Handler]:
    return [
        command("help", help_, for_anybody=True),
        command("privacy", privacy, for_anybody=True),
        command("stop", stop),
        command("forget", forget, private=True),
        tap(buttons.ForgetMe, forget_me),
        tap(buttons.KeepMe, keep_me),
    ]


def jobs(application: App) -> None:
    if application.job_queue is not None:
        application.job_queue.run_once(announce_commands, 0, name="announce_commands")


async def announce_commands(context: Context) -> None:
    """Tell Telegram which commands to offer in each language, to everybody and to admins."""
    shelf = await context.services.library.shelf()
    language.speak_of_catalogue(shelf.films.catalogue)
    for_all = commands(shelf.films)
    in_groups = [(name, what) for name, what in for_all if name in IN_GROUPS]
    for code in LANGUAGES:
        with language.speaking(code):
            # Commands without a language are for people whose language we do not have.
            named = None if code == SOURCE else code
            await context.bot.set_my_commands(account_views.described(for_all), language_code=named)
            await context.bot.set_my_commands(
                account_views.described(in_groups), scope=BotCommandScopeAllGroupChats(), language_code=named
            )
    for admin in context.services.settings.admins:
        person = await asyncio.to_thread(context.services.store.find_person, admin)
        with language.speaking(person.language if person is not None else None):
            await offer_commands(context, admin)


async def offer_commands(context: Context, telegram_id: int) -> None:
    """Offer someone their commands in the language that is spoken now, which may differ from that of their Telegram."""
    is_admin = context.services.is_admin(telegram_id)
    shelf = await context.services.library.shelf()
    language.speak_of_catalogue(shelf.films.catalogue)
    for_all = commands(shelf.films)
    offered = (*for_all, *admin_views.COMMANDS) if is_admin else for_all
    try:
        await context.bot.set_my_commands(account_views.described(offered), scope=BotCommandScopeChat(telegram_id))
    except TelegramError as error:  # Telegram refuses this for people who have never written to us
        log.info("commands_not_announced", reason=type(error).__name__)


async def help_(visit: Visit) -> None:
    """/help: all commands, for admins including their own."""
    for_all, for_admins = commands(visit.shelf.films), admin_views.COMMANDS if visit.is_admin else ()
    await visit.show(account_views.help_text(for_all, for_admins))


async def privacy(visit: Visit) -> None:
    await visit.show(account_views.privacy(visit.services.settings.not_for_me_days))


async def stop(visit: Visit) -> None:
    """/stop: leave the person alone until they come back."""
    await visit.store(Store.set_active, visit.owner, False)
    await visit.show(account_views.stopped())


async def forget(visit: Visit) -> None:
    """/forget: delete everything, after a second tap."""
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    await visit.show(account_views.ask_forget(visit.owner, len(taste.ratings)))


async def forget_me(visit: Visit, _button: buttons.ForgetMe) -> None:
    await visit.store(Store.forget, visit.person.id)
    if (received := visit.services.received) is not None:
        await asyncio.to_thread(shutil.rmtree, received, ignore_errors=True)
    await visit.show(account_views.forgotten())
    try:
        await visit.context.bot.delete_my_commands(scope=BotCommandScopeChat(visit.owner))
    except TelegramError as error:
        log.warning("commands_not_taken_back", reason=type(error).__name__)


async def keep_me(visit: Visit, _button: buttons.KeepMe) -> None:
    await visit.show(account_views.kept())
