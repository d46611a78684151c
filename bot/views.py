"""What people read and press: every text and keyboard but those for admins. Pure.

Sentences are whole, so that they can be translated; facts that stand next to each other are joined by ``words.facts``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote_plus

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot import buttons, language
from bot.advice import FIRST_PICKS, PAGE, Card, Line, Surprise
from bot.buttons import NOWHERE, Button, Place
from bot.language import _, marked, number
from bot.library import EmptyCatalogue, imdb_number
from bot.memory import Listing
from bot.wish import Wish
from bot.words import (
    BUTTON_LENGTH,
    TITLE_LENGTH,
    Html,
    both,
    clip,
    count,
    day,
    facts,
    genre_list,
    lines,
    name,
    numbered,
    paragraphs,
    plain,
    quote,
    say,
    stars,
    title,
)
from engine.domain import STARS, MatineeError, Movie
from engine.store import Dismissal, NoSuchMovie, UndoTooLate

Row = list[InlineKeyboardButton]

REASON_LENGTH = 45
"""Characters of a title among the reasons for another."""


@dataclass(frozen=True, slots=True)
class View:
    """A message: its text and the buttons below it."""

    text: Html
    keyboard: InlineKeyboardMarkup | None = None

    @classmethod
    def of(cls, text: Html, rows: Iterable[Row | None] = ()) -> "View":
        """Put a message together; rows that are None or empty are left out."""
        kept = [row for row in rows if row]
        return cls(text, InlineKeyboardMarkup(kept) if kept else None)


def press(label: str, button: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(clip(label, BUTTON_LENGTH) or "…", callback_data=buttons.pack(button))


def in_rows(pressed: Sequence[InlineKeyboardButton], each: int) -> list[Row]:
    return [list(pressed[at : at + each]) for at in range(0, len(pressed), each)]


COMMANDS = (
    ("start", marked("Rate five films and get your first picks")),
    ("top", marked("Ten picks; add a genre or years, as in /top sci-fi 80s")),
    ("surprise", marked("One safe film, one near your taste, one wild")),
    ("night", marked("In a group: films that suit everybody there")),
    ("rate", marked("Rate a film, or be asked about one")),
    ("similar", marked("Films like one that you name")),
    ("my", marked("Your ratings: look, change, remove")),
    ("watchlist", marked("Films that you keep for later")),
    ("import", marked("Bring your ratings from Letterboxd or IMDb")),
    ("export", marked("Your data as files")),
    ("undo", marked("Take the last rating back")),
    ("settings", marked("Your language; three films every Friday")),
    ("help", marked("What I can do")),
    ("privacy", marked("What I keep about you, and why")),
    ("stop", marked("Leave; your ratings stay until you come back")),
    ("forget", marked("Delete everything that I know about you")),
)
"""What Telegram offers behind the slash, and /help explains."""

# --- Short answers that appear over a button --------------------------------------------------------------------------

OLD_BUTTON = marked("This button is not one that I know any more. /help says what I can do.")
NOT_YOURS = marked("This list belongs to somebody else. Send /top for your own.")


# --- Hello ------------------------------------------------------------------------------------------------------------


def greeting(*, simulated: bool) -> Html:
    hello = say(
        "Hello! I find films for you. Rate five that you know, and I'll have ten picks. "
        "Every rating after that makes them better."
    )
    made_up = say("The audience behind my picks is simulated here; the films are real.")
    return lines(hello, made_up if simulated else None)


def welcome_back(owner: int, ratings: int, *, simulated: bool) -> View:
    known = count(
        "Hello again! You have rated {n} film. Send me a title, or:",
        "Hello again! You have rated {n} films. Send me a title, or:",
        ratings,
    )
    made_up = say("The audience behind my picks is simulated here; the films are real.")
    rows = [[press(_("My picks"), buttons.NewPicks(owner)), press(_("Rate more"), buttons.Ask(owner))]]
    return View.of(lines(known, made_up if simulated else None), rows)


def film_gone() -> Html:
    return say("The film of that link is not in my catalogue (any more).")


# --- Questions --------------------------------------------------------------------------------------------------------


def question(owner: int, movie: Movie, ratings: int, *, notice: Html | None = None, undo: Button | None = None) -> View:
    """Ask for one film's stars: one of the first five, or one more."""
    counter = say("{n} of {all}", n=ratings + 1, all=FIRST_PICKS) if ratings < FIRST_PICKS else say("How was this one?")
    rate = [press(stars(value), buttons.Answer(owner, movie.id, int(value * 2))) for value in STARS]
    last = [
        press(_("Undo"), undo) if undo else None,
        press(_("My picks"), buttons.NewPicks(owner)) if ratings >= FIRST_PICKS else None,
    ]
    rows = [
        *in_rows(rate, 5),
        [press(_("Haven't seen it"), buttons.Skip(owner, movie.id))],
        [button for button in last if button],
    ]
    return View.of(paragraphs(notice, lines(counter, _film(movie))), rows)


