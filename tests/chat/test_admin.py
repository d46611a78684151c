"""Admins' commands in the chat, which nobody else can use."""

import pytest
from structlog.testing import capture_logs

from bot.features import FEATURES, admin_views
from bot.frame.application import build_application
from bot.frame.context import Services
from bot.settings import BotSettings
from bot.speech import buttons
from bot.terminal.telegram import bad_request
from engine.domain import RunKind, RunState
from engine.runs.worker import Worker
from engine.serving.library import Library
from engine.settings import EngineSettings
from engine.store import Store
from tests import world
from tests.chat.conftest import ADMIN, SettableClock
from tests.chat.reading import rates, titles
from tests.fakes import FakeTelegram, Person

VIEWERS = [1, 2, 3]

METRICS = {
    "ndcg_at_10": 0.312,
    "rmse_all": 0.841,
    "before": {"ndcg_at_10": 0.309, "rmse_all": 0.842},
    "new_ratings": 14,
    "seconds": 92.0,
}


@pytest.mark.parametrize("command", [name for name, _ in admin_views.COMMANDS])
async def test_commands_of_admins_are_politely_refused_to_others_and_logged(anna: Person, store: Store, command: str):
    with capture_logs() as logs:
        await anna.says(f"/{command} 1")
    assert anna.sees == f"/{command} is for my admins. /help says what I can do for you."
    assert [(entry["event"], entry["asked_for"]) for entry in logs if entry["event"] == "admin_only"] == [
        ("admin_only", command)
    ]
    assert store.open_run() is None


@pytest.mark.parametrize(
    "button",
    [
        buttons.AskRetrain(0),
        buttons.AskCancel(0, 1),
        buttons.CancelRun(0, 1),
        buttons.KeepRun(0),
        buttons.Compare(0, 1),
        buttons.AskRollback(0, 1),
        buttons.Rollback(0, 1),
        buttons.KeepModel(0),
    ],
    ids=lambda button: type(button).__name__,
)
async def test_buttons_of_admins_are_refused_to_others(anna: Person, store: Store, button: buttons.Button):
    await anna.says("heat")
    screen = anna.screen
    await anna.forges(buttons.pack(button))
    assert anna.toast == "This button is for my admins. /help says what I can do for you."
    assert anna.screen == screen
    assert store.open_run() is None


async def test_a_retrain_is_asked_for_and_followed_to_its_end(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/retrain")
    assert admin.sees == "Training · waiting for its turn"
    run = store.open_run()
    assert run is not None
    assert (run.kind, run.asked_by) == (RunKind.TRAIN, f"telegram:{ADMIN}")

    clock.advance(seconds=2)
    store.claim_run(clock())
    clock.advance(seconds=41)
    store.report_run(run.id, clock(), stage="train", fraction=0.58, detail="preference model, iteration 7 of 15")
    await telegram.run_jobs("follow_runs")
    assert admin.sees == "Training · 0:41 · preference model, iteration 7 of 15 ▓▓▓▓▓▓▓░░░░░ 58 %"
    assert admin.buttons == ["Cancel"]

    clock.advance(seconds=51)
    publish(store, run.id, clock)
    await telegram.run_jobs("follow_runs")
    assert admin.sees == (
        "Model 2 is live (1:32). nDCG@10 0.312, was 0.309 · RMSE 0.841, was 0.842. 14 new ratings in."
    )
    assert admin.buttons == ["Compare", "Roll back to 1"]
    assert len(admin.messages) == 1
    assert not store.watchers()


def publish(store: Store, run_id: int, clock: SettableClock) -> None:
    """End a run as a training that went live."""
    version = world.publish(store, VIEWERS)
    store.finish_run(run_id, RunState.DONE, clock(), metrics=METRICS, model_version=version)


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        (
            RunState.REJECTED,
            "nDCG@10 0.290 is worse than 0.309",
            "does not go live: nDCG@10 0.290 is worse than 0.309.",
        ),
        (RunState.FAILED, "out of memory <1>", "The training failed after 0:30: out of memory <1>."),
        (RunState.LOST, "its process stopped reporting", "The training was lost after 0:30: its process stopped"),
        (RunState.CANCELLED, "the engine was stopped; ask again", "was stopped after 0:30: the engine was stopped"),
    ],
)
async def test_a_run_that_came_to_nothing_says_why(
    admin: Person,
    store: Store,
    telegram: FakeTelegram,
    clock: SettableClock,
    state: RunState,
    error: str | None,
    said: str,
):
    await admin.says("/retrain")
    run = store.claim_run(clock())
    assert run is not None
    clock.advance(seconds=30)
    store.finish_run(run.id, state, clock(), error=error)
    await telegram.run_jobs("follow_runs")
    assert said in admin.sees
    assert "Model 1 goes on, and every rating is still queued." in admin.sees
    await admin.presses("Train again")
    assert "waiting for its turn" in admin.sees


