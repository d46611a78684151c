"""The chat in a terminal: prints what the bot shows, and turns lines of input into updates."""

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import AsyncIterable, AsyncIterator
from itertools import count
from pathlib import Path
from typing import TextIO

from telegram import Update

from bot.frame.context import App, handling
from bot.terminal.telegram import InlineButton, Json, LocalTelegram, Message, private_chat

MOST_ASKED_FOR = 100
"""``>1`` presses a button of one of this many latest messages."""

FINISH_SECONDS = 10
"""Unfinished work may take this long once the input has ended."""


class Console(LocalTelegram):
    """Prints one person's chat in two columns: the speaker and the text.

    Args:
        interactive: whether somebody types. If so, there is a prompt, which is redrawn below messages that come
            unasked. If not, the lines of input are printed too, so that the output reads as a conversation.
        folder: gets the files that the bot sends.
    """

    def __init__(self, out: TextIO, folder: Path, *, interactive: bool) -> None:
        super().__init__()
        self._out = out
        self._folder = folder
        self.interactive = interactive
        self._prompting = False
        self._asked_for: list[tuple[int, int]] = []
        self._printed_last: tuple[tuple[int, int], int] | None = None  # a message, and the lines that it takes
        self.unheard = False
        """Whether the output has been closed, as by ``| head``."""

    def prompt(self) -> None:
        if self.interactive:
            self._prompting = True
            self._put("you   ")

    def heard(self, line: str) -> None:
        """Take note of a line of input."""
        self._prompting = False
        self._printed_last = None
        if line and not self.interactive:
            self.write("you", line)

    def leave(self) -> None:
        """End the conversation."""
        if self._prompting:
            self._prompting = False
            self._put("\n")

    def write(self, who: str, text: str, message: tuple[int, int] | None = None) -> None:
        """Print a text. If it is an edit of the message that somebody who types saw last, it takes that one's place."""
        before, after = ("\r\x1b[K", "you   ") if self._prompting else ("", "")
        first, *others = text.split("\n")
        lines = [line.rstrip() for line in (f"{who:<5} {first}", *(f"      {line}" for line in others))]
        if self.interactive:
            width, height = shutil.get_terminal_size()
            if self._printed_last is not None and message == self._printed_last[0]:
                before += f"\x1b[{self._printed_last[1]}A\x1b[J"
            taken = sum(max(1, -(-len(line) // width)) for line in lines)
            self._printed_last = (message, taken) if message is not None and taken < height else None
        self._put(before + "\n".join(lines) + "\n" + after)

    def _put(self, text: str) -> None:
        if not self.unheard:
            try:
                self._out.write(text)
                self._out.flush()
            except BrokenPipeError:
                self.unheard = True

    def shown(self, message: Message, edited: bool) -> None:
        if not edited or handling.get() is not None:
            key = (message.chat_id, message.id)
            self._asked_for = [*(other for other in self._asked_for if other != key), key][-MOST_ASKED_FOR:]
        self.display(message, edited)

    def display(self, message: Message, edited: bool) -> None:
        """Print a message. Its buttons get numbers if ``>1`` and its like press them."""
        said = f"[picture: {message.text}]" if message.kind == "photo" else message.text
        parts = [said] if said else []
        if message.poll is not None:
            parts += [f"( ) {option}" for option in message.poll["options"]]
        if message.file is not None:
            parts.append(f"(file: {self._save(*message.file)})")
        numbers, on_screen = count(1), message is self.on_screen()
        for row in message.rows:
            parts.append("  ".join(f">{next(numbers)} [{b.label}]" if on_screen else f"[{b.label}]" for b in row))
        self.write("edit" if edited else "bot", "\n".join(parts), (message.chat_id, message.id))

    def answered(self, telegram_id: int, text: str, alert: bool) -> None:
        if text:
            self.write("alert" if alert else "note", text)

    def _save(self, name: str, content: bytes) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / Path(name).name
        path.write_bytes(content)
        return path

    def on_screen(self) -> Message | None:
        """The message whose buttons ``>1`` and the like press: the latest one with buttons.

        An unasked edit, such as a run's progress, does not make a message the latest: it could come between reading and
        pressing.
        """
        shown = (self.messages[key] for key in reversed(self._asked_for))
        return next((message for message in shown if message.rows), None)

    def pressed(self, wanted: str) -> tuple[Message, InlineButton] | None:
        """Find the button that ``>wanted`` means: by its number, else by its label or how that begins."""
        message = self.on_screen()
        if message is None or not wanted:
            return None
        if wanted.isdecimal():
            buttons = [button for row in message.rows for button in row]
            number = int(wanted)
            return (message, buttons[number - 1]) if 1 <= number <= len(buttons) else None
        button = message.button(wanted.removeprefix("[").removesuffix("]"))
        return None if button is None else (message, button)


async def chat(
    application: App,
    console: Console,
    lines: AsyncIterable[str],
    *,
    telegram_id: int,
    language: str = "en",
    finish_seconds: float = FINISH_SECONDS,
) -> None:
    """Talk until the input ends or says ``/quit``; each line is answered before the next is read.

    ``>2`` and ``>Undo`` press a button, ``<ratings.csv`` sends a file, anything else is a message. Work in progress at
    the end is waited for, at most ``finish_seconds``.
    """
    person = {"id": telegram_id, "is_bot": False, "first_name": "You", "language_code": language}
    place = private_chat(telegram_id)
    async with application:
        await application.start()
        console.prompt()
        async for line in lines:
            line = line.strip()
            console.heard(line)
            if line == "/quit" or console.unheard:
                break
            update = _read_line(console, line, person, place)
            if update is not None:
                await _handle(application, update)
            console.prompt()
        console.leave()
        try:
            await asyncio.wait_for(application.stop(), finish_seconds)
        except TimeoutError:
            console.write("note", "Something is still under way; it is left to itself.")


def _read_line(console: Console, line: str, person: Json, place: Json) -> Json | None:
    if line.isdecimal() and console.interactive and console.pressed(line) is not None:
        console.write("note", f"To press a button, put > before its number: >{line}")
        return None
    if line.startswith(">"):
        found = console.pressed(line[1:].strip())
        if found is None:
            screen = console.on_screen()
            hint = f"the last here is >{len(screen.buttons)}" if screen is not None else "there are none yet"
            console.write("note", f"There is no button “{line[1:].strip()}”; {hint}.")
            return None
        message, button = found
        if button.data is None:
            console.write("note", button.url or "This button does nothing here.")
            return None
        return console.press_update(person, message, button.data)
    if line.startswith("<"):
        path = Path(line[1:].strip()).expanduser()
        try:
            return console.document_update(person, place, path.name, path.read_bytes())
        except OSError as e:
            console.write("note", f"{path} cannot be read: {e.strerror}.")
            return None
    return console.message_update(person, place, line) if line else None


async def _handle(application: App, update: Json) -> None:
    parsed = Update.de_json(update, application.bot)
    await application.update_processor.process_update(parsed, application.process_update(parsed))


class Lines:
    """The lines of a terminal, a pipe or a file as they come, without the line end.

    A thread reads from the file descriptor. If it waited in Python's buffered reader, the program could not end after
    Ctrl-C.
    """

    def __init__(self, source: TextIO) -> None:
        self._descriptor = source.fileno()
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()

    def end(self) -> None:
        """Make the current line the last."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[str]:
        threading.Thread(target=self._read, daemon=True).start()
        while (line := await self._queue.get()) is not None:
            yield line

    def _read(self) -> None:
        rest = b""
        while block := os.read(self._descriptor, 65536):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                self._put(line.decode(errors="replace").rstrip("\r"))
        if rest:
            self._put(rest.decode(errors="replace"))
        self._put(None)

    def _put(self, line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._queue.put_nowait, line)
