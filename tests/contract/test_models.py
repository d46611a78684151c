"""Model versions, the lists that belong to them, and the queue that they use up, on both databases."""

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import sqlalchemy as sa

from engine.domain import FactorRows, ModelState, RunKind, RunState
from engine.store import NoSuchVersion, PublishRefused, Recommendation, SimilarFilm, Store, StoreError
from engine.store.models import _hold_live
from engine.store.models import factors as item_factors
from tests.conftest import ROOT
from tests.contract.conftest import ALIEN, ANN, FARGO, HEAT, MATRIX, at, together
from tests.world import NOW

NO_EVENTS = np.array([], np.int64)
RNG = np.random.default_rng(0)


def factors(n: int = 3) -> FactorRows:
    return FactorRows(
        np.array([20, 23, 30, *range(100, 97 + n)][:n], np.int32),
        RNG.normal(size=(n, 4)).astype(np.float32),
        RNG.normal(size=(n, 2)).astype(np.float32),
        RNG.normal(size=n).astype(np.float32),
    )


def create(store: Store, minute: float = 0) -> int:
    return store.create_version(
        dataset="tiny",
        dataset_fingerprint="f" * 64,
        hyperparameters={"blend": 0.2},
        metrics={"ndcg_at_10": 0.31},
        counts={"ratings": 10},
        now=at(minute),
    )


def write(store: Store, user_id: int, movie_id: int = HEAT, minute: float = 0) -> int:
    """Write a version that passes the checks, beside the live one."""
    version = create(store, minute)
    store.write_item_factors(version, factors())
    store.write_recommendations(version, [(user_id, 1, movie_id, 1.5, 4.25)])
    store.write_similar(version, [(HEAT, 1, ALIEN, 0.9, 2.5, "space")])
    return version


def publish(store: Store, user_id: int, movie_id: int = HEAT, minute: float = 0) -> int:
    version = write(store, user_id, movie_id, minute)
    store.publish(version, event_ids=NO_EVENTS, now=at(minute))
    return version


def states(store: Store) -> dict[int, str]:
    return {model.version: str(model.state) for model in store.model_versions()}


def listed(store: Store, user_id: int) -> list[int]:
    return [recommendation.movie_id for recommendation in store.recommendations(user_id)]


# --- Versions ---------------------------------------------------------------------------------------------------------


def test_before_the_first_model_nothing_is_live(films: Store, ann: int) -> None:
    assert films.live_version() is None
    assert films.model_versions() == []
    assert films.recommendations(ann) == []
    assert films.similar(HEAT) == []


def test_a_version_reads_as_it_was_made(store: Store) -> None:
    version = create(store)
    model = store.model_version(version)
    assert (model.state, model.reason, model.published_at) == (ModelState.CANDIDATE, None, None)
    assert (model.dataset, model.dataset_fingerprint) == ("tiny", "f" * 64)
    assert (model.hyperparameters, model.metrics, model.counts) == (
        {"blend": 0.2},
        {"ndcg_at_10": 0.31},
        {"ratings": 10},
    )
    assert model.created_at == NOW
    assert store.live_version() is None


def test_versions_come_newest_first_and_a_rejected_one_keeps_its_reason(store: Store) -> None:
    first, second = create(store), create(store)
    store.reject(first, "worse than popularity")
    assert [model.version for model in store.model_versions()] == [second, first]
    assert (store.model_version(first).state, store.model_version(first).reason) == (
        ModelState.REJECTED,
        "worse than popularity",
    )


def test_a_version_that_is_not_there_says_so(store: Store) -> None:
    for ask in (store.model_version, store.item_factors, lambda version: store.rollback(version, NOW)):
        with pytest.raises(NoSuchVersion):
            ask(7)


def test_factors_come_back_exactly(store: Store) -> None:
    rows, version = factors(), create(store)
    store.write_item_factors(version, rows)
    read = store.item_factors(version)
    for name in ("movie_ids", "preference", "rating", "bias"):
        np.testing.assert_array_equal(getattr(read, name), getattr(rows, name))
        assert getattr(read, name).dtype == getattr(rows, name).dtype


# --- Publishing -------------------------------------------------------------------------------------------------------


def test_what_is_written_aside_is_seen_once_it_is_published(films: Store, ann: int) -> None:
    version = write(films, ann)
    assert films.recommendations(ann) == []
    films.check_version(version)
    films.publish(version, event_ids=NO_EVENTS, now=at(5))
    assert films.live_version() == version
    assert films.recommendations(ann) == [Recommendation(1, HEAT, 1.5, 4.25)]
    assert films.similar(HEAT) == [SimilarFilm(1, ALIEN, 0.9, 2.5, "space")]
    assert films.model_version(version).published_at == at(5)


