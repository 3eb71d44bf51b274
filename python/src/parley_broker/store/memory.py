"""A store that forgets everything with the process."""

from __future__ import annotations

from collections.abc import Sequence

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Subscription, SubscriptionKey
from parley_broker.core.records import (
    Backlog,
    BacklogDropped,
    DeliverySettled,
    Event,
    EventStored,
    Opened,
    Record,
    SubscriptionAdded,
    SubscriptionRemoved,
    Summary,
)
from parley_broker.errors import StaleTermError


class MemoryStore:
    """Store in memory."""

    name = "memory"
    waits = False

    def __init__(self) -> None:
        self._term = 0
        self._subscriptions: dict[SubscriptionKey, Subscription] = {}
        self._queues: dict[str, dict[str, dict[int, Event]]] = {}
        self._last_position = 0

    def open(self) -> Opened:
        """As Store.open."""
        self._term += 1
        return self.load(self._term)

    def load(self, term: int) -> Opened:
        """As Store.load."""
        backlogs = tuple(
            Backlog(AgentId(agent_type, key), len(queue), sum(len(e.envelope) for e in queue.values()), max(queue))
            for agent_type, queues in self._queues.items()
            for key, queue in queues.items()
        )
        return Opened(term, Summary(tuple(self._subscriptions.values()), backlogs, self._last_position))

    def commit(self, records: Sequence[Record], term: int) -> None:
        """As Store.commit."""
        if term != self._term:
            raise StaleTermError(f"term {term} is over; the store is at term {self._term}")
        for record in records:
            self._apply(record)

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

    def close(self) -> None:
        """As Store.close."""

    def _apply(self, record: Record) -> None:
        match record:
            case EventStored(event, recipients):
                for agent in recipients:
                    self._queues.setdefault(agent.type, {}).setdefault(agent.key, {})[event.position] = event
                self._last_position = event.position
            case DeliverySettled(agent, position):
                queues = self._queues.get(agent.type, {})
                queue = queues.get(agent.key, {})
                queue.pop(position, None)
                if not queue and queues.pop(agent.key, None) is not None and not queues:
                    del self._queues[agent.type]
            case SubscriptionAdded(subscription):
                self._subscriptions[subscription.key] = subscription
            case SubscriptionRemoved(key):
                self._subscriptions.pop(key, None)
            case BacklogDropped(agent_type):
                self._queues.pop(agent_type, None)
