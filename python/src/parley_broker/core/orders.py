"""What the gateway asks of the shard, where a call's arguments would be too many: plain values."""

from __future__ import annotations

from dataclasses import dataclass

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import AgentMode, Reply


@dataclass(frozen=True, slots=True)
class Registration:
    """That a session hosts a type. `pinned` not empty: only these keys (AGT-2). `concurrency` 0: not said.

    `idle_timeout` is in seconds; 0: an agent that keeps state is never deactivated because it is idle (AGT-7).
    """

    type: str
    mode: AgentMode = AgentMode.STANDARD
    pinned: frozenset[str] = frozenset()
    concurrency: int = 0
    keeps_state: bool = False
    idle_timeout: float = 0.0

    @property
    def loads_state(self) -> bool:
        """Whether its agents begin with what was saved last (STA-1)."""
        return self.keeps_state or self.mode is AgentMode.EFFECTIVELY_ONCE


@dataclass(slots=True)
class Ticket:
    """What placement needs to know of a call. `size` is that of its envelope, in bytes."""

    call: int
    agent: AgentId
    size: int
    nested: bool
    """Its chain is not empty: credit does not cover it (FLOW-1)."""
    wait_for_ready: bool
    reentrant: bool = False
    """The agent itself waits for the call, somewhere up the chain."""
    key: str = ""
    """Its idempotency key; empty: none (RPC-8)."""
    payload_hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The reply to a dispatched call; `call` 0: the call has ended, what the reply commits has not (STA-4)."""

    call: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class Claim:
    """The agents that a session held before, with their epochs; `re` is the id of what is answered.

    `overtaken` are those of them that have committed under a later epoch.
    """

    session: str
    re: int
    agents: tuple[tuple[AgentId, int], ...]
    overtaken: frozenset[AgentId] = frozenset()
