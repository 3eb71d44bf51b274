"""What a history is judged by: what was asked, what was answered, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from parley_broker.core.ids import AgentId


@dataclass
class Published:
    """One event that a driver published."""

    label: str
    recipient: AgentId
    answered: bool = False
    refused: bool = False
    gone: bool = False
    """Its publisher died before it had an answer."""


@dataclass
class Called:
    """One call that a driver made."""

    label: str
    target: AgentId
    key: str
    outcomes: list[str] = field(default_factory=list)
    gone: bool = False


class History:
    """The ledger of one history."""

    def __init__(self) -> None:
        self.events: dict[str, Published] = {}
        self.calls: dict[str, Called] = {}
        self.handled: dict[AgentId, list[str]] = defaultdict(list)
        """Labels that handlers of agents without state began with, in order, each attempt."""
        self.committed: dict[AgentId, list[tuple[int, int, int]]] = defaultdict(list)
        """Commits that were answered Done: epoch, version before, and how many labels the state then had."""
        self.activations: dict[AgentId, set[int]] = defaultdict(set)
        """Epochs that each agent was activated with."""
        self.refused_claims: list[tuple[str, AgentId]] = []
        """Who claimed an agent that it was not left."""
