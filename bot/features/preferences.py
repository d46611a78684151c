"""/settings: the language, the step of the stars, and picks once a week."""

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
    """/settings: what can be chosen, and what is chosen now."""
    weekly = await visit.store(Store.wants_digest, visit.person.id)
    await visit.show(preference_views.settings(visit.owner, visit.person.language, visit.scale, weekly=weekly))


async def set_language(visit: Visit, button: buttons.SetLanguage) -> None:
    """Speak another language from now on, this answer included."""
    user = visit.update.effective_user
    of_telegram = user.language_code if user is not None else None
    # Kept by its name, because a message that we send by ourselves does not come with the language of their Telegram.
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
    """Send them picks once a week, or no more."""
    if button.on:
        first = digest.next_digest(visit.person.id, visit.now)
        if not await visit.store(Store.wants_digest, visit.person.id):
            await visit.store(Store.order_digest, visit.person.id, first)
    else:
        await visit.store(Store.stop_digest, visit.person.id)
    await settings(visit)
