"""How much memory do 1, 2 and 4 workers of the API keep together, and what does sharing the factors save?

    python -m benchmarks.speed.workers
    python -m benchmarks.speed.workers --films 10000

Starts ``python -m api serve --workers N`` on made-up films with a model of rank 64 and 50, has every worker answer, and
adds up the proportional set size (PSS) of all its processes: a page that n of them map counts 1/n for each. Beside it
the same with the folder of shared files out of reach, so that each worker keeps its own. Exits with 1 if four workers
that share take no less than four that do not. Linux only.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import httpx
import psutil

from benchmarks.speed.api import PORT, fill, running

WORKERS = (1, 2, 4)
CALLS = 60
"""Number of calls, each on its own connection, so that every worker answers some."""


def pss_mb(process: psutil.Process) -> float:
    """Return the proportional set size of a process and its children."""
    return float(sum(each.memory_full_info().pss for each in (process, *process.children(recursive=True)))) / 1e6


def measured(url: str, key: str, home: Path, workers: int) -> float:
    """Return the MB of so many workers once each has answered."""
    settings = {
        "MATINEE_DATABASE_URL": url,
        "MATINEE_HOME": str(home),
        "MATINEE_API_PORT": str(PORT),
        "MATINEE_API_PER_MINUTE": "10000000",
        "MATINEE_LOG_LEVEL": "ERROR",
    }
    with running(["api", "serve", "--workers", str(workers)], PORT, settings) as address:
        for number in range(CALLS):
            headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
            path = f"/v1/people/person-{number}/picks"
            httpx.get(f"{address}{path}", headers=headers, timeout=120).raise_for_status()
        (server,) = (child for child in psutil.Process(os.getpid()).children() if "serve" in child.cmdline())
        return pss_mb(server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=87_000)
    films = parser.parse_args().films
    with tempfile.TemporaryDirectory() as folder:
        shared, alone = Path(folder) / "shared-home", Path(folder) / "home-alone"
        for home in (shared, alone):
            (home / "demo").mkdir(parents=True)
        (alone / "demo" / "shared").write_text("in the way of the folder")
        url = f"sqlite:///{folder}/matinee.db"
        key = fill(url, films)
        print(f"{films:,} films; MB of all processes of the API together (PSS)")
        taken: dict[int, tuple[float, float]] = {}
        for workers in WORKERS:
            own = measured(url, key, alone, workers)
            taken[workers] = own if workers == 1 else measured(url, key, shared, workers), own
            print(
                f"{workers} workers   factors shared {taken[workers][0]:6.0f}   each its own {taken[workers][1]:6.0f}"
            )
    if taken[4][0] >= taken[4][1]:
        sys.exit(1)


if __name__ == "__main__":
    main()
