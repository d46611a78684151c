"""Runs, on both databases: at most one is open, with any number of people asking and of engines."""

import functools

import pytest

from engine.domain import RunKind, RunState
from engine.store import Run, RunAlreadyOpen, Store, Watcher
from tests.contract.conftest import BOB, at, together


def ask(store: Store, minute: float = 0) -> Run:
    return store.request_run(RunKind.TRAIN, str(BOB), at(minute), options={"force": True})


def test_a_run_is_asked_for_taken_reported_on_and_ended(store: Store) -> None:
    asked = ask(store)
    assert (asked.kind, asked.asked_by, asked.options) == (RunKind.TRAIN, str(BOB), {"force": True})
    assert (asked.state, asked.asked_at, asked.started_at) == (RunState.QUEUED, at(0), None)
    assert store.open_run() == asked

    taken = store.claim_run(at(1))
    assert taken is not None
    assert (taken.id, taken.state, taken.started_at, taken.heartbeat_at) == (asked.id, RunState.RUNNING, at(1), at(1))

    store.report_run(asked.id, at(2), stage="train", fraction=0.25, detail="iteration 3 of 15")
    told = store.run(asked.id)
    assert (told.stage, told.fraction, told.detail, told.heartbeat_at) == ("train", 0.25, "iteration 3 of 15", at(2))

    assert store.finish_run(asked.id, RunState.DONE, at(3), metrics={"ndcg_at_10": 0.3}, model_version=7)
    ended = store.run(asked.id)
    assert (ended.state, ended.finished_at, ended.is_open) == (RunState.DONE, at(3), False)
    assert (ended.metrics, ended.model_version, ended.error) == ({"ndcg_at_10": 0.3}, 7, None)
    assert store.open_run() is None


def test_while_one_run_is_open_there_is_no_other(store: Store) -> None:
    """This holds while the run waits and while it works; a refusal uses no number."""
    first = ask(store)
    for _ in range(2):
        with pytest.raises(RunAlreadyOpen, match=f"run {first.id}") as refused:
            ask(store, 1)
        assert refused.value.run.id == first.id
        store.claim_run(at(2))
    store.finish_run(first.id, RunState.FAILED, at(3), error="no memory")
    assert ask(store, 4).id == first.id + 1
    assert store.run(first.id).error == "no memory"


def test_of_many_who_ask_at_one_moment_one_gets_a_run(store: Store) -> None:
    asked = together(*[lambda: ask(store)] * 6)
    assert sum(isinstance(answer, Run) for answer in asked) == 1
    assert sum(isinstance(answer, RunAlreadyOpen) for answer in asked) == 5


def test_of_two_engines_one_takes_the_run(store: Store, database_url: str) -> None:
    engines = [store, Store(database_url), Store(database_url)]
    for minute in range(5):
        run = ask(store, minute)
        taken = together(*[functools.partial(engine.claim_run, at(minute)) for engine in engines])
        assert [answer.id for answer in taken if answer is not None] == [run.id]
        store.finish_run(run.id, RunState.DONE, at(minute))
    for engine in engines:
        engine.close()


def test_a_run_that_its_asker_takes_is_not_taken_by_an_engine(store: Store) -> None:
    run = store.request_run(RunKind.TRAIN, "cli", at(0), take=True)
    assert (run.state, run.started_at, run.heartbeat_at) == (RunState.RUNNING, at(0), at(0))
    assert store.claim_run(at(1)) is None


def test_nothing_waits_nothing_is_taken(store: Store) -> None:
    assert store.claim_run(at(0)) is None
    with pytest.raises(KeyError):
        store.run(1)


def test_a_run_without_a_sign_of_life_is_lost_and_can_be_asked_again(store: Store) -> None:
    run = ask(store)
    store.claim_run(at(0))
    store.beat(run.id, at(5))
    assert not store.lose_run(run.id, at(0), at(6)), "it has given a sign of life since"
    assert store.lose_run(run.id, at(5), at(7))
    lost = store.run(run.id)
    assert (lost.state, lost.finished_at) == (RunState.LOST, at(7))
    assert "ask for it again" in (lost.error or "")
    assert not store.beat(run.id, at(8))
    assert not store.finish_run(run.id, RunState.DONE, at(8))
    assert store.run(run.id).state is RunState.LOST
    ask(store, 9)


