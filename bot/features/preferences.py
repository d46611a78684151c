"""/settings: the language, the step of the stars, and weekly picks."""

from dataclasses import replace

from bot.features import account, digest, preference_views
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons, language
from engine.store import Store


def handlers() -> list[Handler]:
    return [
        command("settings", settings, private=True),
        tap(buttons.SetLanguage, set_language),
        tap(buttons.SetScale, set_scale),
        tap(buttons.SetDigest, set_digest),
    ]


async def settings(visit: Visit) -> None:
    """/settings: show the choices and the current settings."""
    weekly = await visit.store(Store.wants_digest, visit.person.id)
    await visit.show(preference_views.settings(visit.owner, visit.person.language, visit.scale, weekly=weekly))


async def set_language(visit: Visit, button: buttons.SetLanguage) -> None:
    """Change the language from now on, including this answer."""
    user = visit.update.effective_user
    of_telegram = user.language_code if user is not None else None
    # The language is stored by name, because a message that the bot sends unasked comes without the language of their
    # Telegram app.
    chosen = of_telegram if button.language == "-" else button.language
    await visit.store(Store.set_language, visit.person.id, chosen)
    language.use(chosen)
    await settings(replace(visit, person=replace(visit.person, language=chosen)))
    await account.offer_commands(visit.context, visit.owner)


async def set_scale(visit: Visit, button: buttons.SetScale) -> None:
    """Offer whole stars from now on, or halves too."""
    chosen = {"whole_stars": bool(button.whole)}
    await visit.store(Store.change_preferences, visit.person.id, lambda known: known | chosen)
    await settings(replace(visit, person=replace(visit.person, preferences=visit.person.preferences | chosen)))


async def set_digest(visit: Visit, button: buttons.SetDigest) -> None:
    """Turn weekly picks on or off."""
    if button.on:
        first = digest.next_digest(visit.person.id, visit.now)
        if not await visit.store(Store.wants_digest, visit.person.id):
            await visit.store(Store.order_digest, visit.person.id, first)
    else:
        await visit.store(Store.stop_digest, visit.person.id)
    await settings(visit)
