"""The events that wait for each recipient.

An event is in the store until it is settled. In memory is, per recipient, a number of events, their bytes, and a window
of those that are next; what does not fit is read back from the store when the window runs empty. A recipient whose type
nobody hosts has no window.

            stored                    window
    publish ──────▶ beyond the window ──────▶ in the window ──depart──▶ in flight ──ack──▶ settled
                                                   ▲                        │
                                                   └──── come back ─────────┘ nack, lost place
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from parley_broker.core.effects import NO_COMMIT
from parley_broker.core.ids import AgentId
from parley_broker.core.records import Backlog, Event, Waiting
from parley_broker.core.shard.places import Place

ISOLATING_LOSSES = 2
"""Lost sessions from which on an event is isolated (DLV-7)."""


@dataclass(slots=True, eq=False)
class Pending:
    """An event that waits for one recipient, or is in flight to it."""

    event: Event
    commit: int = NO_COMMIT
    """The one that makes it durable."""
    failures: int = 0
    """Attempts that failed."""
    losses: int = 0
    """Sessions that were lost while they had it."""
    not_before: float = 0.0
    """The next attempt is not made before this moment (DLV-5)."""
    place: Place | None = None
    """Where it is in flight to."""
    round: int = 0
    """The round that it is in flight in."""
    delivered: float = 0.0
    """When it was, in seconds."""
    alone: bool = False
    """It was isolated when it was delivered."""

    @property
    def position(self) -> int:
        """The event's."""
        return self.event.position

    @property
    def attempt(self) -> int:
        """The number of the next attempt, or of the one in flight."""
        return self.failures + 1

    @property
    def isolated(self) -> bool:
        """Whether it is delivered with no other isolated event in its session (DLV-7)."""
        return self.losses >= ISOLATING_LOSSES


@dataclass(slots=True, eq=False)
class Recipient:
    """An agent that events are for."""

    agent: AgentId
    round: int
    """The newest one (DLV-4)."""
    events: int = 0
    """Stored and not settled."""
    bytes: int = 0
    """Of their envelopes."""
    seen: int = 0
    """Position of the last one that is in the window or below it."""
    window: deque[Pending] = field(default_factory=deque)
    """The next events in the order of their positions."""
    window_bytes: int = 0
    in_flight: dict[int, Pending] = field(default_factory=dict)
    """By position, in the order delivered."""
    read: int = 0
    """The read that is under way; 0: none."""
    queued: bool = False
    """It waits in the backlog of a host."""
    commit: int = NO_COMMIT
    """The last one that a delivery to it has waited for: what comes after it waits for that, too (DLV-3)."""

    def keep(self, pending: Pending) -> None:
        """The event, which follows what was seen so far, is in the window."""
        self.window.append(pending)
        self.window_bytes += len(pending.event.envelope)
        self.seen = pending.position

    def next(self, now: float, ordered: bool) -> int | None:
        """Index in the window of what may be delivered next; None: nothing before `next_due`."""
        for index, pending in enumerate(self.window):
            if pending.not_before <= now:
                return index
            if ordered:
                break
        return None

    def next_due(self, ordered: bool) -> float:
        """When `next` finds something, if the window is not empty."""
        return self.window[0].not_before if ordered else min(pending.not_before for pending in self.window)

    def depart(self, index: int, place: Place) -> Pending:
        """Takes an event out of the window: it is in flight to the place."""
        pending = self.window[index]
        del self.window[index]
        self.window_bytes -= len(pending.event.envelope)
        pending.place = place
        pending.round = self.round
        self.in_flight[pending.position] = pending
        return pending

    def come_back(self, returned: Iterable[Pending]) -> None:
        """These events are no longer in flight: they are in the window, at their positions."""
        for pending in returned:
            del self.in_flight[pending.position]
            pending.place = None
            index = len(self.window)
            while index and self.window[index - 1].position > pending.position:
                index -= 1
            self.window.insert(index, pending)
            self.window_bytes += len(pending.event.envelope)

    def close_window(self) -> None:
        """Forgets the events in the window; they are in the store."""
        if self.window:
            self.seen = self.window[0].position - 1
        self.window.clear()
        self.window_bytes = 0
        self.read = 0

    @property
    def waits(self) -> bool:
        """Whether any of its events is not in flight."""
        return self.events > len(self.in_flight)

    @property
    def has_more_stored(self) -> bool:
        """Whether the store has events beyond the window."""
        return self.events > len(self.window) + len(self.in_flight)

    @property
    def over(self) -> bool:
        """Whether there is nothing to remember."""
        return not self.events and not self.queued


