"""Texts and buttons of /link. Pure."""

from bot.speech import buttons
from bot.speech.language import _
from bot.speech.views import View, press
from bot.speech.words import day, paragraphs, say
from engine.store import Link


def state(owner: int, held: Link | None) -> View:
    """Say whether this chat is linked to a site; None is not."""
    if held is None:
        return View.of(
            say(
                "This chat is not linked to a site. A site that shows my picks can give you a code: send it here as "
                "/link CODE. Everything you tell me in one place then counts in both."
            )
        )
    since = say(
        "This chat has been linked with <b>{name}</b> on the site since {day}.",
        name=held.site_id,
        day=day(held.linked_at),
    )
    return View.of(since, [[press(_("Unlink"), buttons.UnlinkSite(owner))]])


def ask(owner: int, code: str, site_id: str) -> View:
    """Ask before anything happens: the person who made the code will see this person's ratings."""
    text = paragraphs(
        say("Link this chat with <b>{name}</b> on the site?", name=site_id),
        say(
            "Both are one person then: whoever uses that account sees what you tell me here and can change it. Where "
            "the two differ, the newer counts. /forget deletes you in both."
        ),
        say("Go on only if you asked the site for this code yourself."),
    )
    rows = [[press(_("Link"), buttons.LinkSite(owner, code)), press(_("Don't link"), buttons.KeepMe(owner))]]
    return View.of(text, rows)


def linked(owner: int) -> View:
    text = say("Linked. Everything you told the site is here now, and your picks already know it.")
    return View.of(text, [[press(_("Undo"), buttons.UnlinkSite(owner))]])


def unlinked() -> View:
    return View.of(
        say(
            "Unlinked. The site is back to what it had before. Everything that came from there is gone here, except "
            "what you have changed since; what you told me since stays here."
        )
    )


def no_such_code() -> View:
    return View.of(say("I don't know that code, or it is too old. Ask the site for a new one."))


def linked_already() -> View:
    return View.of(say("This chat is linked to a site already. /link shows it, and can unlink it."))


def enough_tries() -> View:
    return View.of(say("You have tried many codes today. Please go on tomorrow."))
