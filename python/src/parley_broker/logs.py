"""The broker's log: one line per event worth knowing, on standard error."""

from __future__ import annotations

import logging
import sys

import structlog


def _one_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escapes what does not print: clients choose some of the values, and must not write lines of their own."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = value.encode("unicode_escape").decode("ascii")
    return event


def _as_text(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """`time level event key=value…`, and below it the traceback of a defect."""
    head = f"{event.pop('timestamp')} {event.pop('level'):7} {event.pop('event')}"
    traceback = event.pop("exception", None)
    line = " ".join([head, *(f"{key}={_value(value)}" for key, value in event.items())])
    return f"{line}\n{traceback}" if traceback else line


def _value(value: object) -> str:
    text = str(value)
    return repr(text) if not text or " " in text or "=" in text else text


def configure(log_format: str, level: str) -> None:
    """Writes events of this level and above to standard error, as `time level event key=value…` or as JSON."""
    as_json = structlog.processors.JSONRenderer(default=str)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _one_line,
            structlog.processors.format_exc_info,
            as_json if log_format == "json" else _as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
