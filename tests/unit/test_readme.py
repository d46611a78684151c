"""Everything that README and docs/ name exists, everything that exists is named in them, and every link has a
target."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from api.__main__ import cli as api_cli
from api.settings import ApiSettings
from bot.__main__ import cli as bot_cli
from bot.features.account_views import COMMANDS
from bot.features.admin_views import COMMANDS as ADMIN_COMMANDS
from bot.settings import BotSettings
from bot.speech import language
from engine.cli import cli as engine_cli
from engine.domain import RunState
from engine.serving import advice
from engine.serving.factors import Model
from engine.serving.library import Shelf
from engine.settings import EngineSettings, StoreSettings
from engine.store import Store
from engine.store.schema import Base

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text() for path in sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
}
PROGRAMS = {"engine": engine_cli, "bot": bot_cli, "api": api_cli}
Verb = Any
"""Click's Command. Typer brings a click of its own, whose types have no public name."""
TWO_SCREENS = 100
"""Lines."""


def found(pattern: str, *pages: str) -> list[str]:
    """Return every match in these pages, or in all. No match at all means a mistake in the pattern or the page."""
    matches = [match for page in pages or PAGES for match in re.findall(pattern, PAGES[page], re.MULTILINE)]
    assert matches, f"{pattern} matches nothing"
    return matches


def setting_rows() -> dict[str, str]:
    """Return the row of the table in docs/settings.md for each setting."""
    rows = {}
    for settings in (StoreSettings, BotSettings, ApiSettings, EngineSettings):
        for name, field in settings.model_fields.items():
            variable = f"MATINEE_{name.upper()}"
            default = field.default
            if isinstance(default, frozenset | tuple) or default is None:
                default = ""
            shown = f"`{str(default).lower() if isinstance(default, bool) else default}`" if default != "" else ""
            rows[variable] = f"| `{variable}` | {shown} | {field.description} |"
    return rows


def compose_defaults() -> dict[str, str]:
    """Return the variables that only docker-compose.yml reads, with their defaults."""
    defaults = dict(re.findall(r"\$\{(MATINEE_\w+):-([^}]*)\}", (ROOT / "docker-compose.yml").read_text()))
    return {name: default for name, default in defaults.items() if name not in setting_rows()}


def verbs(cli: typer.Typer) -> dict[str, Verb]:
    """Return the commands of a program that are not hidden, those of groups as "models export"."""
    named: dict[str, Verb] = {}

    def note(group: TyperGroup, before: str) -> None:
        for name, command in group.commands.items():
            if command.hidden:
                continue
            if not isinstance(command, TyperGroup) or command.invoke_without_command:
                named[before + name] = command
            if isinstance(command, TyperGroup):
                note(command, f"{before}{name} ")

    group = typer.main.get_command(cli)
    assert isinstance(group, TyperGroup)
    note(group, "")
    return named


def verb_of(program: str, line: str) -> tuple[str, Verb, list[str]]:
    """Return the command of a line, and the words after it."""
    words, commands = shlex.split(line), verbs(PROGRAMS[program])
    for length in (2, 1):
        if (name := " ".join(words[:length])) in commands:
            return name, commands[name], words[length:]
    raise AssertionError(f"python -m {program} {line}: there is no such verb")


def command_lines() -> list[tuple[str, str]]:
    """Return each command line that any page names in code type or in a block of code: program and the rest."""
    return found(r"(?:`|^|\| |exec engine |\$ )python -m (engine|bot|api) ([a-z][^`\n#|&)]*)")  # type: ignore[return-value]


def test_every_setting_stands_in_the_table_with_its_default_and_meaning() -> None:
    missing = [row for row in setting_rows().values() if row not in PAGES["docs/settings.md"]]
    assert not missing, "put into docs/settings.md:\n" + "\n".join(missing)


def test_every_variable_of_compose_stands_in_the_table_with_its_default() -> None:
    defaults = compose_defaults()
    assert "MATINEE_TAG" in defaults
    for variable, default in defaults.items():
        shown = f"`{default}`" if variable != "MATINEE_FILMS" else ""  # by default an empty volume
        assert re.search(rf"^\| `{variable}` \| {re.escape(shown)} ?\| ", PAGES["docs/settings.md"], re.MULTILINE), (
            variable
        )


