"""What the agents have saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from parley_broker.core.ids import AgentId
from parley_broker.core.records import StateSaved


class States:
    """The last state of each agent."""

    def __init__(self) -> None:
        self._by_agent: dict[AgentId, StateSaved] = {}

    @property
    def appliers(self) -> Mapping[type[object], Callable[[Any], None]]:
        """What each record does."""
        return {StateSaved: self._save}

    def get(self, agent: AgentId) -> StateSaved | None:
        """The agent's; None when nothing was ever committed."""
        return self._by_agent.get(agent)

    def epoch(self, agent: AgentId) -> int:
        """That of its last commit; 0 when nothing was ever committed."""
        saved = self._by_agent.get(agent)
        return saved.epoch if saved is not None else 0

    def _save(self, record: StateSaved) -> None:
        before = self._by_agent.get(record.agent)
        if record.data is None and before is not None:
            record = replace(before, version=record.version, epoch=record.epoch)
        self._by_agent[record.agent] = record
