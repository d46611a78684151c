"""The containers: both images built, and a deployment brought up, used, killed, backed up, restored and stopped.

Needs a Docker engine with Compose. Everything is called "matinee-test" there, and is removed at the end, except the
images.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chat.reading import titles
from tests.conftest import ROOT
from tests.fakes import TOKEN, FakeTelegram, Person, serve_bot_api
from tests.genres import GENRES, write_films

pytestmark = [pytest.mark.system, pytest.mark.containers, pytest.mark.timeout(1800)]

PROJECT, TAG = "matinee-test", "test"
BOT, ENGINE = f"matinee-bot:{TAG}", f"matinee-engine:{TAG}"


def docker(*arguments: str, stdin: Any = subprocess.DEVNULL) -> str:
    """Run ``docker ARGUMENTS`` from the project's folder and return what it printed."""
    # Settings of the person who runs the tests must not get into docker-compose.yml.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MATINEE_")}
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, env=env, stdin=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def docker_engine() -> None:
    if shutil.which("docker") is None:
        pytest.skip("there is no docker")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine answers `docker info`")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no compose")


@pytest.fixture(scope="module")
def images(docker_engine: None) -> None:
    """Both images, built from what is here."""
    for target, name in (("bot", BOT), ("engine", ENGINE)):
        docker("build", "--target", target, "--tag", name, ".")


def inside(image: str, *command: str) -> str:
    """Run a command in a new container, with as few rights as the deployment gives it."""
    room = ("--read-only", "--tmpfs", "/tmp:exec")  # noqa: S108 - the container's own
    rights = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")
    return docker("run", "--rm", *room, *rights, "--entrypoint", command[0], image, *command[1:])


# --- The images -------------------------------------------------------------------------------------------------------


