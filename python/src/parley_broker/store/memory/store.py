"""A store that forgets everything with the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from parley_broker.core.ids import AgentId
from parley_broker.core.records import DeadLetter, Opened, Record, ReplyStored, StateSaved, Summary, Waiting
from parley_broker.errors import StaleTermError
from parley_broker.store.memory.dead_letters import DeadLetters
from parley_broker.store.memory.events import Events
from parley_broker.store.memory.producers import Producers
from parley_broker.store.memory.replies import Replies
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
        self._dead_letters = DeadLetters(self._events)
        self._producers = Producers()
        self._states = States()
        self._replies = Replies()
        parts = (self._subscriptions, self._events, self._dead_letters, self._producers, self._states, self._replies)
        self._appliers = {record: applier for part in parts for record, applier in part.appliers.items()}

    def open(self) -> Opened:
        """As Store.open."""
        self._term += 1
        fresh, self._opened = not self._opened, True
        return replace(self.load(self._term), fresh=fresh)

    def load(self, term: int) -> Opened:
        """As Store.load."""
        return Opened(
            term,
            Summary(
                subscriptions=self._subscriptions.all(),
                unhosted=self._subscriptions.unhosted(),
                backlogs=self._events.backlogs(),
                last_position=self._events.last_position,
                dead_letters=self._dead_letters.entries(),
                last_dead_letter=self._dead_letters.last_id,
                replies=self._replies.all(),
                producers=self._producers.producers(),
                event_ids=self._producers.event_ids(),
            ),
        )

    def commit(self, records: Sequence[Record], term: int) -> None:
        """As Store.commit."""
        if term != self._term:
            raise StaleTermError(f"term {term} is over; the store is at term {self._term}")
        for record in records:
            self._appliers[type(record)](record)

    def read(self, recipient: AgentId, after: int, max_events: int, max_bytes: int) -> list[Waiting]:
        """As Store.read."""
        return self._events.read(recipient, after, max_events, max_bytes)

    def read_state(self, agent: AgentId) -> StateSaved | None:
        """As Store.read_state."""
        return self._states.get(agent)

    def read_epochs(self, agents: Sequence[AgentId]) -> tuple[int, ...]:
        """As Store.read_epochs."""
        return tuple(self._states.epoch(agent) for agent in agents)

    def read_reply(self, target: AgentId, key: str) -> ReplyStored | None:
        """As Store.read_reply."""
        return self._replies.get(target, key)

    def read_dead_letters(self, ids: Sequence[int]) -> list[DeadLetter]:
        """As Store.read_dead_letters."""
        return self._dead_letters.read(ids)

    def close(self) -> None:
        """As Store.close."""
