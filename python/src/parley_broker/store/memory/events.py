"""Events by recipient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley_broker.core.ids import AgentId
from parley_broker.core.records import Backlog, BacklogDropped, DeliverySettled, Event, EventStored


class Events:
    """The events that wait."""

    def __init__(self) -> None:
        self._queues: dict[str, dict[str, dict[int, Event]]] = {}
        self.last_position = 0

    @property
    def appliers(self) -> Mapping[type[object], Callable[[Any], None]]:
        """What each record does."""
        return {EventStored: self._store, DeliverySettled: self._settle, BacklogDropped: self._drop_backlog}

    def backlogs(self) -> tuple[Backlog, ...]:
        """How much waits for each recipient."""
        return tuple(
            Backlog(AgentId(agent_type, key), len(queue), sum(len(e.envelope) for e in queue.values()), max(queue))
            for agent_type, queues in self._queues.items()
            for key, queue in queues.items()
        )

    def read(self, recipient: AgentId, after: int, max_events: int, max_bytes: int) -> list[Event]:
        """As Store.read."""
        page: list[Event] = []
        size = 0
        for position, event in self._queues.get(recipient.type, {}).get(recipient.key, {}).items():
            if len(page) >= max_events or size >= max_bytes:
                break
            if position > after:
                page.append(event)
                size += len(event.envelope)
        return page

    def _store(self, record: EventStored) -> None:
        event = record.event
        for agent in record.recipients:
            self._queues.setdefault(agent.type, {}).setdefault(agent.key, {})[event.position] = event
        self.last_position = event.position

    def _settle(self, record: DeliverySettled) -> None:
        agent = record.recipient
        queues = self._queues.get(agent.type, {})
        queue = queues.get(agent.key, {})
        queue.pop(record.position, None)
        if not queue and queues.pop(agent.key, None) is not None and not queues:
            del self._queues[agent.type]

    def _drop_backlog(self, record: BacklogDropped) -> None:
        self._queues.pop(record.agent_type, None)
