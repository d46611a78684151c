"""docker-compose.yml, as far as it can be checked without Docker."""

from pathlib import Path

import pytest

from api.settings import ApiSettings
from bot.settings import BotSettings
from engine.settings import EngineSettings, StoreSettings

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"


@pytest.mark.parametrize("settings", [ApiSettings, BotSettings, EngineSettings])
def test_every_setting_reaches_the_containers(settings: type[StoreSettings]) -> None:
    """Compose passes on only the variables that it lists; MATINEE_HOME is fixed in the images."""
    lines = {line.strip().partition(":")[0] for line in COMPOSE.read_text().splitlines()}
    names = {f"MATINEE_{name.upper()}" for name in settings.model_fields}
    assert names - lines == {"MATINEE_HOME"}
