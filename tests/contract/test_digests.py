"""Messages that the bot sends unasked, on both databases: they go out once, and only to active people who want them."""

import functools

from engine.domain import RunKind, RunState
from engine.store import Store
from tests.contract.conftest import ANN, BOB, at, together


def test_digests_are_due_to_those_who_asked_and_can_be_written_to(store: Store, ann: int, bob: int) -> None:
    assert not store.wants_digest(ann)
    store.order_digest(ann, at(10))
    store.order_digest(bob, at(5))
    assert store.wants_digest(ann)
    assert store.due_digests(at(4), 10) == []
    assert [digest.person.telegram_id for digest in store.due_digests(at(10), 10)] == [BOB, ANN]
    assert [digest.person.telegram_id for digest in store.due_digests(at(10), 1)] == [BOB]
    store.set_active(BOB, False)
    store.stop_digest(ann)
    assert store.due_digests(at(10), 10) == []
    assert not store.wants_digest(ann)


def test_a_digest_is_taken_once_and_its_films_are_remembered(store: Store, ann: int) -> None:
    store.order_digest(ann, at(0))
    (due,) = store.due_digests(at(0), 10)
    takes = [functools.partial(store.take_digest, due, at(100), [1, 2])] * 4
    assert sorted(together(*takes)) == [False, False, False, True]
    assert store.due_digests(at(99), 10) == []
    store.stop_digest(ann)
    store.order_digest(ann, at(100))
    (due,) = store.due_digests(at(100), 10)
    assert due.shown == (1, 2), "also after a pause"


def test_a_digest_that_could_not_be_sent_is_given_back(store: Store, ann: int) -> None:
    store.order_digest(ann, at(0))
    (due,) = store.due_digests(at(0), 10)
    store.take_digest(due, at(100), [1, 2])
    store.give_digest_back(due, at(100), at(3))
    assert store.due_digests(at(2), 10) == []
    (again,) = store.due_digests(at(3), 10)
    assert again.shown == ()


def test_nobody_is_sent_what_they_stopped_meanwhile(store: Store, ann: int) -> None:
    store.order_digest(ann, at(0))
    (due,) = store.due_digests(at(0), 10)
    store.stop_digest(ann)
    assert not store.take_digest(due, at(100), [1])


def test_who_is_forgotten_gets_none(store: Store, ann: int) -> None:
    store.order_digest(ann, at(0))
    store.forget(ann)
    assert store.due_digests(at(0), 10) == []


def test_runs_that_nobody_attended_and_that_failed_are_told_once_to_each_admin(store: Store) -> None:
    for asked_by, state in (
        ("schedule", RunState.FAILED),
        ("telegram:1", RunState.FAILED),
        ("ratings", RunState.REJECTED),
        ("schedule", RunState.DONE),
        ("schedule", RunState.LOST),
        ("schedule", RunState.CANCELLED),
    ):
        run = store.request_run(RunKind.TRAIN, asked_by, at(0))
        store.finish_run(run.id, state, at(1))
    failed = store.failed_unattended(at(0))
    assert [(run.asked_by, run.state) for run in failed] == [
        ("schedule", RunState.FAILED),
        ("ratings", RunState.REJECTED),
        ("schedule", RunState.LOST),
    ]
    assert store.failed_unattended(at(2)) == []
    run_id = failed[0].id
    assert sorted(together(*[functools.partial(store.take_notice, run_id, ANN)] * 3)) == [False, False, True]
    assert store.take_notice(run_id, BOB)
    store.give_notice_back(run_id, ANN)
    assert store.take_notice(run_id, ANN)
