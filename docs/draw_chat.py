"""Draws the README's picture of the chat, light and dark, from a conversation with the real bot: `make picture`.

The films are real and the model is made by hand (``tests/world.py``), so that the picture is the same on every machine;
tests/chat/test_picture.py says when it is out of date.
"""

import asyncio
import html
import io
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import Services
from bot.settings import BotSettings
from bot.terminal.console import Console, chat
from bot.terminal.telegram import Message
from engine.serving.library import Library
from engine.store import Store
from engine.store.migrate import migrate
from tests import world

FOLDER = Path(__file__).parent

COLUMNS: tuple[tuple[str, ...], ...] = (
    ("/start", "the matrx", ">4½"),
    ("-/rate", "->5", "->3", "->4½", "->4", "/top"),
)
"""The text of the chat, column by column: messages, and taps as the terminal takes them. "-" says it unseen."""

YOU = 1

WIDTH, GAP, MARGIN, PADDING = 400, 40, 20, 12
FONT, LINE, BUTTON, SPACE = 14, 20, 30, 5
FAMILY = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours. ``pressed`` is the button that is about to be tapped."""

    paper: str
    bot: str
    you: str
    text: str
    faint: str
    button: str
    pressed: str


THEMES = {
    "light": Theme("#dfe7ee", "#ffffff", "#d9fdd3", "#17212b", "#5b6b7a", "#eef3f7", "#bfe0ff"),
    "dark": Theme("#0e1621", "#182533", "#2b5278", "#f5f5f5", "#8ea2b5", "#22354a", "#3d6f9f"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """One thing on screen: a message of the person's, or one of the bot's with its buttons."""

    by_bot: bool
    html: str
    rows: tuple[tuple[str, ...], ...] = ()
    pressed: str | None = None
    edited: bool = False


class Recorder(Console):
    """A terminal that keeps what was shown instead of printing it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(io.StringIO(), folder, interactive=False)
        self.shown_now: list[tuple[Message, bool]] = []
        """Messages, and whether each is an edit of an earlier one."""

    def display(self, message: Message, edited: bool) -> None:
        self.shown_now.append((message, edited))


def conversation() -> list[list[Said]]:
    """Hold the conversation, and return what is on screen, column by column."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_talk(Path(folder)))


async def _talk(folder: Path) -> list[list[Said]]:
    store = Store(f"sqlite:///{folder / 'matinee.db'}")
    migrate(store)
    world.build(store)
    settings = BotSettings(_env_file=None, home=folder, dataset="tiny", database_url=None, telegram_token=None)
    services = Services(settings=settings, store=store, library=Library(store), clock=lambda: world.NOW)
    screen = Recorder(folder)
    application = build_application(services, FEATURES, request=screen)
    columns: list[list[Said]] = [[] for _ in COLUMNS]

    async def lines() -> AsyncIterator[str]:
        for said, column in zip(COLUMNS, columns, strict=True):
            for line in said:
                screen.shown_now.clear()
                yield line.removeprefix("-")
                if not screen.shown_now:
                    raise RuntimeError(f"nothing was shown after {line!r}")
                if not line.startswith("-"):
                    _note(column, line, screen.shown_now)

    try:
        await chat(application, screen, lines(), telegram_id=YOU)
    finally:
        store.close()
    return columns


def _note(column: list[Said], line: str, shown: list[tuple[Message, bool]]) -> None:
    if line.startswith(">"):
        before = column[-1]
        column[-1] = Said(before.by_bot, before.html, before.rows, line[1:], before.edited)
    else:
        column.append(Said(False, html.escape(line)))
    for message, edited in shown:
        rows = tuple(tuple(button.label for button in row) for row in message.rows)
        column.append(Said(True, message.html, rows, edited=edited))


# --- Drawing ----------------------------------------------------------------------------------------------------------


def width_of(text: str, size: float = FONT) -> float:
    """Estimate how wide a text is in a wide font: which one those have who look at it is not known."""
    narrow, wide = "iljtfrI.,:;·'|![]()- ", "mwMWQOGD@%½"
    return size * sum(0.36 if c in narrow else 0.95 if c in wide else 0.7 if c.isupper() else 0.61 for c in text)


def wrapped(text: str, width: float) -> Iterator[list[tuple[str, bool]]]:
    """Break Telegram's HTML into lines of words, each with whether it is bold."""
    for paragraph in text.split("\n"):
        bold, line, used = False, list[tuple[str, bool]](), 0.0
        for piece in re.split(r"(</?\w+[^>]*>)", paragraph):
            if piece.startswith("<"):
                bold = {"<b>": True, "</b>": False}.get(piece, bold)
                continue
            for word in re.findall(r"\s*\S+\s*", html.unescape(piece)):
                size = FONT * 1.1 if bold else FONT
                if line and used + width_of(word.rstrip(), size) > width:
                    yield line
                    line, used = [], 0.0
                line.append((word, bold))
                used += width_of(word, size)
        yield line


