"""Figures of people who were forgotten leave the files of every version, on both databases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.runs.figures import Figures
from engine.runs.worker import Worker
from engine.settings import EngineSettings
from engine.store import Store
from tests.contract.conftest import ANN, BOB
from tests.world import NOW


@pytest.fixture
def settings(tmp_path: Path) -> EngineSettings:
    return EngineSettings(_env_file=None, home=tmp_path, dataset="tiny")


def leave(settings: EngineSettings, version: int, users: list[int]) -> Path:
    file = settings.folder / "models" / str(version) / "per_user.parquet"
    file.parent.mkdir(parents=True)
    pd.DataFrame({"user_id": pd.array(users, "int32"), "ndcg": [0.1 * user for user in users]}).to_parquet(file)
    return file


def people(file: Path) -> list[int]:
    return pd.read_parquet(file)["user_id"].tolist()


def test_who_was_forgotten_leaves_the_files_of_every_version(store: Store, settings: EngineSettings) -> None:
    ours = store.dataset_users(np.arange(7, 10)).tolist()
    ann, bob = store.person(ANN, "en", NOW).id, store.person(BOB, None, NOW).id
    files = [leave(settings, version, [*ours, ann, bob]) for version in (1, 2)]
    figures = Figures(store, settings.folder / "models")
    assert figures.forget() == 0
    before = [file.stat().st_mtime_ns for file in files]
    store.forget(ann)
    assert figures.forget() == 2
    assert [people(file) for file in files] == [[*ours, bob]] * 2
    assert pd.read_parquet(files[0])["ndcg"].tolist() == [0.1 * user for user in (*ours, bob)]
    assert figures.forget() == 0

    later = leave(settings, 3, [*ours, ann])  # a training that began before
    assert figures.forget() == 1
    assert people(later) == ours
    assert before != [file.stat().st_mtime_ns for file in files]
    assert all([path.name for path in file.parent.iterdir()] == ["per_user.parquet"] for file in files)


def test_a_worker_does_so_by_itself_and_a_broken_file_does_not_stop_it(store: Store, settings: EngineSettings) -> None:
    ann = store.person(ANN, "en", NOW).id
    broken, whole = leave(settings, 1, [ann]), leave(settings, 2, [ann])
    broken.write_bytes(b"PAR1")
    store.forget(ann)
    Worker(store, settings, command=["true"]).tick()
    assert people(whole) == []