def test_the_version_before_is_retired(films: Store, ann: int) -> None:
    first, second = publish(films, ann, HEAT), publish(films, ann, ALIEN, minute=1)
    assert states(films) == {first: "retired", second: "live"}
    assert listed(films, ann) == [ALIEN]


def test_lists_are_cut_where_asked(films: Store, ann: int) -> None:
    version = create(films)
    films.write_recommendations(version, [(ann, i, 100 + i, 1 / i, 4.0) for i in range(1, 51)])
    films.publish(version, event_ids=NO_EVENTS, now=NOW)
    assert [line.position for line in films.recommendations(ann, limit=3)] == [1, 2, 3]
    assert len(films.recommendations(ann)) == 50


def test_lists_of_many_chunks_are_written_whole(films: Store, ann: int) -> None:
    version = create(films)
    rows = [(ann, position, 7, 1.0, 4.0) for position in range(1, 12_346)]
    assert films.write_recommendations(version, iter(rows)) == 12_345
    assert films.write_similar(version, [(1, position, 7, 0.5, None, None) for position in range(1, 5_002)]) == 5_001


def test_people_who_are_not_there_get_no_list(films: Store, ann: int) -> None:
    version = create(films)
    assert films.write_recommendations(version, [(ann, 1, HEAT, 1.0, 4.0), (ann + 77, 1, HEAT, 1.0, 4.0)]) == 1


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no recommendations"),
        ([(1, HEAT, 1.0, 4.0), (2, HEAT, 0.5, 4.0)], "twice"),
        ([(1, HEAT, float("inf"), 4.0)], "not finite"),
        ([(1, HEAT, 1.0, 5.5)], "above 5"),
    ],
)
def test_lists_that_make_no_sense_are_refused(
    films: Store, ann: int, rows: list[tuple[int, int, float, float]], says: str
) -> None:
    version = create(films)
    films.write_item_factors(version, factors())
    films.write_recommendations(version, [(ann, *row) for row in rows])
    with pytest.raises(PublishRefused, match=says):
        films.check_version(version)


def test_a_score_that_is_no_number_is_refused(films: Store, ann: int) -> None:
    """SQLite refuses it while it is written; on Postgres the check does."""
    version = create(films)
    films.write_item_factors(version, factors())
    with pytest.raises((StoreError, PublishRefused)):  # noqa: PT012 - one of the two
        films.write_recommendations(version, [(ann, 1, HEAT, float("nan"), 4.0)])
        films.check_version(version)


def test_a_version_without_factors_is_refused(films: Store, ann: int) -> None:
    version = create(films)
    films.write_recommendations(version, [(ann, 1, HEAT, 1.0, 4.0)])
    with pytest.raises(PublishRefused, match="no item factors"):
        films.check_version(version)


def test_a_list_that_is_missing_or_too_short_is_refused(films: Store, ann: int, bob: int) -> None:
    version = create(films)
    films.write_item_factors(version, factors())
    films.write_recommendations(
        version, [(ann, 1, HEAT, 1.0, 4.0), (ann, 2, ALIEN, 0.5, 4.0), (bob, 1, HEAT, 1.0, 4.0)]
    )
    people = np.array([bob, ann], np.int32)
    films.check_version(version, lists=(people, np.array([1, 2], np.int32)))
    films.check_version(version, lists=(people, np.array([0, 1], np.int32)))
    with pytest.raises(PublishRefused, match=f"lacks films in 1 lists; user {ann} has one"):
        films.check_version(version, lists=(people, np.array([1, 3], np.int32)))
    with pytest.raises(PublishRefused, match=f"lacks films in 1 lists; user {bob} has one"):
        films.check_version(version, lists=(people, np.array([2, 2], np.int32)))
    missing = create(films)
    films.write_item_factors(missing, factors())
    films.write_recommendations(missing, [(ann, 1, HEAT, 1.0, 4.0)])
    with pytest.raises(PublishRefused, match=f"user {bob} has one"):
        films.check_version(missing, lists=(people, np.array([1, 1], np.int32)))


def test_nobody_misses_the_list_of_a_person_who_was_deleted_meanwhile(films: Store, ann: int) -> None:
    version = create(films)
    films.write_item_factors(version, factors())
    films.write_recommendations(version, [(ann, 1, HEAT, 1.0, 4.0), (ann + 77, 1, HEAT, 1.0, 4.0)])
    films.check_version(version, lists=(np.array([ann, ann + 77], np.int32), np.array([1, 1], np.int32)))


