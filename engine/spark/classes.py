"""An archive of Spark's Java classes: with it, Java need not unpack and check some 15,000 classes at each start.

    python -m engine.spark.classes

trains on the demo in a folder of its own, and keeps the classes that this took beside Spark's jars: 190 MB. It takes
a minute, once for an installation. Without the archive, or with another Java than the one that wrote it, all works
as well, a few seconds later.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyspark

ROOT = Path(__file__).parents[2]
ARCHIVE = Path(pyspark.__file__).with_name("classes.jsa")
_WRITE = "-XX:ArchiveClassesAtExit"
_OPTIONS = "SPARK_SUBMIT_OPTS"
"""The variable from which Spark takes more options for Java."""


def java_options() -> list[str]:
    """Return the options with which Java reads the archive, if there is one; without a word if it cannot."""
    writes = _WRITE in os.environ.get(_OPTIONS, "")  # Java cannot do both
    return [f'-XX:SharedArchiveFile="{ARCHIVE}"', "-Xlog:cds*=off"] if ARCHIVE.exists() and not writes else []


def write(archive: Path = ARCHIVE) -> None:
    """Write the archive, in place of one that is there already. A Java that can write none changes nothing."""
    aside = archive.with_suffix(f".{os.getpid()}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MATINEE_")}
    with TemporaryDirectory() as home:
        # In that folder, so that no .env of a Matinee that runs here speaks.
        ours = {"MATINEE_HOME": home, "PYTHONPATH": str(ROOT), _OPTIONS: f'{_WRITE}="{aside}"'}
        for verb in (["load", "demo"], ["train"]):
            # Java writes when Python has ended. It holds our pipes as well, so this waits for both.
            command = [sys.executable, "-m", "engine", *verb]
            done = subprocess.run(  # noqa: S603 - our own program
                command, cwd=home, env=kept | ours, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(done.stderr)
    if aside.exists():
        aside.chmod(0o644)
        aside.replace(archive)


if __name__ == "__main__":
    write()
