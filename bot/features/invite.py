"""/invite: links that let people in if not everybody may talk to the bot."""

from bot.features.admin import ADMINS
from bot.frame import door
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons
from bot.speech.language import _
from bot.speech.views import View, press
from bot.speech.words import Html, count, lines, say
from engine.store import Store

MOST_USES = 1000


def handlers() -> list[Handler]:
    return [
        command("invite", invite, only=ADMINS, private=True),
        tap(buttons.RevokeInvite, revoke, only=ADMINS),
    ]


async def invite(visit: Visit) -> None:
    """/invite [number]: make a link that this many people can use, by default one."""
    if not visit.services.settings.allowed:
        await visit.show(View.of(say("Everybody may talk to me. MATINEE_ALLOWED changes that.")))
        return
    uses = int(visit.words) if visit.words.isascii() and visit.words.isdigit() else 1
    made = await visit.store(Store.make_invite, max(1, min(uses, MOST_USES)), visit.now)
    people = count("This link lets one person in:", "This link lets {n} people in:", made.uses)
    text = lines(people, Html(door.link(visit.bot_name, made.code)))
    await visit.show(View.of(text, [[press(_("Revoke"), buttons.RevokeInvite(0, made.id))]]))


async def revoke(visit: Visit, button: buttons.RevokeInvite) -> None:
    """Revoke a link. People who have used it stay admitted."""
    if await visit.store(Store.revoke_invite, button.invite_id):
        await visit.show(View.of(say("This link lets nobody in any more. Those who used it stay.")))
    else:
        await visit.show(View.of(say("This link had already been used up or revoked.")))
