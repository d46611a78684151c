"""How long does one whole retrain take, and where does the time go?

    python -m benchmarks.retrain [--data demo|PATH]

Loads a data set into a fresh database and runs the pipeline as the worker does: both models trained on the training
side, measured, judged, trained again on everything, all lists scored and published. Exits with 1 above the limit.
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from engine import datasets
from engine.domain import Stage
from engine.runs.retrain import retrain
from engine.settings import EngineSettings
from engine.store import Store
from engine.store.migrate import migrate

LIMIT_SECONDS = 60
"""For ml-latest-small on two cores."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="demo")
    asked = parser.parse_args()
    began: dict[Stage, float] = {}

    def report(stage: Stage, fraction: float, detail: str) -> None:
        began.setdefault(stage, time.perf_counter())

    with tempfile.TemporaryDirectory() as home:
        settings = EngineSettings(home=Path(home), dataset=asked.data, database_url=None, search_seconds=0)
        store = Store(f"sqlite:///{home}/retrain.db")
        migrate(store)
        now = datetime.now(UTC)
        datasets.load(asked.data, store, settings.folder, settings.home / "downloads", now=now)
        start = time.perf_counter()
        outcome = retrain(store, settings, report=report, now=lambda: datetime.now(UTC))
        end = time.perf_counter()
    stages = list(began)
    for stage, next_stage in zip(stages, [*stages[1:], None], strict=True):
        until = end if next_stage is None else began[next_stage]
        print(f"{stage:10} {until - began[stage]:6.1f} s")
    metrics = outcome.metrics
    print(f"{'all':10} {end - start:6.1f} s   nDCG@10 {metrics['ndcg_at_10']:.3f}, RMSE {metrics['rmse_warm']:.3f}")
    return int(end - start > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
