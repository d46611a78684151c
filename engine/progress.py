"""Progress on stderr: a bar with the current step and the time left, or a line for each stage without a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_SECONDS = 10.0
"""Without a terminal, the same stage is printed again after this time."""


class Show(Protocol):
    """Shows the stage ("train"), the fraction of the whole that is done (None if unknown), and a detail."""

    def __call__(self, stage: str, done: float | None, detail: str) -> None: ...


def nothing(stage: str, done: float | None, detail: str) -> None:
    """A Show that does nothing."""


@contextmanager
def progress() -> Iterator[Show]:
    """Show progress until the end of the block."""
    if sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task("", total=None, detail="")

            def draw(stage: str, done: float | None, detail: str) -> None:
                if (done or 0.0) < bar.tasks[task].completed:  # a new part begins: estimate the time left anew
                    bar.reset(task)
                total = None if done is None else 1.0
                bar.update(task, description=stage, completed=done or 0.0, total=total, detail=detail)

            yield draw
    else:
        yield _lines()


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description:8}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
        console=Console(stderr=True),
        transient=True,
    )


def _lines() -> Show:
    told, next_at = "", 0.0

    def write(stage: str, done: float | None, detail: str) -> None:
        nonlocal told, next_at
        if stage == told and time.monotonic() < next_at:
            return
        told, next_at = stage, time.monotonic() + LINE_SECONDS
        share = "" if done is None else f"{done:4.0%}  "
        sys.stderr.write(f"{share}{stage}: {detail}\n" if detail else f"{share}{stage}\n")
        sys.stderr.flush()

    return write


def clock(seconds: float) -> str:
    """Return a duration as people say it: 1:32."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
