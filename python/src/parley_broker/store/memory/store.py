"""A store that forgets everything with the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from parley_broker.core.ids import AgentId
from parley_broker.core.records import Event, Opened, Record, StateSaved, Summary
from parley_broker.errors import StaleTermError
from parley_broker.store.memory.events import Events
from parley_broker.store.memory.states import States
from parley_broker.store.memory.subscriptions import Subscriptions


class MemoryStore:
    """Store in memory; the modules beside this one have one concern each.

    Args:
        term: That of the first opening; above those of the brokers before it, which it knows nothing of (AGT-5).
    """

    name = "memory"
    waits = False

    def __init__(self, term: int = 1) -> None:
        self._term = term - 1
        self._opened = False
        self._subscriptions = Subscriptions()
        self._events = Events()
        self._states = States()
        self._appliers = {**self._subscriptions.appliers, **self._events.appliers, **self._states.appliers}

    def open(self) -> Opened:
        """As Store.open."""
        self._term += 1
        fresh, self._opened = not self._opened, True
        return replace(self.load(self._term), fresh=fresh)

    def load(self, term: int) -> Opened:
        """As Store.load."""
        return Opened(term, Summary(self._subscriptions.all(), self._events.backlogs(), self._events.last_position))

    def commit(self, records: Sequence[Record], term: int) -> None:
        """As Store.commit."""
        if term != self._term:
            raise StaleTermError(f"term {term} is over; the store is at term {self._term}")
        for record in records:
            self._appliers[type(record)](record)

    def read(self, recipient: AgentId, after: int, max_events: int, max_bytes: int) -> list[Event]:
        """As Store.read."""
        return self._events.read(recipient, after, max_events, max_bytes)

    def read_state(self, agent: AgentId) -> StateSaved | None:
        """As Store.read_state."""
        return self._states.get(agent)

    def close(self) -> None:
        """As Store.close."""