def test_every_variable_that_is_named_exists() -> None:
    tests = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    of_tests = {name for text in tests for name in re.findall(r'environ\.get\("(MATINEE_\w+)"', text)}
    assert "MATINEE_TEST_DATA" in of_tests
    assert set(found(r"MATINEE_[A-Z_]*[A-Z]")) <= set(setting_rows()) | set(compose_defaults()) | of_tests


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_verb_stands_in_the_table(program: str) -> None:
    rows = found(rf"^\| `python -m {program} ([^`]+)` \| ", "docs/command-line.md")
    assert {verb_of(program, row)[0] for row in rows} == set(verbs(PROGRAMS[program]))


def test_every_verb_and_every_option_that_is_named_exists() -> None:
    for program, line in command_lines():
        _name, command, words = verb_of(program, line)
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options | {"--help"}, line


def test_every_option_in_a_row_of_a_verb_belongs_to_it() -> None:
    rows = found(r"^\| `python -m ((?:engine|bot|api) [^`]+` \| .*)\|$", "docs/command-line.md")
    for row in rows:
        line, meaning = row.split("` | ", 1)
        program, rest = line.split(" ", 1)
        _name, command, _words = verb_of(program, rest)
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"`(--[a-z-]+)", meaning)) <= options, row


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(found(r"(?:^|`)(?:\w+=\S+ )?make ([a-z]+)"))
    assert {"run", "test"} <= named <= targets


def test_every_benchmark_that_is_named_exists() -> None:
    there = {f"{path.parent.name}.{path.stem}" for path in (ROOT / "benchmarks").glob("*/*.py")}
    named = set(found(r"python -m benchmarks\.([\w.]+\w)"))
    assert named
    assert named <= there


def test_every_command_of_the_chat_is_named_and_every_named_one_exists() -> None:
    rows = found(r"^\| (`/.*?) \| ", "docs/chat.md")
    named = {name for row in rows for name in re.findall(r"`/([a-z]+)`", row)}
    assert named == {name for name, _ in (*COMMANDS, *ADMIN_COMMANDS)}


def anchors(page: str) -> set[str]:
    """Return the anchors that links into a page may name, as GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_no_link_leads_nowhere() -> None:
    found(r"\]\((?!https?:)[^)]+\)", "README.md")
    for name, text in PAGES.items():
        targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
        for target in targets:
            if target.startswith(("http:", "https:")):
                continue
            file, _, anchor = target.partition("#")
            path = ((ROOT / name).parent / file if file else ROOT / name).resolve()
            assert path.exists(), f"{name}: {target}"
            assert not anchor or anchor in anchors(path.read_text()), f"{name}: {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(found(r"\]\(([\w/-]+\.md)", "README.md"))
    assert {name for name in PAGES if name.startswith("docs/")} <= linked


def test_every_path_that_is_named_exists() -> None:
    for page in ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"):
        for path in found(r"`((?:api|bot|engine|tests|docs|benchmarks|migrations)/[\w/.-]*)`", page):
            assert (ROOT / path).exists() or "oldest" in path, f"{page}: {path}"  # /oldest is CONTRIBUTING's example


def test_every_method_and_every_file_that_the_map_names_exists() -> None:
    homes = {
        "Store": Store,
        "PeopleStore": Store,
        "Model": Model,
        "Shelf": Shelf,
        "advice": advice,
        "language": language,
    }
    for home, name in found(r"`(\w+)\.(\w+)`", "ARCHITECTURE.md"):
        if name == "py":
            assert any(any((ROOT / of).rglob(f"{home}.py")) for of in PROGRAMS), f"{home}.py"
        elif home in homes:
            assert hasattr(homes[home], name), f"{home}.{name}"


def test_every_folder_of_the_programs_is_on_the_map() -> None:
    folders = {f"{path.parent.relative_to(ROOT)}/" for of in PROGRAMS for path in ROOT.glob(f"{of}/*/__init__.py")}
    assert folders
    assert folders == set(found(r"^\| `((?:engine|bot|api)/\w+/)` \| ", "ARCHITECTURE.md"))


def test_the_diagrams_show_every_table_and_every_state_of_a_run() -> None:
    tables, states = re.findall(r"```mermaid\n(.*?)```", PAGES["ARCHITECTURE.md"], re.DOTALL)
    assert {name for name in re.findall(r"\w+", tables) if name in Base.metadata.tables} == set(Base.metadata.tables)
    assert set(re.findall(r"^    (\w+) -->", states, re.MULTILINE)) == {state.value for state in RunState}


def test_an_empty_line_stands_before_every_heading() -> None:
    """Entries that two people append at once come together without one."""
    for name, text in PAGES.items():
        assert not re.findall(r"[^\n]\n#{2,} .*", text), name


def test_the_readme_fits_on_two_screens() -> None:
    assert len(PAGES["README.md"].splitlines()) <= TWO_SCREENS