def nothing_to_ask(owner: int, *, notice: Html | None = None, undo: Button | None = None) -> View:
    done = say("I have asked you about every film that I could. Send me any title to rate it.")
    last = [press(_("Undo"), undo) if undo else None, press(_("My picks"), buttons.NewPicks(owner))]
    return View.of(paragraphs(notice, done), [[button for button in last if button]])


def skipped(movie: Movie) -> Html:
    return say("{title}: not seen, and nothing held against it.", title=title(movie))


def _film(movie: Movie) -> Html:
    return facts(Html(f"<b>{plain(name(movie, TITLE_LENGTH))}</b>"), genre_list(movie.genres))


# --- Picks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PicksPage:
    """One page of picks. ``ratings`` is how many they rest on; ``trained`` whether there is a model at all."""

    listing: Listing
    page: int
    lines: Sequence[Line]
    ratings: int
    trained: bool


def picks(owner: int, shown: PicksPage, *, notice: Html | None = None, undo: Button | None = None) -> View:
    listing, page = shown.listing, shown.page
    place = Place("picks", listing.id, page)
    first = (page - 1) * PAGE + 1
    genres = press(_("Genres"), buttons.ChooseGenre(owner, listing.id, page))
    back = press(_("Previous ten"), buttons.Picks(owner, listing.id, page - 1)) if page > 1 else None
    undoing = [press(_("Undo"), undo)] if undo else None
    if not shown.lines:
        rows = [undoing, [back] if back else None, [genres, press(_("My picks"), buttons.NewPicks(owner))]]
        return View.of(paragraphs(notice, _no_picks(listing.wish, page)), rows)
    films = numbered((pick(line, whole=not at) for at, line in enumerate(shown.lines)), first)
    further = (
        press(_("Next ten"), buttons.Picks(owner, listing.id, page + 1))
        if len(shown.lines) == PAGE and not listing.is_full
        else None
    )
    why = press(_("Why these?"), buttons.WhyThese(owner, listing.id, page)) if shown.ratings and shown.trained else None
    rows = [
        *number_buttons(owner, [line.movie for line in shown.lines], first, place),
        undoing,
        [button for button in (back, further) if button],
        [button for button in (genres, why) if button],
    ]
    return View.of(paragraphs(notice, lines(_picks_heading(shown), films)), rows)


def _picks_heading(shown: PicksPage) -> Html:
    n = len(shown.lines)
    if not shown.trained:
        heading = say("Well-known films. No model has been trained yet, so these are the same for everybody.")
    elif not shown.ratings:
        heading = say("What most people like. Rate a few films, and this becomes yours.")
    elif shown.page > 1:
        heading = say("Ten more for you") if n == PAGE else count("{n} more for you", "{n} more for you", n)
    else:
        heading = say("Ten for you") if n == PAGE else count("{n} film for you", "{n} films for you", n)
    return facts(heading, wished(shown.listing.wish), _sureness(shown.ratings) if shown.trained else None)


