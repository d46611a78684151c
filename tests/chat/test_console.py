"""The terminal chat: what is printed, and what a line of input does. The bot here has a few handlers of its own."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import CallbackQueryHandler, CommandHandler, MessageHandler, filters

from bot.frame.application import build_application
from bot.frame.context import Context, Services
from bot.terminal import console
from bot.terminal.console import Console, Lines
from bot.terminal.telegram import InlineButton, Message

PNG = b"\x89PNG\r\n\x1a\nand so on"


def keyboard(*rows: dict[str, str]) -> InlineKeyboardMarkup:
    def button(label: str, target: str) -> InlineKeyboardButton:
        url = target.startswith("https:")
        return InlineKeyboardButton(label, **{"url" if url else "callback_data": target})  # type: ignore[arg-type]

    return InlineKeyboardMarkup([[button(*item) for item in row.items()] for row in rows])


async def card(update: Update, context: Context) -> None:
    buttons = keyboard(
        {"½": "rate:0.5", "1": "rate:1", "5": "rate:5"},
        {"Not for me": "no", "IMDb": "https://www.imdb.com/title/tt0113277/"},
    )
    await update.effective_message.reply_html(
        "<b>Heat</b> (1995) · Fast &amp; loud\nYou: not rated", reply_markup=buttons
    )


async def tap(update: Update, context: Context) -> None:
    query = update.callback_query
    if query.data == "no":
        await query.answer("This one will not come back.", show_alert=True)
    else:
        await query.answer("Saved" if query.data.startswith("rate") else None)
        text = f"Heat, {query.data.partition(':')[2]}" if query.data != "undo" else "Not rated"
        await query.edit_message_text(text, reply_markup=keyboard({"Undo": "undo"}) if query.data != "undo" else None)


async def export(update: Update, context: Context) -> None:
    await update.effective_message.reply_document(b"film,stars\n", filename="../matinee.csv", caption="Your ratings")


async def plot(update: Update, context: Context) -> None:
    await update.effective_message.reply_photo(PNG, filename="plot.png", caption="nDCG@10 of the last\n3 models")


async def count_lines(update: Update, context: Context) -> None:
    file = await update.effective_message.document.get_file()
    content = bytes(await file.download_as_bytearray())
    await update.effective_message.reply_text(f"{len(content.splitlines())} lines in {file.file_id and 'your file'}")


async def ballot(update: Update, context: Context) -> None:
    await context.bot.send_poll(update.effective_chat.id, "Tonight?", ["Heat", "Alien"])


async def train(update: Update, context: Context) -> None:
    """Keeps working after the command is handled, as a retraining does."""
    message = await update.effective_message.reply_text("Training 0 %")

    async def progress() -> None:
        await asyncio.sleep(0.02)
        await message.edit_text("Training 100 %")

    context.application.create_task(progress())


async def wait_for_ever(update: Update, context: Context) -> None:
    context.application.create_task(asyncio.Event().wait())


async def who(update: Update, context: Context) -> None:
    user = update.effective_user
    await update.effective_message.reply_text(f"{user.id} {user.language_code} {update.effective_message.text}")


FEATURE: Any = SimpleNamespace(
    handlers=lambda: [
        CommandHandler("card", card),
        CommandHandler("export", export),
        CommandHandler("plot", plot),
        CommandHandler("night", ballot),
        CommandHandler("train", train),
        CommandHandler("hang", wait_for_ever),
        CallbackQueryHandler(tap),
        MessageHandler(filters.Document.ALL, count_lines),
        MessageHandler(filters.TEXT, who),
    ]
)


async def talk(services: Services, folder: Path, *lines: str, interactive: bool = False, **named: Any) -> str:
    """Return what is printed when somebody says these lines."""

    async def input_() -> AsyncIterator[str]:
        for line in lines:
            yield line

    out = io.StringIO()
    screen = Console(out, folder, interactive=interactive)
    application = build_application(services, [FEATURE], request=screen)
    await console.chat(application, screen, input_(), **{"telegram_id": 1} | named)
    return out.getvalue()


async def test_a_conversation_reads_as_one(services: Services, tmp_path: Path):
    assert await talk(services, tmp_path, "/card", ">1", ">undo") == (
        "you   /card\n"
        "bot   Heat (1995) · Fast & loud\n"
        "      You: not rated\n"
        "      >1 [½]  >2 [1]  >3 [5]\n"
        "      >4 [Not for me]  >5 [IMDb]\n"
        "you   >1\n"
        "note  Saved\n"
        "edit  Heat, 0.5\n"
        "      >1 [Undo]\n"
        "you   >undo\n"
        "edit  Not rated\n"
    )


async def test_a_number_is_a_place_and_brackets_are_a_label(services: Services, tmp_path: Path):
    """``>3`` is the third button, [5]; ``>[1]`` the one that says 1, which is the second."""
    assert "edit  Heat, 5\n" in await talk(services, tmp_path, "/card", ">3")
    assert "edit  Heat, 1\n" in await talk(services, tmp_path, "/card", ">[1]")


async def test_progress_takes_its_own_place_until_something_else_is_said(services: Services, tmp_path: Path):
    """A run's progress is edited every second; without this it would fill the screen."""
    out = io.StringIO()
    application = build_application(services, [FEATURE], request=Console(out, tmp_path, interactive=True))
    async with application:
        shown = await application.bot.send_message(1, "Training 0 %", reply_markup=keyboard({"Cancel": "no"}))
        await shown.edit_text("Training 5 %", reply_markup=keyboard({"Cancel": "no"}))
        await application.bot.send_message(1, "Something else")
        await shown.edit_text("Done")
    first, second = out.getvalue().split("\x1b[2A\x1b[J")
    assert first == "bot   Training 0 %\n      >1 [Cancel]\n"
    assert second == "edit  Training 5 %\n      >1 [Cancel]\nbot   Something else\nedit  Done\n"


