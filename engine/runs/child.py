"""The child process of a run: starts it, kills it with its children, and cleans up after it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from engine.spark.scratch import remove_dead

DYING_SECONDS = 2.0
"""Killed processes get this long to end before their files are removed."""


class Child:
    """The process of one run, the leader of its own group. Its output is copied to our stderr, and its end is kept."""

    def __init__(self, run_id: int, command: Sequence[str], *, held: int) -> None:
        """Args:
        held: a file descriptor that the process inherits; see ``engine.runs.watch.Hold``.
        """
        self.run_id = run_id
        self._lines: deque[str] = deque(maxlen=20)
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, str(run_id)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=(held,),
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self._process.stdout:
            self._lines.append(line)
            sys.stderr.write(line)
            sys.stderr.flush()

    @property
    def ended(self) -> bool:
        """Whether the process has ended; if so, its children are killed.

        In this order: a process that has ended, and that nobody has asked about yet, keeps its number, and with it the
        number of its group, from being given to strangers.
        """
        if self._process.returncode is None:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
            self._kill()
            self._process.wait()
        return True

    def kill(self) -> None:
        """Kill the process and its children, unless they have ended, and wait until it is dead."""
        if not self.ended:
            self._kill()
            self._wait(DYING_SECONDS)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: nobody is left but the dead
            os.killpg(self.pid, signal.SIGKILL)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            time.sleep(0.02)

    def clear_up(self, *scratch: Path) -> None:
        """Remove its files in these folders, once it and its children have ended."""
        end = time.monotonic() + DYING_SECONDS
        with contextlib.suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < end:
                os.killpg(self.pid, 0)
                time.sleep(0.02)
        for folder in scratch:
            with contextlib.suppress(OSError):  # the next run tries again
                remove_dead(folder)

    def why(self) -> str:
        """Return a line that says how the process ended."""
        self._listener.join(1)  # its last output may still be on its way
        code = self._process.returncode
        words = last_words(list(self._lines))
        if code is None:
            how = "its process was killed"
        elif code >= 0:
            how = f"its process ended with code {code}"
        else:
            how = f"its process was ended by {signal.Signals(-code).name}"
            if -code == signal.SIGKILL:
                how += ", perhaps because the machine ran out of memory"
        return f"{how}; its last words: {words}" if words else how


def last_words(lines: Sequence[str]) -> str:
    """Return the last line of a log that is not blank, shortened."""
    for line in reversed(lines):
        if not line.strip():
            continue
        try:
            facts = json.loads(line)
            said = facts.get("exception") or facts["event"]
        except (ValueError, TypeError, KeyError, AttributeError):
            said = line
        return str(said).strip().splitlines()[-1][:300]
    return ""