def _sureness(ratings: int) -> Html | None:
    if not ratings:
        return None
    if ratings < 2 * FIRST_PICKS:
        return count("a first guess, from {n} rating", "a first guess, from {n} ratings", ratings)
    return count("from {n} rating", "from {n} ratings", ratings)


def _no_picks(wish: Wish, page: int) -> Html:
    if page > 1:
        return say("That was all: I know no more films that fit.")
    if wish.is_open:
        return say("You have rated or put aside every film that I know. Nothing is left to pick from.")
    return say("No film that you don't know yet fits this: {wish}. Try other genres or years.", wish=wished(wish))


def wished(wish: Wish) -> Html:
    """Return a wish in words: "Comedy, not Horror, 2001 or later"."""
    parts = [plain(language.genre(genre)) for genre in wish.genres]
    parts += [say("not {genre}", genre=language.genre(genre)) for genre in wish.without]
    if wish.since is not None and wish.until is not None:
        same = wish.since == wish.until
        parts.append(plain(wish.since) if same else plain(f"{wish.since}–{wish.until}"))
    elif wish.since is not None:
        parts.append(say("{year} or later", year=wish.since))
    elif wish.until is not None:
        parts.append(say("{year} or earlier", year=wish.until))
    return Html(", ".join(parts))


def pick(line: Line, *, whole: bool) -> Html:
    return facts(
        plain(name(line.movie)),
        _about(line.predicted_stars, whole=whole),
        _everyone(line.movie) if line.predicted_stars is None else None,
        say("because of {films}", films=both([title(movie, REASON_LENGTH) for movie in line.because]))
        if line.because
        else None,
    )


def _about(predicted_stars: float | None, *, whole: bool) -> Html | None:
    if predicted_stars is None:
        return None
    about = stars(predicted_stars)
    return say("about {stars} for you", stars=about) if whole else say("about {stars}", stars=about)


def _everyone(movie: Movie) -> Html:
    if not movie.rating_count or movie.mean_stars is None:
        return say("nobody has rated it yet")
    return say("everyone: {mean} ({n})", mean=number(movie.mean_stars, 1), n=number(movie.rating_count))


def number_buttons(owner: int, movies: Sequence[Movie], first: int, place: Place) -> list[Row]:
    opened = [
        press(str(number), buttons.OpenFilm(owner, movie.id, place)) for number, movie in enumerate(movies, first)
    ]
    return in_rows(opened, 5)


def why_these(owner: int, shown: PicksPage) -> View:
    """Say for each pick which of their own ratings speak for it."""
    listing, page = shown.listing, shown.page
    heading = count(
        "These come from {n} rating of yours. What spoke most for each:",
        "These come from {n} ratings of yours. What spoke most for each:",
        shown.ratings,
    )
    reasons = [
        Html(f"{plain(title(line.movie))}: {both([title(movie, REASON_LENGTH) for movie in line.because])}")
        if line.because
        else say("{title}: well liked by people who rate as you do", title=title(line.movie))
        for line in shown.lines
    ]
    how = say(
        "I compare what you liked and disliked with everyone's ratings. "
        "Films that you have rated, seen or put aside never come up."
    )
    back = [press(_("Back to picks"), buttons.Picks(owner, listing.id, page))]
    return View.of(paragraphs(heading, numbered(reasons, (page - 1) * PAGE + 1), how), [back])


