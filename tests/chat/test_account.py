"""/help, /privacy, /stop, /forget, and the commands that Telegram offers."""

from bot.features import account_views, admin_views
from engine.store import Store
from tests.chat.conftest import ADMIN, ANNA
from tests.chat.reading import rates, titles
from tests.fakes import FakeTelegram, Person


async def test_help_names_every_command_and_each_is_answered(anna: Person):
    await anna.says("/help")
    for name, what in account_views.COMMANDS:
        assert f"/{name}: {what}" in anna.sees
    for name, _ in account_views.COMMANDS:
        before = anna.message.at
        await anna.says(f"/{name}")
        assert anna.message.at > before
        assert "I don't know the command" not in anna.sees


async def test_help_shows_the_commands_of_admins_to_admins_only(anna: Person, admin: Person):
    await anna.says("/help")
    assert "/retrain" not in anna.sees
    await admin.says("/help")
    for name, what in admin_views.COMMANDS:
        assert f"/{name}: {what}" in admin.sees


async def test_telegram_is_told_the_commands_for_all_and_those_for_admins(telegram: FakeTelegram, anna: Person):
    await telegram.run_jobs("announce_commands")
    for_all, *_, for_admin = telegram.called("setMyCommands")
    assert [command["command"] for command in for_all["commands"]] == [name for name, _ in account_views.COMMANDS]
    assert for_admin["scope"] == {"type": "chat", "chat_id": ADMIN}
    assert "retrain" in [command["command"] for command in for_admin["commands"]]


async def test_privacy_says_what_is_kept_why_and_how_long(anna: Person):
    await anna.says("/privacy")
    for part in ("What I keep", "Why", "How long", "/forget", "180 days", "For 90 days"):
        assert part in anna.sees


async def test_forget_asks_first(anna: Person, store: Store):
    await rates(anna, heat="4")
    await anna.says("/forget")
    assert "1 rating included? It cannot be undone." in anna.sees
    await anna.presses("Keep it")
    assert anna.sees == "Everything stays as it is."
    assert store.people_counts()["ratings"] == 1


async def test_forget_deletes_everything_after_the_second_tap(anna: Person, store: Store):
    await rates(anna, heat="4")
    await anna.says("alien")
    await anna.presses("Seen it")
    await anna.says("/top")
    await anna.says("/forget")
    await anna.presses("Delete everything")
    assert anna.sees.startswith("Done.")
    assert store.find_person(ANNA) is None
    assert store.people_counts() == {"people": 0, "active": 0, "ratings": 0, "dismissals": 0}


async def test_with_the_person_the_commands_in_their_language_go(anna: Person, telegram: FakeTelegram):
    await anna.says("/settings")
    await anna.presses("Deutsch")
    await anna.says("/forget")
    telegram.times_out("deleteMyCommands")
    await anna.presses("Alles löschen")
    assert [call["scope"] for call in telegram.called("deleteMyCommands")] == [{"type": "chat", "chat_id": ANNA}]
    assert anna.sees.startswith("Erledigt.")


async def test_who_was_forgotten_can_begin_anew(anna: Person):
    await rates(anna, heat="4")
    undo = anna.message
    await anna.says("/forget")
    await anna.presses("Delete everything")
    await anna.presses("Undo", in_message=undo)
    assert "can't be undone" in anna.sees
    await anna.says("/start")
    assert "1 of 5" in anna.sees
    for stars in ("4", "5", "2", "3½", "4½"):
        await anna.presses(stars)
    assert len(titles(anna.sees)) == 10


async def test_stop_leaves_the_person_alone_until_they_come_back(anna: Person, store: Store):
    await rates(anna, heat="4")
    await anna.says("/stop")
    assert "Your ratings stay" in anna.sees
    person = store.find_person(ANNA)
    assert person is not None
    assert not person.active
    await anna.says("/my")
    assert titles(anna.sees) == ["Heat (1995)"]
    person = store.find_person(ANNA)
    assert person is not None
    assert person.active
