"""Where things are kept: read from the environment and ``.env``, shared by both programs."""

import re
from pathlib import Path
from typing import Self

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.domain import MatineeError


class SettingsError(MatineeError):
    """A setting is missing or cannot be read; the text names the variable."""


class StoreSettings(BaseSettings):
    """What bot and engine both need to know. Every field is the environment variable ``MATINEE_<FIELD>``."""

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
    """What to recommend: demo, a GroupLens name such as ml-latest-small, or the path of a folder or zip."""

    database_url: SecretStr | None = None
    """The database: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME. Unset: SQLite in the home folder."""

    log_level: str = "INFO"
    """How much the logs say: DEBUG, INFO, WARNING or ERROR."""

    @classmethod
    def load(cls) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one cannot be read; the text names it, never its value.
        """
        try:
            return cls()
        except ValidationError as e:
            lines = []
            for error in e.errors():
                name = "MATINEE_" + str(error["loc"][0]).upper()
                about = cls.model_fields[str(error["loc"][0])].description if error["loc"] else ""
                lines.append(f"{name}: {error['msg']}. {about}")
            raise SettingsError("\n".join(lines)) from None

    @property
    def folder(self) -> Path:
        """The folder of this data set: its database, Parquet, models and reports."""
        stem = Path(self.dataset.rstrip("/")).name.removesuffix(".zip").lower()
        return self.home / (re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "dataset")

    @property
    def url(self) -> str:
        """The database's URL, password included: never print it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.folder / 'matinee.db'}"
