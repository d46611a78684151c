"""Progress on a terminal and in a log."""

import io
import sys

import pytest

from engine import progress as module
from engine.progress import clock, progress


@pytest.mark.parametrize(("seconds", "says"), [(0, "0:00"), (9.9, "0:09"), (92, "1:32"), (3_725, "62:05")])
def test_durations_read_as_people_say_them(seconds: float, says: str) -> None:
    assert clock(seconds) == says


def test_without_a_terminal_each_stage_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as show:
        show("fetch", None, "3 MB")
        for step in range(50):
            show("train", step / 100, f"iteration {step}")
        show("publish", 0.92, "writing model 2")
    assert capsys.readouterr().err.splitlines() == [
        "fetch: 3 MB",
        "  0%  train: iteration 0",
        " 92%  publish: writing model 2",
    ]


def test_a_stage_that_takes_long_is_told_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_SECONDS", 0.0)
    with progress() as show:
        show("train", 0.1, "iteration 1")
        show("train", 0.2, "iteration 2")
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_on_a_terminal_there_is_a_bar_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress() as show:
        show("train", 0.5, "preference model, iteration 7 of 15")
        show("score", 0.1, "everybody's list")
        show("save", None, "")
    drawn = terminal.getvalue()
    assert "left:" in drawn
    assert "save" in drawn