def test_hadolint_has_nothing_to_say_about_the_dockerfile() -> None:
    if shutil.which("hadolint") is None:
        pytest.skip("there is no hadolint")
    done = subprocess.run(["hadolint", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


def test_the_bot_has_no_java_and_no_spark(images: None) -> None:
    unwanted = ["java", "pyspark", "py4j", "pandas", "pyarrow", "implicit", "matplotlib", "pytest"]
    program = (
        "import importlib.util as i, shutil, sys;print(*[x for x in sys.argv[1:] if shutil.which(x) or i.find_spec(x)])"
    )
    assert inside(BOT, "python", "-c", program, *unwanted).split() == []
    assert inside(ENGINE, "python", "-c", program, *unwanted).split() == unwanted[:-1]


@pytest.mark.parametrize("image", [BOT, ENGINE])
def test_an_image_is_of_a_user_without_rights_and_says_how_it_is(images: None, image: str) -> None:
    config = json.loads(docker("image", "inspect", image))[0]["Config"]
    program = "bot" if image == BOT else "engine"
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["tini", "--", "python", "-m", program]
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", program, "healthcheck"]
    assert config["StopSignal"] == "SIGTERM"
    assert inside(image, "id", "-un").strip() == "matinee"
    assert "healthcheck" in inside(image, "python", "-m", program, "--help")


@pytest.mark.parametrize(("image", "program"), [(BOT, "bot"), (ENGINE, "engine")])
def test_every_module_finds_what_it_needs(images: None, image: str, program: str) -> None:
    load_all = (
        "import importlib, pkgutil, sys;"
        "package = importlib.import_module(sys.argv[1]);"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(package.__path__, f'{sys.argv[1]}.')]"
    )
    inside(image, "python", "-c", load_all, program)


@pytest.mark.parametrize("image", [BOT, ENGINE])
def test_nothing_but_the_program_is_in_an_image(images: None, image: str) -> None:
    parts = {"bot", "engine"} if image == BOT else {"alembic.ini", "engine", "migrations"}
    assert set(inside(image, "ls", "-A", "/app").split()) == parts
    assert set(inside(image, "ls", "-A", "/data").split()) == set()


def test_secrets_can_be_files(images: None, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    mounted = f"{secret}:/run/secrets/matinee_telegram_token:ro"
    program = "from bot.settings import BotSettings; print(BotSettings.load().telegram_token.get_secret_value())"
    assert docker("run", "--rm", "-v", mounted, "--entrypoint", "python", BOT, "-c", program).strip() == TOKEN


# --- A deployment -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deployment:
    """The command line of ``docker compose``, with the settings of a ``.env`` of its own."""

    env_file: Path
    override: Path

    def compose(self, *arguments: str, stdin: Any = subprocess.DEVNULL) -> str:
        files = ("--env-file", str(self.env_file), "-f", "docker-compose.yml", "-f", str(self.override))
        return docker("compose", "-p", PROJECT, *files, *arguments, stdin=stdin)

    def engine(self, *verb: str) -> Any:
        """The output of ``python -m engine VERB --json`` in the engine's container."""
        return json.loads(self.compose("exec", "-T", "engine", "python", "-m", "engine", *verb, "--json"))

    def state(self, service: str) -> dict[str, Any]:
        container = self.compose("ps", "--all", "--quiet", service).strip()
        return dict(json.loads(docker("inspect", container))[0])

    def until(self, true: Any, what: str, seconds: float = 400) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"waited {seconds} s for {what}\n{self.compose('logs', '--tail', '30')}"
            time.sleep(2)

    def up(self) -> None:
        """Bring everything up and wait until it is healthy and has a model."""
        self.compose("up", "--detach", "--no-build")
        for service in ("postgres", "engine", "bot"):
            self.until(
                lambda s=service: self.state(s)["State"]["Health"]["Status"] == "healthy", f"{service} to be well"
            )
        self.until(self.has_a_model, "the first model")

    def has_a_model(self) -> bool:
        ended = self.sql("SELECT state, error FROM runs WHERE finished_at IS NOT NULL")
        assert all(run.startswith("done|") for run in ended), ended
        return self.sql("SELECT model_version FROM live WHERE model_version IS NOT NULL") != []

    def sql(self, query: str) -> list[str]:
        """The answer of Postgres, a line for each row; the program's own answers cost seconds of a busy machine."""
        return self.compose("exec", "-T", "postgres", "psql", "-U", "matinee", "-tAc", query).splitlines()


@pytest.fixture(scope="module")
def telegram() -> FakeTelegram:
    return FakeTelegram()


@pytest.fixture(scope="module")
def anna(telegram: FakeTelegram) -> Person:
    return telegram.person(5_000_000_001, "Anna")


@pytest.fixture(scope="module")
def matinee(images: None, telegram: FakeTelegram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment whose films are a mounted folder, and whose Telegram is ours."""
    folder = tmp_path_factory.mktemp("deployment")
    films = folder / "films"
    write_films(films)
    override = folder / "override.yml"
    quick = {"interval": "5s", "timeout": "30s"}
    changes = {
        "bot": {"extra_hosts": ["telegram.test:host-gateway"], "healthcheck": quick},
        "engine": {"healthcheck": quick},
        "spark-master": {"healthcheck": quick},
        "postgres": {"healthcheck": quick},
    }
    override.write_text(json.dumps({"services": changes}))  # YAML knows JSON
    with serve_bot_api(telegram, host="0.0.0.0") as url:  # noqa: S104 - containers come from another interface
        env_file = folder / "env"
        env_file.write_text(
            f"MATINEE_TELEGRAM_TOKEN={TOKEN}\n"
            f"MATINEE_TELEGRAM_API=http://telegram.test:{url.rpartition(':')[2]}\n"
            f"MATINEE_FILMS={films}\n"
            "MATINEE_DATASET=/films\n"
            "MATINEE_SPARK_MEMORY=1g\n"
            "MATINEE_TRAIN_CRON=off\n"
            f"MATINEE_TAG={TAG}\n"
        )
        deployment = Deployment(env_file, override)
        deployment.compose("--profile", "cluster", "down", "--volumes", "--remove-orphans")
        try:
            deployment.up()
            yield deployment
        finally:
            deployment.compose("--profile", "cluster", "down", "--volumes", "--remove-orphans", "--timeout", "5")


async def answer(person: Person, expected: str) -> str:
    """Wait until the bot has said what is expected, and return it."""
    while expected not in (text := await person.hears(90)):
        pass
    return text


async def rate(person: Person, film: int, stars: str) -> None:
    await person.says(f"/start m_{film}")
    await answer(person, f"{GENRES[film % 4]} {film} ")
    await person.presses(stars)
    await answer(person, f", {stars}.")


async def my_films(person: Person) -> list[str]:
    await person.says("/my")
    return titles(await answer(person, "Your ratings"))


def test_nobody_has_more_rights_than_needed(matinee: Deployment) -> None:
    for service in ("bot", "engine"):
        status = matinee.compose("exec", "-T", service, "cat", "/proc/1/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        assert fields["Uid"].split()[0] == "10001"
        assert int(fields["CapBnd"], 16) == 0
        assert fields["NoNewPrivs"] == "1"
        host = matinee.state(service)["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert not host["PortBindings"]
    assert not matinee.state("postgres")["HostConfig"]["PortBindings"]
    assert TOKEN not in matinee.compose("exec", "-T", "engine", "env")
    password = matinee.compose("exec", "-T", "bot", "cat", "/run/matinee/pgpass").strip().rpartition(":")[2]
    assert len(password) >= 24
    for service in ("bot", "engine"):
        assert password not in matinee.compose("exec", "-T", service, "env")


def test_each_serves_its_health_and_figures_to_the_others(matinee: Deployment) -> None:
    program = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
    for service in ("bot", "engine"):
        for path, expected in (("healthz", "healthy"), ("metrics", f"matinee_{service}_")):
            url = f"http://{service}:8080/{path}"
            assert expected in matinee.compose("exec", "-T", "bot", "python", "-c", program, url)


async def test_a_stranger_rates_and_is_shown_what_they_love(matinee: Deployment, anna: Person) -> None:
    await anna.says("/start")
    question = await answer(anna, "1 of 5")
    for number in range(2, 6):
        await anna.presses("5" if "Western" in question.rpartition(" of 5")[2] else "1")
        question = await answer(anna, f"{number} of 5")
    for film, stars in ((4, "5"), (8, "5"), (12, "4½"), (1, "½"), (3, "1")):
        await rate(anna, film, stars)
    await anna.says("/top")
    picks = titles(await answer(anna, "Ten for you"))
    assert len(picks) == 10
    assert all(title.startswith("Western") for title in picks[:5]), picks
    assert not {"Western 4 (1924)", "Western 8 (1928)", "Western 12 (1932)"} & set(picks)


async def test_a_killed_bot_comes_back_and_has_forgotten_nothing(matinee: Deployment, anna: Person) -> None:
    await rate(anna, 16, "3½")
    before = await my_films(anna)
    matinee.compose("exec", "-T", "bot", "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)")
    matinee.until(lambda: matinee.state("bot")["RestartCount"] == 1, "the bot to be started again", 60)
    assert await my_films(anna) == before
    assert before[0] == "Western 16 (1936)"


async def test_a_backup_brings_everything_back(matinee: Deployment, anna: Person) -> None:
    """As docs/self-hosting.md says."""
    before = await my_films(anna)
    backup = matinee.engine("backup")["path"]
    await rate(anna, 20, "2")
    assert (await my_films(anna))[0] == "Western 20 (1940)"

    matinee.compose("stop", "bot", "engine")
    matinee.compose("run", "--rm", "-T", "engine", "restore", "--force", backup)
    matinee.up()
    assert await my_films(anna) == before
    await anna.says("/top")
    assert len(titles(await answer(anna, "Ten for you"))) == 10


def test_a_cluster_trains_and_measures_a_model(matinee: Deployment) -> None:
    """Up to the gate, which is most of the way; tests/system/test_cluster.py goes on to the lists."""
    matinee.compose("--profile", "cluster", "up", "--detach", "--no-build", "spark-worker")
    options = ("-e", "MATINEE_SPARK_MASTER=spark://spark-master:7077")
    matinee.compose("run", "--rm", *options, "engine", "train", "--dry-run")
    program = "import urllib.request as r; print(r.urlopen('http://spark-master:8080/json/').read().decode())"
    master = json.loads(matinee.compose("exec", "-T", "engine", "python", "-c", program))
    assert len(master["workers"]) == 2
    assert [(done["name"], done["state"]) for done in master["completedapps"]] == [("Matinee", "FINISHED")]


def test_everything_stops_cleanly_and_soon(matinee: Deployment) -> None:
    began = time.monotonic()
    matinee.compose("stop")
    assert time.monotonic() - began < 30
    for service in ("bot", "engine", "postgres"):
        state = matinee.state(service)["State"]
        assert (state["Status"], state["ExitCode"], state["OOMKilled"]) == ("exited", 0, False), service