def surprise(owner: int, films: Surprise) -> View:
    """Show a safe, a near and a wild film, and say why each."""
    if not films.lines:
        return View.of(_no_picks(Wish(), 1), [_begin(owner)])
    safe, near, wild = films.safe, films.near, films.wild
    entries = [
        facts(say("<b>Safe</b>: {name}", name=name(safe.movie)), _stars_or_mean(safe), say("your best pick"))
        if safe
        else None,
        facts(
            say("<b>Near</b>: {name}", name=name(near.movie)),
            _stars_or_mean(near),
            say("close to {title}, which you love", title=title(near.because[0], REASON_LENGTH)),
        )
        if near
        else None,
        facts(
            say("<b>Wild</b>: {name}", name=name(wild.movie)),
            _stars_or_mean(wild),
            say("far from your usual, and well liked"),
        )
        if wild
        else None,
    ]
    shown = [entry for entry in entries if entry]
    rate_more = say("Rate a few films, and I can surprise you better.") if len(shown) == 1 else None
    rows = [
        *number_buttons(owner, [line.movie for line in films.lines], 1, NOWHERE),
        [press(_("Surprise me again"), buttons.MoreSurprises(owner)), press(_("My picks"), buttons.NewPicks(owner))],
    ]
    return View.of(lines(numbered(shown, 1), rate_more), rows)


def _stars_or_mean(line: Line) -> Html | None:
    return _about(line.predicted_stars, whole=True) or _everyone(line.movie)


MOST_GENRES = 30
DECADES = (2020, 2010, 2000, 1990, 1980, 1970, 1960, 1950)


def genres(owner: int, listing: int, page: int, names: Sequence[str], key: dict[str, int], wish: Wish) -> View:
    """Offer genres and decades to pick from. ``key`` is what a button carries for each genre."""
    offered = sorted(names[:MOST_GENRES], key=language.genre)
    text = say("Which genre, or which years? In words it works too: /top comedy -horror after 2000")
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


def unknown_genre(words: Sequence[str], names: Sequence[str]) -> Html:
    return say(
        "I know no genre or years called {words}. The genres are: {genres}.",
        words=quote(" ".join(words)),
        genres=", ".join(sorted(map(language.genre, names[:MOST_GENRES]))),
    )


def new_list() -> Html:
    return say("That list is from some time ago; here is a new one.")


# --- Cards ------------------------------------------------------------------------------------------------------------

_TAKE_BACK = {
    Dismissal.SEEN: marked("Undo: seen it"),
    Dismissal.NOT_FOR_ME: marked("Undo: not for me"),
    Dismissal.WATCHLIST: marked("Off the watchlist"),
}
_PUT_ASIDE = {
    Dismissal.SEEN: marked("Seen it"),
    Dismissal.NOT_FOR_ME: marked("Not for me"),
    Dismissal.WATCHLIST: marked("Watchlist"),
}


def card(owner: int, shown: Card, place: Place = NOWHERE, *, notice: Html | None = None) -> View:
    movie = shown.movie
    also = [clip(alternative, TITLE_LENGTH) for alternative in movie.alternative_titles[:2]]
    mine = say("You: not rated") if shown.own_stars is None else say("You: {stars}", stars=stars(shown.own_stars))
    text = lines(
        _film(movie),
        say("Also known as {titles}", titles=both(also)) if also else None,
        facts(mine, _about(shown.predicted_stars, whole=True), _everyone(movie)),
        say("Because of {films}", films=both([title(film, REASON_LENGTH) for film in shown.because]))
        if shown.because
        else None,
        _aside(shown.aside),
    )
    rate = [press(stars(value), buttons.Rate(owner, movie.id, int(value * 2), place)) for value in STARS]
    aside = [
        press(_(_TAKE_BACK[kind]), buttons.TakeBack(owner, movie.id, kind, place))
        if kind in shown.aside
        else press(_(_PUT_ASIDE[kind]), buttons.PutAside(owner, movie.id, kind, place))
        for kind in (Dismissal.SEEN, Dismissal.NOT_FOR_ME, Dismissal.WATCHLIST)
    ]
    rows = [
        *in_rows(rate, 5),
        aside,
        [
            press(_("Similar"), buttons.Similar(owner, movie.id)),
            InlineKeyboardButton("IMDb", url=imdb_url(movie)),
        ],
        [press(_("Remove my rating"), buttons.RemoveRating(owner, movie.id, place))]
        if shown.own_stars is not None
        else None,
        back_to(owner, place),
    ]
    return View.of(paragraphs(notice, text), rows)


