"""Texts and buttons of /surprise. Pure."""

from bot.features.picks_views import no_picks
from bot.speech import buttons
from bot.speech.buttons import NOWHERE
from bot.speech.language import _
from bot.speech.views import REASON_LENGTH, View, begin, by_everyone, for_you, number_buttons, press
from bot.speech.words import Html, facts, lines, name, numbered, say, title
from engine.serving.advice import Line, Surprise
from engine.serving.wish import Wish


def surprise(owner: int, films: Surprise) -> View:
    """Show a safe, a near and a wild film, and say why each."""
    if not films.lines:
        return View.of(no_picks(Wish(), 1), [begin(owner)])
    safe, near, wild = films.safe, films.near, films.wild
    entries = [
        facts(say("<b>Safe</b>: {name}", name=name(safe.film)), _stars_or_mean(safe), say("your best pick"))
        if safe
        else None,
        facts(
            say("<b>Near</b>: {name}", name=name(near.film)),
            _stars_or_mean(near),
            say("close to {title}, which you love", title=title(near.because[0], REASON_LENGTH)),
        )
        if near
        else None,
        facts(
            say("<b>Wild</b>: {name}", name=name(wild.film)),
            _stars_or_mean(wild),
            say("not your usual kind, but well liked"),
        )
        if wild
        else None,
    ]
    shown = [entry for entry in entries if entry]
    rate_more = say("Rate a few films, and I can surprise you better.") if len(shown) == 1 else None
    rows = [
        *number_buttons(owner, [line.film for line in films.lines], 1, NOWHERE),
        [press(_("Surprise me again"), buttons.MoreSurprises(owner)), press(_("My picks"), buttons.NewPicks(owner))],
    ]
    return View.of(lines(numbered(shown, 1), rate_more), rows)


def _stars_or_mean(line: Line) -> Html | None:
    return for_you(line.predicted_stars, whole=True) or by_everyone(line.film)
