"""Every input gets a clear answer, and nothing is lost or broken."""

import pytest

from bot.speech import buttons
from engine.domain import Rating
from engine.store import Dismissal, Store
from tests import world
from tests.chat.conftest import ADMIN, ANNA
from tests.chat.reading import rates
from tests.fakes import FakeTelegram, Person


async def test_an_unknown_command_is_answered(anna: Person):
    await anna.says("/reboot now <b>")
    assert anna.sees == "I don't know the command “/reboot”. /help lists those I know."


async def test_commands_are_read_whatever_their_case_and_address(anna: Person):
    await anna.says("/HELP")
    assert "/start: " in anna.sees


async def test_a_document_that_is_no_text_is_answered(anna: Person):
    await anna.sends_document("cat.gif", b"GIF89a")
    assert "it is a picture" in anna.sees


FORGED = [
    f"r:{ANNA}:20:11:-0_1",  # five and a half stars
    f"r:{ANNA}:20:0:-0_1",
    f"r:{ANNA}:20:-9:-0_1",
    f"r:{ANNA}:20:9",
    f"r:{ANNA}:20:9:-0_1:1",
    f"r:{ANNA}:99999999999999999999:9:-0_1",
    f"r:{ANNA}:20:9:z0_1",
    f"r:{ANNA}:٢٠:9:-0_1",
    f"r:{ANNA}: 20:9:-0_1",
    f"qa:{ANNA}:20:4.5",
    f"u:{ANNA}:-1:-0_1",
    f"t:{ANNA}:1:0",
    f"p:{ANNA}:20:x:-0_1",
    "r",
    "nonsense",
    "🎬",
    "'; DROP TABLE ratings; --",
    ":" * 64,
]


@pytest.mark.parametrize("data", FORGED)
async def test_forged_callback_data_changes_nothing_and_says_so(anna: Person, store: Store, data: str):
    await rates(anna, heat="4")
    screen = anna.screen
    await anna.forges(data)
    assert "from an old message" in anna.toast
    assert anna.screen == screen
    assert store.people_counts()["ratings"] == 1


@pytest.mark.parametrize(
    "button",
    [
        buttons.OpenFilm(ANNA, 9999),
        buttons.Rate(ANNA, 9999, 8),
        buttons.RemoveRating(ANNA, 9999),
        buttons.PutAside(ANNA, 9999, Dismissal.SEEN),
        buttons.TakeBack(ANNA, 9999, Dismissal.SEEN),
        buttons.Similar(ANNA, 9999),
        buttons.Answer(ANNA, 9999, 8),
        buttons.Skip(ANNA, 2**31 - 1),
        buttons.UndoSkip(ANNA, 9999),
    ],
    ids=lambda button: type(button).__name__,
)
async def test_a_button_whose_film_is_gone_says_so(anna: Person, button: buttons.Button):
    await anna.says("heat")
    await anna.forges(buttons.pack(button))
    assert "I don't have that film (any more)" in anna.sees


@pytest.mark.parametrize("kind", [buttons.Undo, buttons.Redo, buttons.UndoAnswer])
async def test_a_button_whose_act_is_gone_says_so(anna: Person, kind: type[buttons.Button]):
    await anna.says("heat")
    await anna.forges(buttons.pack(kind(ANNA, 2**62)))  # type: ignore[call-arg]
    assert "can't be undone" in anna.sees


def shown(telegram: FakeTelegram) -> int:
    """How often the bot has tried to show something."""
    return len(telegram.called("sendMessage")) + len(telegram.called("editMessageText"))


async def test_pages_out_of_range_are_answered(anna: Person, telegram: FakeTelegram):
    await rates(anna, heat="4")
    await anna.says("/top")
    for button in (
        buttons.Picks(ANNA, 1, 999),
        buttons.Picks(ANNA, 10**6, 1),
        buttons.WhyThese(ANNA, 1, 999),
        buttons.WhyThese(ANNA, 7, 1),
        buttons.ChooseGenre(ANNA, 7, 3),
        buttons.PickGenre(ANNA, 7, 12345),
        buttons.PickDecade(ANNA, 7, 1),
        buttons.MyRatings(ANNA, 999),
        buttons.Watchlist(ANNA, 999),
        buttons.Aside(ANNA, 999),
        buttons.Similar(ANNA, 30, 999),
    ):
        before = shown(telegram)
        await anna.forges(buttons.pack(button))
        assert shown(telegram) == before + 1, button


async def test_a_button_of_somebody_else_is_refused(anna: Person, telegram: FakeTelegram, store: Store):
    club = telegram.group()
    await anna.at(club).says("/top")
    boris = telegram.person(1002, "Boris").at(club)
    screen = boris.screen
    await boris.presses("1")
    assert boris.toast == "This list belongs to somebody else. Send /top for your own."
    assert boris.screen == screen
    await anna.at(club).presses("1")
    assert anna.at(club).screen != screen


async def test_someone_elses_act_cannot_be_undone_by_forging_its_number(
    anna: Person, telegram: FakeTelegram, store: Store
):
    await rates(anna, heat="4")
    anna_id = person_id(store, ANNA)
    event_id = store.events_of(anna_id)[-1].id
    boris = telegram.person(1002, "Boris")
    await boris.says("/help")
    await boris.forges(buttons.pack(buttons.Undo(1002, event_id)))
    assert "can't be undone" in boris.sees
    assert store.taste(anna_id, world.NOW).ratings == (Rating(30, 4.0, world.NOW),)


def person_id(store: Store, telegram_id: int) -> int:
    person = store.find_person(telegram_id)
    assert person is not None
    return person.id


async def test_a_tap_without_its_message_is_answered_in_private(anna: Person, store: Store):
    await anna.says("heat")
    await anna.forges(buttons.pack(buttons.Rate(ANNA, 30, 8)), inline=True)
    assert anna.sees.startswith("Heat, 4.")
    assert len(anna.messages) == 2


async def test_a_tap_that_telegram_has_given_up_on_still_counts(anna: Person, telegram: FakeTelegram, store: Store):
    await anna.says("heat")
    telegram.fails("answerCallbackQuery", too_old())
    with telegram.allows_errors() as errors:
        await anna.presses("4")
    assert not errors
    assert anna.sees.startswith("Heat, 4.")
    assert store.people_counts()["ratings"] == 1


def too_old() -> Exception:
    from bot.terminal.telegram import bad_request

    return bad_request("query is too old and response timeout expired or query ID is invalid")


async def test_a_message_that_was_deleted_meanwhile_is_sent_anew(anna: Person, telegram: FakeTelegram):
    from bot.terminal.telegram import bad_request

    await anna.says("heat")
    telegram.fails("editMessageText", bad_request("message to edit not found"))
    await anna.presses("4")
    assert anna.sees.startswith("Heat, 4.")
    assert len(anna.messages) == 2


@pytest.mark.parametrize("who", [ANNA, ADMIN])
async def test_the_longest_texts_fit(who: int, telegram: FakeTelegram, anna: Person):
    """Telegram in tests refuses what is too long, so it is enough that these are answered."""
    person = telegram.person(who)
    for words in ("/top " + "y" * 4000, "/rate " + "<" * 4000, "/similar " + "&" * 4000, "/" + "z" * 4000, "& " * 2000):
        before = shown(telegram)
        await person.says(words)
        assert shown(telegram) > before, words[:20]
