"""The files that a run leaves and those that it removes."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from engine.runs.retrain import sweep_files
from engine.settings import EngineSettings
from engine.store import Store
from tests.conftest import NewDatabase

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_files_stay_as_long_as_a_version_can_be_served(new_database: NewDatabase, tmp_path: Path) -> None:
    store = Store(new_database("sqlite"))
    settings = EngineSettings(_env_file=None, home=tmp_path, dataset="tiny", keep_versions=2)
    swept, kept, rejected, cut_short, live = (create(store) for _ in range(5))
    store.reject(rejected, "worse than popularity")
    for version in (swept, kept, live):
        store.publish(version, event_ids=np.array([], np.int64), now=NOW)
    models = settings.folder / "models"
    for name in (swept, kept, rejected, cut_short, live, f".{cut_short}.4711"):
        (models / str(name) / "users").mkdir(parents=True)

    sweep_files(store, settings)

    assert {path.name for path in models.iterdir()} == {str(kept), str(live)}
    store.close()


def create(store: Store) -> int:
    return store.create_version(
        dataset="tiny", dataset_fingerprint="f" * 64, hyperparameters={}, metrics={}, counts={}, now=NOW
    )