def heading(movie: Movie) -> str:
    """Return the title of a film where plain text is wanted."""
    return name(movie, TITLE_LENGTH)


def summary(movie: Movie) -> str:
    """Return genres and mean of a film where plain text is wanted."""
    mean = movie.mean_stars
    everyone = f"{number(mean, 1)} ({number(movie.rating_count)})" if mean is not None else ""
    return " · ".join(part for part in (", ".join(map(language.genre, movie.genres)), everyone) if part)


def shared(movie: Movie, bot: str, *, back: Row | None = None) -> View:
    """Return a film's card for any chat: nothing in it is about the person who shares it."""
    text = lines(_film(movie), _everyone(movie))
    rate = InlineKeyboardButton(_("Rate it, or find more like it"), url=link(bot, f"m_{movie.id}"))
    return View.of(text, [[rate], [InlineKeyboardButton("IMDb", url=imdb_url(movie))], back])


def in_private(bot: str, to: str) -> View:
    """Lead from a group to the private chat, where /start with ``to`` goes on."""
    text = say("That is between you and me. The button opens our private chat.")
    return View.of(text, [[InlineKeyboardButton(_("Open our private chat"), url=link(bot, to))]])


def link(bot: str, to: str) -> str:
    """Return a link that opens the private chat and sends /start with these words."""
    return f"https://t.me/{bot}?start={to}"


def _aside(kinds: frozenset[Dismissal]) -> Html | None:
    if Dismissal.NOT_FOR_ME in kinds:
        return say("Not for you: it stays out of your picks for now.")
    if Dismissal.SEEN in kinds:
        return say("Seen: it stays out of your picks.")
    if Dismissal.WATCHLIST in kinds:
        return say("On your watchlist.")
    return None


def imdb_url(movie: Movie) -> str:
    """Return the film's page on IMDb, or a search for its name where the data set does not know the page."""
    if imdb_number(movie.imdb_id) is not None:
        return f"https://www.imdb.com/title/tt{(movie.imdb_id or '').strip().removeprefix('tt')}/"
    return f"https://www.imdb.com/find/?q={quote_plus(name(movie, TITLE_LENGTH))}"


def back_to(owner: int, place: Place) -> Row | None:
    """Return the button that leads back to the list from which a film was opened."""
    match place.kind:
        case "picks":
            return [press(_("Back to picks"), buttons.Picks(owner, place.number, place.page))]
        case "mine":
            return [press(_("Back to my ratings"), buttons.MyRatings(owner, place.page))]
        case "watchlist":
            return [press(_("Back to the watchlist"), buttons.Watchlist(owner, place.page))]
        case "aside":
            return [press(_("Back to what I put aside"), buttons.Aside(owner, place.page))]
        case "similar" if place.number:
            return [press(_("Back to the list"), buttons.Similar(owner, place.number, place.page))]
    return None


def put_aside(movie: Movie, kind: Dismissal, days: int) -> Html:
    match kind:
        case Dismissal.SEEN:
            return say("{title}: seen. Stars tell me more, if you remember it.", title=title(movie))
        case Dismissal.NOT_FOR_ME:
            return count(
                "{title}: not for you. I leave it out for {n} day.",
                "{title}: not for you. I leave it out for {n} days.",
                days,
                title=title(movie),
            )
        case Dismissal.WATCHLIST:
            return say("{title} is on your watchlist.", title=title(movie))


