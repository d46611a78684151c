"""The form and place of log lines, and the secrets that never get into them."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from engine.log import set_up_logging
from engine.settings import SettingsError


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root, hook, configuration = logging.getLogger(), sys.excepthook, structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.configure(**configuration)


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_line_is_json_with_the_event_in_front(tmp_path: Path):
    file = tmp_path / "not" / "there" / "yet.log"
    set_up_logging("info", file)
    structlog.get_logger("bot.picks").info("picked", film="Amélie", milliseconds=3)
    (line,) = lines(file)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {"level": "info", "event": "picked", "film": "Amélie", "milliseconds": 3, "logger": "bot.picks"}


def test_the_log_goes_on_where_it_ended(tmp_path: Path):
    file = tmp_path / "bot.log"
    for event in ("first", "second"):
        set_up_logging("INFO", file)
        structlog.get_logger().info(event)
    assert [line["event"] for line in lines(file)] == ["first", "second"]


def test_without_a_file_it_goes_to_stderr(capsys: pytest.CaptureFixture[str]):
    set_up_logging("INFO")
    structlog.get_logger().info("hello")
    shown = capsys.readouterr()
    assert json.loads(shown.err)["event"] == "hello"
    assert shown.out == ""


def test_lines_below_the_level_are_left_out(tmp_path: Path):
    set_up_logging("WARNING", tmp_path / "bot.log")
    structlog.get_logger().info("little")
    structlog.get_logger().warning("much")
    assert [line["event"] for line in lines(tmp_path / "bot.log")] == ["much"]


def test_secrets_are_hidden_wherever_they_turn_up(tmp_path: Path):
    set_up_logging("DEBUG", tmp_path / "bot.log", hide=["123:hush", ""])
    log = structlog.get_logger()
    try:
        raise ValueError("https://api.telegram.org/bot123:hush/getMe")
    except ValueError:
        log.exception("failed", url="x123:hushx")
        logging.getLogger("somebody").exception("with %s", "123:hush")
    written = (tmp_path / "bot.log").read_text()
    assert "hush" not in written
    assert written.count("ValueError: https://api.telegram.org/bot<hidden>/getMe") == 2


def test_libraries_that_talk_of_urls_and_messages_are_heard_only_when_they_warn(tmp_path: Path):
    set_up_logging("DEBUG", tmp_path / "bot.log")
    for name in ("httpx", "httpcore.http11", "telegram.ext.Application", "apscheduler.scheduler"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("beware")
    assert [line["event"] for line in lines(tmp_path / "bot.log")] == ["beware"] * 4


def test_a_crash_is_logged_without_secrets(tmp_path: Path):
    set_up_logging("INFO", tmp_path / "bot.log", hide=["123:hush"])
    error = RuntimeError("no luck with 123:hush")
    sys.excepthook(RuntimeError, error, None)
    (line,) = lines(tmp_path / "bot.log")
    assert line["event"] == "crashed"
    assert line["level"] == "critical"
    assert "no luck with <hidden>" in str(line["exception"])


def test_a_level_that_does_not_exist():
    with pytest.raises(SettingsError, match="MATINEE_LOG_LEVEL: 'LOUD' is not one of DEBUG, INFO"):
        set_up_logging("LOUD")


def test_a_log_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="MATINEE_HOME: the log"):
        set_up_logging("INFO", tmp_path / "file" / "bot.log")
