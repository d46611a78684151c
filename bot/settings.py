"""The bot's settings."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from engine.settings import ServingSettings


class BotSettings(ServingSettings):
    """What `python -m bot` reads from the environment. Every field is the variable ``MATINEE_<FIELD>``."""

    telegram_token: SecretStr | None = None
    """The token that BotFather gave you. Without it, the chat is in the terminal."""

    telegram_api: str = "https://api.telegram.org"
    """The Bot API server; another URL for one that you host yourself."""

    webhook_url: str = ""
    """The https address at which Telegram can bring messages to the bot. Empty: the bot asks for them."""

    webhook_port: int = Field(default=8443, ge=1, le=65535)
    """The port on which the bot listens for what comes to that address."""

    admins: Annotated[frozenset[int], NoDecode] = frozenset()
    """Telegram ids of those who may use the admin commands, separated by commas. In the terminal you are one."""

    allowed: Annotated[frozenset[int | Literal["invited"]], NoDecode] = frozenset()
    """People who may talk to the bot, beside admins and invited ones: ids, or "invited". Empty: everybody."""

    quiet_hours: str = "off"
    """Hours (UTC) in which admins get no message about failed runs, as 22-8; they come afterwards. "off" for none."""

    bot_port: int = Field(default=0, ge=0, le=65535)
    """Port of the bot's /healthz and /metrics; 0 for none."""

    @property
    def quiet(self) -> tuple[int, int] | None:
        """The hours at which quiet time for admins begins and ends; None for never."""
        if self.quiet_hours == "off":
            return None
        since, until = map(int, self.quiet_hours.split("-"))
        return since, until

    @field_validator("webhook_url")
    @classmethod
    def _address(cls, value: str, info: ValidationInfo) -> str:
        value = value.strip()
        if not value:
            return value
        try:
            url = urlsplit(value)
            host, port = url.hostname, url.port
        except ValueError:
            host, port = None, None
        token = info.data.get("telegram_token")
        if token is not None and token.get_secret_value() in value:
            raise ValueError("should not hold the bot's token, which everybody on the way could read")
        if not host or url.query or url.fragment or url.username is not None:
            raise ValueError("should be an address such as https://films.example.org/telegram")
        # A self-hosted Bot API server sends updates to any address.
        if urlsplit(info.data.get("telegram_api", "")).hostname == "api.telegram.org":
            if url.scheme != "https":
                raise ValueError("should begin with https://: Telegram brings messages to no other")
            if port not in (None, 443, 80, 88, 8443):
                raise ValueError("should have no port, or 443, 80, 88 or 8443: Telegram brings messages to no other")
        elif url.scheme not in ("http", "https"):
            raise ValueError("should begin with https:// or http://")
        return value

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        value = value.strip().lower() or "off"
        hours = re.fullmatch(r"(\d{1,2}) *- *(\d{1,2})", value, re.ASCII)
        if value != "off" and (hours is None or max(map(int, hours.groups())) > 23):
            raise ValueError('should be two hours of a day, as 22-8, or "off"')
        return value

    @field_validator("admins", "allowed", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part for part in value.replace(",", " ").split() if part] if isinstance(value, str) else value