def taken_back(movie: Movie, kind: Dismissal) -> Html:
    match kind:
        case Dismissal.SEEN:
            return say("{title} counts as not seen again.", title=title(movie))
        case Dismissal.NOT_FOR_ME:
            return say("{title} may come up among your picks again.", title=title(movie))
        case Dismissal.WATCHLIST:
            return say("{title} is off your watchlist.", title=title(movie))


# --- Rating -----------------------------------------------------------------------------------------------------------


def rated(movie: Movie, given: float, waiting: int, *, trained: bool) -> Html:
    """Confirm a rating. ``waiting`` counts this person's ratings that no training has used."""
    known = {"title": title(movie), "stars": stars(given)}
    if not trained:
        return count(
            "{title}, {stars}. {n} rating waits for the first training.",
            "{title}, {stars}. {n} ratings wait for the first training.",
            waiting,
            **known,
        )
    if not waiting:
        return say("{title}, {stars}. Your picks already know.", **known)
    return count(
        "{title}, {stars}. Your picks already know. {n} rating waits for the next training.",
        "{title}, {stars}. Your picks already know. {n} ratings wait for the next training.",
        waiting,
        **known,
    )


def noted(movie: Movie, given: float) -> Html:
    """Confirm a newcomer's rating in passing."""
    return say("{title}, {stars}.", title=title(movie), stars=stars(given))


def removed(movie: Movie) -> Html:
    return say("{title} is not rated any more. Your picks already know.", title=title(movie))


def undone(movie: Movie, now_has: float | None) -> Html:
    if now_has is None:
        return say("Taken back: {title} is not rated.", title=title(movie))
    return say("Taken back: {title} has {stars} from you again.", title=title(movie), stars=stars(now_has))


def redone(movie: Movie, now_has: float | None) -> Html:
    if now_has is None:
        return say("{title} is not rated, after all.", title=title(movie))
    return say("{title} has {stars} from you, after all.", title=title(movie), stars=stars(now_has))


def act(
    owner: int, movie: Movie, text: Html, *, event_id: int | None, place: Place = NOWHERE, redo: bool = False
) -> View:
    """Confirm what a tap did to a rating, with the button that takes it back."""
    back = []
    if event_id is not None:
        reverse = buttons.Redo(owner, event_id, place) if redo else buttons.Undo(owner, event_id, place)
        back = [press(_("Redo") if redo else _("Undo"), reverse)]
    rows = [
        [*back, press(_("Open the film"), buttons.OpenFilm(owner, movie.id, place))],
        back_to(owner, place)
        or [press(_("My picks"), buttons.NewPicks(owner)), press(_("Rate more"), buttons.Ask(owner))],
    ]
    return View.of(text, rows)


def nothing_to_undo(owner: int) -> View:
    return View.of(say("There is nothing to undo: you have not rated anything yet."), [_begin(owner)])


# --- Looking up -------------------------------------------------------------------------------------------------------


def choices(owner: int, text: str, movies: Sequence[Movie], total: int, *, similar: bool = False) -> View:
    """Offer the films that a text may mean. What is left out is said."""
    heading = (
        count(
            "Did you mean this one by {text}?", "{n} films may be meant by {text}. Which one?", total, text=quote(text)
        )
        if total <= len(movies)
        else say(
            "{n} films may be meant by {text}; these are the {shown} best known. Add a year or more of the title "
            "to narrow it down.",
            n=number(total),
            text=quote(text),
            shown=len(movies),
        )
    )
    rows = [
        [
            press(
                name(movie, BUTTON_LENGTH - 8),
                buttons.Similar(owner, movie.id) if similar else buttons.OpenFilm(owner, movie.id),
            )
        ]
        for movie in movies
    ]
    return View.of(heading, rows)


def no_hit(owner: int, text: str) -> View:
    sorry = say(
        "I know no film called {text}. Is it spelled that way? "
        "A few words of the title are enough, as in: silence lambs",
        text=quote(text),
    )
    return View.of(sorry, [_begin(owner)])