class Recipients:
    """The recipients that have events, by agent type and key."""

    def __init__(self) -> None:
        self.events = 0
        """Stored and not settled, counted once per recipient."""
        self.bytes = 0
        """Of their envelopes, counted likewise."""
        self._by_type: dict[str, dict[str, Recipient]] = {}
        self._by_read: dict[int, Recipient] = {}
        self._reads = 0

    def __len__(self) -> int:
        return sum(map(len, self._by_type.values()))

    def __iter__(self) -> Iterator[Recipient]:
        for by_key in self._by_type.values():
            yield from by_key.values()

    def load(self, backlog: Backlog, round: int) -> None:
        """The recipient has this many events in the store, none of them delivered in this round."""
        self.stored(self.make(backlog.recipient, round), backlog.events, backlog.bytes)

    def stored(self, recipient: Recipient, events: int, size: int) -> None:
        """So many more events with so many bytes are stored for the recipient."""
        recipient.events += events
        recipient.bytes += size
        self.events += events
        self.bytes += size

    def settle(self, recipient: Recipient, pending: Pending) -> None:
        """The recipient is done with the event, which is in flight, or was given up."""
        del recipient.in_flight[pending.position]
        self.stored(recipient, -1, -len(pending.event.envelope))

    def get(self, agent: AgentId) -> Recipient | None:
        """The recipient, if it has events."""
        by_key = self._by_type.get(agent.type)
        return by_key.get(agent.key) if by_key else None

    def make(self, agent: AgentId, round: int) -> Recipient:
        """The recipient; a new one begins with this round."""
        by_key = self._by_type.setdefault(agent.type, {})
        recipient = by_key.get(agent.key)
        if recipient is None:
            recipient = by_key[agent.key] = Recipient(agent, round)
        return recipient

    def of_type(self, agent_type: str) -> list[Recipient]:
        """The recipients of one agent type."""
        return list(self._by_type.get(agent_type, {}).values())

    def tidy(self, recipient: Recipient) -> bool:
        """Drops the recipient if there is nothing to remember; true if so."""
        if recipient.over:
            self.drop(recipient)
            return True
        return False

    def drop(self, recipient: Recipient) -> None:
        """Forgets the recipient and its events."""
        recipient.close_window()
        recipient.in_flight.clear()
        self.stored(recipient, -recipient.events, -recipient.bytes)
        by_key = self._by_type.get(recipient.agent.type)
        if by_key is not None and by_key.get(recipient.agent.key) is recipient:
            del by_key[recipient.agent.key]
            if not by_key:
                del self._by_type[recipient.agent.type]

    def begin_read(self, recipient: Recipient) -> int:
        """A page is being read for the recipient: the read's id."""
        self._reads += 1
        recipient.read = self._reads
        self._by_read[self._reads] = recipient
        return self._reads

    def end_read(self, read: int) -> Recipient | None:
        """The recipient that the page is for; None if it no longer wants it."""
        recipient = self._by_read.pop(read)
        if recipient.read != read:
            return None
        recipient.read = 0
        return recipient

    def in_flight(self) -> int:
        """Deliveries that are not settled."""
        return sum(len(recipient.in_flight) for recipient in self)


def pending_of(waiting: Waiting) -> Pending:
    """What was read from the store, in memory."""
    return Pending(waiting.event, NO_COMMIT, waiting.failures, waiting.losses)
