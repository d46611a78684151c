"""Which data set the programs use: what was loaded last, unless MATINEE_DATASET or --dataset says otherwise."""

import json
import shutil
from pathlib import Path

import pytest
import typer.main

from api.__main__ import cli as api_cli
from bot.__main__ import cli as bot_cli
from engine.cli import cli as engine_cli
from engine.settings import StoreSettings
from tests.conftest import NewDatabase, Program

pytestmark = pytest.mark.system


@pytest.fixture
def program(tmp_path: Path) -> Program:
    home = tmp_path / "home"
    home.mkdir()
    return Program(home)


@pytest.fixture
def horror(tmp_path: Path) -> Path:
    """A data set of two films."""
    folder = tmp_path / "horror"
    folder.mkdir()
    (folder / "movies.csv").write_text("movieId,title,genres\n1,Ring (1998),Horror\n2,Alien (1979),Horror\n")
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.5,964982703\n1,2,4.0,964982704\n")
    return folder


def current(program: Program, *arguments: str) -> str:
    """Return the name of the data set that ``status`` speaks of."""
    done = program.run("engine", "status", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["catalogue"]["dataset"])


def test_what_was_loaded_last_is_used_until_another_is_loaded(program: Program, horror: Path) -> None:
    """By name from anywhere: the path was relative, and what it led to is gone by now."""
    loaded = program.run("engine", "load", "../horror")
    assert loaded.returncode == 0, loaded.stderr
    assert "MATINEE_DATASET" not in loaded.stdout
    shutil.rmtree(horror)
    assert current(program) == "horror"
    assert StoreSettings(_env_file=None, home=program.home, dataset="horror").folder.is_dir()

    assert program.run("engine", "load", "demo").returncode == 0
    said = program.run("engine", "status").stdout
    assert "Sets      demo; also here: horror" in said
    assert current(program, "--dataset", "horror") == "horror"
    assert current(Program(program.home, {"MATINEE_DATASET": "horror"})) == "horror"
    assert current(program) == "demo"


def test_a_set_that_cannot_be_loaded_leaves_nothing_behind(program: Program, horror: Path) -> None:
    assert program.run("engine", "load", "../horror").returncode == 0
    (horror.parent / "empty").mkdir()
    (horror / "movies.csv").unlink()
    for wrong in ("../empty", "ml-no-such-set", "../horror"):
        assert program.run("engine", "load", wrong).returncode == 1
    assert "Sets      horror\n" in program.run("engine", "status").stdout


def test_a_load_that_the_environment_overrules_says_so(program: Program, horror: Path) -> None:
    overruled = Program(program.home, {"MATINEE_DATASET": "demo"})
    said = overruled.run("engine", "load", str(horror)).stdout
    assert "MATINEE_DATASET=demo comes before it" in said


def test_the_files_of_what_was_loaded_into_a_database_by_url_are_found(horror: Path, new_database: NewDatabase) -> None:
    """As ``train`` looks for them."""
    program = Program(horror.parent, {"MATINEE_DATABASE_URL": new_database("sqlite", migrated=False)})
    assert program.run("engine", "load", str(horror)).returncode == 0
    explored = program.run("engine", "explore", "--json")
    assert explored.returncode == 0, explored.stderr
    assert Path(json.loads(explored.stdout)["page"]).parent.parent.name == "horror"


@pytest.mark.parametrize(
    "verb",
    [
        "engine status",
        "engine models",
        "engine similar star wars",
        "engine recommend --dataset-user 1",
        "engine rollback 1",
        "bot chat",
        "api keys list",
    ],
)
def test_looking_makes_no_database(program: Program, verb: str) -> None:
    done = program.run(*verb.split())
    assert done.returncode == 1
    assert "there is no database at" in done.stderr
    assert "engine migrate" in done.stderr
    assert not list(program.home.rglob("*.db"))


@pytest.mark.parametrize("cli", [engine_cli, bot_cli, api_cli])
def test_every_verb_can_be_told_the_data_set(cli: typer.Typer) -> None:
    def check(name: str, command: object) -> None:
        options = [option for parameter in command.params for option in parameter.opts]  # type: ignore[attr-defined]
        assert options.count("--dataset") == (1 if name else 0), name
        for verb, inner in getattr(command, "commands", {}).items():
            check(f"{name} {verb}", inner)

    check("", typer.main.get_command(cli))


@pytest.mark.parametrize("program_name", ["engine", "bot", "api"])
def test_no_line_of_help_is_cut(program: Program, program_name: str) -> None:
    said = program.run(program_name, "--help").stdout
    assert "\nCommands:\n" in said
    assert "..." not in said.partition("\nCommands:\n")[2]
