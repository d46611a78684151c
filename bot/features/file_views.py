"""Texts about imported and exported files. Pure."""

from collections.abc import Sequence

from bot.features.memory import Batch
from bot.features.ratings_file import Matched, NotRatings, RatingsFile
from bot.speech import buttons
from bot.speech.language import _, number
from bot.speech.views import View, press
from bot.speech.words import Html, clip, count, lines, paragraphs, plain, say
from engine.store import Taste

SHOWN = 10
"""Number of unknown films that are named; the others are counted."""


def how_to_import() -> View:
    return View.of(
        paragraphs(
            say("Send me a file of your ratings, and I show you what I found before anything is rated."),
            say("From Letterboxd: Settings, Data, Export your data; then ratings.csv from the zip."),
            say("From IMDb: Your ratings, the three dots, Export; then the file from your exports."),
        )
    )


def nothing_to_import() -> View:
    """Answer /import for play counts."""
    return View.of(say("There is nothing that I could import here. Send me the titles of films that you have seen."))


def not_ratings(error: NotRatings) -> View:
    why = say(error.why, **error.facts)
    return View.of(say("I can't read ratings from that file: {why}. /import says which files I know.", why=why))


def preview(owner: int, file: RatingsFile, matched: Matched, taste: Taste) -> View:
    """Say what a file would change, and ask once."""
    had = {rating.movie_id: rating.stars for rating in taste.ratings}
    new = sum(film.id not in had for film in matched.stars)
    changed = sum(had.get(film.id, stars) != stars for film, stars in matched.stars.items())
    same = len(matched.stars) - new - changed
    heading = count(
        "{source}: {n} rating, {found} of them of films that I know.",
        "{source}: {n} ratings, {found} of them of films that I know.",
        len(file.rows),
        source=file.source,
        found=number(len(matched.stars)),
    )
    what = lines(
        count("{n} is new.", "{n} are new.", new) if new else None,
        count("{n} changes what you gave before.", "{n} change what you gave before.", changed) if changed else None,
        count("{n} is as you gave it.", "{n} are as you gave them.", same) if same else None,
        count("{n} line could not be used: {which}.", "{n} lines could not be used: {which}.",
              len(file.unusable), which=_numbers(file.unusable)) if file.unusable else None,
    )  # fmt: skip
    if not new + changed:
        return View.of(paragraphs(heading, what, _unknown(matched), say("There is nothing to import.")))
    rows = [
        [
            press(_("Import {n}").format(n=number(new + changed)), buttons.ImportFile(owner)),
            press(_("Leave it"), buttons.LeaveFile(owner)),
        ]
    ]
    return View.of(paragraphs(heading, what, _unknown(matched)), rows)


def _unknown(matched: Matched) -> Html | None:
    if not matched.unknown:
        return None
    named = [
        plain(f"{clip(row.title or f'tt{row.imdb}', 60)} ({row.year})")
        if row.year
        else plain(clip(row.title or f"tt{row.imdb}", 60))
        for row in matched.unknown[:SHOWN]
    ]
    left = len(matched.unknown) - len(named)
    return lines(
        count("{n} film that I don't know:", "{n} films that I don't know:", len(matched.unknown)),
        *named,
        count("and {n} more", "and {n} more", left) if left else None,
    )


def _numbers(line_numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in line_numbers[:SHOWN])
    return shown if len(line_numbers) <= SHOWN else f"{shown}, …"


def imported(owner: int, batch: Batch | None, waiting: int, *, trained: bool) -> View:
    """Confirm an import. ``batch`` is None if all films had those stars already."""
    done = count("{n} rating is in.", "{n} ratings are in.", batch.size if batch is not None else 0)
    if trained:
        known = count(
            "Your picks already know. {n} rating waits for the next training.",
            "Your picks already know. {n} ratings wait for the next training.",
            waiting,
        )
    else:
        known = count("{n} rating waits for the first training.", "{n} ratings wait for the first training.", waiting)
    undo = [press(_("Undo"), buttons.UndoImport(owner, batch.first, batch.last))] if batch is not None else []
    return View.of(lines(done, known), [[*undo, press(_("My picks"), buttons.NewPicks(owner))]])


def import_undone(owner: int, batch: Batch) -> View:
    done = count("{n} rating of that file is taken back.", "{n} ratings of that file are taken back.", batch.size)
    redo = press(_("Redo"), buttons.RedoImport(owner, batch.first, batch.last))
    return View.of(done, [[redo, press(_("My picks"), buttons.NewPicks(owner))]])


def no_file() -> View:
    return View.of(say("No file is waiting to be imported. Send it again if it should be."))


def not_fetched() -> View:
    return View.of(say("Telegram did not hand me your file, so nothing of it is in. Please try again in a minute."))


def cut_short() -> View:
    return View.of(
        say(
            "I lost my database on the way, so only a part of your file may be in. "
            "Press the button again in a minute, and the rest follows."
        )
    )


def left() -> View:
    return View.of(say("Nothing was imported."))


def ratings_caption(ratings: int) -> str:
    return count(
        "Your {n} rating, as Letterboxd can import it.", "Your {n} ratings, as Letterboxd can import them.", ratings
    )


def everything_caption() -> str:
    return say("Everything you did here: each rating, change and removal, and what you put aside.")


def nothing_to_export(owner: int) -> View:
    nothing = say("There is nothing to export yet: you have rated and put aside nothing.")
    return View.of(nothing, [[press(_("Rate films"), buttons.Ask(owner))]])
