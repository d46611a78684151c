"""Messages to admins about runs that nobody watched, and /tune."""

from datetime import UTC, datetime

import httpx
import pytest

from bot.features import FEATURES
from bot.features.alerts import is_quiet
from bot.frame.application import build_application
from bot.frame.context import Services
from bot.settings import BotSettings
from bot.terminal.telegram import ApiError
from engine.domain import RunKind, RunState
from engine.serving.library import Library
from engine.store import Store
from tests.chat.conftest import ADMIN, SettableClock
from tests.fakes import FakeTelegram, Person

FOUND = {
    "model": "rating", "winner": {"rank": 50.0, "reg": 0.15}, "rmse_all": 0.8483, "trials": 24, "reused": 0,
    "finished": False,
}  # fmt: skip


def ends(store: Store, clock: SettableClock, state: RunState, asked_by: str = "schedule", error: str = "") -> int:
    """A run that begins and ends now."""
    run = store.request_run(RunKind.TRAIN, asked_by, clock(), take=True)
    store.finish_run(run.id, state, clock(), error=error or None)
    return run.id


async def test_a_scheduled_run_that_fails_is_told_once(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/help")
    ends(store, clock, RunState.FAILED, error="the disk is full")
    for _ in range(3):
        await telegram.run_jobs("tell_admins")
    assert len(admin.messages) == 2
    assert admin.sees.startswith("The scheduled run of 1 Mar 2026, 20:00 UTC:")
    assert "failed after 0:00: the disk is full." in admin.sees
    assert "Model 1 goes on" in admin.sees
    assert admin.buttons == ["Train again"]


async def test_a_backup_that_fails_is_told(admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock):
    await admin.says("/help")
    store.note_failed_backup("the disk is full", clock())
    for _ in range(2):
        await telegram.run_jobs("tell_admins")
    assert len(admin.messages) == 2
    assert admin.sees.startswith("The scheduled run of 1 Mar 2026, 20:00 UTC:")
    assert "The backup failed: the disk is full." in admin.sees
    assert admin.buttons == []


async def test_a_model_that_the_gate_keeps_out_is_told(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/help")
    ends(store, clock, RunState.REJECTED, asked_by="ratings", error="nDCG@10 fell by 0.02")
    await telegram.run_jobs("tell_admins")
    assert admin.sees.startswith("The run that new ratings began on 1 Mar 2026, 20:00 UTC:")
    assert "it does not go live: nDCG@10 fell by 0.02." in admin.sees


async def test_a_run_that_went_well_or_was_watched_is_not_told(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/help")
    ends(store, clock, RunState.DONE)
    ends(store, clock, RunState.CANCELLED)
    ends(store, clock, RunState.FAILED, asked_by=f"telegram:{ADMIN}", error="no")
    await telegram.run_jobs("tell_admins")
    assert len(admin.messages) == 1


async def test_what_is_old_is_no_news(admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock):
    await admin.says("/help")
    ends(store, clock, RunState.FAILED, error="no")
    clock.advance(days=3)
    await telegram.run_jobs("tell_admins")
    assert len(admin.messages) == 1


async def test_after_a_restart_nobody_is_told_again(
    services: Services, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    admin = telegram.person(ADMIN)
    for _ in range(2):
        again = Services(services.settings, store, Library(store), clock)
        async with telegram.runs(build_application(again, FEATURES, request=telegram)):
            await admin.says("/help")
            if store.last_runs(1) == []:
                ends(store, clock, RunState.FAILED, error="no")
            await telegram.run_jobs("tell_admins")
    assert sum("The scheduled run" in message.text for message in admin.messages) == 1


async def test_every_admin_is_told_and_one_who_is_out_of_reach_holds_up_nobody(
    services: Services, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    settings = services.settings.model_copy(update={"admins": frozenset({7, 8, ADMIN})})
    ada, bea, never_wrote = telegram.person(ADMIN), telegram.person(8), 7
    several = Services(settings, store, Library(store), clock)
    async with telegram.runs(build_application(several, FEATURES, request=telegram)):
        for person in (ada, bea):
            await person.says("/help")
        ends(store, clock, RunState.LOST, error="no sign of life")
        telegram.fails("sendMessage", ApiError(403, "Forbidden: bot can't initiate conversation with a user"))
        await telegram.run_jobs("tell_admins")
        await telegram.run_jobs("tell_admins")
    for person in (ada, bea):
        assert "no sign of life" in person.sees
        assert len(person.messages) == 2
    assert sum(call["chat_id"] == never_wrote for call in telegram.called("sendMessage")) == 1


async def test_when_telegram_is_away_it_is_told_later(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/help")
    ends(store, clock, RunState.FAILED, error="no")
    telegram.loses("sendMessage", httpx.ConnectError("no route to host"))
    await telegram.run_jobs("tell_admins")
    await telegram.run_jobs("tell_admins")
    assert "The scheduled run" in admin.sees


async def test_what_may_have_been_told_is_not_told_again(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/help")
    ends(store, clock, RunState.FAILED, error="no")
    telegram.loses("sendMessage", httpx.ReadError("reset by peer"), arrives=True)
    await telegram.run_jobs("tell_admins")
    await telegram.run_jobs("tell_admins")
    assert sum("The scheduled run" in message.text for message in admin.messages) == 1


async def test_quiet_hours_hold_it_until_they_end(
    services: Services, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    quiet = services.settings.model_copy(update={"quiet_hours": "20-8"})
    admin = telegram.person(ADMIN)
    at_night = Services(quiet, store, Library(store), clock)
    async with telegram.runs(build_application(at_night, FEATURES, request=telegram)):
        await admin.says("/help")
        ends(store, clock, RunState.FAILED, error="no")
        for _ in range(12):
            await telegram.run_jobs("tell_admins")
            assert len(admin.messages) == 1, clock()
            clock.advance(hours=1)
        await telegram.run_jobs("tell_admins")
        assert "The scheduled run" in admin.sees


@pytest.mark.parametrize(
    ("hours", "hour", "quiet"),
    [
        (None, 3, False),
        ((22, 8), 21, False), ((22, 8), 22, True), ((22, 8), 3, True), ((22, 8), 8, False),
        ((1, 5), 0, False), ((1, 5), 1, True), ((1, 5), 5, False), ((5, 5), 5, False),
    ],
)  # fmt: skip
def test_quiet_hours_may_pass_midnight(hours: tuple[int, int] | None, hour: int, quiet: bool) -> None:
    assert is_quiet(datetime(2026, 3, 1, hour, 30, tzinfo=UTC), hours) is quiet


@pytest.mark.parametrize("value", ["22", "22-24", "ten-five", "22-8-9", "-1-5"])
def test_quiet_hours_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="as 22-8"):
        BotSettings(_env_file=None, quiet_hours=value)


async def test_a_search_is_asked_for_and_followed_to_its_winner(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/tune rating")
    assert admin.sees == "Tuning · waiting for its turn"
    run = store.open_run()
    assert run is not None
    assert (run.kind, run.options) == (RunKind.TUNE, {"model": "rating", "budget": "20m"})
    store.claim_run(clock())
    clock.advance(minutes=20)
    store.report_run(run.id, clock(), stage="search", fraction=0.5, detail="12 of 24 settings")
    await telegram.run_jobs("follow_runs")
    assert "Tuning · 20:00 · 12 of 24 settings" in admin.sees
    store.finish_run(run.id, RunState.DONE, clock(), metrics=FOUND)
    clock.advance(seconds=5)
    await telegram.run_jobs("follow_runs")
    assert admin.sees == (
        "The search is done (20:00). Best rating setting: rank=50 reg=0.15\n"
        "RMSE 0.848 · 24 trials · its time ran out before all were done\n"
        "The next training uses it."
    )
    assert admin.buttons == ["Train"]
    assert len(admin.messages) == 1


async def test_tune_searches_the_preference_model_unless_told_otherwise(admin: Person, store: Store):
    await admin.says("/tune")
    run = store.open_run()
    assert run is not None
    assert run.options["model"] == "preference"


async def test_tune_says_what_it_takes(admin: Person, store: Store):
    await admin.says("/tune everything")
    assert admin.sees == "Which of the two models? Send one of these: /tune preference /tune rating"
    assert store.open_run() is None


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (RunState.FAILED, "The search failed after 0:00: no."),
        (RunState.LOST, "The search was lost after 0:00: no."),
        (RunState.CANCELLED, "The search was stopped after 0:00: no.\nIts measurements are kept."),
    ],
)
async def test_a_search_that_ends_badly_says_so(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock, state: RunState, says: str
):
    await admin.says("/tune")
    run = store.claim_run(clock())
    assert run is not None
    store.finish_run(run.id, state, clock(), error="no")
    await telegram.run_jobs("follow_runs")
    assert admin.sees == says
