"""Texts and buttons of /settings and of the weekly picks. Pure."""

from collections.abc import Sequence

from bot.speech import buttons
from bot.speech.buttons import NOWHERE
from bot.speech.language import LANGUAGES, _
from bot.speech.views import View, in_rows, listed, number_buttons, press
from bot.speech.words import count, lines, numbered, paragraphs, say
from engine.domain import WHOLE_STARS
from engine.serving.advice import Line


def settings(owner: int, chosen: str | None, scale: Sequence[float], *, weekly: bool) -> View:
    """Show the settings that can be chosen.

    Args:
        chosen: the chosen language, None for that of their Telegram app.
        scale: the stars to choose from, empty for play counts.
        weekly: whether they want the digest.
    """
    spoken = (
        say("I speak English with you.")  # each translation names its own language
        if chosen in LANGUAGES
        else say("I speak the language of your Telegram, if I can.")
    )
    digest = (
        say("Every Friday I send you three films that I have not shown you yet.")
        if weekly
        else say("I never message you on my own. If you like, I send you three new films every Friday.")
    )
    whole = len(scale) == len(WHOLE_STARS)
    steps = say("You give whole stars, 1 to 5.") if whole else say("You give stars in halves, ½ to 5.")
    step = (
        press(_("Half stars"), buttons.SetScale(owner, 0))
        if whole
        else press(_("Whole stars"), buttons.SetScale(owner, 1))
    )
    speak = [press(name, buttons.SetLanguage(owner, code)) for code, name in LANGUAGES.items()]
    rows = [
        *in_rows([*speak, press(_("Same as Telegram"), buttons.SetLanguage(owner, "-"))], 2),
        [step] if scale else None,
        [
            press(_("No films on Fridays"), buttons.SetDigest(owner, 0))
            if weekly
            else press(_("Films on Fridays"), buttons.SetDigest(owner, 1))
        ],
    ]
    return View.of(paragraphs(say("<b>Settings</b>"), spoken, steps if scale else None, digest), rows)


def digest(owner: int, films: Sequence[Line]) -> View:
    """Show somebody's picks of the week."""
    heading = count("{n} film for your weekend:", "{n} films for your weekend:", len(films))
    picked = numbered(listed(films), 1)
    rows = [
        *number_buttons(owner, [line.film for line in films], 1, NOWHERE),
        [press(_("My picks"), buttons.NewPicks(owner)), press(_("No films on Fridays"), buttons.SetDigest(owner, 0))],
    ]
    return View.of(lines(heading, picked), rows)
