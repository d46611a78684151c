"""Pages: one HTML file each, which includes its pictures and style. They need no script and no network."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from engine.domain import MatineeError
from engine.pages.drawing import at_most, percent

_templates = Environment(
    loader=PackageLoader("engine.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, facts: Mapping[str, Any]) -> str:
    """Return a page of ``engine/templates``. Every text in ``facts`` is escaped, except ``Markup``."""
    return _templates.get_template(template).render(facts)


def write_page(path: Path, html: str) -> Path:
    """Write a page under another name and rename it, so that a browser never sees half of one. Return the full path.

    Raises:
        MatineeError: the page cannot be written there.
    """
    path = path.absolute()
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(html, encoding="utf-8")
        aside.replace(path)
    except OSError as e:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise MatineeError(f"{path} cannot be written ({e.strerror}): name another with --output") from e
    return path


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _day(value: datetime) -> str:
    return f"{value.day} {value:%B %Y}"


_templates.filters.update(count=_count, share=percent, at_most=at_most, figure=_figure, day=_day)
