"""The API's settings."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from engine.settings import ServingSettings

POSTERS = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?/[^\s{}\"';,]*\{(tmdb|imdb)\}[^\s{}\"';,]*")
"""An address of posters. Its host goes into a header, so it is nothing but a host."""


class ApiSettings(ServingSettings):
    """What `python -m api` reads from the environment. Every field is the variable ``MATINEE_<FIELD>``."""

    api_port: int = Field(default=0, ge=0, le=65535)
    """The port of the API. 0: `make run` starts none, and `python -m api serve` takes 8000."""

    api_host: str = "127.0.0.1"
    """The address that the API listens on; 0.0.0.0 is every one of this machine."""

    api_workers: int = Field(default=1, ge=1, le=64)
    """How many processes serve the API."""

    api_open: bool = False
    """Whether films, similar titles and picks for nobody in particular are answered without a key."""

    api_per_minute: int = Field(default=1200, ge=1)
    """How many calls a minute a key may make that says nothing else, and an address that has none."""

    api_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Sites whose pages may call the API from a browser, as https://shop.example, separated by commas."""

    api_body_kb: int = Field(default=1024, ge=1, le=65536)
    """How large a request's body may be, in KiB."""

    api_posters: str = ""
    """Where the page finds posters, as https://posters.example/{tmdb}.jpg or with {imdb}; unset: it draws its own."""

    @property
    def port(self) -> int:
        return self.api_port or 8000

    @property
    def poster_site(self) -> str:
        """The site that posters come from, the only one from which a browser may fetch pictures; "" is none."""
        parts = urlsplit(self.api_posters)
        return f"{parts.scheme}://{parts.netloc}" if self.api_posters else ""

    @field_validator("api_posters")
    @classmethod
    def _posters(cls, value: str) -> str:
        if value and not POSTERS.fullmatch(value):
            raise ValueError("should be an address such as https://posters.example/{tmdb}.jpg, or with {imdb}")
        return value

    @field_validator("api_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("api_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.netloc
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError("should be addresses such as https://shop.example, with nothing behind the host")
        return value