def which_film(owner: int) -> View:
    return View.of(say("Films like which one? Send its title too, as in: /similar Heat"), [_begin(owner)])


def similar(owner: int, movie: Movie, films: Sequence[Movie], page: int, *, published: bool) -> View:
    place = Place("similar", movie.id, page)
    open_film = [press(_("Open the film"), buttons.OpenFilm(owner, movie.id))]
    shown = films[(page - 1) * PAGE : page * PAGE]
    if not shown:
        none = say("I know no films like {name} that you have not seen.", name=name(movie))
        return View.of(none, [open_film])
    heading = (
        say("Like {name}:", name=name(movie))
        if published
        else say("Well-known films of the same genres as {name}:", name=name(movie))
    )
    first = (page - 1) * PAGE + 1
    entries = [facts(plain(name(film)), genre_list(film.genres), _everyone(film)) for film in shown]
    before = press(_("Previous ten"), buttons.Similar(owner, movie.id, page - 1)) if page > 1 else None
    further = press(_("Next ten"), buttons.Similar(owner, movie.id, page + 1)) if len(films) > page * PAGE else None
    rows = [*number_buttons(owner, shown, first, place), [button for button in (before, further) if button], open_film]
    return View.of(lines(heading, numbered(entries, first)), rows)


# --- My lists ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A film in one of somebody's own lists. ``stars`` and ``kind`` are what they said of it."""

    movie: Movie
    at: datetime
    stars: float | None = None
    kind: Dismissal | None = None


def my_ratings(owner: int, entries: Sequence[Entry], page: int, *, aside: int, last_event: int | None) -> View:
    put_aside = press(_("Put aside"), buttons.Aside(owner)) if aside else None
    if not entries:
        none = say("You have not rated anything yet.")
        return View.of(none, [_begin(owner), [put_aside] if put_aside else None])
    heading = count("Your ratings, newest first: {n} film", "Your ratings, newest first: {n} films", len(entries))
    undo = press(_("Undo the last"), buttons.Undo(owner, last_event, Place("mine", 0, page))) if last_event else None
    extra = [button for button in (undo, put_aside) if button]
    return _entries(owner, heading, entries, page, "mine", extra)


def watchlist(owner: int, entries: Sequence[Entry], page: int) -> View:
    if not entries:
        none = say("Your watchlist is empty. The card of each film has a button that puts it here.")
        return View.of(none, [_begin(owner)])
    heading = count("Your watchlist: {n} film", "Your watchlist: {n} films", len(entries))
    return _entries(owner, heading, entries, page, "watchlist")


def aside(owner: int, entries: Sequence[Entry], page: int) -> View:
    if not entries:
        return View.of(say("Nothing is put aside: no film is marked as seen or not for you."), [_begin(owner)])
    heading = count(
        "{n} film that you put aside. Open it to take that back.",
        "{n} films that you put aside. Open one to take that back.",
        len(entries),
    )
    return _entries(owner, heading, entries, page, "aside")


