"""The settings, read from the environment and ``.env``: those that every program needs, and the engine's own."""

import os
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.domain import MatineeError


class SettingsError(MatineeError):
    """A setting is missing or cannot be read; the text names the variable."""


class StoreSettings(BaseSettings):
    """Settings that every program needs. Each field is the environment variable ``MATINEE_<FIELD>``."""

    model_config = SettingsConfigDict(
        env_prefix="MATINEE_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        env_ignore_empty=True,
        secrets_dir="/run/secrets" if Path("/run/secrets").is_dir() else None,
    )

    home: Path = Path("var")
    """Folder for the embedded database, data sets, saved models, reports and logs."""

    dataset: str = "demo"
    """What to recommend: demo, a GroupLens name, a folder or a zip. Unset: what was loaded last, at first demo."""

    database_url: SecretStr | None = None
    """The database: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME. Unset: SQLite in the home folder."""

    log_level: str = "INFO"
    """How much the logs say: DEBUG, INFO, WARNING or ERROR."""

    @classmethod
    def load(cls) -> Self:
        """Read the settings.

        Raises:
            SettingsError: a setting cannot be read; the text names it, but not its value.
        """
        try:
            settings = cls()
        except ValidationError as e:
            wrong = [(str(error["loc"][0]), error["msg"]) for error in e.errors()]
            lines = [f"MATINEE_{name.upper()}: {why}. {cls.model_fields[name].description}" for name, why in wrong]
            raise SettingsError("\n".join(lines)) from None
        if "dataset" not in settings.model_fields_set and (loaded := remembered_dataset(settings.home)):
            settings = settings.model_copy(update={"dataset": loaded})
        return settings

    def secrets(self) -> list[str]:
        """Return the values of all secret settings, for the log to hide."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    @property
    def folder(self) -> Path:
        """The folder of this data set: its database, Parquet, models and reports."""
        stem = Path(self.dataset.rstrip("/")).name.removesuffix(".zip").lower()
        return self.home / (re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "dataset")

    @property
    def own_names(self) -> Path:
        """The file of the operator's own names for films, in the form of ``engine/serving/names/called.tsv``."""
        return self.home / "names.tsv"

    @property
    def url(self) -> str:
        """The database's URL, password included: never print it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.folder / 'matinee.db'}"


def use_dataset(source: str) -> None:
    """Make this process and its children use this data set, even if another is loaded meanwhile."""
    os.environ["MATINEE_DATASET"] = source


def remembered_dataset(home: Path) -> str | None:
    """Return the data set that was loaded last into this home folder, as a name or path; None before the first."""
    try:
        return (home / _REMEMBERED).read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"{home / _REMEMBERED} cannot be read ({e}): load a data set again") from e


def remember_dataset(home: Path, source: str) -> None:
    """Make this the default data set."""
    aside = home / f".{_REMEMBERED}"
    aside.write_text(f"{source}\n", encoding="utf-8")
    aside.replace(home / _REMEMBERED)


def dataset_folders(home: Path) -> list[Path]:
    """Return the folders of the data sets that are in this home folder, by name."""
    return sorted({found.parent for pattern in ("*/matinee.db", "*/ratings-*") for found in home.glob(pattern)})


_REMEMBERED = "dataset.txt"
"""Beside the folders of data sets, whose names have no dot."""


class ServingSettings(StoreSettings):
    """Settings that all front ends share, so that they give the same answers."""

    not_for_me_days: int = Field(default=180, ge=1)
    """For how many days "not for me" keeps a film out of somebody's picks."""

    night_misery: float = Field(default=0.5, ge=0, le=1)
    """On a movie night, how much the least happy guest counts: 1 only they do, 0 only the average of all."""

    ratings_a_day: int = Field(default=2000, ge=1)
    """How many ratings one person may give, change or take back in a day, beside those of files."""

    imports_a_day: int = Field(default=10, ge=1)
    """How many files one person may import in a day."""


class EngineSettings(StoreSettings):
    """The settings of `python -m engine`. Each field is the environment variable ``MATINEE_<FIELD>``."""

    spark_master: str = "local[*]"
    """Where Spark runs: local[*] is this machine; spark://HOST:7077 a cluster."""

    spark_memory: str = "2g"
    """Memory of Spark's driver (which is everything in local mode) and of each executor."""

    placement: Literal["auto", "whole", "blocks", "mllib"] = "auto"
    """Where models are fitted: whole in one task, in blocks over all tasks, by Spark's MLlib, or auto: by size."""

    spark_ui: bool = False
    """Whether Spark serves its own web pages on port 4040 during a run."""

    train_cron: str = "0 4 * * *"
    """When to retrain by the clock, as a cron line in UTC; "off" for never."""

    train_after_ratings: int = Field(default=200, ge=0)
    """Retrain once so many new ratings wait; 0 for never."""

    search_seconds: int = Field(default=60, ge=0)
    """How long a data set's first training may look for hyperparameters, and others once a week; 0 for never."""

    recommendations_per_user: int = Field(default=50, ge=1, le=1000)
    """How many films each published list holds."""

    similar_per_movie: int = Field(default=20, ge=1, le=200)
    """How many similar titles are published for each film."""

    keep_versions: int = Field(default=3, ge=1)
    """How many models that were live can be rolled back to."""

    backup_cron: str = "30 3 * * *"
    """When to make a backup, as a cron line in UTC; "off" for never."""

    backup_keep: int = Field(default=7, ge=1)
    """How many scheduled backups are kept."""

    backup_folder: Path | None = None
    """Where backups go: best another disk. Unset: backups in the data set's folder."""

    move_to: SecretStr | None = None
    """Where `python -m engine move` brings everything, if no URL stands on its command line."""

    engine_port: int = Field(default=0, ge=0, le=65535)
    """Port of the engine's /healthz and /metrics; 0 for none."""

    @property
    def spark_log(self) -> Path:
        """The file that Spark's Java writes to."""
        return self.folder / "logs" / "spark.log"

    @property
    def backups(self) -> Path:
        """The folder of backups."""
        return self.backup_folder or self.folder / "backups"
