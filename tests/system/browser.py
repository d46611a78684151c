"""A real Chromium without a window, driven through its DevTools pipe."""

import base64
import io
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip


@contextmanager
def open_browser() -> Iterator["Browser"]:
    """Start Chromium with a profile of its own, and end it afterwards."""
    assert CHROMIUM
    profile = tempfile.mkdtemp(prefix="matinee-chromium-")
    to_browser, write = os.pipe()
    read, from_browser = os.pipe()
    # Chromium reads what we say on descriptor 3 and answers on 4; the shell puts the pipes there.
    command = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
    process = subprocess.Popen(
        ["bash", "-c", command, CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(to_browser, from_browser),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        with os.fdopen(write, "wb", buffering=0) as commands, os.fdopen(read, "rb") as answers:
            browser = Browser(commands, answers)
            yield browser
            browser.send("Browser.close")
            process.wait(timeout=20)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


class Browser:
    """One tab. ``complaints`` collects what the console and the page's errors said, ``requests`` what was fetched."""

    def __init__(self, commands: io.RawIOBase, answers: io.BufferedReader) -> None:
        self._commands, self._answers, self._unread = commands, answers, b""
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.complaints: list[str] = []
        self.requests: list[str] = []
        tab = next(info for info in self.send("Target.getTargets")["targetInfos"] if info["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=tab["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self._note(answer)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def _wait_for(self, event: str) -> None:
        while (answer := self._next()).get("method") != event:
            self._note(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            got = self._answers.read1(1 << 20)
            assert got, "the browser is gone"
            self._unread += got
        message, _, self._unread = self._unread.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        return parsed

    def _note(self, event: dict[str, Any]) -> None:
        method, about = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(about["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(about["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"]["text"])

    def open(self, page: Path | str, *, width: int = 1000, scheme: str = "light") -> None:
        """Load a file, or what is at an address, into a window so wide, for somebody who prefers light or dark."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        self._wait_for("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a line of JavaScript on the page; what it promises, once it is there."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, seconds: float = 30) -> Any:
        """Return the value of a line of JavaScript as soon as it is true."""
        until = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < until, f"never true: {expression}"
            time.sleep(0.02)
        return value

    def press(self, key: str, code: int) -> None:
        """Press a key of the keyboard: its name and its number ("Tab", 9)."""
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self.send("Input.insertText", text=text)

    def add_style(self, rules: str) -> None:
        """Change how the page looks, until the next one is opened."""
        line = f"document.head.appendChild(document.createElement('style')).textContent = {json.dumps(rules)}"
        self.evaluate(line)

    def screenshot(self) -> Image.Image:
        """Return the whole page as it looks, also what lies below the window's edge."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