def test_a_failed_publish_leaves_the_old_lists(films: Store, ann: int) -> None:
    live = publish(films, ann, HEAT)

    def interrupted() -> Iterator[tuple[int, int, int, float, float]]:
        for position in range(1, 7_001):
            yield ann, position, ALIEN, 1.0, 4.0
        raise RuntimeError("power cut")

    version = create(films)
    with pytest.raises(RuntimeError):
        films.write_recommendations(version, interrupted())
    assert films.live_version() == live
    assert listed(films, ann) == [HEAT]


KILLED = """
    import os, sys
    import numpy as np
    from engine.store import Store
    from tests.contract.conftest import ALIEN, at
    from tests.contract.test_models import create

    store, user_id, where = Store(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

    def rows():
        for position in range(1, 12_001):
            if where == "writing" and position == 8_000:
                os.kill(os.getpid(), 9)
            yield user_id, position, ALIEN, 1.0, 4.0

    version = create(store)
    store.write_recommendations(version, rows())
    if where == "publishing":  # the last statement has run, the commit has not
        store.db.dispose()
        import engine.store.models as models
        flip = models._flip
        models._flip = lambda *given: (flip(*given), os.kill(os.getpid(), 9))
        store.publish(version, event_ids=store.read_queue().event_ids, now=at(9))
"""


@pytest.mark.system
@pytest.mark.parametrize("where", ["writing", "publishing"])
def test_kill_9_while_publishing_leaves_the_old_model_and_every_rating_queued(
    films: Store, database_url: str, ann: int, where: str
) -> None:
    live = publish(films, ann, HEAT)
    films.rate(ann, FARGO, 4.5, at(2))

    script = textwrap.dedent(KILLED)
    killed = subprocess.run([sys.executable, "-c", script, database_url, str(ann), where], cwd=ROOT)

    assert killed.returncode == -9
    assert films.live_version() == live
    assert listed(films, ann) == [HEAT]
    assert films.waiting_ratings() == 1
    assert len(films.read_queue().event_ids) == 1
    # Its remains go with the next sweep, and the next version is published as if nothing had been.
    assert len(films.sweep(keep=3)) == 1
    again = publish(films, ann, ALIEN, minute=10)
    assert films.live_version() == again
    assert listed(films, ann) == [ALIEN]


# --- The queue --------------------------------------------------------------------------------------------------------


def test_a_run_marks_exactly_the_events_that_it_read(films: Store, ann: int, bob: int) -> None:
    """Films rated while it worked wait for the next one."""
    films.rate(ann, HEAT, 4.5, at(0))
    films.rate(bob, HEAT, 1.0, at(0))
    queue = films.read_queue()
    films.rate(ann, ALIEN, 3.5, at(1))
    version = write(films, ann)
    films.publish(version, event_ids=queue.event_ids, now=at(2))

    assert films.waiting_ratings() == 1
    assert films.taste(ann, NOW).waiting == 1
    assert films.taste(bob, NOW).waiting == 0
    used = {event.movie_id: event.model_version for event in films.events_of(ann)}
    assert used == {HEAT: version, ALIEN: None}
    assert len(films.read_queue().event_ids) == 1


def test_an_event_that_commits_late_is_not_lost(films: Store, database_url: str, ann: int, bob: int) -> None:
    """Its number is lower than one that was read, but it was not there to be read."""
    if films.is_postgres:
        slow = Store(database_url)
        with slow.write() as connection:
            from engine.store.people import _set_stars

            _set_stars(connection, ann, HEAT, 4.5, NOW)
            films.rate(bob, HEAT, 1.0, NOW)
            queue = films.read_queue()
        slow.close()
    else:  # SQLite has one writer, so nothing can overtake
        films.rate(bob, HEAT, 1.0, NOW)
        queue = films.read_queue()
        films.rate(ann, HEAT, 4.5, NOW)
    films.publish(write(films, ann), event_ids=queue.event_ids, now=at(1))
    assert films.taste(ann, NOW).waiting == 1
    assert films.taste(bob, NOW).waiting == 0


