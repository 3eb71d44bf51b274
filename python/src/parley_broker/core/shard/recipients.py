"""The events that wait for each recipient.

An event is in the store until it is settled. In memory is, per recipient, a number of events, their bytes, and a window
of those that are next; what does not fit is read back from the store when the window runs empty. A recipient whose type
nobody hosts has no window.

            stored                    window                 mark
    publish ──────▶ beyond the window ──────▶ in the window ──────▶ in flight ──ack──▶ settled
                                                                     │ nack, lost place
                                                                     └──────▶ left: stays stored, not in memory
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from parley_broker.core.ids import AgentId
from parley_broker.core.records import Backlog, Event
from parley_broker.core.shard.places import Place


@dataclass(slots=True)
class Flight:
    """A delivery that is not settled."""

    place: Place
    bytes: int


@dataclass(slots=True, eq=False)
class Recipient:
    """An agent that events are for."""

    agent: AgentId
    events: int = 0
    """Stored and not settled."""
    bytes: int = 0
    """Of their envelopes."""
    last: int = 0
    """Position of the last one stored."""
    mark: int = 0
    """Position of the last one delivered."""
    seen: int = 0
    """Position of the last one that is in the window or below it."""
    window: deque[tuple[Event, int]] = field(default_factory=deque)
    """The next events, with the commit that makes each durable."""
    window_bytes: int = 0
    in_flight: dict[int, Flight] = field(default_factory=dict)
    read: int = 0
    """The read that is under way; 0: none."""
    queued: bool = False
    """It waits in the backlog of a host."""

    def keep(self, event: Event, commit: int) -> None:
        """The event, which follows what was seen so far, is in the window."""
        self.window.append((event, commit))
        self.window_bytes += len(event.envelope)
        self.seen = event.position

    def depart(self, place: Place) -> tuple[Event, int]:
        """Takes the first event out of the window, with its commit; it is in flight to the place."""
        event, commit = self.window.popleft()
        size = len(event.envelope)
        self.window_bytes -= size
        self.mark = event.position
        self.in_flight[event.position] = Flight(place, size)
        return event, commit

    def close_window(self) -> None:
        """Forgets the events in the window; they are in the store."""
        self.window.clear()
        self.window_bytes = 0
        self.seen = self.mark
        self.read = 0

    @property
    def has_more_stored(self) -> bool:
        """Whether the store has events beyond the window."""
        return self.seen < self.last

    @property
    def over(self) -> bool:
        """Whether there is nothing to remember."""
        return not self.events and not self.in_flight and not self.queued


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

    def load(self, backlog: Backlog) -> None:
        """The recipient has this many events in the store, none of them delivered."""
        recipient = self.make(backlog.recipient, after=0)
        recipient.events, recipient.bytes, recipient.last = backlog.events, backlog.bytes, backlog.last_position
        self.events += backlog.events
        self.bytes += backlog.bytes

    def stored(self, recipient: Recipient, event: Event) -> None:
        """One more event is stored for the recipient."""
        size = len(event.envelope)
        recipient.events += 1
        recipient.bytes += size
        recipient.last = event.position
        self.events += 1
        self.bytes += size

    def settle(self, recipient: Recipient, position: int) -> Flight:
        """The recipient is done with the event in flight at this position."""
        flight = recipient.in_flight.pop(position)
        recipient.events -= 1
        recipient.bytes -= flight.bytes
        self.events -= 1
        self.bytes -= flight.bytes
        return flight

    def get(self, agent: AgentId) -> Recipient | None:
        """The recipient, if it has events."""
        by_key = self._by_type.get(agent.type)
        return by_key.get(agent.key) if by_key else None

    def make(self, agent: AgentId, after: int) -> Recipient:
        """The recipient; a new one has no event up to the position `after`."""
        by_key = self._by_type.setdefault(agent.type, {})
        recipient = by_key.get(agent.key)
        if recipient is None:
            recipient = by_key[agent.key] = Recipient(agent, last=after, mark=after, seen=after)
        return recipient

    def of_type(self, agent_type: str) -> list[Recipient]:
        """The recipients of one agent type."""
        return list(self._by_type.get(agent_type, {}).values())

    def tidy(self, recipient: Recipient) -> None:
        """Drops the recipient if there is nothing to remember."""
        if recipient.over:
            self.drop(recipient)

    def drop(self, recipient: Recipient) -> None:
        """Forgets the recipient and its events."""
        recipient.close_window()
        recipient.in_flight.clear()
        self.events -= recipient.events
        self.bytes -= recipient.bytes
        recipient.events, recipient.bytes, recipient.last = 0, 0, recipient.seen
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