async def test_a_bare_number_of_somebody_who_types_is_no_message(services: Services, tmp_path: Path):
    """Newcomers leave out the sign; a script means what it says."""
    lines = ("/card", "3")
    assert "To press a button, put > before its number: >3\n" in await talk(
        services, tmp_path, *lines, interactive=True
    )
    assert "put >" not in await talk(services, tmp_path, *lines)


@pytest.mark.parametrize("wanted", [">9", ">0", ">Nothing", ">", "> "])
async def test_a_button_that_is_not_there(services: Services, tmp_path: Path, wanted: str):
    assert "the last here is >5" in await talk(services, tmp_path, "/card", wanted)
    assert "there are none yet" in await talk(services, tmp_path, wanted)


async def test_a_button_that_opens_a_page_prints_its_address(services: Services, tmp_path: Path):
    assert "note  https://www.imdb.com/title/tt0113277/\n" in await talk(services, tmp_path, "/card", ">imdb")


async def test_an_edit_that_nobody_asked_for_is_not_what_a_number_presses(services: Services, tmp_path: Path):
    """A run's progress with its [Cancel] may come between reading and pressing."""
    out = io.StringIO()
    screen = Console(out, tmp_path, interactive=False)
    application = build_application(services, [FEATURE], request=screen)

    async def lines() -> AsyncIterator[str]:
        yield "/card"
        progress = await application.bot.send_message(1, "Training 0 %", reply_markup=keyboard({"Cancel": "no"}))
        yield "/card"
        await progress.edit_text("Training 50 %", reply_markup=keyboard({"Cancel": "no"}))
        yield ">1"
        yield ">cancel"

    await console.chat(application, screen, lines(), telegram_id=1)
    printed = out.getvalue()
    assert "bot   Training 0 %\n      >1 [Cancel]\n" in printed
    assert "edit  Training 50 %\n      [Cancel]\n" in printed
    assert "you   >1\nnote  Saved\nedit  Heat, 0.5\n" in printed
    assert "will not come back" not in printed


async def test_an_alert_is_printed(services: Services, tmp_path: Path):
    assert "alert This one will not come back.\n" in await talk(services, tmp_path, "/card", ">Not")


