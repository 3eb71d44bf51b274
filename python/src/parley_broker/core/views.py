"""What an operator sees of the core, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from parley_broker.core.ids import AgentId


class SessionState(IntEnum):
    """How a session is; the numbers are those of the wire."""

    CONNECTED = 1
    SUSPECT = 2
    DISCONNECTED = 3
    DRAINING = 4


@dataclass(frozen=True, slots=True)
class SessionView:
    """One session. `peer` is empty while it has no connection."""

    session: str
    instance: str
    sdk_name: str
    sdk_language: str
    sdk_version: str
    state: SessionState
    agent_types: tuple[str, ...]
    peer: str


@dataclass(frozen=True, slots=True)
class AgentView:
    """One agent that has a place, and how many events are stored for it that are not settled."""

    agent: AgentId
    session: str
    epoch: int
    pending_events: int
