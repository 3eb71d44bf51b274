"""Events by recipient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley_broker.core.ids import AgentId
from parley_broker.core.records import (
    Backlog,
    BacklogDropped,
    DeliveryFailed,
    DeliverySettled,
    Event,
    EventStored,
    Waiting,
)


class Events:
    """The events that wait."""

    def __init__(self) -> None:
        self._queues: dict[str, dict[str, dict[int, Waiting]]] = {}
        self.last_position = 0

    @property
    def appliers(self) -> Mapping[type[object], Callable[[Any], None]]:
        """What each record does."""
        return {
            EventStored: self._store,
            DeliverySettled: self._settle,
            DeliveryFailed: self._fail,
            BacklogDropped: self._drop_backlog,
        }

    def backlogs(self) -> tuple[Backlog, ...]:
        """How much waits for each recipient."""
        return tuple(
            Backlog(AgentId(agent_type, key), len(queue), sum(len(w.event.envelope) for w in queue.values()))
            for agent_type, queues in self._queues.items()
            for key, queue in queues.items()
        )

    def read(self, recipient: AgentId, after: int, max_events: int, max_bytes: int) -> list[Waiting]:
        """As Store.read."""
        page: list[Waiting] = []
        size = 0
        for position, waiting in self._queue(recipient).items():
            if len(page) >= max_events or size >= max_bytes:
                break
            if position > after:
                page.append(waiting)
                size += len(waiting.event.envelope)
        return page

    def put(self, recipient: AgentId, event: Event) -> None:
        """The event, whose position is above all others, waits for the recipient."""
        self._queues.setdefault(recipient.type, {}).setdefault(recipient.key, {})[event.position] = Waiting(event)
        self.last_position = event.position

    def take(self, recipient: AgentId, position: int) -> Event | None:
        """The event no longer waits for the recipient; None if it did not."""
        queues = self._queues.get(recipient.type, {})
        queue = queues.get(recipient.key, {})
        waiting = queue.pop(position, None)
        if not queue and queues.pop(recipient.key, None) is not None and not queues:
            del self._queues[recipient.type]
        return waiting.event if waiting is not None else None

    def _queue(self, recipient: AgentId) -> dict[int, Waiting]:
        return self._queues.get(recipient.type, {}).get(recipient.key, {})

    def _store(self, record: EventStored) -> None:
        for agent in record.recipients:
            self.put(agent, record.event)

    def _settle(self, record: DeliverySettled) -> None:
        self.take(record.recipient, record.position)

    def _fail(self, record: DeliveryFailed) -> None:
        queue = self._queue(record.recipient)
        waiting = queue.get(record.position)
        if waiting is not None:
            queue[record.position] = Waiting(waiting.event, record.failures, record.losses)

    def _drop_backlog(self, record: BacklogDropped) -> None:
        self._queues.pop(record.agent_type, None)
