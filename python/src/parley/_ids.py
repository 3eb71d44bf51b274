"""Names of agents and topics, and the rules for them (SPEC ID-1 to ID-3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypedDict

from ._scope import current_agent
from .exceptions import InvalidArgumentError

MAX_TYPE_BYTES = 255
MAX_KEY_BYTES = 1024

_AGENT_TYPE = re.compile(r"[A-Za-z0-9_.\-]+", re.ASCII)
_TOPIC_TYPE = re.compile(r"[A-Za-z0-9_.:=\-]+", re.ASCII)
_FORBIDDEN_IN_KEY = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def _check_type(value: Any, field: str, pattern: re.Pattern[str], allowed: str) -> None:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{field} must be a str, not {type(value).__name__}", details={"field": field})
    if len(value) > MAX_TYPE_BYTES or not pattern.fullmatch(value):
        raise InvalidArgumentError(
            f"{field} {_shorten(value)} is not allowed: it must be 1 to {MAX_TYPE_BYTES} characters of {allowed}",
            details={"field": field},
        )


def check_agent_type(value: Any, field: str = "agent type") -> None:
    """Raises InvalidArgumentError unless `value` may name an agent type (SPEC ID-1)."""
    _check_type(value, field, _AGENT_TYPE, "A-Z a-z 0-9 _ . -")


def check_topic_type(value: Any, field: str = "topic type") -> None:
    """Raises InvalidArgumentError unless `value` may name a topic type (SPEC ID-1)."""
    _check_type(value, field, _TOPIC_TYPE, "A-Z a-z 0-9 _ . : = -")


def check_key(value: Any, field: str) -> None:
    """Raises InvalidArgumentError unless `value` may be an agent's key or a topic's source (SPEC ID-2)."""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{field} must be a str, not {type(value).__name__}", details={"field": field})
    if not value:
        raise InvalidArgumentError(f"{field} must not be empty", details={"field": field})
    if bad := _FORBIDDEN_IN_KEY.search(value):
        raise InvalidArgumentError(
            f"{field} {_shorten(value)} holds U+{ord(bad[0]):04X} at index {bad.start()}: "
            "control characters and surrogates are not allowed",
            details={"field": field},
        )
    if len(value) > MAX_KEY_BYTES or len(value.encode()) > MAX_KEY_BYTES:
        raise InvalidArgumentError(
            f"{field} {_shorten(value)} has {len(value.encode())} bytes of UTF-8: at most {MAX_KEY_BYTES} are allowed",
            details={"field": field},
        )


def _shorten(value: str) -> str:
    return repr(value) if len(value) <= 60 else f"{value[:57]!r}..."


def _split(text: Any, what: str) -> tuple[str, str]:
    if not isinstance(text, str) or "/" not in text:
        raise InvalidArgumentError(f"{text!r} is no {what}: it must look like type/key", details={"field": what})
    first, _, rest = text.partition("/")
    return first, rest


@dataclass(frozen=True)
class AgentType:
    """Name of an agent type, for the places that take either this or a str."""

    type: str

    def __post_init__(self) -> None:
        check_agent_type(self.type)


class AgentMetadata(TypedDict):
    """What an agent says of itself."""

    type: str
    key: str
    description: str


class AgentId:
    """Who: an agent type and a key, printed `type/key` (SPEC ID-1 to ID-3).

    Args:
        type: `[A-Za-z0-9_.-]+`, at most 255 bytes.
        key: Not empty, no control characters, at most 1,024 bytes of UTF-8.

    Raises:
        InvalidArgumentError: One of them breaks its rule; the text says where.
    """

    __slots__ = ("_hash", "_key", "_type")

    def __init__(self, type: str | AgentType, key: str) -> None:
        if isinstance(type, AgentType):
            type = type.type
        check_agent_type(type)
        check_key(key, "agent key")
        self._type = type
        self._key = key
        self._hash = hash((type, key))

    @classmethod
    def from_str(cls, agent_id: str) -> AgentId:
        """Parses `type/key`, cut at the first `/`. Raises InvalidArgumentError."""
        return cls(*_split(agent_id, "agent id"))

    @property
    def type(self) -> str:
        """The agent type."""
        return self._type

    @property
    def key(self) -> str:
        """The key: which agent of that type."""
        return self._key

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AgentId):
            return NotImplemented
        return self._key == other._key and self._type == other._type

    def __str__(self) -> str:
        return f"{self._type}/{self._key}"

    def __repr__(self) -> str:
        return f"AgentId({self._type!r}, {self._key!r})"


@dataclass(frozen=True, eq=False)
class TopicId:
    """About what: a topic type and a source, printed `type/source` (SPEC ID-1 to ID-3).

    Args:
        type: `[A-Za-z0-9_.:=-]+`, at most 255 bytes.
        source: As an agent's key; the recipients of an event have it as their key (SPEC SUB-1).

    Raises:
        InvalidArgumentError: One of them breaks its rule; the text says where.
    """

    type: str
    source: str

    def __post_init__(self) -> None:
        check_topic_type(self.type)
        check_key(self.source, "topic source")

    @classmethod
    def from_str(cls, topic_id: str) -> TopicId:
        """Parses `type/source`, cut at the first `/`. Raises InvalidArgumentError."""
        return TopicId(*_split(topic_id, "topic id"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TopicId):
            return NotImplemented
        return self.type == other.type and self.source == other.source

    def __hash__(self) -> int:
        return hash((self.type, self.source))

    def __str__(self) -> str:
        return f"{self.type}/{self.source}"


def check_id(value: Any, expected: type[AgentId] | type[TopicId], field: str) -> None:
    """Raises InvalidArgumentError unless `value` is an id of the expected class."""
    if not isinstance(value, expected):
        name = expected.__name__
        how = f": {name}.from_str makes one of a text" if isinstance(value, str) else ""
        raise InvalidArgumentError(
            f"{field} must be of the class {name}, not {type(value).__name__}{how}", details={"field": field}
        )


class DefaultTopicId(TopicId):
    """The topic `default`, with the key of the agent whose handler runs as its source, or else `default`."""

    def __init__(self, type: str = "default", source: str | None = None) -> None:
        if source is None:
            agent = current_agent()
            source = agent.key if agent is not None else "default"
        super().__init__(type, source)
