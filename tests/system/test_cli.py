"""``python -m engine VERB``, run for real: what it prints, what it exits with, and what it says when it cannot."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer.main
from typer.testing import CliRunner, Result

import engine.runs.pipeline
import engine.runs.watch
from engine.cli import cli
from engine.clock import utc_now
from engine.domain import MatineeError, RunKind, RunState, Stage
from engine.runs.retrain import Outcome
from engine.runs.watch import Hold
from engine.store import Reception, Run, Store
from engine.store.archive import dataset_people
from tests.conftest import NewDatabase, Program
from tests.genres import write_films

pytestmark = pytest.mark.system

ANN = 5_000_000_001


@pytest.fixture
def store(demo: Program) -> Iterator[Store]:
    store = Store(demo.database_url)
    yield store
    store.close()


def refused(program: Program, *arguments: str, code: int = 1) -> str:
    """Run a verb that has to fail, and return what it says: a line or two, and never a traceback."""
    done = program.run("engine", *arguments, timeout=200)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


# --- Results ----------------------------------------------------------------------------------------------------------


@pytest.mark.spark
def test_status_says_what_there_is(demo: Program) -> None:
    said = demo.run("engine", "status")
    assert said.returncode == 0, said.stderr
    assert "demo: " in said.stdout
    assert "simulated" in said.stdout
    assert "model 1 since" in said.stdout
    facts = json.loads(demo.run("engine", "status", "--json").stdout)
    assert facts["catalogue"]["dataset"] == "demo"
    assert facts["live"]["version"] == 1
    assert facts["live"]["metrics"]["ndcg_at_10"] > 0
    assert facts["run"] is None
    assert facts["last_runs"][0]["state"] == "done"
    assert facts["database"].endswith("demo/matinee.db")


@pytest.mark.spark
def test_recommend_prints_titles_years_and_stars(demo: Program) -> None:
    said = demo.run("engine", "recommend", "--dataset-user", "3", "--limit", "5")
    lines = said.stdout.splitlines()
    assert len(lines) == 5
    assert all(line.split()[0] == str(i) for i, line in enumerate(lines, start=1))
    assert all(0.5 <= float(line.split()[1]) <= 5 for line in lines)
    assert all(line.rstrip().endswith(")") for line in lines)
    facts = json.loads(demo.run("engine", "recommend", "--dataset-user", "3", "--limit", "5", "--json").stdout)
    first = facts["recommendations"][0]
    assert set(first) == {"movie_id", "title", "year", "position", "predicted_stars", "new_here"}
    assert first["title"] in lines[0]


@pytest.mark.spark
def test_recommend_counts_ratings_that_wait_and_never_shows_what_was_rated(demo: Program, store: Store) -> None:
    person = store.person(ANN, "en", utc_now())
    films = store.films()
    westerns = [film for film in films if "Western" in film.genres][:6]
    for film in westerns:
        store.rate(person.id, film.id, 5.0, utc_now())
    facts = json.loads(demo.run("engine", "recommend", "--telegram-user", str(ANN), "--json").stdout)
    picked = [row["movie_id"] for row in facts["recommendations"]]
    assert facts["with_waiting_ratings"]
    assert len(picked) == 10
    assert not {film.id for film in westerns} & set(picked)
    genres = {film.id: film.genres for film in films}
    assert sum("Western" in genres[movie_id] for movie_id in picked) >= 3


@pytest.mark.spark
def test_similar_takes_a_title_as_people_say_it(demo: Program) -> None:
    said = demo.run("engine", "similar", "the", "matrx", "--limit", "3")
    assert said.stdout.startswith("Like The Matrix (1999):")
    assert len(said.stdout.splitlines()) == 4
    (demo.home / "names.tsv").write_text("The Matrix (1999)\tDas Netz der Zahlen\n", encoding="utf-8")
    for name in ("das netz der zahlen", "der pate"):  # a name of one's own, and one of the table
        assert demo.run("engine", "similar", *name.split(), "--limit", "3").stdout.startswith("Like The "), name
    several = demo.run("engine", "similar", "king", "--json")
    assert "It could also be" in several.stderr
    assert json.loads(several.stdout)["similar"]
    assert "no film is called" in refused(demo, "similar", "xqzzv jjwk")


@pytest.mark.spark
def test_models_and_rollback(demo: Program, store: Store) -> None:
    assert "live" in demo.run("engine", "models").stdout
    (model,) = json.loads(demo.run("engine", "models", "--json").stdout)
    assert (model["version"], model["state"]) == (1, "live")
    known = store.receptions().get(1, Reception())  # other tests' chats may have shown its films
    assert model["reception"] == {**asdict(known), "liked_share": known.liked_share}
    assert "as it was" in demo.run("engine", "rollback", "1").stdout
    assert "there is no model 7" in refused(demo, "rollback", "7")
    assert store.live_version() == 1


@pytest.mark.spark
def test_what_is_done_already_is_not_done_again(demo: Program) -> None:
    assert "was up to date" in demo.run("engine", "migrate").stdout
    again = demo.run("engine", "load")
    assert again.stdout.startswith("Already loaded")
    assert json.loads(demo.run("engine", "load", "demo", "--json").stdout)["changed"] is False


@pytest.mark.spark
def test_java_says_which(demo: Program) -> None:
    facts = json.loads(demo.run("engine", "java", "--json").stdout)
    assert facts["version"] >= 17
    assert Path(facts["home"], "bin", "java").exists()


@pytest.mark.spark
def test_load_train_and_recommend_on_postgres(new_database: NewDatabase, tmp_path: Path) -> None:
    """From an empty Postgres; somebody whose Telegram id is above 2**31 goes through Spark and back."""
    films = write_films(tmp_path / "films-to-load")
    url = new_database("postgres", migrated=False)
    program = Program(tmp_path, {"MATINEE_DATABASE_URL": url, "MATINEE_DATASET": str(films)})
    assert program.run("engine", "load").returncode == 0
    store = Store(program.database_url)
    person = store.person(ANN, "en", utc_now())
    loved = [film for film in store.films() if "Western" in film.genres][:8]
    for film in loved:
        store.rate(person.id, film.id, 5.0, utc_now())

    training = program.start("engine", "train", "--json")
    while (run := store.open_run()) is None or run.stage in (None, Stage.INGEST):
        assert training.poll() is None, training.communicate()
        time.sleep(0.1)
    store.rate(store.person(ANN + 1, "en", utc_now()).id, loved[0].id, 1.0, utc_now())  # too late for this model
    said, told = training.communicate(timeout=400)

    assert training.returncode == 0, told
    assert json.loads(said)["metrics"]["new_ratings"] == 8
    assert store.waiting_ratings() == 1
    users = pd.read_parquet(program.home / "films-to-load" / "models" / "1" / "users")
    assert sorted(users["user_id"]) == dataset_people(store)[0].tolist(), "/forget reaches no files: no one of the chat"
    facts = json.loads(program.run("engine", "recommend", "--telegram-user", str(ANN), "--json").stdout)
    assert not facts["with_waiting_ratings"]
    assert len(facts["recommendations"]) == 10
    assert not {row["movie_id"] for row in facts["recommendations"]} & {film.id for film in loved}
    store.close()


# --- Refusals ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(tmp_path: Path, migrated_sqlite: Path) -> Program:
    """A home folder with a database, and nothing in it."""
    folder = tmp_path / "demo"
    folder.mkdir()
    shutil.copy(migrated_sqlite, folder / "matinee.db")
    return Program(tmp_path)


@pytest.mark.parametrize("verb", ["migrate", "serve"])
def test_files_that_an_earlier_release_left_open_are_closed_to_others(empty: Program, verb: str) -> None:
    """Not the pages, nor the way to them, which a web server may have been given; nor what a link leads to."""
    folder = empty.home / "demo"
    database, pages = folder / "matinee.db", folder / "reports"
    figures = folder / "models" / "1" / "users" / "a.parquet"
    backup, theirs = folder / "backups" / "backup-2026-03-01-120000.db", empty.home / "theirs.txt"
    for file in (figures, backup, pages / "explore.html", theirs):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (folder / "link").symlink_to(theirs)
    for path in (folder, *folder.rglob("*"), theirs):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)

    done = empty.start("engine", verb, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while done.poll() is None and not (folder / "engine.heartbeat").exists() and time.monotonic() < until:
        time.sleep(0.1)
    done.terminate()
    assert done.wait(60) == 0
    places = (database, figures, figures.parent, backup, backup.parent, pages / "explore.html", pages, folder, theirs)
    modes = [f"{path.stat().st_mode & 0o777:o}" for path in places]
    assert modes == ["600", "600", "700", "600", "700", "644", "755", "755", "644"]


def test_every_refusal_says_what_to_do(empty: Program) -> None:
    assert "engine train" in refused(empty, "recommend", "--dataset-user", "3")
    assert "engine train" in refused(empty, "similar", "heat")
    assert "engine load" in refused(empty, "train")
    assert "/nowhere/films.zip" in refused(empty, "load", "/nowhere/films.zip")
    assert "engine models" in refused(empty, "rollback", "3")


def test_a_database_without_tables_says_so(tmp_path: Path) -> None:
    for verb in ("status", "models", "train", "serve"):
        assert "engine migrate" in refused(Program(tmp_path), verb), verb


def test_a_database_that_is_down_says_so(tmp_path: Path) -> None:
    program = Program(tmp_path, {"MATINEE_DATABASE_URL": "postgresql://matinee:s3cret@127.0.0.1:9/matinee"})
    for verb in ("status", "migrate", "serve"):
        said = refused(program, verb)
        assert "MATINEE_DATABASE_URL" in said, verb
        assert "s3cret" not in said


@pytest.mark.parametrize(
    ("verb", "name", "value"),
    [
        ("status", "MATINEE_KEEP_VERSIONS", "many"),
        ("status", "MATINEE_DATABASE_URL", "nonsense"),
        ("status", "MATINEE_LOG_LEVEL", "LOUD"),
        ("serve", "MATINEE_TRAIN_CRON", "every day"),
        ("serve", "MATINEE_ENGINE_PORT", "99999"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(empty: Program, verb: str, name: str, value: str) -> None:
    assert name in refused(Program(empty.home, {name: value}), verb)


@pytest.mark.parametrize(
    "arguments",
    [
        ["recommend"],
        ["recommend", "--dataset-user", "1", "--telegram-user", "2"],
        ["recommend", "--dataset-user", "x"],
        ["recommend", "--dataset-user", "1", "--limit", "0"],
        ["rollback"],
        ["load", "--feedback", "smells"],
        ["dance"],
    ],
)
def test_a_wrong_call_exits_with_2(empty: Program, arguments: list[str]) -> None:
    assert "Usage" in refused(empty, *arguments, code=2)


def test_who_is_not_there_gets_a_clear_answer(demo: Program) -> None:
    assert "no user 999999" in refused(demo, "recommend", "--dataset-user", "999999")
    assert "nobody with the Telegram id 77" in refused(demo, "recommend", "--telegram-user", "77")


def test_a_training_is_refused_while_another_run_is_open(demo: Program, store: Store) -> None:
    run = store.request_run(RunKind.TRAIN, "telegram:1", utc_now())
    said = refused(demo, "train")
    assert f"run {run.id}" in said
    assert "engine status" in said
    assert "waits for an engine" in demo.run("engine", "status").stdout
    assert f"run {run.id}" in refused(demo, "load")


def test_the_engine_that_is_not_there_is_not_well(empty: Program) -> None:
    done = empty.run("engine", "healthcheck")
    assert done.returncode == 1
    assert done.stdout.startswith("unhealthy")


def test_answers_that_need_no_spark_load_none() -> None:
    """They load nothing else that is slow: `status` answers at once."""
    script = "import sys, engine.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pyspark", "py4j", "pandas", "pyarrow", "apscheduler", "alembic"} & set(loaded)


# --- Help -------------------------------------------------------------------------------------------------------------


def test_help_names_every_verb_what_it_does_and_the_exit_codes() -> None:
    said = CliRunner().invoke(cli, ["--help"]).output
    for verb in typer.main.get_command(cli).commands:  # type: ignore[attr-defined]
        assert f"\n  {verb} " in said
        assert CliRunner().invoke(cli, [verb, "--help"]).exit_code == 0
    words = " ".join(said.split())
    assert "exits with 0" in words
    assert "3 when its model was rejected" in words


def test_every_verb_that_answers_can_answer_in_json() -> None:
    verbs = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
    silent = {name for name, verb in verbs.items() if not any("--json" in option.opts for option in verb.params)}
    assert silent == {"serve", "healthcheck", "up"}


# --- Training, with a pipeline that is made up ------------------------------------------------------------------------

FIGURES = {"ndcg_at_10": 0.312, "rmse_all": 0.841, "seconds": 92.0, "new_ratings": 14}
BEFORE = {"before": {"ndcg_at_10": 0.309, "rmse_all": 0.842}}


Train = Callable[..., Result]


@pytest.fixture
def train(empty: Program, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Runs ``train`` in this process, with an outcome or an error in the place of the pipeline."""
    for name in [name for name in os.environ if name.startswith("MATINEE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MATINEE_HOME", str(empty.home))
    monkeypatch.chdir(empty.home)

    def invoke(outcome: Outcome | Exception, *arguments: str) -> Result:
        def pipeline(*_: Any, report: Any, **__: Any) -> Outcome:
            report(Stage.TRAIN, 0.5, "preference model, iteration 7 of 15")
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(engine.runs.pipeline, "retrain", pipeline)
        return CliRunner().invoke(cli, ["train", *arguments])

    return invoke


def ended(program: Program) -> tuple[RunState, str | None]:
    store = Store(f"sqlite:///{program.home}/demo/matinee.db")
    run = store.last_runs(1)[0]
    store.close()
    return run.state, run.error


def test_a_training_that_is_published_says_how_it_measured_and_before(train: Train, empty: Program) -> None:
    done = train(Outcome(RunState.DONE, 12, "beats popularity", FIGURES | BEFORE))
    assert done.exit_code == 0
    assert "Model 12 is live, after 1:32" in done.stdout
    assert "nDCG@10 0.312, was 0.309 · RMSE 0.841, was 0.842" in done.stdout
    assert "preference model, iteration 7 of 15" in done.stderr
    assert ended(empty) == (RunState.DONE, None)


def test_a_rejected_model_exits_with_3_and_says_why(train: Train, empty: Program) -> None:
    done = train(Outcome(RunState.REJECTED, 13, "worse than popularity", FIGURES))
    assert done.exit_code == 3
    assert "Model 13 was rejected: worse than popularity" in done.stdout
    assert "--force" in done.stdout
    assert ended(empty) == (RunState.REJECTED, "worse than popularity")


def test_a_dry_run_says_what_would_be(train: Train) -> None:
    assert "would be published" in train(Outcome(RunState.DONE, None, "better", FIGURES), "--dry-run").stdout
    rejected = train(Outcome(RunState.REJECTED, None, "worse", FIGURES), "--dry-run", "--json")
    assert rejected.exit_code == 3
    assert json.loads(rejected.stdout)["reason"] == "worse"


def test_a_training_that_fails_says_why_and_can_be_asked_again(train: Train, empty: Program) -> None:
    failed = train(MatineeError("ten ratings are too few"))
    assert isinstance(failed.exception, MatineeError)  # which ``main`` tells in its own words
    assert ended(empty) == (RunState.FAILED, "ten ratings are too few")
    assert train(Outcome(RunState.DONE, 1, "first", FIGURES)).exit_code == 0


@pytest.fixture
def other(empty: Program) -> Iterator[tuple[Store, Run]]:
    """The store, and a run of another process, whose clock is a day ahead of ours."""
    store = Store(f"sqlite:///{empty.home}/demo/matinee.db")
    yield store, store.request_run(RunKind.TRAIN, "test", utc_now() + timedelta(days=1), take=True)
    store.close()


def test_while_another_run_gives_signs_of_life_a_training_is_refused(train: Train, other: tuple[Store, Run]) -> None:
    store, run = other
    beat = threading.Timer(1.0, store.beat, [run.id, utc_now()])
    beat.start()
    refused = train(Outcome(RunState.DONE, 1, "first", FIGURES))
    beat.join()
    assert f"run {run.id} (train) was already asked for" in str(refused.exception)
    assert store.run(run.id).is_open


def test_a_run_that_was_silent_for_a_minute_makes_room(
    train: Train, other: tuple[Store, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, run = other
    monkeypatch.setattr(engine.runs.watch, "SILENT_SECONDS", 1.0)
    done = train(Outcome(RunState.DONE, 1, "first", FIGURES))
    assert done.exit_code == 0, done.output
    assert f"Run {run.id} is open. Without a sign of life for a minute it is given up." in done.stderr
    assert store.run(run.id).state is RunState.LOST


def test_a_run_whose_process_is_gone_makes_room_at_once(train: Train, empty: Program) -> None:
    store, hold = Store(f"sqlite:///{empty.home}/demo/matinee.db"), Hold(empty.home / "demo" / "holds")
    run = store.request_run(RunKind.TRAIN, "test", utc_now(), take=True, holder=hold.name)
    hold._file.close()  # as when a process dies
    done = train(Outcome(RunState.DONE, 1, "first", FIGURES))
    assert done.exit_code == 0, done.output
    assert "is given up" not in done.stderr
    assert store.run(run.id).state is RunState.LOST
    store.close()
