"""Names of agents and topics, and the check that they are names (ID-1, ID-2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from parley_broker.errors import CommandError, Reason

MAX_TYPE_BYTES = 255
MAX_KEY_BYTES = 1024

_AGENT_TYPE = re.compile(r"[A-Za-z0-9_.\-]{1,255}", re.ASCII)
_TOPIC_TYPE = re.compile(r"[A-Za-z0-9_.:=\-]{1,255}", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class AgentId(NamedTuple):
    """Who: printed as `type/key`."""

    type: str
    key: str

    def __str__(self) -> str:
        return f"{self.type}/{self.key}"


class TopicId(NamedTuple):
    """About what: printed as `type/source`."""

    type: str
    source: str

    def __str__(self) -> str:
        return f"{self.type}/{self.source}"


@lru_cache(maxsize=4096)
def _is_agent_type(value: str) -> bool:
    return _AGENT_TYPE.fullmatch(value) is not None


def _is_topic_type(value: str) -> bool:
    # Of topic types and keys there may be many: a cache that misses costs more than the look.
    return _TOPIC_TYPE.fullmatch(value) is not None


def _is_key(value: str) -> bool:
    if not 0 < len(value) <= MAX_KEY_BYTES:
        return False
    if value.isascii():
        return value.isprintable()
    return not _CONTROL.search(value) and len(value.encode()) <= MAX_KEY_BYTES


def check_agent_type(value: str, field: str) -> None:
    """Raises INVALID_ARGUMENT naming `field` unless `value` is an agent type (ID-1)."""
    if not _is_agent_type(value):
        raise _refusal(value, field, f"an agent type is 1 to {MAX_TYPE_BYTES} of A-Z a-z 0-9 _ . -")


def check_topic_type(value: str, field: str) -> None:
    """Raises INVALID_ARGUMENT naming `field` unless `value` is a topic type, or the beginning of one (ID-1)."""
    if not _is_topic_type(value):
        raise _refusal(value, field, f"a topic type is 1 to {MAX_TYPE_BYTES} of A-Z a-z 0-9 _ . : = -")


def check_key(value: str, field: str) -> None:
    """Raises INVALID_ARGUMENT naming `field` unless `value` is a key or a source (ID-2)."""
    if not _is_key(value):
        raise _refusal(value, field, f"it has 1 to {MAX_KEY_BYTES} bytes of UTF-8 without control characters")


def check_agent_id(agent: AgentId, field: str) -> None:
    """Raises INVALID_ARGUMENT naming the part of `field` that is malformed."""
    if not (_is_agent_type(agent.type) and _is_key(agent.key)):
        check_agent_type(agent.type, f"{field}.type")
        check_key(agent.key, f"{field}.key")


def check_topic_id(topic: TopicId, field: str) -> None:
    """Raises INVALID_ARGUMENT naming the part of `field` that is malformed."""
    if not (_is_topic_type(topic.type) and _is_key(topic.source)):
        check_topic_type(topic.type, f"{field}.type")
        check_key(topic.source, f"{field}.source")


def stale_epoch(agent: AgentId, epoch: int, current: int) -> CommandError:
    """What a write under an epoch that is over is refused with; `current` 0: the agent has no place (AGT-5)."""
    now = f"the current one is {current}" if current else "the agent has no place"
    return CommandError(Reason.STALE_EPOCH, f"epoch {epoch} of {agent} is over; {now}", epoch=epoch, current=current)


def _refusal(value: str, field: str, allowed: str) -> CommandError:
    shown = repr(value) if len(value) <= 60 else f"{value[:60]!r}… ({len(value)} characters)"
    return CommandError(Reason.INVALID_ARGUMENT, f"{field} is {shown}: {allowed}", field=field)
