"""Texts about the bot and the data that it keeps; the commands in Telegram's menu. Pure."""

from collections.abc import Iterable, Sequence

from bot.speech import buttons
from bot.speech.language import _, marked
from bot.speech.views import View, press
from bot.speech.words import count, lines, paragraphs, plain, say

COMMANDS = (
    ("start", marked("Rate five films and get your first picks")),
    ("top", marked("Ten picks; add a genre or years, as in /top sci-fi 80s")),
    ("surprise", marked("One safe bet, one close to your taste, one wild")),
    ("night", marked("In a group: a film that suits everybody")),
    ("rate", marked("Rate a film, or be asked about one")),
    ("similar", marked("Films like one you name")),
    ("my", marked("Your ratings: look, find, change, remove")),
    ("watchlist", marked("Films that you keep for later")),
    ("me", marked("Your taste in words and a picture, to keep or to share")),
    ("import", marked("Bring your ratings from Letterboxd, IMDb or Trakt")),
    ("export", marked("Your data as files")),
    ("undo", marked("Undo your last rating")),
    ("settings", marked("Your language, your stars, three films every Friday")),
    ("help", marked("Everything I can do")),
    ("privacy", marked("The data I keep about you, and why")),
    ("stop", marked("Stop my messages; your ratings stay")),
    ("forget", marked("Delete everything that I know about you")),
)
"""The commands of Telegram's menu and of /help."""


def described(commands: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return commands with their descriptions, in the reader's language."""
    return [(command, _(what)) for command, what in commands]


def help_text(commands: Sequence[tuple[str, str]], admin_commands: Sequence[tuple[str, str]] = ()) -> View:
    intro = say("Tell me what you feel like watching, or send a film's title to rate it or find more like it. Or:")
    mine = lines(*(plain(f"/{command}: {what}") for command, what in described(commands)))
    theirs = lines(*(plain(f"/{command}: {what}") for command, what in described(admin_commands)))
    return View.of(paragraphs(lines(intro, mine), lines(say("For admins:"), theirs) if admin_commands else None))


def privacy(days: int) -> View:
    return View.of(
        paragraphs(
            say("<b>What I keep</b>\n"
                "Your Telegram id and your Telegram's language. The stars that you give, and when. The films that "
                "you mark as seen, not for you, or for later. The films that I asked you about and showed you last."),
            say("A message of yours is kept until I have answered it, no longer. Your name is not kept; only if you "
                "join a movie night, your first name until that evening is over."),
            say("For 90 days: what I picked for you and what of it you opened, to check whether my picks get better."),
            say("If you link this chat to a site: that you did, and a copy of what came from there, so that unlinking "
                "can put it back. The site sees what you tell me here until you unlink."),
            say("If you ask for a picture of your taste, what it shows, until you ask again."),
            say("<b>Why</b>\n"
                "To choose films for you, and to train the model that chooses for everybody. Nobody is shown what you "
                "rated."),
            count("<b>How long</b>\n"
                "Until you send /forget, which deletes all of it at once; the next training is without you. "
                "\"Not for me\" lasts {n} day.",
                "<b>How long</b>\n"
                "Until you send /forget, which deletes all of it at once; the next training is without you. "
                "\"Not for me\" lasts {n} days.",
                days),
        )
    )  # fmt: skip


def ask_forget(owner: int, ratings: int) -> View:
    sure = count(
        "Delete everything that I know about you, {n} rating included? It cannot be undone.",
        "Delete everything that I know about you, {n} ratings included? It cannot be undone.",
        ratings,
    )
    if not ratings:
        sure = say("Delete everything that I know about you? It cannot be undone.")
    rows = [[press(_("Delete everything"), buttons.ForgetMe(owner)), press(_("Keep it"), buttons.KeepMe(owner))]]
    return View.of(sure, rows)


def forgotten() -> View:
    return View.of(
        say("Done. Your ratings, your lists and your id are deleted. Send /start if you ever want to begin again.")
    )


def kept() -> View:
    return View.of(say("Everything stays as it is."))


def stopped() -> View:
    return View.of(
        say(
            "I won't message you on my own any more. Your ratings stay: send anything to come back, "
            "or /forget to delete them."
        )
    )