def test_a_run_that_waits_is_never_lost(store: Store) -> None:
    run = ask(store)
    assert not store.lose_run(run.id, run.heartbeat_at, at(10_001))
    assert store.run(run.id).is_open


def test_who_ends_a_run_first_has_the_last_word(store: Store) -> None:
    run = ask(store)
    store.claim_run(at(0))
    assert store.finish_run(run.id, RunState.CANCELLED, at(1))
    assert not store.finish_run(run.id, RunState.DONE, at(2), metrics={"x": 1})
    store.report_run(run.id, at(3), stage="publish", fraction=1, detail="")
    ended = store.run(run.id)
    assert (ended.state, ended.finished_at, ended.metrics, ended.stage) == (RunState.CANCELLED, at(1), {}, None)


def test_a_run_that_waits_is_cancelled_at_once(store: Store) -> None:
    run = ask(store)
    assert store.ask_cancel(run.id, "telegram:1", at(1))
    ended = store.run(run.id)
    assert (ended.state, ended.cancelled_by, ended.error) == (RunState.CANCELLED, "telegram:1", "cancelled")
    assert ended.finished_at == at(1)
    assert store.claim_run(at(2)) is None
    assert not store.ask_cancel(run.id, "telegram:2", at(3))
    assert store.run(run.id).cancelled_by == "telegram:1"


def test_a_run_under_way_hears_of_its_cancelling_at_its_next_beat(store: Store) -> None:
    run = ask(store)
    store.claim_run(at(0))
    assert store.beat(run.id, at(1))
    assert store.ask_cancel(run.id, "telegram:1", at(2))
    assert store.run(run.id).is_open
    assert not store.beat(run.id, at(3))


def test_a_cancelled_run_says_that_and_not_how_its_process_ended(store: Store) -> None:
    run = ask(store)
    store.claim_run(at(0))
    store.ask_cancel(run.id, "api:site", at(1))
    store.ask_cancel(run.id, "telegram:1", at(2))
    killed = "its process was ended by SIGKILL, perhaps because the machine ran out of memory"
    store.finish_run(run.id, RunState.CANCELLED, at(3), error=killed)
    ended = store.run(run.id)
    assert (ended.state, ended.error, ended.cancelled_by) == (RunState.CANCELLED, "cancelled", "api:site")


def test_the_latest_runs_come_first(store: Store) -> None:
    ids = []
    for minute in range(4):
        ids.append(ask(store, minute).id)
        store.ask_cancel(ids[-1], "test", at(minute))
    assert [run.id for run in store.last_runs(3)] == ids[:0:-1]


def test_messages_that_show_a_run_are_remembered_one_a_chat(store: Store) -> None:
    run = ask(store)
    group = -1_001_234_567_890
    store.watch_run(run.id, BOB, 10)
    store.watch_run(run.id, group, 11)
    store.watch_run(run.id, BOB, 12, "de")
    assert sorted(store.watchers(), key=lambda watcher: watcher.chat_id) == [
        Watcher(run.id, group, 11),
        Watcher(run.id, BOB, 12, "de"),
    ]
    store.unwatch_run(run.id, group)
    assert store.watchers() == [Watcher(run.id, BOB, 12, "de")]


def test_a_chat_that_goes_on_as_another_takes_its_runs_along(store: Store) -> None:
    run, group = ask(store), -42
    store.watch_run(run.id, BOB, 10)
    store.watch_run(run.id, group, 11, "es")
    assert store.take_watchers(group) == [Watcher(run.id, group, 11, "es")]
    assert store.take_watchers(group) == []
    assert store.watchers() == [Watcher(run.id, BOB, 10)]


def test_a_trial_is_kept_once(store: Store) -> None:
    for reg in (0.1, 0.2, 0.1):
        store.save_trial(
            search="demo/random/1",
            setting=f"reg={reg}",
            model="rating",
            phase=1,
            hyperparameters={"reg": reg},
            metrics={"rmse_warm": 0.85 + reg},
            seconds=1.5,
            now=at(0),
        )
    assert [(trial.setting, trial.hyperparameters) for trial in store.trials("demo/random/1")] == [
        ("reg=0.1", {"reg": 0.1}),
        ("reg=0.2", {"reg": 0.2}),
    ]
    assert store.trials("another") == []
