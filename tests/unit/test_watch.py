"""When a run counts as dead: by the lock of who took it; else by the heartbeats that the watcher has seen, and by the
watcher's own clock."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.domain import RunKind, RunState
from engine.runs.watch import GAP_SECONDS, Hold, Watch
from engine.store import Run

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUN = Run(
    id=1, kind=RunKind.TRAIN, asked_by="test", options={}, state=RunState.RUNNING, stage=None, fraction=0.0, detail="",
    asked_at=NOW, started_at=NOW, heartbeat_at=NOW, finished_at=None, cancel_asked=False, cancelled_by=None, error=None,
    metrics={}, model_version=None,
)  # fmt: skip


class Clock:
    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock, tmp_path: Path) -> Watch:
    return Watch(Hold(tmp_path), clock)


def silence(watch: Watch, clock: Clock, run: Run, seconds: int) -> float:
    """Look at a run every second, and return how long it has been silent in the end."""
    for _ in range(seconds):
        watch.silent_seconds(run)
        clock.seconds += 1
    return watch.silent_seconds(run)


@pytest.mark.parametrize("apart", [timedelta(), timedelta(days=-1), timedelta(days=1)])
def test_silence_is_counted_from_our_first_look_whatever_the_others_clock_says(
    watch: Watch, clock: Clock, apart: timedelta
) -> None:
    clock.seconds += 3_600
    assert silence(watch, clock, replace(RUN, heartbeat_at=NOW + apart), 59) == 59


@pytest.mark.parametrize("beat", [NOW + timedelta(seconds=2), NOW - timedelta(minutes=5)])
def test_any_change_is_a_sign_of_life_also_of_a_clock_that_was_put_back(
    watch: Watch, clock: Clock, beat: datetime
) -> None:
    assert silence(watch, clock, RUN, 50) == 50
    assert silence(watch, clock, replace(RUN, heartbeat_at=beat), 9) == 9


def test_another_run_is_another_silence(watch: Watch, clock: Clock) -> None:
    assert silence(watch, clock, RUN, 50) == 50
    assert silence(watch, clock, replace(RUN, id=2), 5) == 5


def test_time_in_which_we_could_not_look_is_no_silence(watch: Watch, clock: Clock) -> None:
    """The database was away for everybody, or our machine was asleep: the run gets its minute from then on."""
    assert silence(watch, clock, RUN, 50) == 50
    clock.seconds += GAP_SECONDS + 600
    assert silence(watch, clock, RUN, 20) == 20


def test_a_run_is_dead_once_all_that_held_it_are_gone(watch: Watch, tmp_path: Path) -> None:
    """The engine that took it, and the process that inherited its hold."""
    hold = Hold(tmp_path)
    run = replace(RUN, holder=hold.name)
    heir = subprocess.Popen(["sleep", "60"], pass_fds=(hold.descriptor,))
    assert not watch.is_dead(run)
    hold._file.close()
    assert not watch.is_dead(run)
    heir.kill()
    heir.wait()
    assert watch.is_dead(run)


def test_a_hold_that_is_not_here_says_nothing(watch: Watch, tmp_path: Path) -> None:
    """It may be held on another machine, or in another home folder; or an earlier release took the run."""
    elsewhere = Hold(tmp_path / "another")
    assert not watch.is_dead(replace(RUN, holder=elsewhere.name))
    assert not watch.is_dead(RUN)


def test_the_files_of_those_that_are_gone_are_removed(tmp_path: Path) -> None:
    gone, other = Hold(tmp_path), Hold(tmp_path)
    gone._file.close()
    ours = Hold(tmp_path)
    ours.clear_up()
    assert {path.name for path in tmp_path.iterdir()} == {ours.name, other.name}