def draw(columns: list[list[Said]], theme: Theme) -> str:
    """Return the picture as SVG."""
    parts, bottom = list[str](), 0
    for number, column in enumerate(columns):
        left, top = MARGIN + number * (WIDTH + GAP), MARGIN
        for said in column:
            drawn, height = _bubble(said, left, top, theme)
            parts.append(drawn)
            top += height + PADDING
        bottom = max(bottom, top)
    width, height = 2 * MARGIN + len(columns) * (WIDTH + GAP) - GAP, bottom + MARGIN - PADDING
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    font = f'font-family="{FAMILY}" font-size="{FONT}"'
    spoken = " ".join(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", said.html)) for column in columns for said in column)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {font}>',
            "<title>A conversation with Matinee</title>",
            f"<desc>{html.escape(html.unescape(spoken), quote=False)}</desc>",
            f'<rect width="{width}" height="{height}" rx="12" fill="{theme.paper}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _bubble(said: Said, left: int, top: int, theme: Theme) -> tuple[str, int]:
    """Draw one message with its buttons; return that and how high it is."""
    lines = list(wrapped(said.html, WIDTH - 2 * PADDING))
    if said.by_bot:
        width, x, fill = WIDTH, left, theme.bot
    else:
        width = round(max(sum(width_of(word) for word, _ in line) for line in lines)) + 2 * PADDING
        x, fill = left + WIDTH - width, theme.you
    height = len(lines) * LINE + PADDING
    parts = [f'<rect x="{x}" y="{top}" width="{width}" height="{height}" rx="10" fill="{fill}"/>']
    if said.edited:
        parts.append(
            f'<text x="{x + width - PADDING}" y="{top + height - 9}" text-anchor="end" font-size="{FONT - 3}"'
            f' fill="{theme.faint}">edited</text>'
        )
    for number, line in enumerate(lines):
        y = top + PADDING / 2 + number * LINE + FONT + 1
        words = "".join(_span(word, bold) for word, bold in line).rstrip()
        if words:
            parts.append(f'<text x="{x + PADDING}" y="{y:g}" fill="{theme.text}" xml:space="preserve">{words}</text>')
    below = top + height + SPACE
    for row in said.rows:
        each = (WIDTH - (len(row) - 1) * SPACE) / len(row)
        for number, label in enumerate(row):
            at = left + number * (each + SPACE)
            colour = theme.pressed if label == said.pressed else theme.button
            parts.append(f'<rect x="{at:g}" y="{below}" width="{each:g}" height="{BUTTON}" rx="7" fill="{colour}"/>')
            parts.append(
                f'<text x="{at + each / 2:g}" y="{below + 20}" text-anchor="middle" fill="{theme.text}"'
                f' font-size="{FONT - 1}">{html.escape(label)}</text>'
            )
        below += BUTTON + SPACE
    return "\n".join(parts), below - SPACE - top


def _span(word: str, bold: bool) -> str:
    text = html.escape(word, quote=False)
    return f'<tspan font-weight="600">{text}</tspan>' if bold else text


def pictures() -> dict[Path, str]:
    """Return each file with what should be in it."""
    columns = conversation()
    return {FOLDER / f"chat-{name}.svg": draw(columns, theme) for name, theme in THEMES.items()}


if __name__ == "__main__":
    for path, svg in pictures().items():
        path.write_text(svg)
        print(path.relative_to(FOLDER.parent))  # noqa: T201