async def test_buttons_of_an_earlier_message_can_be_pressed_while_they_are_the_last_on_screen(
    services: Services, tmp_path: Path
):
    assert "edit  Heat, 0.5\n" in await talk(services, tmp_path, "/card", "hello", ">1")


async def test_a_file_is_saved_where_it_belongs(services: Services, tmp_path: Path):
    """The name that the bot gives it does not matter."""
    printed = await talk(services, tmp_path / "received", "/export")
    assert f"bot   Your ratings\n      (file: {tmp_path}/received/matinee.csv)\n" in printed
    assert (tmp_path / "received" / "matinee.csv").read_bytes() == b"film,stars\n"


async def test_a_picture_is_said_in_words_and_saved(services: Services, tmp_path: Path):
    printed = await talk(services, tmp_path, "/plot")
    assert f"bot   [picture: nDCG@10 of the last\n      3 models]\n      (file: {tmp_path}/plot.png)\n" in printed
    assert (tmp_path / "plot.png").read_bytes() == PNG


async def test_a_file_can_be_sent(services: Services, tmp_path: Path):
    (tmp_path / "ratings.csv").write_text("Name,Rating\nHeat,5\n")
    assert "bot   2 lines in your file\n" in await talk(services, tmp_path, f"<{tmp_path}/ratings.csv")
    assert "cannot be read: No such file" in await talk(services, tmp_path, "<nowhere.csv")


async def test_a_poll_is_printed(services: Services, tmp_path: Path):
    assert "bot   Tonight?\n      ( ) Heat\n      ( ) Alien\n" in await talk(services, tmp_path, "/night")


async def test_who_speaks_can_be_chosen(services: Services, tmp_path: Path):
    printed = await talk(services, tmp_path, "hello", telegram_id=5_000_000_001, language="de")
    assert "bot   5000000001 de hello\n" in printed


async def test_empty_lines_are_passed_over_and_quit_ends_it(services: Services, tmp_path: Path):
    printed = await talk(services, tmp_path, "", "  ", "hello", "/quit", "never said")
    assert printed == "you   hello\nbot   1 en hello\nyou   /quit\n"


async def test_the_end_of_the_input_waits_for_what_is_under_way(services: Services, tmp_path: Path):
    assert (await talk(services, tmp_path, "/train")).endswith("bot   Training 0 %\nedit  Training 100 %\n")


async def test_but_not_for_ever(services: Services, tmp_path: Path):
    assert "it is left to itself" in await talk(services, tmp_path, "/hang", finish_seconds=0.05)


async def test_whoever_types_has_a_prompt_that_makes_way_for_messages(services: Services, tmp_path: Path):
    out = io.StringIO()
    screen = Console(out, tmp_path, interactive=True)
    screen.prompt()
    screen.write("edit", "Training 50 %")
    screen.heard("/status")
    screen.write("bot", "All is well")
    screen.prompt()
    screen.leave()
    assert out.getvalue() == "you   \r\x1b[Kedit  Training 50 %\nyou   bot   All is well\nyou   \n"


def test_the_exact_label_goes_before_one_that_begins_so():
    message = Message(1, 1, "", "", ((InlineButton("Ten more"), InlineButton("Ten")),), at=1)
    assert message.button("ten") == InlineButton("Ten")
    assert message.button("ten m") == InlineButton("Ten more")
    assert message.button("x") is None


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (b"/start\n>9\n", ["/start", ">9"]),
        (b"no end of line", ["no end of line"]),
        (b"windows\r\n\r\n", ["windows", ""]),
        ("Amélie 🎬\n".encode(), ["Amélie 🎬"]),
        (b"", []),
    ],
)
async def test_lines_of_a_pipe(given: bytes, lines: list[str]):
    read, write = os.pipe()
    os.write(write, given)
    os.close(write)
    with os.fdopen(read) as source:
        assert [line async for line in Lines(source)] == lines


async def test_lines_can_be_ended_while_they_are_waited_for():
    read, write = os.pipe()
    with os.fdopen(read) as source:
        lines = Lines(source)
        asyncio.get_running_loop().call_later(0.02, lines.end)
        assert [line async for line in lines] == []
        os.close(write)