def _entries(
    owner: int, heading: Html, entries: Sequence[Entry], page: int, kind: str, extra: Row | None = None
) -> View:
    pages = max(1, -(-len(entries) // PAGE))
    page = min(page, pages)
    first = (page - 1) * PAGE + 1
    shown = entries[first - 1 : first - 1 + PAGE]
    to_page = {"mine": buttons.MyRatings, "watchlist": buttons.Watchlist, "aside": buttons.Aside}[kind]
    before = press(_("Previous page"), to_page(owner, page - 1)) if page > 1 else None
    further = press(_("Next page"), to_page(owner, page + 1)) if page < pages else None
    number = say("page {page} of {pages}", page=page, pages=pages) if pages > 1 else None
    rows = [
        *number_buttons(owner, [entry.movie for entry in shown], first, Place(kind, 0, page)),
        [button for button in (before, further) if button],
        extra,
    ]
    return View.of(lines(facts(heading, number), numbered(map(_entry, shown), first)), rows)


def _entry(entry: Entry) -> Html:
    said = None
    if entry.stars is not None:
        said = plain(stars(entry.stars))
    elif entry.kind is Dismissal.SEEN:
        said = say("seen")
    elif entry.kind is Dismissal.NOT_FOR_ME:
        said = say("not for me")
    return facts(plain(name(entry.movie)), said, plain(day(entry.at)))


# --- The person -------------------------------------------------------------------------------------------------------


def described(commands: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return commands with what they do, in the reader's language."""
    return [(command, _(what)) for command, what in commands]


def help_text(commands: Sequence[tuple[str, str]], admin_commands: Sequence[tuple[str, str]] = ()) -> View:
    intro = say("Send me the title of a film to see it, rate it, or find films like it. Or:")
    mine = lines(*(plain(f"/{command}: {what}") for command, what in described(commands)))
    theirs = lines(*(plain(f"/{command}: {what}") for command, what in described(admin_commands)))
    return View.of(
        paragraphs(lines(intro, mine), lines(say("For those who run this:"), theirs) if admin_commands else None)
    )


def privacy(days: int) -> View:
    return View.of(
        paragraphs(
            say("<b>What I keep</b>\n"
                "Your Telegram id and your Telegram's language. The stars that you give, and when. What you mark as "
                "seen, not for you, or for later. Which films I asked you about and showed you last."),
            say("I keep neither your messages nor your name; only if you join a movie night, your first name until "
                "that evening is over."),
            say("<b>Why</b>\n"
                "To choose films for you, and to train the model that chooses for everybody. Nobody is shown what you "
                "rated."),
            count("<b>How long</b>\n"
                "Until you send /forget, which deletes all of it at once; the next training is without you. What is "
                "not for you comes up again after {n} day.",
                "<b>How long</b>\n"
                "Until you send /forget, which deletes all of it at once; the next training is without you. What is "
                "not for you comes up again after {n} days.",
                days),
        )
    )  # fmt: skip


def ask_forget(owner: int, ratings: int) -> View:
    sure = count(
        "Delete everything that I know about you, {n} rating included? It cannot be undone.",
        "Delete everything that I know about you, {n} ratings included? It cannot be undone.",
        ratings,
    )
    rows = [[press(_("Delete everything"), buttons.ForgetMe(owner)), press(_("Keep it"), buttons.KeepMe(owner))]]
    return View.of(sure, rows)


def forgotten() -> View:
    return View.of(
        say("Done. Your ratings, your lists and your id are deleted. Send /start whenever you want to begin anew.")
    )


def kept() -> View:
    return View.of(say("Everything stays as it is."))


def stopped() -> View:
    return View.of(
        say(
            "I won't write to you by myself any more. Your ratings stay: send anything to come back, "
            "or /forget to delete them."
        )
    )


# --- What could not be done -------------------------------------------------------------------------------------------


def _begin(owner: int) -> Row:
    return [press(_("My picks"), buttons.NewPicks(owner)), press(_("Rate films"), buttons.Ask(owner))]


def unknown_command(command: str) -> View:
    return View.of(say("I know no command {command}. /help lists those that I do.", command=quote(command)))


def not_text() -> View:
    return View.of(say("I read film titles and commands. Send me a title, or /help."))


def refused(error: MatineeError) -> View | None:
    """Return what to say where an error is the answer; None for those that are not about what the person asked."""
    match error:
        case EmptyCatalogue():
            return View.of(
                say("There are no films yet. Whoever runs me can load some: <code>python -m engine load demo</code>")
            )
        case NoSuchMovie():
            return View.of(say("That film is not in my catalogue (any more). Send me another title."))
        case UndoTooLate():
            return View.of(
                say("That can't be undone any more: the film was rated again since. /my shows your ratings.")
            )
    return None