def test_the_queue_holds_every_rating_of_the_chat_as_it_stands(films: Store, ann: int, bob: int) -> None:
    films.rate(ann, HEAT, 4.5, at(0))
    films.rate(ann, HEAT, 2.5, at(1))
    films.rate(ann, ALIEN, 3.0, at(2))
    films.remove_rating(ann, ALIEN, at(3))
    films.rate(bob, MATRIX, 5.0, at(4))
    queue = films.read_queue()
    assert len(queue.event_ids) == 5
    assert queue.user_ids.tolist() == [ann, bob]
    assert queue.movie_ids.tolist() == [HEAT, MATRIX]
    assert queue.stars.tolist() == [2.5, 5.0]
    assert queue.rated_at.tolist() == [int(at(minute).timestamp() * 1_000_000) for minute in (1, 4)]


def test_an_empty_queue_is_empty_arrays(store: Store) -> None:
    queue = store.read_queue()
    assert [len(getattr(queue, name)) for name in queue.__slots__] == [0] * 5


def test_what_only_a_rolled_back_model_knew_waits_again(films: Store, ann: int) -> None:
    first = publish(films, ann)
    films.rate(ann, FARGO, 4.5, at(1))
    second = write(films, ann, minute=2)
    films.publish(second, event_ids=films.read_queue().event_ids, now=at(2))
    assert films.waiting_ratings() == 0
    films.rollback(first, at(3))
    assert films.waiting_ratings() == 1
    films.rollback(second, at(4))
    assert films.waiting_ratings() == 0


# --- Publishing for a run ---------------------------------------------------------------------------------------------


def test_a_run_notes_what_it_published(films: Store, ann: int) -> None:
    run = films.request_run(RunKind.TRAIN, "test", NOW, take=True)
    version = write(films, ann)
    films.publish(version, event_ids=NO_EVENTS, now=at(1), run_id=run.id)
    assert films.run(run.id).model_version == version


def test_a_run_that_was_given_up_publishes_nothing(films: Store, ann: int) -> None:
    live = publish(films, ann, HEAT)
    films.rate(ann, FARGO, 4.5, at(1))
    run = films.request_run(RunKind.TRAIN, "test", NOW, take=True)
    version = write(films, ann, ALIEN)
    assert films.lose_run(run.id, run.heartbeat_at, at(3))
    with pytest.raises(PublishRefused, match="lost"):
        films.publish(version, event_ids=films.read_queue().event_ids, now=at(4), run_id=run.id)
    assert films.live_version() == live
    assert states(films)[version] == "candidate"
    assert films.waiting_ratings() == 1


@pytest.mark.parametrize("state", [RunState.LOST, RunState.FAILED, RunState.CANCELLED])
def test_a_run_that_has_published_is_done_whatever_happens_next(films: Store, ann: int, state: RunState) -> None:
    run = films.request_run(RunKind.TRAIN, "test", NOW, take=True)
    version = write(films, ann)
    films.publish(version, event_ids=NO_EVENTS, now=at(1), run_id=run.id)
    if state is RunState.LOST:
        assert films.lose_run(run.id, run.heartbeat_at, at(3))
    else:
        assert films.finish_run(run.id, state, at(3), error="its process died")
    ended = films.run(run.id)
    assert (ended.state, ended.error, ended.model_version) == (RunState.DONE, None, version)


# --- Rollback and sweep -----------------------------------------------------------------------------------------------


def test_rollback_serves_the_earlier_lists_again(films: Store, ann: int) -> None:
    first, second = publish(films, ann, HEAT), publish(films, ann, ALIEN, minute=1)
    films.rollback(first, at(2))
    assert films.live_version() == first
    assert listed(films, ann) == [HEAT]
    assert states(films) == {first: "live", second: "retired"}
    films.rollback(first, at(3))
    assert states(films) == {first: "live", second: "retired"}


def test_what_was_never_live_is_not_rolled_back_to(films: Store, ann: int) -> None:
    """Half of its lists may be missing."""
    live = publish(films, ann)
    with pytest.raises(NoSuchVersion, match="never live"):
        films.rollback(write(films, ann, minute=1), at(2))
    assert films.live_version() == live


def test_only_the_last_few_are_kept(films: Store, ann: int) -> None:
    versions = [publish(films, ann, minute=minute) for minute in range(5)]
    aside = write(films, ann, minute=6)
    assert films.sweep(keep=3) == [*versions[:2], aside]
    assert films.sweep(keep=3) == []
    with pytest.raises(NoSuchVersion):
        films.rollback(versions[1], at(7))
    with pytest.raises(NoSuchVersion):
        films.item_factors(versions[0])
    films.rollback(versions[2], at(7))
    assert listed(films, ann) == [HEAT]
    assert len(films.model_versions()) == 6


