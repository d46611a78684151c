"""The bot's settings from the environment, and the errors for wrong ones."""

import re
from pathlib import Path

import pytest

from api.settings import ApiSettings
from bot.frame.webhook import secret
from bot.settings import BotSettings
from engine.settings import EngineSettings, SettingsError


@pytest.fixture(autouse=True)
def empty_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide ``.env`` and the variables of the person who runs the tests."""
    monkeypatch.chdir(tmp_path)
    for field in BotSettings.model_fields:
        monkeypatch.delenv(f"MATINEE_{field.upper()}", raising=False)


def test_everything_has_a_default():
    settings = BotSettings.load()
    assert settings.telegram_token is None
    assert settings.admins == frozenset()
    assert settings.telegram_api == "https://api.telegram.org"
    assert settings.bot_port == 0


def test_the_environment_goes_before_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".env").write_text("MATINEE_TELEGRAM_TOKEN=1:from-file\nMATINEE_BOT_PORT=8080\nSOMETHING_ELSE=x\n")
    monkeypatch.setenv("MATINEE_TELEGRAM_TOKEN", "1:from-environment")
    settings = BotSettings.load()
    assert settings.telegram_token is not None
    assert settings.telegram_token.get_secret_value() == "1:from-environment"
    assert settings.bot_port == 8080


@pytest.mark.parametrize("written", ["1001,5000000001", " 1001 , 5000000001 ", "1001 5000000001", "1001,,5000000001,"])
def test_admins_are_separated_by_commas(written: str, monkeypatch: pytest.MonkeyPatch):
    """One of these ids is above 2**31."""
    monkeypatch.setenv("MATINEE_ADMINS", written)
    assert BotSettings.load().admins == {1001, 5_000_000_001}


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch):
    """Docker Compose passes a missing variable on as an empty one."""
    monkeypatch.setenv("MATINEE_TELEGRAM_TOKEN", "")
    monkeypatch.setenv("MATINEE_ADMINS", "")
    assert BotSettings.load() == BotSettings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MATINEE_ADMINS", "anna"),
        ("MATINEE_BOT_PORT", "70000"),
        ("MATINEE_BOT_PORT", "high"),
        ("MATINEE_NOT_FOR_ME_DAYS", "0"),
        ("MATINEE_WEBHOOK_PORT", "0"),
        ("MATINEE_WEBHOOK_URL", "http://films.example.org"),
    ],
)
def test_an_error_names_the_variable_and_what_it_is_for(name: str, value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: .+") as raised:
        BotSettings.load()
    assert (BotSettings.model_fields[name.removeprefix("MATINEE_").lower()].description or "?") in str(raised.value)


@pytest.mark.parametrize(
    "url", ["", "https://films.example.org", "https://films.example.org:8443/telegram", " https://a.b/c-d "]
)
def test_a_webhooks_address(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MATINEE_WEBHOOK_URL", url)
    assert BotSettings.load().webhook_url == url.strip()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://films.example.org/", "should begin with https://"),
        ("films.example.org", "such as https://films.example.org/telegram"),
        ("https:///telegram", "such as https://films.example.org/telegram"),
        ("https://films.example.org:https/", "such as https://films.example.org/telegram"),
        ("https://me@films.example.org/", "such as https://films.example.org/telegram"),
        ("https://films.example.org:5000/", "443, 80, 88 or 8443"),
        ("https://films.example.org/123456:hush", "should not hold the bot's token"),
    ],
)
def test_an_address_that_telegram_would_not_bring_anything_to(
    url: str, complaint: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MATINEE_TELEGRAM_TOKEN", "123456:hush")
    monkeypatch.setenv("MATINEE_WEBHOOK_URL", url)
    with pytest.raises(SettingsError, match=r"^MATINEE_WEBHOOK_URL: ") as raised:
        BotSettings.load()
    assert complaint in str(raised.value)
    assert "hush" not in str(raised.value)


def test_a_bot_api_server_of_ones_own_brings_messages_to_any_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MATINEE_TELEGRAM_API", "http://bot-api:8081")
    monkeypatch.setenv("MATINEE_WEBHOOK_URL", "http://bot:5000/")
    assert BotSettings.load().webhook_url == "http://bot:5000/"


def test_the_webhooks_secret_follows_from_the_token_but_does_not_show_it():
    token = "123456:AAF-hush_hush"
    assert re.fullmatch(r"[A-Za-z0-9_-]{32,256}", secret(token))
    assert secret(token) == secret(token)
    assert secret(token) != secret(token + "x")
    assert "hush" not in secret(token)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MATINEE_TELEGRAM_TOKEN", "123456:hush")
    monkeypatch.setenv("MATINEE_DATABASE_URL", "postgresql://matinee:hush@db/matinee")
    settings = BotSettings.load()
    assert "hush" not in f"{settings!r} {settings}"


def test_the_log_of_every_program_is_told_all_of_its_secrets():
    url, other = "postgresql://matinee:hush@db/matinee", "postgresql://matinee:hush@other/matinee"
    assert BotSettings(_env_file=None, telegram_token="123:hush", database_url=url).secrets() == [url, "123:hush"]
    assert EngineSettings(_env_file=None, database_url=url, move_to=other).secrets() == [url, other]
    assert ApiSettings(_env_file=None).secrets() == []
