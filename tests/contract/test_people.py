"""People, their ratings and what they put aside, on both databases."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pytest

from engine.domain import BadStars, Rating, RunKind, RunState
from engine.store import Dismissal, NoSuchFilm, Put, Store, StoreError, Taste, UndoTooLate
from tests.contract.conftest import ALIEN, ANN, BOB, FARGO, HEAT, MATRIX, at, plans, together
from tests.world import FILMS, NOW


def stars(store: Store, user_id: int) -> dict[int, float]:
    return {rating.movie_id: rating.stars for rating in store.taste(user_id, NOW).ratings}


def acts(store: Store, user_id: int) -> list[tuple[str, float | None, float | None]]:
    return [(event.act, event.previous_stars, event.stars) for event in store.events_of(user_id)]


# --- People -----------------------------------------------------------------------------------------------------------


def test_a_person_is_new_once(store: Store) -> None:
    first = store.person(BOB, "de", NOW)
    assert (first.telegram_id, first.language, first.preferences, first.active, first.is_new) == (
        BOB,
        "de",
        {},
        True,
        True,
    )
    again = store.person(BOB, "en", at(1))
    assert (again.id, again.language, again.is_new) == (first.id, "de", False)
    assert store.find_person(BOB) == again


def test_nobody_is_added_by_looking(store: Store) -> None:
    assert store.find_person(ANN) is None
    assert store.people_counts()["people"] == 0


def test_ids_are_small_however_large_the_telegram_id(store: Store) -> None:
    ids = [store.person(2**52 - i, None, NOW).id for i in range(3)]
    assert ids == [1, 2, 3]


def test_two_first_messages_at_one_moment_make_one_person(store: Store) -> None:
    people = together(*[lambda: store.person(ANN, "en", NOW)] * 4)
    assert len({person.id for person in people}) == 1
    assert store.people_counts()["people"] == 1


def test_preferences_change_from_what_they_are(store: Store) -> None:
    person = store.person(ANN, "en", NOW)
    store.change_preferences(person.id, lambda known: known | {"a": 1})
    store.change_preferences(person.id, lambda known: known | {"b": 2})
    found = store.find_person(ANN)
    assert found is not None
    assert found.preferences == {"a": 1, "b": 2}


def test_someone_who_left_is_active_again_when_they_come_back(store: Store) -> None:
    person = store.person(ANN, "en", NOW)
    store.set_active(ANN, False)
    gone = store.find_person(ANN)
    assert gone is not None
    assert not gone.active
    assert store.people_counts()["active"] == 0
    back = store.person(ANN, "en", at(1))
    assert (back.id, back.active, back.is_new) == (person.id, True, False)


def test_the_language_and_the_settings_leave_each_other_alone(store: Store) -> None:
    person = store.person(ANN, "en", NOW)
    store.change_preferences(person.id, lambda known: known | {"step": 1.0, "digest": False})
    store.set_language(person.id, "fr")
    store.change_preferences(person.id, lambda known: known | {"step": 0.5})
    kept = store.find_person(ANN)
    assert kept is not None
    assert (kept.language, kept.preferences) == ("fr", {"step": 0.5, "digest": False})


def test_of_a_language_code_as_much_is_kept_as_there_is_room_for(store: Store) -> None:
    person = store.person(ANN, "zhong-taiwan-traditional", NOW)
    assert person.language == "zhong-taiwan-tra"
    store.set_language(person.id, "de-AT-1996-x-wien-ottakring")
    kept = store.find_person(ANN)
    assert kept is not None
    assert kept.language == "de-AT-1996-x-wie"
    store.set_language(person.id, None)
    assert store.person(ANN, "en", NOW).language is None


def test_changes_of_settings_at_one_moment_are_all_kept(store: Store) -> None:
    person = store.person(ANN, "en", NOW)
    changes = [partial(store.change_preferences, person.id, lambda known, n=n: {**known, str(n): n}) for n in range(4)]
    assert together(*changes) == [None] * 4
    kept = store.find_person(ANN)
    assert kept is not None
    assert (kept.language, kept.preferences) == ("en", {"0": 0, "1": 1, "2": 2, "3": 3})
    store.forget(person.id)
    store.change_preferences(person.id, lambda known: {**known, "late": 1})
    assert store.find_person(ANN) is None


def test_no_run_names_an_admin_who_is_forgotten(store: Store) -> None:
    person = store.person(ANN, "en", NOW)
    theirs = store.request_run(RunKind.TRAIN, f"telegram:{ANN}", NOW)
    store.ask_cancel(theirs.id, f"telegram:{ANN}", NOW)
    for admin in (ANN, BOB):
        store.watch_run(theirs.id, admin, 1)
        store.take_notice(theirs.id, admin)
    store.finish_run(theirs.id, RunState.DONE, NOW)
    others = store.request_run(RunKind.TRAIN, f"telegram:{BOB}", NOW)
    store.forget(person.id)
    assert [run.asked_by for run in store.last_runs()] == [f"telegram:{BOB}", "telegram"]
    assert store.run(theirs.id).cancelled_by == "telegram"
    assert [watcher.chat_id for watcher in store.watchers()] == [BOB]
    assert store.take_notice(theirs.id, ANN), "as if they had never been told"
    assert not store.take_notice(theirs.id, BOB)
    assert store.run(others.id).is_open


# --- Ratings ----------------------------------------------------------------------------------------------------------


def test_a_rating_is_kept_and_queued(films: Store, ann: int) -> None:
    act, _ = films.rate(ann, HEAT, 4.5, NOW)
    assert act.changed
    assert (act.movie_id, act.stars, act.previous_stars) == (HEAT, 4.5, None)
    assert films.taste(ann, NOW) == Taste(ann, (Rating(HEAT, 4.5, NOW),), (), waiting=1)
    assert films.read_queue().event_ids.tolist() == [act.event_id]


def test_the_same_stars_again_change_nothing(films: Store, ann: int) -> None:
    """Telegram delivers an update at least once."""
    films.rate(ann, HEAT, 4.5, NOW)
    again, _ = films.rate(ann, HEAT, 4.5, at(1))
    assert not again.changed
    assert films.taste(ann, NOW).ratings == (Rating(HEAT, 4.5, NOW),)
    assert acts(films, ann) == [("rated", None, 4.5)]


def test_each_change_is_an_act_of_its_own(films: Store, ann: int) -> None:
    films.rate(ann, HEAT, 4.5, at(0))
    films.rate(ann, HEAT, 2.0, at(1))
    films.remove_rating(ann, HEAT, at(2))
    assert not films.remove_rating(ann, HEAT, at(3)).changed
    assert stars(films, ann) == {}
    assert acts(films, ann) == [("rated", None, 4.5), ("changed", 4.5, 2.0), ("removed", 2.0, None)]


def test_ratings_come_newest_first(films: Store, ann: int) -> None:
    for minute, movie_id in enumerate([MATRIX, HEAT, ALIEN]):
        films.rate(ann, movie_id, 3.0, at(minute))
    assert [rating.movie_id for rating in films.taste(ann, NOW).ratings] == [ALIEN, HEAT, MATRIX]


@pytest.mark.parametrize("bad", [0.0, 0.25, 4.7, 5.5, -1.0, float("nan"), float("inf")])
def test_stars_that_are_none_are_refused(films: Store, ann: int, bad: float) -> None:
    with pytest.raises(BadStars):
        films.rate(ann, HEAT, bad, NOW)
    assert acts(films, ann) == []


def test_a_film_that_is_not_there_cannot_be_rated_or_put_aside(films: Store, ann: int) -> None:
    for act in (
        lambda: films.rate(ann, 999_999, 4.0, NOW),
        lambda: films.remove_rating(ann, 999_999, NOW),
        lambda: films.put_aside(ann, 999_999, Dismissal.SEEN, NOW),
    ):
        with pytest.raises(NoSuchFilm):
            act()


def test_many_ratings_at_once_are_an_act_each(films: Store, ann: int, bob: int) -> None:
    """More than fit into one transaction; the acts can be undone one by one."""
    films.rate(ann, HEAT, 2.0, NOW)
    films.rate(ann, FARGO, 5.0, NOW)
    ids = films.rate_many(ann, [(HEAT, 4.0, at(-9)), (FARGO, 5.0, at(-8)), (ALIEN, 3.5, at(-7))], at(1))
    assert acts(films, ann)[2:] == [("changed", 2.0, 4.0), ("rated", None, 3.5)]
    assert [event.id for event in films.events_of(ann)][2:] == ids
    rated = {rating.movie_id: rating.rated_at for rating in films.taste(ann, NOW).ratings}
    assert rated == {HEAT: at(-9), FARGO: NOW, ALIEN: at(-7)}
    assert films.rate_many(ann, [(HEAT, 4.0, NOW)], at(2)) == []
    assert films.undo(ann, ids[0], at(3)).stars == 2.0
    assert stars(films, bob) == {}


def test_thousands_of_ratings_at_once(films: Store, ann: int) -> None:
    films.save_films(replace(FILMS[0], id=number) for number in range(1_000, 2_000))
    ids = films.rate_many(ann, [(number, 4.0, NOW) for number in range(1_000, 2_000)], NOW)
    assert ids == sorted(set(ids))
    assert [event.movie_id for event in films.events_of(ann)] == list(range(1_000, 2_000))
    assert len(films.taste(ann, NOW).ratings) == len(ids) == 1_000


def test_many_acts_are_taken_back_at_once_as_if_they_had_never_been(films: Store, ann: int, bob: int) -> None:
    films.rate(bob, HEAT, 1.0, NOW)
    for minute, (film, value) in enumerate([(HEAT, 2.0), (FARGO, 5.0), (ALIEN, 1.0)]):
        films.rate(ann, film, value, at(minute))
    films.remove_rating(ann, ALIEN, at(5))
    before = films.taste(ann, NOW)
    given = [(HEAT, 4.0, at(9)), (FARGO, 3.0, at(9)), (ALIEN, 3.5, at(9)), (MATRIX, 4.5, at(9))]
    imported = films.rate_many(ann, given, at(9))
    after = films.taste(ann, NOW)
    undone = films.undo_many(ann, imported[0], imported[-1], at(10))
    assert len(undone) == 4
    assert films.taste(ann, NOW).ratings == before.ratings, "as old as they were, too"
    assert acts(films, ann)[-4:] == [
        ("changed", 4.0, 2.0),
        ("changed", 3.0, 5.0),
        ("removed", 3.5, None),
        ("removed", 4.5, None),
    ]
    assert films.undo_many(ann, imported[0], imported[-1], at(11)) == [], "the same tap a second time"
    assert len(films.undo_many(ann, undone[0], undone[-1], at(12))) == 4
    assert stars(films, ann) == {rating.movie_id: rating.stars for rating in after.ratings}
    assert stars(films, bob) == {HEAT: 1.0}


def test_what_was_rated_again_since_is_not_taken_back_with_the_others(films: Store, ann: int, bob: int) -> None:
    imported = films.rate_many(ann, [(HEAT, 4.0, NOW), (FARGO, 3.0, NOW)], NOW)
    films.rate(ann, HEAT, 5.0, at(1))
    assert films.undo_many(bob, imported[0], imported[-1], at(2)) == [], "nobody undoes what another did"
    assert len(films.undo_many(ann, imported[0], imported[-1], at(2))) == 1
    assert stars(films, ann) == {HEAT: 5.0}


def test_an_undo_that_was_cut_short_goes_on(films: Store, ann: int) -> None:
    """Some events were undone, then the power failed."""
    films.save_films(replace(FILMS[0], id=number) for number in range(1_000, 2_000))
    films.rate(ann, HEAT, 3.0, NOW)
    imported = films.rate_many(ann, [(number, 4.0, NOW) for number in range(1_000, 2_000)], NOW)
    for act in imported[:3]:
        films.undo(ann, act, at(1))
    assert len(films.undo_many(ann, imported[0], imported[-1], at(2))) == 997
    assert stars(films, ann) == {HEAT: 3.0}


def test_ratings_of_a_file_are_as_old_as_it_says_also_when_they_come_back(films: Store, ann: int) -> None:
    films.rate(ann, HEAT, 1.0, at(0))
    long_ago = NOW - timedelta(days=900)
    imported = films.rate_many(ann, [(HEAT, 4.0, long_ago), (FARGO, 3.0, long_ago)], at(1))
    ratings = films.taste(ann, NOW).ratings
    assert {rating.rated_at for rating in ratings} == {long_ago}
    undone = films.undo_many(ann, imported[0], imported[-1], at(2))
    assert films.taste(ann, NOW).ratings == (Rating(HEAT, 1.0, at(0)),)
    films.undo_many(ann, undone[0], undone[-1], at(3))
    assert films.taste(ann, NOW).ratings == ratings
    films.undo(ann, films.rate(ann, FARGO, 5.0, at(4))[0].event_id or 0, at(5))
    assert films.taste(ann, NOW).ratings == ratings


def test_of_a_film_twice_in_a_file_the_last_counts(films: Store, ann: int) -> None:
    films.rate_many(ann, [(HEAT, 1.0, NOW), (HEAT, 4.0, NOW)], NOW)
    assert acts(films, ann) == [("rated", None, 4.0)]
    assert films.rate_many(ann, [], NOW) == []


def test_many_ratings_with_one_that_cannot_be_are_none(films: Store, ann: int) -> None:
    with pytest.raises(BadStars):
        films.rate_many(ann, [(HEAT, 4.0, NOW), (ALIEN, 4.2, NOW)], NOW)
    with pytest.raises(NoSuchFilm):
        films.rate_many(ann, [(HEAT, 4.0, NOW), (999_999, 4.0, NOW)], NOW)
    assert acts(films, ann) == []


def test_two_taps_at_one_moment_leave_a_history_that_adds_up(films: Store, ann: int) -> None:
    """Each act saw what the one before it left, so that every one of them can be undone."""
    together(*[lambda value=value: films.rate(ann, HEAT, value, NOW) for value in (1.0, 2.0, 3.0, 4.0)])
    history = acts(films, ann)
    assert len(history) == 4
    previous = None
    for _, before, after in history:
        assert before == previous
        previous = after
    assert stars(films, ann) == {HEAT: previous}


def test_one_tap_delivered_four_times_at_one_moment_counts_once(films: Store, ann: int) -> None:
    outcome = together(*[lambda: films.rate(ann, HEAT, 4.0, NOW)] * 4)
    assert sum(act.changed for act, _ in outcome) == 1
    assert acts(films, ann) == [("rated", None, 4.0)]


# --- Undo -------------------------------------------------------------------------------------------------------------


def test_undo_gives_back_the_stars_before(films: Store, ann: int) -> None:
    films.rate(ann, HEAT, 4.5, at(0))
    change, _ = films.rate(ann, HEAT, 1.0, at(1))
    assert change.event_id is not None
    undone = films.undo(ann, change.event_id, at(2))
    assert (undone.stars, undone.previous_stars) == (4.5, 1.0)
    assert films.taste(ann, NOW).ratings == (Rating(HEAT, 4.5, at(0)),), "as old as they were, too"
    assert acts(films, ann)[-1] == ("changed", 1.0, 4.5)


def test_undo_of_the_first_rating_removes_it_and_can_be_undone(films: Store, ann: int) -> None:
    first, _ = films.rate(ann, HEAT, 4.5, at(0))
    assert first.event_id is not None
    undone = films.undo(ann, first.event_id, at(1))
    assert stars(films, ann) == {}
    assert undone.event_id is not None
    films.undo(ann, undone.event_id, at(2))
    assert stars(films, ann) == {HEAT: 4.5}


def test_a_rating_that_was_removed_comes_back_where_it_was(films: Store, ann: int) -> None:
    films.rate(ann, HEAT, 4.5, at(0))
    films.rate(ann, ALIEN, 3.0, at(1))
    before = films.taste(ann, NOW).ratings
    removed = films.remove_rating(ann, HEAT, at(2))
    assert removed.event_id is not None
    films.undo(ann, removed.event_id, at(3))
    assert films.taste(ann, NOW).ratings == before


def test_undo_twice_is_too_late(films: Store, ann: int) -> None:
    act, _ = films.rate(ann, HEAT, 4.5, NOW)
    assert act.event_id is not None
    films.undo(ann, act.event_id, at(1))
    with pytest.raises(UndoTooLate):
        films.undo(ann, act.event_id, at(2))


def test_what_was_rated_again_since_is_not_undone(films: Store, ann: int) -> None:
    act, _ = films.rate(ann, HEAT, 4.5, at(0))
    films.rate(ann, HEAT, 3.0, at(1))
    assert act.event_id is not None
    with pytest.raises(UndoTooLate):
        films.undo(ann, act.event_id, at(2))
    assert stars(films, ann) == {HEAT: 3.0}


def test_another_film_rated_since_does_not_matter(films: Store, ann: int) -> None:
    act, _ = films.rate(ann, HEAT, 4.5, at(0))
    films.rate(ann, ALIEN, 3.0, at(1))
    assert act.event_id is not None
    films.undo(ann, act.event_id, at(2))
    assert stars(films, ann) == {ALIEN: 3.0}


def test_the_latest_act(films: Store, ann: int, bob: int) -> None:
    assert films.last_event(ann) is None
    first, _ = films.rate(ann, HEAT, 4.0, NOW)
    second, _ = films.rate(ann, ALIEN, 3.0, at(1))
    films.rate(bob, HEAT, 1.0, at(2))
    assert films.last_event(ann) == second.event_id
    again, taste = films.rate(ann, HEAT, 4.0, at(3))
    assert (again.changed, again.event_id) == (False, first.event_id)
    assert taste == films.taste(ann, at(3))
    assert films.last_event(ann) == second.event_id
    assert films.remove_rating(ann, MATRIX, at(4)).event_id is None
    assert films.last_event(ann) == second.event_id


def test_nobody_undoes_what_another_did(films: Store, ann: int, bob: int) -> None:
    act, _ = films.rate(ann, HEAT, 4.5, NOW)
    assert act.event_id is not None
    for event_id in (act.event_id, 10**9):
        with pytest.raises(UndoTooLate):
            films.undo(bob, event_id, at(1))
    assert stars(films, ann) == {HEAT: 4.5}


# --- Put aside --------------------------------------------------------------------------------------------------------


def test_what_is_put_aside_is_hidden_until_taken_back(films: Store, ann: int) -> None:
    assert films.put_aside(ann, HEAT, Dismissal.SEEN, NOW)
    assert not films.put_aside(ann, HEAT, Dismissal.SEEN, at(1))
    assert films.taste(ann, NOW).put_aside == (Put(HEAT, Dismissal.SEEN, at(1), None),)
    assert films.taste(ann, NOW).hidden == {HEAT}
    assert films.take_back(ann, HEAT, Dismissal.SEEN)
    assert not films.take_back(ann, HEAT, Dismissal.SEEN)
    assert films.taste(ann, NOW).hidden == frozenset()


def test_not_for_me_expires_and_can_be_said_again(films: Store, ann: int) -> None:
    films.put_aside(ann, HEAT, Dismissal.NOT_FOR_ME, NOW, expires_at=at(10))
    assert films.taste(ann, at(9)).hidden == {HEAT}
    assert films.taste(ann, at(10)).hidden == frozenset()
    assert films.put_aside(ann, HEAT, Dismissal.NOT_FOR_ME, at(11), expires_at=at(20))


def test_a_film_can_be_seen_and_on_the_watchlist(films: Store, ann: int) -> None:
    films.put_aside(ann, HEAT, Dismissal.SEEN, at(0))
    films.put_aside(ann, HEAT, Dismissal.WATCHLIST, at(1))
    assert [put.kind for put in films.taste(ann, NOW).put_aside] == [Dismissal.WATCHLIST, Dismissal.SEEN]


def test_what_an_import_put_aside_is_taken_back_as_a_whole_and_nothing_else(films: Store, ann: int, bob: int) -> None:
    films.put_aside(ann, HEAT, Dismissal.SEEN, at(0))
    films.put_aside(ann, ALIEN, Dismissal.NOT_FOR_ME, at(0), expires_at=at(10))
    before = films.taste(ann, NOW).put_aside
    long_ago = NOW - timedelta(days=900)
    given = [(HEAT, Dismissal.SEEN, long_ago), (FARGO, Dismissal.SEEN, long_ago), (ALIEN, Dismissal.WATCHLIST, at(2)),
             (999_999, Dismissal.SEEN, at(2))]  # fmt: skip
    assert films.put_many(ann, given, 1, at(3)) == 2, "one is put aside already, one is gone"
    assert films.put_many(ann, given, 1, at(3)) == 2, "cut short, and done again"
    assert Put(FARGO, Dismissal.SEEN, long_ago, None) in films.taste(ann, NOW).put_aside
    assert films.put_many(bob, given, 1, at(3)) == 3
    assert films.take_import_back(ann, 2, at(4), undone=True) == 0
    assert films.take_import_back(ann, 1, at(4), undone=True) == 2
    assert films.take_import_back(ann, 1, at(4), undone=True) == 0
    assert films.taste(ann, at(4)).put_aside == before
    assert len(films.taste(bob, NOW).put_aside) == 3
    assert films.take_import_back(ann, 1, at(5), undone=False) == 2
    assert Put(FARGO, Dismissal.SEEN, long_ago, None) in films.taste(ann, NOW).put_aside


def test_what_is_put_aside_by_hand_after_an_import_is_no_part_of_it(films: Store, ann: int) -> None:
    films.put_many(ann, [(HEAT, Dismissal.SEEN, NOW), (FARGO, Dismissal.SEEN, NOW)], 1, NOW)
    films.put_aside(ann, HEAT, Dismissal.SEEN, at(1))
    assert films.take_import_back(ann, 1, at(2), undone=True) == 1
    assert [put.movie_id for put in films.taste(ann, at(3)).put_aside] == [HEAT]


# --- What waits, and being forgotten ----------------------------------------------------------------------------------


def test_ratings_wait_as_films_of_a_person_not_as_acts(films: Store, ann: int, bob: int) -> None:
    films.rate(ann, HEAT, 4.5, at(0))
    films.rate(ann, HEAT, 4.0, at(1))
    films.rate(ann, ALIEN, 4.0, at(2))
    films.rate(bob, HEAT, 2.0, at(3))
    assert films.waiting_ratings() == 3
    assert films.waiting_ratings(since=at(2)) == 1
    assert films.taste(ann, NOW).waiting == 2
    assert films.people_counts() == {"people": 2, "active": 2, "ratings": 3, "dismissals": 0}


def test_what_is_as_it_was_does_not_wait(films: Store, ann: int) -> None:
    """An import that was undone, a rating given and taken back, one changed and changed again."""
    films.rate(ann, HEAT, 4.5, at(0))
    first, *_, last = films.rate_many(ann, [(ALIEN, 4.0, at(1)), (FARGO, 5.0, at(1)), (HEAT, 2.0, at(1))], at(1))
    assert films.waiting_ratings() == 3
    undone = films.undo_many(ann, first, last, at(2))
    assert films.waiting_ratings() == 1
    films.undo_many(ann, undone[0], undone[-1], at(3))
    assert films.waiting_ratings() == 3
    films.publish(
        films.create_version(dataset="d", dataset_fingerprint="f", hyperparameters={}, metrics={}, counts={}, now=NOW),
        event_ids=films.read_queue().event_ids,
        now=at(4),
    )
    assert films.waiting_ratings() == 0
    films.remove_rating(ann, HEAT, at(5))
    films.rate(ann, FARGO, 4.0, at(5))
    assert films.waiting_ratings() == films.taste(ann, NOW).waiting == 2
    films.rate(ann, HEAT, 2.0, at(6))
    films.rate(ann, FARGO, 5.0, at(6))
    assert films.waiting_ratings() == films.taste(ann, NOW).waiting == 0


def test_a_person_who_is_forgotten_leaves_nothing_behind(films: Store, ann: int, bob: int) -> None:
    for user_id in (ann, bob):
        films.rate(user_id, FARGO, 5.0, NOW)
        films.put_aside(user_id, HEAT, Dismissal.WATCHLIST, NOW)
    version = films.create_version(
        dataset="d", dataset_fingerprint="f", hyperparameters={}, metrics={}, counts={}, now=NOW
    )
    films.write_recommendations(version, [(ann, 1, HEAT, 1.0, 4.0), (bob, 1, HEAT, 1.0, 4.0)])
    films.publish(version, event_ids=np.array([], np.int64), now=NOW)

    films.forget(ann)

    assert films.find_person(ANN) is None
    assert films.taste(ann, NOW) == Taste(ann)
    assert films.events_of(ann) == []
    assert films.recommendations(ann) == []
    assert [rating.movie_id for rating in films.taste(bob, NOW).ratings] == [FARGO]
    assert len(films.recommendations(bob)) == 1


def test_forgetting_reads_nobody_elses_lists(films: Store, ann: int) -> None:
    """There are millions of lines, and on SQLite everybody else would wait meanwhile."""
    with plans(films, "recommendations") as ways:
        films.forget(ann)
    assert ways == ["SEARCH recommendations USING PRIMARY KEY (model_version=? AND user_id=?)"]


def test_the_id_of_someone_forgotten_never_names_somebody_else(films: Store, ann: int) -> None:
    newest = films.person(BOB, None, NOW).id
    films.forget(newest)
    assert films.person(BOB, None, NOW).id > newest


def test_a_rating_by_someone_who_was_forgotten_a_moment_ago_is_refused(films: Store, ann: int) -> None:
    films.forget(ann)
    with pytest.raises(StoreError):
        films.rate(ann, HEAT, 4.0, NOW)


def test_someone_forgotten_while_lists_are_written_is_in_none_of_them(films: Store, ann: int, bob: int) -> None:
    """Whichever comes first: the list of a person who is gone is not written, and one written before goes with them."""
    version = films.create_version(
        dataset="d", dataset_fingerprint="f", hyperparameters={}, metrics={}, counts={}, now=NOW
    )
    started = threading.Event()

    def lists() -> Iterator[tuple[int, int, int, float, float]]:
        for user_id in (ann, bob):
            for position in range(1, 6_001):
                yield user_id, position, HEAT, 1.0, 4.0
            started.set()

    def forget() -> None:
        assert started.wait(10)
        films.forget(ann)

    written, _ = together(lambda: films.write_recommendations(version, lists()), forget)
    assert 6_000 <= written <= 12_000
    films.publish(version, event_ids=np.array([], np.int64), now=NOW)
    assert films.recommendations(ann) == []
    assert len(films.recommendations(bob, limit=10_000)) == 6_000


def test_times_keep_their_microseconds_and_their_zone(films: Store, ann: int) -> None:
    moment = NOW + timedelta(microseconds=123_456)
    films.rate(ann, HEAT, 4.0, moment)
    (rating,) = films.taste(ann, NOW).ratings
    assert rating.rated_at == moment
    assert rating.rated_at.utcoffset() == timedelta(0)
    with pytest.raises(Exception, match="time zone"):
        films.rate(ann, HEAT, 3.0, moment.replace(tzinfo=None))
