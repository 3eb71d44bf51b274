"""Names that users configure logging and serializers by."""

from __future__ import annotations

from typing import Final

JSON_DATA_CONTENT_TYPE: Final = "application/json"
"""Content type of canonical JSON."""

PROTOBUF_DATA_CONTENT_TYPE: Final = "application/protobuf"
"""Content type of the raw bytes of a protobuf message."""

ROOT_LOGGER_NAME: Final = "parley"
"""Logger that all others are children of."""

EVENT_LOGGER_NAME: Final = "parley.events"
"""Logger of calls that failed and events that nobody handled; never with payloads."""

TRACE_LOGGER_NAME: Final = "parley.trace"
"""Logger for people who debug; its texts may change at any time."""

DEFAULT_TIMEOUT: Final = 120.0
"""Seconds that a call may take when nobody says otherwise (SPEC RPC-4)."""

DEFAULT_EVENT_TIMEOUT: Final = 600.0
"""Seconds that an event's handler may run when nobody says otherwise (SPEC DLV-9)."""

MAX_CALL_DEPTH: Final = 32
"""Longest chain of calls that wait for each other (SPEC RPC-10)."""
