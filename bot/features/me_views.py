"""Texts, buttons and the picture's contents of somebody's taste. Pure.

The texts speak in the first person, because they are shared; they name nobody.
"""

from collections.abc import Sequence

from telegram import InlineKeyboardButton

from bot.speech import buttons, language
from bot.speech.language import _, number
from bot.speech.views import Row, View, begin, press
from bot.speech.words import Html, both, count, facts, lines, month, name, paragraphs, plain, say, stars
from engine.serving.portrait import Agreement, Disagreement, Group, Portrait, Year
from engine.store import Bar, Panel, Sheet

QUERY = "/me"
"""The text after the bot's name that shares one's taste; no title begins with a slash."""

TITLE_LENGTH = 60


def too_few(owner: int) -> View:
    return View.of(say("Rate at least five films, and I can say something about your taste."), [begin(owner)])


def taste(owner: int, found: Portrait, *, shareable: bool) -> View:
    """Describe a taste in full."""
    parts = paragraphs(
        lines(_heading(found), _compared(found)),
        _groups(say("<b>Genres</b>"), [(plain(language.genre(group.name)), group) for group in found.genres]),
        _leanings(found),
        _groups(say("<b>Decades</b>"), [(say("{year}s", year=group.name), group) for group in found.decades]),
        _disagreements(found),
        None if found.year is None else _year(found.year),
    )
    return View.of(parts, [_share() if shareable else None, [press(_("My picks"), buttons.NewPicks(owner))]])


def in_short(found: Portrait, *, shareable: bool) -> View:
    """Describe a taste as the caption of its picture. People who cannot see the picture miss only the figures of each
    row."""
    most = [plain(language.genre(group.name)) for group in found.genres[:3]]
    return View.of(
        lines(
            _heading(found),
            _compared(found),
            say("Most of them: {genres}.", genres=both(most)) if most else None,
            _leanings(found),
            None if found.year is None else _year(found.year),
        ),
        [_share() if shareable else None],
    )


def title(found: Portrait) -> str:
    return count("My taste: {n} film", "My taste: {n} films", found.films)


def no_picture() -> View:
    return View.of(
        say("There is no picture this time: the engine, which draws it, is not running. The words are all there.")
    )


def _share() -> Row:
    return [InlineKeyboardButton(_("Share"), switch_inline_query=QUERY)]


def _heading(found: Portrait) -> Html:
    return Html(f"<b>{plain(title(found))}</b>")


def _compared(found: Portrait) -> Html | None:
    if found.stars is None:
        return None
    if found.agreement is None:
        return say("I give {mean} stars on average.", mean=number(found.stars, 1))
    return _difference(found.stars, found.agreement)


def _difference(usual: float, compared: Agreement) -> Html:
    facts_of = {
        "mean": number(usual, 1),
        "others": number(compared.everyone, 1),
        "share": f"{number(100 * compared.near)} %",
    }
    return say(
        "I give {mean} stars on average; everyone gives the same films {others}. On {share} of them we agree.",
        **facts_of,
    )


def _groups(heading: Html, named: Sequence[tuple[Html, Group[str] | Group[int]]]) -> Html | None:
    """Describe genres or decades: the number of films, and how they are liked."""
    rows = [
        facts(called, count("{n} film", "{n} films", group.films), _liked(group.stars, group.everyone))
        for called, group in named
    ]
    return lines(heading, *rows) if rows else None


def _liked(mine: float | None, everyone: float | None) -> Html | None:
    if mine is None:
        return None
    if everyone is None:
        return say("{mean} stars", mean=number(mine, 1))
    return say("{mean} stars, everyone {others}", mean=number(mine, 1), others=number(everyone, 1))


def _leanings(found: Portrait) -> Html | None:
    likes, dislikes = (both([language.genre(genre) for genre in genres]) for genres in (found.likes, found.dislikes))
    return (
        lines(
            say("More stars than usual: {genres}.", genres=likes) if likes else None,
            say("Fewer stars than usual: {genres}.", genres=dislikes) if dislikes else None,
        )
        or None
    )


def _disagreements(found: Portrait) -> Html | None:
    def rows(apart: Sequence[Disagreement]) -> list[Html]:
        return [
            say(
                "{film}: {mine}, everyone {others}",
                film=name(each.film, TITLE_LENGTH),
                mine=stars(each.stars),
                others=number(each.everyone, 1),
            )
            for each in apart
        ]

    if not found.higher and not found.lower:
        return None
    heading = say("<b>Where I disagree with everyone, in stars</b>")
    return lines(heading, *rows(found.higher), *rows(found.lower))


def _year(year: Year) -> Html:
    best = [name(film, TITLE_LENGTH) for film in year.best]
    return lines(
        count(
            "In the last twelve months: {n} film, most of them in {month} ({most}).",
            "In the last twelve months: {n} films, most of them in {month} ({most}).",
            year.films,
            month=month(year.busiest),
            most=number(year.in_busiest),
        ),
        say("The best of them: {films}.", films=both(best)) if best else None,
    )


# --- The picture ------------------------------------------------------------------------------------------------------


def sheet(found: Portrait) -> Sheet:
    """Return the contents of the picture, in the reader's language."""
    liked = [group for group in found.genres if group.stars is not None]
    panels = [
        Panel(
            _("Genres, in stars"),
            tuple(Bar(language.genre(group.name), group.stars, group.everyone) for group in liked if group.stars),
            stars=True,
        )
        if liked
        else Panel(_("Genres"), tuple(Bar(language.genre(group.name), group.films) for group in found.genres)),
        Panel(
            _("Decades"),
            tuple(Bar(_("{year}s").format(year=group.name), group.films) for group in found.decades),
        ),
        Panel(
            _("My stars"), tuple(Bar(stars(value), times) for value, times in sorted(found.given.items(), reverse=True))
        ),
    ]
    return Sheet(title(found), _("me"), _("everyone"), tuple(panel for panel in panels if panel.bars))
