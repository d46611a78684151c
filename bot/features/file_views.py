"""Texts about imported and exported files. Pure."""

from collections.abc import Sequence
from itertools import groupby

from bot.features.memory import Batch
from bot.features.ratings_file import Cause, Changes, Matched, NotRatings, RatingsFile, Says, Unused
from bot.speech import buttons
from bot.speech.language import _, number
from bot.speech.views import View, press
from bot.speech.words import Html, clip, count, lines, paragraphs, plain, say

SHOWN = 10
"""Films not found, and lines not used, that are named; the rest are counted."""


def how_to_import() -> View:
    return View.of(
        paragraphs(
            say("Send me a file of your ratings, and I show you what I found before anything is rated."),
            say("From Letterboxd: Settings, Data, Export your data; then the zip as it comes, or a file of it."),
            say("From IMDb: Your ratings, the three dots, Export; then the file from your exports."),
            say("From Trakt: Settings, Data, Export; then the zip as it comes, or a file of it."),
            say(
                "Everything you rated gets its stars, with their dates; everything you only watched is marked as seen; "
                "and your watchlist comes too. One tap takes all of it back."
            ),
        )
    )


def nothing_to_import() -> View:
    """Answer /import for play counts."""
    return View.of(say("There is nothing that I could import here. Send me the titles of films that you have seen."))


def not_ratings(error: NotRatings) -> View:
    why = say(error.why, **error.facts)
    return View.of(say("I can't read ratings from that file: {why}. /import says which files I know.", why=why))


def preview(owner: int, file: RatingsFile, matched: Matched, plan: Changes) -> View:
    """Say what a file would change, and ask once."""
    new, changed, same, seen, wanted = map(len, (plan.new, plan.changed, plan.same, plan.seen, plan.watchlist))
    noted = matched.films - len(matched.stars) - seen - wanted
    what = lines(
        count("{n} is new.", "{n} are new.", new) if new else None,
        count("{n} changes what you gave before.", "{n} change what you gave before.", changed) if changed else None,
        count("{n} is as you gave it.", "{n} are as you gave them.", same) if same else None,
        count("{n} film will be marked as seen.", "{n} films will be marked as seen.", seen) if seen else None,
        count("{n} film will go on your watchlist.", "{n} films will go on your watchlist.", wanted)
        if wanted
        else None,
        count("{n} more film is noted already.", "{n} more films are noted already.", noted) if noted else None,
    )
    told = paragraphs(_heading(file, matched), what, _not_used([*file.unused, *matched.unused]), _unknown(matched))
    if not plan.size:
        return View.of(paragraphs(told, say("There is nothing to import.")))
    rows = [
        [
            press(_("Import {n}").format(n=number(plan.size)), buttons.ImportFile(owner)),
            press(_("Leave it"), buttons.LeaveFile(owner)),
        ]
    ]
    return View.of(told, rows)


def _heading(file: RatingsFile, matched: Matched) -> Html:
    ratings = sum(row.says is Says.RATED for row in file.rows)
    if ratings or not file.rows:
        return count(
            "{source}: {n} rating, {found} of them of films that I know.",
            "{source}: {n} ratings, {found} of them of films that I know.",
            ratings,
            source=file.source,
            found=number(len(matched.stars)),
        )
    return count(
        "{source}: {n} film, {found} of them known to me.",
        "{source}: {n} films, {found} of them known to me.",
        matched.films + len(matched.unknown),
        source=file.source,
        found=number(matched.films),
    )


def _not_used(unused: Sequence[Unused]) -> Html | None:
    """Say of the lines that are not used why, those with the same cause together."""
    told = []
    for cause in Cause:
        which = [one for one in unused if one.cause is cause]
        if which:
            told.append(_of_cause(cause, len(which), _places(which)))
    return lines(*told) if told else None


def _of_cause(cause: Cause, n: int, which: str) -> Html:
    match cause:
        case Cause.NO_FILM:
            return count("{n} line names no film: {which}.", "{n} lines name no film: {which}.", n, which=which)
        case Cause.NO_STARS:
            return count("{n} line has no stars: {which}.", "{n} lines have no stars: {which}.", n, which=which)
        case Cause.OTHER_STARS:
            return count(
                "{n} line has stars that I don't know: {which}.",
                "{n} lines have stars that I don't know: {which}.",
                n,
                which=which,
            )
        case Cause.SERIES:
            return count(
                "{n} line is about a series, and I know films only: {which}.",
                "{n} lines are about series, and I know films only: {which}.",
                n,
                which=which,
            )
        case Cause.COMES_AGAIN:
            return count(
                "{n} line is about a film that comes again, and the later one counts: {which}.",
                "{n} lines are about films that come again, and the later ones count: {which}.",
                n,
                which=which,
            )


def _places(unused: Sequence[Unused]) -> str:
    """Return the numbers of lines, with their file where there are several: "ratings.csv 3, 8; watched.csv 4"."""
    shown = sorted((one.part or "", one.line) for one in unused)[:SHOWN]
    places = "; ".join(
        f"{clip(part, 40)} {numbers}" if part else numbers
        for part, same in groupby(shown, key=lambda place: place[0])
        for numbers in [", ".join(str(line) for _part, line in same)]
    )
    return places if len(unused) <= SHOWN else f"{places}, …"


def _unknown(matched: Matched) -> Html | None:
    if not matched.unknown:
        return None
    named = [
        plain(f"{bare} ({row.year})") if row.year else plain(bare)
        for row in matched.unknown[:SHOWN]
        for bare in [clip(row.title or (f"tt{row.imdb}" if row.imdb is not None else f"TMDb {row.tmdb}"), 60)]
    ]
    left = len(matched.unknown) - len(named)
    return lines(
        count("{n} film that I don't know:", "{n} films that I don't know:", len(matched.unknown)),
        *named,
        count("and {n} more", "and {n} more", left) if left else None,
    )


def imported(owner: int, batch: Batch | None, *, trained: bool) -> View:
    """Confirm an import. ``batch`` is None where all films had those stars already."""
    size, aside = (batch.size, batch.aside) if batch is not None else (0, 0)
    done = count("{n} rating is in.", "{n} ratings are in.", size) if size or not aside else None
    put = (
        count(
            "{n} film is marked as seen or on your watchlist.",
            "{n} films are marked as seen or on your watchlist.",
            aside,
        )
        if aside
        else None
    )
    known = say("Your picks already know.") if trained else say("I'm still learning; picks of your own come soon.")
    undo = [press(_("Undo"), undoing(owner, batch))] if batch is not None else []
    return View.of(
        lines(done, put, known if size or not aside else None), [[*undo, press(_("My picks"), buttons.NewPicks(owner))]]
    )


def undoing(owner: int, batch: Batch) -> buttons.UndoImport | buttons.RedoImport:
    """Return the button that takes back what belongs together."""
    kind = buttons.RedoImport if batch.undone else buttons.UndoImport
    return kind(owner, batch.first, batch.last, batch.number)


def import_undone(owner: int, batch: Batch) -> View:
    size, aside = batch.size, batch.aside
    ratings = count("{n} rating of that file is taken back.", "{n} ratings of that file are taken back.", size)
    put = count(
        "{n} film of that file is no longer marked as seen or on your watchlist.",
        "{n} films of that file are no longer marked as seen or on your watchlist.",
        aside,
    )
    redo = press(_("Redo"), undoing(owner, batch))
    return View.of(
        lines(ratings if size or not aside else None, put if aside else None),
        [[redo, press(_("My picks"), buttons.NewPicks(owner))]],
    )


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