async def test_without_an_engine_it_is_said_after_ten_seconds(
    admin: Person, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/retrain")
    clock.advance(seconds=11)
    await telegram.run_jobs("follow_runs")
    assert admin.sees == "Training · waiting for the engine: is python -m engine serve running?"


async def test_the_message_is_edited_only_when_it_changes(admin: Person, telegram: FakeTelegram, clock: SettableClock):
    await admin.says("/retrain")
    for _ in range(5):
        clock.advance(seconds=1.6)
        await telegram.run_jobs("follow_runs")
    assert len(telegram.called("editMessageText")) <= 1


async def test_a_chat_is_left_alone_for_a_second_after_each_edit(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/retrain")
    run = store.claim_run(clock())
    assert run is not None
    for step in range(12):
        clock.advance(seconds=0.5)
        store.report_run(run.id, clock(), stage="train", fraction=step / 100, detail=f"step {step}")
        await telegram.run_jobs("follow_runs")
    assert len(telegram.called("editMessageText")) == 4


async def test_a_second_admin_who_asks_follows_the_same_run(
    admin: Person, store: Store, telegram: FakeTelegram, services: Services, clock: SettableClock
):
    second = telegram.person(5_000_000_002)
    both = services.settings.model_copy(update={"admins": frozenset({ADMIN, second.id})})
    shared = Services(both, store, services.library, clock)
    async with telegram.runs(build_application(shared, FEATURES, request=telegram)):
        await admin.says("/retrain")
        await second.says("/retrain")
        assert "It was already asked for at 20:00 UTC" in second.sees
        assert len(store.last_runs()) == 1
        run = store.claim_run(clock())
        assert run is not None
        clock.advance(seconds=5)
        store.report_run(run.id, clock(), stage="train", fraction=0.5, detail="half-way")
        await telegram.run_jobs("follow_runs")
        assert "half-way" in admin.sees
        assert admin.sees == second.sees


async def test_a_group_is_left_half_of_what_it_may_be_told(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    """Ten messages a minute reach a group; a run's progress takes five of them."""
    await admin.at(telegram.group()).says("/retrain")
    run = store.claim_run(clock())
    assert run is not None
    for second in range(60):
        clock.advance(seconds=1)
        store.report_run(run.id, clock(), stage="train", fraction=second / 60, detail=f"step {second}")
        await telegram.run_jobs("follow_runs")
    assert len(telegram.called("editMessageText")) == 5


async def test_following_goes_on_after_a_restart_of_the_bot(
    admin: Person, store: Store, telegram: FakeTelegram, services: Services, clock: SettableClock
):
    await admin.says("/retrain")
    again = Services(services.settings, store, Library(store), clock)
    async with telegram.runs(build_application(again, FEATURES, request=telegram)):
        run = store.claim_run(clock())
        assert run is not None
        clock.advance(seconds=5)
        publish(store, run.id, clock)
        await telegram.run_jobs("follow_runs")
        assert "Model 2 is live" in admin.sees
        assert len(admin.messages) == 1


async def test_a_progress_message_that_was_deleted_is_let_go(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/retrain")
    telegram.fails("editMessageText", bad_request("message to edit not found"))
    clock.advance(seconds=11)
    await telegram.run_jobs("follow_runs")
    assert not store.watchers()


async def test_an_admin_who_blocked_the_bot_is_let_go(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/retrain")
    await admin.blocks()
    clock.advance(seconds=11)
    await telegram.run_jobs("follow_runs")
    assert not store.watchers()


async def test_trouble_with_telegram_is_waited_out(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/retrain")
    clock.advance(seconds=11)
    telegram.floods("editMessageText", retry_after_seconds=30)
    await telegram.run_jobs("follow_runs")
    edits = len(telegram.called("editMessageText"))
    clock.advance(seconds=10)
    await telegram.run_jobs("follow_runs")
    assert len(telegram.called("editMessageText")) == edits  # still told to wait
    clock.advance(seconds=30)
    telegram.times_out("editMessageText")
    await telegram.run_jobs("follow_runs")
    clock.advance(seconds=2)
    await telegram.run_jobs("follow_runs")
    assert "waiting for the engine" in admin.sees


async def test_a_waiting_run_is_cancelled_at_once(admin: Person, store: Store, telegram: FakeTelegram):
    await admin.says("/retrain")
    await admin.presses("Cancel")
    assert admin.sees == "Stop the training? It has not begun yet."
    await admin.presses("Yes, stop it")
    assert admin.sees.startswith("The training was cancelled by Ada after 0:00.")
    assert store.open_run() is None
    await telegram.run_jobs("follow_runs")
    assert not store.watchers()


async def test_a_run_under_way_is_stopped_after_a_second_tap_and_says_by_whom(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/retrain")
    followed = admin.message
    run = store.claim_run(clock())
    assert run is not None
    clock.advance(seconds=70)
    await admin.says("/cancel")
    assert admin.sees == "Stop the training? It has run for 1:10, and would have to begin again."
    assert store.beat(run.id, clock()), "nothing is stopped by asking"
    await admin.presses("Let it go on")
    assert admin.sees == "It goes on."
    assert store.beat(run.id, clock())
    await admin.says("/cancel")
    await admin.presses("Yes, stop it")
    assert admin.sees == "I'm stopping the training."
    assert not store.beat(run.id, clock())

    await telegram.run_jobs("follow_runs")
    assert telegram.messages[followed.chat_id, followed.id].text == "Training · 1:10 · stopping"
    store.finish_run(run.id, RunState.CANCELLED, clock(), error="its process was ended by SIGKILL, perhaps memory")
    clock.advance(seconds=2)
    await telegram.run_jobs("follow_runs")
    assert telegram.messages[followed.chat_id, followed.id].text == (
        "The training was cancelled by Ada after 1:10.\nModel 1 goes on, and every rating is still queued."
    )


async def test_a_run_that_nobody_followed_is_followed_by_who_stops_it(
    admin: Person, store: Store, telegram: FakeTelegram, services: Services, clock: SettableClock
):
    run = store.request_run(RunKind.TRAIN, "schedule", clock(), take=True)
    await admin.says("/cancel")
    await admin.presses("Yes, stop it")
    assert admin.sees == "Training · 0:00 · stopping"
    store.finish_run(run.id, RunState.CANCELLED, clock(), error="its process was ended by SIGKILL")
    again = Services(services.settings, store, Library(store), clock)
    async with telegram.runs(build_application(again, FEATURES, request=telegram)):
        await telegram.run_jobs("follow_runs")
        assert admin.sees.startswith("The training was cancelled by an admin after 0:00."), "names are kept nowhere"


async def test_what_a_site_stops_says_which(admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock):
    await admin.says("/tune")
    run = store.claim_run(clock())
    assert run is not None
    store.ask_cancel(run.id, "api:library", clock())
    store.finish_run(run.id, RunState.CANCELLED, clock())
    await telegram.run_jobs("follow_runs")
    assert admin.sees == "The search was cancelled by library after 0:00.\nIts measurements are kept."


async def test_after_a_cancel_no_training_begins_by_itself(
    admin: Person, anna: Person, store: Store, settings: BotSettings, clock: SettableClock
):
    """The engine asks for one when enough ratings wait; those that waited by then do not count any more."""
    of_engine = EngineSettings(_env_file=None, home=settings.home, dataset="tiny", train_after_ratings=2)
    worker = Worker(store, of_engine, now=clock, command=["true"])
    await admin.says("/retrain")
    run = store.claim_run(clock())
    assert run is not None
    clock.advance(minutes=1)
    await rates(anna, heat="4", alien="5")
    clock.advance(minutes=1)
    await admin.says("/cancel")
    await admin.presses("Yes, stop it")
    store.finish_run(run.id, RunState.CANCELLED, clock())
    worker.count_waiting()
    assert store.open_run() is None
    clock.advance(minutes=1)
    await rates(anna, fargo="4", psycho="5")
    worker.count_waiting()
    assert store.open_run() is not None


async def test_a_search_during_a_training_is_told_to_come_again(admin: Person, store: Store):
    """The open run is no search, so the bot must not say that one was asked for already."""
    await admin.says("/retrain")
    await admin.says("/tune rating")
    assert admin.sees.splitlines() == [
        "I do one thing at a time: this is under way. Send /tune rating again once it is done.",
        "Training · waiting for its turn",
    ]
    assert [run.kind for run in store.last_runs()] == [RunKind.TRAIN]


async def test_a_training_during_a_search_is_told_to_come_again(admin: Person, store: Store):
    await admin.says("/tune")
    await admin.says("/tune rating")
    assert "Send /tune rating again" in admin.sees
    await admin.says("/retrain")
    assert "Send /retrain again" in admin.sees
    await admin.says("/tune preference")
    assert "already asked for" in admin.sees
    assert len(store.last_runs()) == 1


async def test_cancel_with_nothing_under_way_says_so(admin: Person):
    await admin.says("/cancel")
    assert admin.sees == "Nothing is under way."


async def test_a_cancel_button_of_last_week_says_how_that_run_ended(
    admin: Person, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/retrain")
    run = store.claim_run(clock())
    assert run is not None
    publish(store, run.id, clock)
    await admin.presses("Cancel")
    assert "Model 2 is live" in admin.sees
    for button in (buttons.AskCancel(0, 999), buttons.CancelRun(0, 999)):
        await admin.forges(buttons.pack(button))
        assert admin.sees == "Nothing is under way."


async def test_status_says_what_is_live_what_waits_and_what_runs(
    admin: Person, anna: Person, store: Store, clock: SettableClock
):
    await rates(anna, heat="4", alien="5")
    await admin.says("/status")
    assert admin.sees.splitlines() == [
        "Model 1 is live since 1 Mar 2026, 20:00 UTC · nDCG@10 0.312 · RMSE 0.841",
        "2 ratings wait for the next training.",
        "Nothing is under way, and there has been no run yet.",
    ]
    await admin.presses("Train")
    await admin.says("/status")
    assert "Training · waiting for its turn" in admin.sees
    run = store.claim_run(clock())
    assert run is not None
    store.finish_run(run.id, RunState.FAILED, clock(), error="x")
    await admin.says("/status")
    assert "Nothing is under way. The last run failed on 1 Mar 2026, 20:00 UTC." in admin.sees


async def test_models_lists_them_with_their_figures(admin: Person, store: Store):
    world.publish(store, VIEWERS, ndcg_at_10=0.345)
    await admin.says("/models")
    assert admin.sees.splitlines()[1:] == [
        "", "2 · live · 1 Mar 2026", "nDCG@10 0.345 · RMSE 0.841",
        "", "1 · retired · 1 Mar 2026", "nDCG@10 0.312 · RMSE 0.841",
    ]  # fmt: skip
    assert admin.buttons == ["Roll back to 1"]


async def test_models_say_how_people_took_what_they_showed(
    admin: Person, anna: Person, store: Store, clock: SettableClock
):
    """Only ratings of films that a list has shown before tell how good the list was."""
    await anna.says("/top")
    first, second = titles(anna.sees)[:2]
    clock.advance(seconds=1)
    await rates(anna, **{first: "4½", second: "2", "heat": "5"})
    await admin.says("/models")
    assert "10 films shown, 2 of them rated later, 50 % of these with 4 stars or more" in admin.sees
    await anna.says("/surprise")
    await admin.says("/models")
    assert "films shown" in admin.sees
    assert "10 films shown" not in admin.sees, "surprises are lists too"


async def test_a_rollback_asks_first_and_says_what_is_live(admin: Person, store: Store):
    world.publish(store, VIEWERS)
    await admin.says("/rollback")
    assert admin.sees == "Serve model 1 instead of 2?"
    await admin.presses("Keep 2")
    assert admin.sees == "Model 2 goes on."
    assert store.live_version() == 2
    await admin.says("/rollback 1")
    await admin.presses("Roll back to 1")
    assert admin.sees.startswith("Model 1 is live again.")
    assert store.live_version() == 1
    await admin.repeats()
    assert store.live_version() == 1


async def test_ratings_learned_by_a_model_that_was_rolled_back_wait_again(
    admin: Person, anna: Person, store: Store, clock: SettableClock
):
    await rates(anna, heat="4")
    version = world.publish(store, VIEWERS)
    store.publish(version, event_ids=store.read_queue().event_ids, now=clock())
    await admin.says("/rollback")
    await admin.presses("Roll back to 1")
    assert admin.sees == "Model 1 is live again. 1 rating waits for the next training."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "There is no earlier model to go back to."),
        ("1", "Model 1 is the one that is live."),
        ("7", "There is no such model"),
        ("eleven", "Which model?"),
        ("0", "Which model?"),
        ("-1", "Which model?"),
        ("9" * 40, "Which model?"),
    ],
)
async def test_a_rollback_to_nowhere_is_answered(admin: Person, store: Store, words: str, said: str):
    await admin.says(f"/rollback {words}")
    assert said in admin.sees
    assert store.live_version() == 1


async def test_compare_puts_two_models_side_by_side(admin: Person, store: Store):
    world.publish(store, VIEWERS, ndcg_at_10=0.345)
    await admin.says("/help")
    await admin.forges(buttons.pack(buttons.Compare(0, 2)))
    assert "0.345" in admin.sees
    assert "0.312" in admin.sees


async def test_compare_shows_the_model_that_was_live_then_not_one_that_came_later(admin: Person, store: Store):
    world.publish(store, VIEWERS, ndcg_at_10=0.345)
    world.publish(store, VIEWERS, ndcg_at_10=0.456)
    await admin.says("/help")
    await admin.forges(buttons.pack(buttons.Compare(0, 2)))
    assert "0.312" in admin.sees
    assert "0.456" not in admin.sees


async def test_stats_count_people_films_and_ratings(admin: Person, anna: Person):
    await rates(anna, heat="4", alien="5")
    await admin.says("/stats")
    for line in ("2 people in the chat", "2 ratings from the chat", "43 films", "Its ratings are simulated."):
        assert line in admin.sees.splitlines()


async def test_before_the_first_training_status_and_models_say_so(
    settings, telegram: FakeTelegram, clock: SettableClock, tmp_path
):
    from engine.store.migrate import migrate

    store = Store(f"sqlite:///{tmp_path / 'bare.db'}")
    migrate(store)
    services = Services(settings=settings, store=store, library=Library(store), clock=clock)
    async with telegram.runs(build_application(services, FEATURES, request=telegram)):
        admin = telegram.person(ADMIN)
        await admin.says("/status")
        assert "No model is live yet" in admin.sees
        await admin.says("/models")
        assert "No model has been trained yet" in admin.sees
        await admin.says("/stats")
        assert "No data set is loaded." in admin.sees
    store.close()
