"""Sets up logging: one event a line, with a name and facts, without secrets."""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter

from engine.settings import SettingsError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

TALKATIVE = (
    "alembic", "apscheduler", "asyncio", "httpcore", "httpx", "matplotlib", "py4j", "telegram", "tornado", "urllib3",
)  # fmt: skip
"""Libraries that log from WARNING up only. Below that, some log URLs with the token, or messages."""


def set_up_logging(level: str, file: Path | None = None, *, hide: Iterable[str] = ()) -> None:
    """Send every log line, also those of libraries and of crashes, to stderr or to the end of a file.

    Lines are JSON, except on a terminal, where they are easy to read.

    Args:
        hide: secrets. In lines and tracebacks, ``<hidden>`` replaces each of them.

    Raises:
        SettingsError: there is no such level, or the file cannot be written.
    """
    if level.upper() not in LEVELS:
        raise SettingsError(f"MATINEE_LOG_LEVEL: {level!r} is not one of {', '.join(LEVELS)}")
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
        for_people = sys.stderr.isatty()
    else:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handler = logging.FileHandler(file, encoding="utf-8")
        except OSError as e:
            raise SettingsError(f"MATINEE_HOME: the log {file} cannot be written: {e.strerror}") from e
        for_people = False

    first: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]  # no local variables
        if for_people
        else [
            structlog.processors.format_exc_info,
            _event_first,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    )
    handler.setFormatter(
        _Discreet(
            hide=frozenset(secret for secret in hide if secret),
            foreign_pre_chain=first,
            processors=[ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *first, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    sys.excepthook = _log_crash


def _event_first(_logger: Any, _method: str, facts: MutableMapping[str, Any]) -> dict[str, Any]:
    first = ("timestamp", "level", "event")
    return {name: facts[name] for name in first if name in facts} | {
        name: value for name, value in facts.items() if name not in first
    }


class _Discreet(ProcessorFormatter):
    """Renders a line, then replaces the secrets in it, whichever part they came from."""

    def __init__(self, *, hide: frozenset[str], **named: Any) -> None:
        super().__init__(**named)
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._hide:
            line = line.replace(secret, "<hidden>")
        return line


def _log_crash(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger("matinee").critical("crashed", exc_info=(kind, error, trace))
