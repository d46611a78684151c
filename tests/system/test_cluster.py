"""The same engine on a Spark cluster: a master and two workers, processes of their own on the loopback."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest

from engine.spark.session import find_java
from engine.store import Store
from tests.spark.conftest import tiny_world

pytestmark = [pytest.mark.system, pytest.mark.spark]

ROOT = Path(__file__).parents[2]
SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"
DEPLOY = "org.apache.spark.deploy"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a standalone cluster, started from the installed pyspark."""
    folder = tmp_path_factory.mktemp("cluster")
    environment = os.environ | {"JAVA_HOME": str(find_java(folder)), "SPARK_LOCAL_IP": "127.0.0.1"}
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> Path:
        log = folder / f"{name}.log"
        with log.open("wb") as out:
            command = [SPARK_CLASS, *arguments]
            processes.append(subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=folder))
        return log

    try:
        log = start("master", f"{DEPLOY}.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        url = _wait_for(log, r"Starting Spark master at (spark://\S+)")
        for name in ("first", "second"):
            work = str(folder / name)
            worker = [f"{DEPLOY}.worker.Worker", "--cores", "1", "--memory", "1g", "--webui-port", "0", "-d", work, url]
            _wait_for(start(name, *worker), "Successfully registered with master")
        yield url
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=20)


def _wait_for(log: Path, pattern: str, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := re.search(pattern, log.read_text()):
            return found.group(found.lastindex or 0)
        time.sleep(0.1)
    raise AssertionError(f"{pattern!r} did not appear within {seconds} s:\n{log.read_text()}")


def _engine(home: Path, master: str, *verb: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MATINEE_")}
    environment |= {
        "MATINEE_HOME": str(home),
        "MATINEE_DATABASE_URL": f"sqlite:///{home}/tiny.db",
        "MATINEE_DATASET": str(home.parent / "tiny"),
        "MATINEE_SPARK_MASTER": master,
        "MATINEE_SPARK_MEMORY": "512m",
        "MATINEE_SEARCH_SECONDS": "0",  # a search finds what its seconds allow, so two of them differ
    }
    command = [sys.executable, "-m", "engine", *verb]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_a_cluster_trains_scores_and_publishes_the_lists_of_a_laptop(cluster: str, tmp_path: Path) -> None:
    data = tmp_path / "tiny"
    data.mkdir()
    films = "\n".join(f"{film},Film {film} ({1950 + film % 70}),Drama" for film in range(100))
    (data / "movies.csv").write_text(f"movieId,title,genres\n{films}\n")
    rows = "\n".join(f"{user + 1},{film},{stars},{1_000_000_000 + film}" for user, film, stars in tiny_world())
    (data / "ratings.csv").write_text(f"userId,movieId,rating,timestamp\n{rows}\n")

    lists = {}
    for name, master in (("laptop", "local[2]"), ("cluster", cluster)):
        home = tmp_path / name
        if lists:
            shutil.copytree(tmp_path / "loaded", home)
        else:
            _engine(home, master, "load")
            shutil.copytree(home, tmp_path / "loaded")
        _engine(home, master, "train")
        store = Store(f"sqlite:///{home}/tiny.db")
        assert store.live_version() == 1
        lists[name] = {
            user: [pick.movie_id for pick in store.recommendations(user, limit=10)] for user in range(1, 121)
        }
        store.close()

    same = [set(lists["laptop"][user]) == set(lists["cluster"][user]) for user in lists["laptop"]]
    assert sum(same) >= 0.95 * len(same), "sums may be taken in another order, so a near-tie may fall the other way"


LOST_AND_COMPARED = """
import sys
from pathlib import Path

import numpy as np

from engine.learning.fits import PreferenceFit, RatingTable
from engine.learning.mllib import fit_als, signed_strengths
from engine.learning.training import fit_in_tasks
from engine.settings import EngineSettings
from engine.spark.session import spark_session
from lost_task import LostTask
from tests.spark.conftest import tiny_world
from tests.spark.test_placement import OF_MLLIB, agrees_with_mllib

table = RatingTable.of(*np.array(tiny_world(), np.float32).T)
settings = EngineSettings(home=Path(sys.argv[1]), spark_master=sys.argv[2], spark_memory="512m", database_url=None)
with spark_session(settings, log=settings.home / "spark.log") as spark:
    spark.sparkContext.addPyFile("tests/system/lost_task.py")
    (whole,), (lost,) = (fit_in_tasks(spark, [kind(table, OF_MLLIB)], seed=1) for kind in (PreferenceFit, LostTask))
    assert (whole.items == lost.items).all()
    values = spark.createDataFrame(tiny_world(), "user_id int, movie_id int, value float")
    strengths = signed_strengths(values, OF_MLLIB)
    start, end = (fit_als(strengths, rank=8, reg=0.2, iterations=n, alpha=1.0, seed=3) for n in (0, 5))
    agrees_with_mllib(PreferenceFit(table, OF_MLLIB), start, end, 5)
"""


def test_a_task_that_is_killed_is_done_again_with_the_same_result(cluster: str, tmp_path: Path) -> None:
    """The factors are those of MLlib there too."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT}/tests/system"}
    command = [sys.executable, "-c", LOST_AND_COMPARED, str(tmp_path), cluster]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
