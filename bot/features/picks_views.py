"""Texts and buttons of the lists of picks. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.features.memory import Listing
from bot.speech import buttons, language
from bot.speech.buttons import Button, Place
from bot.speech.language import _
from bot.speech.views import MOST_GENRES, REASON_LENGTH, View, in_rows, listed, number_buttons, press, wished
from bot.speech.words import Html, both, count, facts, lines, numbered, paragraphs, plain, say, title
from engine.serving.advice import FIRST_PICKS, PAGE, Line, page_size
from engine.serving.wish import Wish

DECADES = (2020, 2010, 2000, 1990, 1980, 1970, 1960, 1950)


@dataclass(frozen=True, slots=True)
class PicksPage:
    """One page of picks.

    ``ratings`` is the number of the person's ratings; ``trained`` says whether there is a model; ``resting`` counts
    films left out because they were shown on earlier days; ``nothing_new`` says that such films are included because no
    others are left; ``has_genres`` says whether the data has genres; ``in_group`` whether others read along; ``newest``
    is the latest year of any film.
    """

    listing: Listing
    page: int
    lines: Sequence[Line]
    ratings: int
    trained: bool
    resting: int = 0
    nothing_new: bool = False
    has_genres: bool = True
    in_group: bool = False
    newest: int | None = None


def picks_page(owner: int, shown: PicksPage, *, notice: Html | None = None, undo: Button | None = None) -> View:
    listing, page = shown.listing, shown.page
    place = Place("picks", listing.id, page)
    size = page_size(listing.wish)
    first = (page - 1) * size + 1
    genres = press(_("Genres"), buttons.ChooseGenre(owner, listing.id, page)) if shown.has_genres else None
    back = (
        press(_("Previous ten") if size == PAGE else _("Back"), buttons.Picks(owner, listing.id, page - 1))
        if page > 1
        else None
    )
    undoing = [press(_("Undo"), undo)] if undo else None
    again = [press(_("Show them again"), buttons.EarlierPicks(owner, listing.id))] if shown.resting else None
    if not shown.lines:
        last = [button for button in (genres, press(_("My picks"), buttons.NewPicks(owner))) if button]
        rows = [undoing, [back] if back else None, again, last]
        return View.of(paragraphs(notice, lines(no_picks(listing.wish, page, shown.newest), _resting(shown))), rows)
    films = numbered(listed(shown.lines), first)
    further = (
        press(_("Next ten") if size == PAGE else _("More"), buttons.Picks(owner, listing.id, page + 1))
        if len(shown.lines) == size and not listing.is_full
        else None
    )
    why = press(_("Why these?"), buttons.WhyThese(owner, listing.id, page)) if shown.ratings and shown.trained else None
    asks_again = page == 1 or further is None
    rows = [
        *number_buttons(owner, [line.film for line in shown.lines], first, place),
        undoing,
        [button for button in (back, further) if button],
        again if asks_again else None,
        [button for button in (genres, why) if button],
    ]
    nothing_new = say("Nothing new is left, so here is what I have shown you before.")
    text = paragraphs(
        notice,
        nothing_new if shown.nothing_new else None,
        lines(_picks_heading(shown), _whose_they_are(shown) if page == 1 else None, films),
        _resting(shown) if asks_again else None,
    )
    return View.of(text, rows)


def _resting(shown: PicksPage) -> Html | None:
    if not shown.resting:
        return None
    return count(
        "Left out: {n} film that I showed you lately.", "Left out: {n} films that I showed you lately.", shown.resting
    )


def _picks_heading(shown: PicksPage) -> Html:
    n = len(shown.lines)
    if not shown.trained:
        heading = say("Well-known films")
    elif not shown.ratings and not shown.in_group:
        heading = say("Liked by most people")
    elif shown.page > 1:
        heading = say("Ten more for you") if n == PAGE else count("{n} more for you", "{n} more for you", n)
    else:
        heading = say("Ten for you") if n == PAGE else count("{n} film for you", "{n} films for you", n)
    sureness = _sureness(shown.ratings) if shown.trained and not shown.in_group else None
    return facts(heading, wished(shown.listing.wish), sureness)


def _whose_they_are(shown: PicksPage) -> Html | None:
    """Say why these picks are not the person's own, if they are not."""
    if not shown.trained:
        return say("They are the same for everybody: I'm still learning.")
    if shown.ratings or shown.in_group:
        return None
    return say("Rate a few films to get a list of your own.")


def _sureness(ratings: int) -> Html | None:
    if not ratings:
        return None
    if ratings < 2 * FIRST_PICKS:
        return count("a first guess, from {n} rating", "a first guess, from {n} ratings", ratings)
    return count("from {n} rating", "from {n} ratings", ratings)


def no_picks(wish: Wish, page: int, newest: int | None = None) -> Html:
    if newest is not None and wish.since is not None and wish.since > newest:
        return say("My newest films are from {year}.", year=newest)
    if page > 1:
        return say("That's all: I have no more films that fit.")
    if wish.is_open:
        return say("You have rated or put aside every film that I know. Nothing is left to pick from.")
    return say("I have nothing new for you that fits this: {wish}. Try other genres or years.", wish=wished(wish))


def why_these(owner: int, shown: PicksPage) -> View:
    """Say for each pick which of their own ratings speak for it."""
    listing, page = shown.listing, shown.page
    back = [press(_("Back to picks"), buttons.Picks(owner, listing.id, page))]
    if (nobodys := _whose_they_are(shown)) is not None:
        return View.of(lines(_picks_heading(shown), nobodys), [back])
    heading = count(
        "Based on {n} rating of yours. These counted most for each:",
        "Based on {n} ratings of yours. These counted most for each:",
        shown.ratings,
    )
    reasons = [
        Html(f"{plain(title(line.film))}: {both([title(film, REASON_LENGTH) for film in line.because])}")
        if line.because
        else say("{title}: liked by people who rate the way you do", title=title(line.film))
        for line in shown.lines
    ]
    how = say(
        "I compare what you liked and disliked with everyone's ratings. "
        "Films that you have rated, seen or put aside never come up."
    )
    return View.of(paragraphs(heading, numbered(reasons, (page - 1) * page_size(listing.wish) + 1), how), [back])


def genres(owner: int, listing: int, page: int, names: Sequence[str], key: dict[str, int], wish: Wish) -> View:
    """Offer genres and decades to pick from. ``key`` is what a button carries for each genre."""
    offered = sorted(names[:MOST_GENRES], key=language.genre)
    text = say("Which genre, or which years? You can write it too: /top comedy -horror after 2000")
    now = None if wish.is_open else say("Now: {wish}", wish=wished(wish))
    rows = [
        *in_rows([press(language.genre(genre), buttons.PickGenre(owner, listing, key[genre])) for genre in offered], 3),
        *in_rows(
            [press(_("{year}s").format(year=year), buttons.PickDecade(owner, listing, year)) for year in DECADES], 4
        ),
        [
            press(_("All genres"), buttons.PickGenre(owner, listing, 0)),
            press(_("All years"), buttons.PickDecade(owner, listing, 0)),
            press(_("Back to picks"), buttons.Picks(owner, listing, page)),
        ],
    ]
    return View.of(lines(text, now), rows)


def new_list() -> Html:
    return say("That list has expired; here is a new one.")
