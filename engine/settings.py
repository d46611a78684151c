"""The engine's settings."""

from pydantic import Field

from engine.store.settings import StoreSettings


class EngineSettings(StoreSettings):
    """What `python -m engine` reads from the environment. Every field is the variable ``MATINEE_<FIELD>``."""

    spark_master: str = "local[*]"
    """Where Spark runs: local[*] is this machine; spark://HOST:7077 a cluster."""

    spark_memory: str = "2g"
    """Memory of Spark's driver (which is everything in local mode) and of each executor."""

    spark_ui: bool = False
    """Whether Spark serves its own web pages on port 4040 during a run."""

    train_cron: str = "0 4 * * *"
    """When to retrain by the clock, as a cron line in UTC; "off" for never."""

    train_after_ratings: int = Field(default=200, ge=0)
    """Retrain once so many new ratings wait; 0 for never."""

    recommendations_per_user: int = Field(default=50, ge=1, le=1000)
    """How many films each published list holds."""

    similar_per_movie: int = Field(default=20, ge=1, le=200)
    """How many similar titles are published for each film."""

    keep_versions: int = Field(default=3, ge=1)
    """How many models that were live can be rolled back to."""

    engine_port: int = Field(default=0, ge=0, le=65535)
    """Port of the engine's /healthz and /metrics; 0 for none."""
