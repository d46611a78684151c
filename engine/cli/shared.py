"""Parts that all verbs share: the command line, its settings and store, and how results are printed."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import disk
from engine.backups.files import listed
from engine.domain import Film
from engine.log import set_up_logging
from engine.settings import EngineSettings
from engine.store import NoSuchVersion, Store
from engine.verbs import command_line

cli = command_line(
    "Matinee's engine: loads films and ratings, trains, publishes, and does so again on a schedule.",
    "Every verb exits with 0 when it did what was asked, 1 on an error (whose text says what to do), 2 when "
    "called wrongly; train also with 3 when its model was rejected. Settings: MATINEE_… in the environment or .env.",
)


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many films.")]


Output = Annotated[Path | None, typer.Option("--output", metavar="PATH", help="The file to write.")]


def load_settings() -> EngineSettings:
    return EngineSettings.load()


@contextmanager
def opened(settings: EngineSettings | None = None, *, serves: bool = False) -> Iterator[tuple[EngineSettings, Store]]:
    """Open the store and the log. A verb that prints results logs only warnings unless told otherwise."""
    settings = settings or load_settings()
    quiet = not serves and settings.log_level.upper() == "INFO"
    set_up_logging("WARNING" if quiet else settings.log_level, hide=settings.secrets())
    store = Store(settings.url)
    try:
        yield settings, store
    finally:
        store.close()


def close_to_others(settings: EngineSettings, store: Store) -> None:
    """Leave to their owner alone the files with people in them that earlier releases let others read.

    The pages in ``reports`` stay as they are, and so does the way to them: a web server may have been let in.
    """
    inside = [path for path in settings.folder.glob("*") if path.name != "reports"]
    disk.close_to_others(*inside, *store.files(), *(backup.path for backup in listed(settings.backups)))


def live_version(store: Store) -> int:
    version = store.live_version()
    if version is None:
        raise NoSuchVersion("no model is live yet: `python -m engine train` makes one")
    return version


def film_facts(film: Film) -> dict[str, Any]:
    return {"movie_id": film.id, "title": film.display_title, "year": film.year}


def named(film: Film) -> str:
    return film.display_title if film.year is None else f"{film.display_title} ({film.year})"


def figures(metrics: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    """Return a text with the two figures that a model is judged by, and their values before; without stars the second
    is ROEM."""
    parts = []
    second = ("RMSE", "rmse_all") if metrics.get("rmse_all") is not None else ("ROEM", "roem")
    for name, key in (("nDCG@10", "ndcg_at_10"), second):
        if (value := metrics.get(key)) is None:
            continue
        was = (before or {}).get(key)
        parts.append(f"{name} {value:.3f}" + (f", was {was:.3f}" if was is not None else ""))
    return " · ".join(parts)


def people_line(counts: Mapping[str, int]) -> str:
    """Return how many people and ratings there are, from ``Store.people_counts``."""
    people, ratings = counts["people"], counts["ratings"]
    return f"{people:,} {'person' if people == 1 else 'people'}, {ratings:,} {'rating' if ratings == 1 else 'ratings'}"


def answer(as_json: bool, facts: Any, lines: list[str]) -> None:
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False, default=_plain))
    else:
        print("\n".join(line for line in lines if line))


def _plain(value: Any) -> Any:
    """Convert values that JSON does not have: times to ISO 8601, the rest to text."""
    return (
        value.isoformat() if isinstance(value, datetime) else dict(value) if isinstance(value, Mapping) else str(value)
    )
