"""Two pictures for admins: the models' metrics, and the data set.

They are drawn after a training and stored in the database, because the bot cannot draw. Their facts are stored with
them, so that the bot can describe each picture in its reader's language. A failure to draw never affects a model.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.dataset as arrow_dataset
import structlog
from numpy.typing import NDArray

from engine.datasets import ratings_folder
from engine.domain import STARS, Catalogue, Feedback, Film
from engine.settings import EngineSettings
from engine.store import Course, DataShown, Decade, ModelsShown, ModelVersion, Spread, StarsGiven, Store

log = structlog.get_logger(__name__)

# matplotlib takes a second to load, so modules that need it are imported inside the `try` that uses them.

MODELS = 20
"""Most models in the picture; the newest are shown."""

COURSES = (
    ("ndcg_at_10", "nDCG at 10: higher is better", "popularity"),
    ("rmse_all", "RMSE in stars: lower is better", "one mean for all"),
)
"""The metrics drawn: key, title, and the name of the figure that each model is compared with."""

COUNT_COURSES = (COURSES[0], ("roem", "Percentile rank: lower is better", "popularity"))
"""The same for play counts, which have no stars."""

BATCH_ROWS = 1_000_000


def draw(store: Store, settings: EngineSettings, *, now: datetime) -> None:
    """Draw and store both pictures. Errors are logged, and the earlier pictures stay."""
    started = time.monotonic()
    try:
        catalogue = store.catalogue()
        if catalogue is None:
            return
        _draw_models(store, catalogue, now)
        _draw_data(store, settings, catalogue, now)
    except Exception as e:  # noqa: BLE001 - whatever it is, the training that came before was a success
        log.warning("pictures_not_drawn", reason=f"{type(e).__name__}: {e}")
    else:
        log.info("pictures_drawn", seconds=round(time.monotonic() - started, 2))


def _draw_models(store: Store, catalogue: Catalogue, now: datetime) -> None:
    from engine.pages.model_pictures import models_png

    found = models_shown(store.model_versions(), store.live_version(), catalogue)
    if not found.courses:
        return
    png = models_png(
        [str(version) for version in found.versions],
        found.courses,
        served=found.served,
        live=found.versions.index(found.live) if found.live in found.versions else None,
    )
    store.keep_picture(png, found, now)


def models_shown(models: Sequence[ModelVersion], live: int | None, catalogue: Catalogue) -> ModelsShown:
    """Return the metrics of the newest models of this data set, the oldest of them first.

    Args:
        models: newest first. Those of other data are left out: their figures cannot be compared.
    """
    mine = [model for model in models if model.dataset_fingerprint == catalogue.fingerprint][:MODELS][::-1]
    courses = []
    for key, title, bar_name in COUNT_COURSES if catalogue.feedback is Feedback.COUNTS else COURSES:
        values = tuple(model.metrics.get(key) for model in mine)
        if any(value is not None for value in values):
            bars = tuple((model.metrics.get("popularity") or {}).get(key) for model in mine)
            courses.append(Course(key, title, values, bar_name, bars))
    return ModelsShown(
        tuple(model.version for model in mine),
        tuple(model.published_at is not None for model in mine),
        live,
        tuple(courses),
    )


def _draw_data(store: Store, settings: EngineSettings, catalogue: Catalogue, now: datetime) -> None:
    from engine.pages.data_pictures import data_png

    found = data_shown(catalogue, store.films(), ratings_folder(settings.folder, catalogue.fingerprint))
    if catalogue.feedback is Feedback.COUNTS:
        items = f"{catalogue.item}s"
        people = (f"People by how many {items} they played", f"{items} played")
        titles = (f"{items.capitalize()} by how many people played them", "people who played it")
    else:
        people = ("People by how much they rated", "ratings by one person")
        titles = ("Films by how often they were rated", "ratings of one film")
    spreads = [(*people, asdict(found.per_person))]
    if found.per_film is not None:
        spreads.append((*titles, asdict(found.per_film)))
    stars, decades = [asdict(row) for row in found.stars], [asdict(row) for row in found.decades]
    store.keep_picture(data_png(stars, spreads, decades), found, now)


def data_shown(catalogue: Catalogue, films: Sequence[Film], folder: Path) -> DataShown:
    """Return the facts of the picture of the data set. A part that it leaves out is None or empty.

    The distribution of films' numbers of ratings is left out if there are stars and decades: three panels are enough
    for a phone. Ratings are read in batches, so memory does not depend on their number.
    """
    from engine.pages.explore import spread

    stars = catalogue.feedback is Feedback.STARS
    per_person = np.zeros(0, np.int64)
    per_star = np.zeros(len(STARS), np.int64)
    columns = ["user_id", "stars"] if stars else ["user_id"]
    for batch in arrow_dataset.dataset(folder, format="parquet").to_batches(columns=columns, batch_size=BATCH_ROWS):
        per_person = _added(per_person, np.bincount(batch.column("user_id").to_numpy()))
        if stars:
            halves = np.rint(2 * batch.column("stars").to_numpy()).astype(np.int64)
            per_star += np.bincount(halves - 1, minlength=len(STARS))
    total = int(per_star.sum())
    decades = _decades(films)
    known = [film.rating_count for film in films if film.rating_count]
    given = zip(STARS, per_star.tolist(), strict=True) if total else ()
    return DataShown(
        catalogue.fingerprint,
        catalogue.feedback,
        tuple(StarsGiven(value, count, count / total) for value, count in given),
        float(per_star @ np.array(STARS) / total) if total else None,
        Spread(**spread(per_person[per_person > 0])),
        None if stars and decades else Spread(**spread(np.array(known))),
        decades if stars else (),
    )


def _added(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add two counts; one of them may cover more people."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    longer[: len(shorter)] += shorter
    return longer


def _decades(films: Sequence[Film]) -> tuple[Decade, ...]:
    """Return the films of each decade, in order and without gaps; those without a year are in none."""
    counts = Counter(film.year // 10 * 10 for film in films if film.year is not None)
    return tuple(Decade(at, counts[at]) for at in range(min(counts), max(counts) + 10, 10)) if counts else ()