def test_the_live_version_is_kept_however_old(films: Store, ann: int) -> None:
    versions = [publish(films, ann, minute=minute) for minute in range(4)]
    films.rollback(versions[1], at(4))
    films.sweep(keep=1)
    assert films.live_version() == versions[1]
    assert listed(films, ann) == [HEAT]


def test_a_sweep_of_many_rows_takes_them_all(films: Store, ann: int) -> None:
    version = create(films)
    viewers = films.dataset_users(np.arange(450, dtype=np.int64)).tolist()
    films.write_recommendations(version, [(user_id, 1, HEAT, 1.0, 4.0) for user_id in viewers])
    films.write_item_factors(version, factors(450))
    assert films.sweep(keep=3) == [version]
    assert films.sweep(keep=3) == []


class Swept(Store):
    """A store in which something happens once a sweep has deleted the first rows of a list."""

    meanwhile: Callable[[], object]

    def _delete_rows(self, of: sa.Table, version: int) -> None:
        super()._delete_rows(of, version)
        self.meanwhile()


@pytest.fixture
def swept(films: Store, database_url: str) -> Iterator[Swept]:
    store = Swept(database_url)
    yield store
    store.close()


def test_what_is_rolled_back_to_during_a_sweep_stays_whole(films: Store, swept: Swept, ann: int) -> None:
    first, second, _ = (publish(films, ann, minute=minute) for minute in range(3))
    swept.meanwhile = lambda: films.rollback(second, at(9))
    assert swept.sweep(keep=1) == [first]
    assert films.live_version() == second
    assert len(films.item_factors(second).movie_ids) == 3
    assert listed(films, ann) == [HEAT]
    assert films.similar(HEAT) == [SimilarFilm(1, ALIEN, 0.9, 2.5, "space")]


def test_what_a_killed_sweep_has_begun_with_is_not_rolled_back_to_and_goes_with_the_next(
    films: Store, swept: Swept, ann: int
) -> None:
    first, live = publish(films, ann), publish(films, ann, minute=1)

    def killed() -> None:
        raise KeyboardInterrupt

    swept.meanwhile = killed
    with pytest.raises(KeyboardInterrupt):
        swept.sweep(keep=1)
    with pytest.raises(NoSuchVersion):
        films.rollback(first, at(2))
    assert films.live_version() == live
    assert films.sweep(keep=1) == [first], "its similar titles were left"
    assert films.sweep(keep=1) == []


def test_a_rollback_waits_for_the_sweep_of_its_version(films: Store, ann: int) -> None:
    first, live = publish(films, ann), publish(films, ann, minute=1)
    begun = threading.Event()

    def sweep() -> None:
        with films.write() as connection:
            _hold_live(connection)
            connection.execute(sa.delete(item_factors).where(item_factors.c.model_version == first))
            begun.set()
            time.sleep(0.3)

    def rollback() -> None:
        assert begun.wait(10)
        films.rollback(first, at(2))

    _, refused = together(sweep, rollback)
    assert isinstance(refused, NoSuchVersion)
    assert films.live_version() == live


# --- Side by side -----------------------------------------------------------------------------------------------------


def test_two_flips_at_one_moment_leave_one_live_version(films: Store, ann: int) -> None:
    versions = [publish(films, ann, minute=minute) for minute in range(4)]
    together(*[lambda version=version: films.rollback(version, at(9)) for version in versions])
    assert [state for state in states(films).values() if state == "live"] == ["live"]
    assert states(films)[films.live_version() or 0] == "live"


def test_ratings_given_while_a_model_is_published_are_all_kept(films: Store, ann: int) -> None:
    """None of them waits long: the version is written in short transactions."""
    people = [films.person(ANN + 1 + i, None, NOW).id for i in range(20)]
    version = create(films)
    done = threading.Event()

    def write_lists() -> None:
        films.write_recommendations(version, ((u, p, HEAT, 1.0, 4.0) for u in people for p in range(1, 1_501)))
        films.publish(version, event_ids=NO_EVENTS, now=at(1))
        done.set()

    def rate() -> int:
        rounds = 0
        while not done.is_set() or not rounds:
            for user_id in people:
                films.rate(user_id, ALIEN, 1.0 + rounds % 2, at(rounds))
                time.sleep(0.002)
            rounds += 1
        return rounds

    _, rounds = together(write_lists, rate)
    assert isinstance(rounds, int)
    assert films.live_version() == version
    assert [len(films.events_of(user_id)) for user_id in people] == [rounds] * len(people)
