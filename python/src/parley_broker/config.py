"""What can be set: by these names in the TOML file, by `PARLEY_BROKER_NAME` in the environment, by flags `--name`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from parley_broker.core.policy import MIB, Policy
from parley_broker.errors import StartupError

DEFAULT_LISTEN = "127.0.0.1:50051"
DEFAULT_DATA = Path("parley-data")
MAX_ENVELOPE_BYTES = 64 * MIB
"""The largest `max_envelope_bytes`: with what surrounds it, it must fit into a gRPC message (MSG-10)."""

_DAY_MS = 24 * 3600 * 1000
_MANY = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Setting:
    """One number of the policy as an operator sets it: a name ending in `_ms` is in milliseconds."""

    name: str
    minimum: int
    maximum: int
    help: str

    @property
    def policy_field(self) -> str:
        """The field of Policy that it sets."""
        return self.name.removesuffix("_ms")

    @property
    def default(self) -> int:
        """Its value when nothing sets it."""
        value = getattr(Policy(), self.policy_field)
        return round(value * 1000) if self.in_ms else int(value)

    @property
    def in_ms(self) -> bool:
        """Whether it is a time."""
        return self.name.endswith("_ms")


SETTINGS = (
    Setting("heartbeat_interval_ms", 10, _DAY_MS, "Each side of a session sends a heartbeat this often."),
    Setting("suspect_limit_ms", 0, _DAY_MS, "How long a session that fell silent keeps what it has."),
    Setting("session_grace_ms", 0, _DAY_MS, "How long a session without a connection can be resumed; 0: not at all."),
    Setting("claim_window_ms", 0, _DAY_MS, "How long agents wait to be claimed after a start over stored data."),
    Setting("hello_timeout_ms", 1, _DAY_MS, "How long a connection may take to say Hello."),
    Setting("default_call_timeout_ms", 1, _DAY_MS, "Time of a call that names none."),
    Setting("max_call_timeout_ms", 1, _DAY_MS, "Longest time of a call; a longer one is cut to it."),
    Setting("host_grace_ms", 0, _DAY_MS, "How long calls wait for a type that has just lost its last host."),
    Setting("drain_timeout_ms", 1, _DAY_MS, "How long what drains, and an agent that was asked back, may take."),
    Setting("idempotency_window_ms", 1, _DAY_MS, "How long the reply to a call with an idempotency key is kept."),
    Setting("max_stored_replies", 1, _MANY, "Such replies in all; the oldest go."),
    Setting("max_stored_reply_bytes", 1, _MANY * 1024, "Bytes of such replies in all; the oldest go."),
    Setting("max_envelope_bytes", 1, MAX_ENVELOPE_BYTES, "Largest envelope."),
    Setting("max_outstanding_calls", 1, _MANY, "Calls of one session without an outcome."),
    Setting("max_waiting_bytes", 1, _MANY * 1024, "Bytes of one session's calls that were not dispatched yet."),
    Setting("max_subscriptions", 1, _MANY, "Subscriptions in all."),
    Setting("max_agent_types", 1, _MANY, "Agent types of one session."),
    Setting("max_pinned_keys", 1, _MANY, "Pinned keys of one registration."),
    Setting("max_agents", 1, _MANY, "Agents that have a place, in all."),
    Setting("max_recipients", 1, _MANY, "Recipients of one event."),
    Setting("max_queue_events", 1, _MANY, "Events that wait for one recipient."),
    Setting("max_queue_bytes", 1, _MANY * 1024, "Bytes of the events that wait for one recipient."),
    Setting("max_stored_events", 1, _MANY, "Events that wait in all, counted once per recipient."),
    Setting("max_stored_bytes", 1, _MANY * 1024, "Bytes of the events that wait in all, counted likewise."),
    Setting(
        "max_output_bytes", 1, _MANY * 1024, "Bytes that one client was sent or is to be sent and did not confirm."
    ),
    Setting("credit_messages", 1, _MANY, "Covered messages that a client may send ahead."),
    Setting("credit_bytes", 1, _MANY * 1024, "Bytes of covered messages that a client may send ahead."),
    Setting("window_events", 1, _MANY, "Events of one recipient that are kept in memory."),
    Setting("window_bytes", 1, _MANY * 1024, "Bytes of one recipient's events that are kept in memory."),
    Setting("max_attempts", 1, 1000, "Failed attempts after which an event is a dead letter."),
    Setting("max_lost_sessions", 1, 1000, "Sessions lost with an event after which it is a dead letter."),
    Setting(
        "redelivery_backoff_ms", 0, _DAY_MS, "Pause after the first failed attempt; each further one is 4 times it."
    ),
    Setting("dead_letter_max_age_ms", 1, 366 * _DAY_MS, "How long a dead letter is kept."),
    Setting("max_dead_letters", 1, _MANY, "Dead letters in all; the oldest go."),
    Setting("max_dead_letter_bytes", 1, _MANY * 1024, "Bytes of the dead letters in all; the oldest go."),
    Setting(
        "producer_retention_ms", 1, 366 * _DAY_MS, "How long a publisher's numbers are known after its last session."
    ),
    Setting("max_producers", 1, _MANY, "Publishers whose numbers are known; the ones that left first go."),
    Setting("subscription_expiry_ms", 1, 366 * _DAY_MS, "How long a durable subscription lives without a host."),
    Setting("event_id_window_ms", 1, _DAY_MS, "How long an event id is known against duplicates."),
    Setting("max_event_ids", 1, _MANY, "Such event ids in all; the oldest go."),
)

OTHER_NAMES: dict[str, type] = {
    "listen": str,
    "data": str,
    "memory": bool,
    "log_format": str,
    "log_level": str,
    "ready_file": str,
}
"""What else the TOML file may set, and with what."""

_ALLOWED = {str: "a text", bool: "true or false"}
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Config:
    """A broker's settings, checked.

    Args:
        listen: `HOST:PORT`; port 0 picks one.
        data: The data directory; None: everything is kept in memory.
        ready_file: Where to write one JSON line when the broker serves.
        policy: Every number that the core goes by.
    """

    listen: str = DEFAULT_LISTEN
    data: Path | None = DEFAULT_DATA
    ready_file: Path | None = None
    policy: Policy = field(default_factory=Policy)


def read_file(path: Path) -> dict[str, object]:
    """What the TOML file at `path` sets.

    Raises:
        StartupError: It cannot be read, is no TOML, or sets what there is not.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise StartupError(f"cannot read the config file {path}: {failure.strerror}") from failure
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise StartupError(f"the config file {path} is no TOML: {failure}") from failure
    numbers = {setting.name: setting for setting in SETTINGS}
    for name, value in values.items():
        if name in numbers:
            number = numbers[name]
            allowed = f"an integer from {number.minimum} to {number.maximum}"
            fits = type(value) is int and number.minimum <= value <= number.maximum
        elif name in OTHER_NAMES:
            allowed = _ALLOWED[OTHER_NAMES[name]]
            fits = type(value) is OTHER_NAMES[name]
        else:
            known = sorted({*OTHER_NAMES, *numbers})
            raise StartupError(f"the config file {path} sets {name!r}; it may set {', '.join(known)}")
        if not fits:
            shown = repr(value) if len(repr(value)) <= _SHOWN else f"{repr(value)[:_SHOWN]}..."
            raise StartupError(f"config file, {name}: {shown} ({_kind(value)}) is not allowed; it must be {allowed}")
    return values


def _kind(value: object) -> str:
    """What TOML calls the value."""
    kinds = {str: "a text", bool: "a boolean", int: "an integer", float: "a float", list: "an array", dict: "a table"}
    return kinds.get(type(value), "a date or time")


def make_policy(values: Mapping[str, int]) -> Policy:
    """The policy with these settings, by their names."""
    by_field = {s.policy_field: values[s.name] / 1000 if s.in_ms else values[s.name] for s in SETTINGS}
    return Policy(**by_field)  # type: ignore[arg-type]


def check_listen(listen: str) -> str:
    """`listen` as it is.

    Raises:
        StartupError: It is not `HOST:PORT`.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise StartupError(f"cannot listen at {listen!r}: an address is HOST:PORT with a port from 0 to 65535")
    return listen
