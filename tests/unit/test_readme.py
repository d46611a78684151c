"""What the README names exists, and what exists is named in the README."""

import re
import shlex
from pathlib import Path

import typer.main

from bot.__main__ import cli as bot_cli
from bot.features.account_views import COMMANDS
from bot.features.admin_views import COMMANDS as ADMIN_COMMANDS
from bot.settings import BotSettings
from engine.__main__ import cli as engine_cli
from engine.settings import EngineSettings, StoreSettings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PROGRAMS = {"engine": engine_cli, "bot": bot_cli}


def setting_rows() -> dict[str, str]:
    """Return the row of the README's table for each setting."""
    rows = {}
    for settings in (StoreSettings, BotSettings, EngineSettings):
        for name, field in settings.model_fields.items():
            variable = f"MATINEE_{name.upper()}"
            default = field.default
            if isinstance(default, frozenset) or default is None:
                default = ""
            shown = f"`{str(default).lower() if isinstance(default, bool) else default}`" if default != "" else ""
            rows[variable] = f"| `{variable}` | {shown} | {field.description} |"
    return rows


def test_every_setting_stands_in_the_table_with_its_default_and_meaning() -> None:
    missing = [row for row in setting_rows().values() if row not in README]
    assert not missing, "put into README.md:\n" + "\n".join(missing)


def test_every_setting_that_is_named_exists() -> None:
    compose_only = set(re.findall(r"\$\{(MATINEE_\w+)", (ROOT / "docker-compose.yml").read_text()))
    of_tests = set(re.findall(r'environ\.get\("(MATINEE_\w+)"', (ROOT / "tests/spark/test_similar.py").read_text()))
    named = set(re.findall(r"MATINEE_[A-Z_]*[A-Z]", README))
    assert named <= set(setting_rows()) | compose_only | of_tests


def test_every_verb_is_named_and_every_named_verb_exists() -> None:
    for program, cli in PROGRAMS.items():
        group = typer.main.get_command(cli)
        verbs = {name for name, command in group.commands.items() if not command.hidden}  # type: ignore[attr-defined]
        named = set(re.findall(rf"python -m {program} ([a-z-]+)", README))
        assert named == verbs, program


def test_every_option_of_a_named_command_exists() -> None:
    for program, line in re.findall(r"`(?:[^`]*\| )?python -m (engine|bot) ([^`]+)`[^|]*\|?", README):
        verb, *words = shlex.split(line)
        command = typer.main.get_command(PROGRAMS[program]).commands[verb]  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)(?:\w+=\S+ )?make ([a-z]+)", README, re.MULTILINE))
    assert {"run", "test", "check", "help"} <= named <= targets


def test_every_command_of_the_chat_is_named_and_every_named_one_exists() -> None:
    rows = [line for line in README.splitlines() if line.startswith("| `/")]
    named = {name for row in rows for name in re.findall(r"`/([a-z]+)`", row.split(" | ")[0])}
    commands = {name for name, _ in (*COMMANDS, *ADMIN_COMMANDS)}
    assert named == commands
