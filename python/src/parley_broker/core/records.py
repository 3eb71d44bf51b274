"""What the store keeps, as plain values: a commit is a list of records, a start reads a summary."""

from __future__ import annotations

from dataclasses import dataclass, field

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Subscription, SubscriptionKey, Trace


@dataclass(frozen=True, slots=True)
class Event:
    """A published event. `position` is above that of every event stored before it (DLV-1)."""

    position: int
    topic: TopicId
    envelope: bytes
    sender: AgentId | None = None
    event_id: str = ""
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionAdded:
    """The durable subscription is there, with this expiry."""

    subscription: Subscription


@dataclass(frozen=True, slots=True)
class SubscriptionRemoved:
    """The subscription is not there."""

    key: SubscriptionKey


@dataclass(frozen=True, slots=True)
class EventStored:
    """The event waits for each of these recipients, which are not empty."""

    event: Event
    recipients: tuple[AgentId, ...]


@dataclass(frozen=True, slots=True)
class DeliverySettled:
    """The recipient is done with the event at this position."""

    recipient: AgentId
    position: int


@dataclass(frozen=True, slots=True)
class BacklogDropped:
    """No agent of this type waits for any event."""

    agent_type: str


@dataclass(frozen=True, slots=True)
class StateSaved:
    """The agent's version is this from now on (STA-3). `data` None: what was saved before stays, if anything was."""

    agent: AgentId
    version: int
    content_type: str = ""
    data: bytes | None = None


Record = SubscriptionAdded | SubscriptionRemoved | EventStored | DeliverySettled | BacklogDropped | StateSaved


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait for a recipient, how many bytes their envelopes have, and the last one's position."""

    recipient: AgentId
    events: int
    bytes: int
    last_position: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a shard needs to know before it decides anything; no events.

    `last_position` is the highest position ever given, also of events that are gone.
    """

    subscriptions: tuple[Subscription, ...] = ()
    backlogs: tuple[Backlog, ...] = ()
    last_position: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that was opened: the term that began with it (AGT-5) and what it holds."""

    term: int
    summary: Summary = field(default_factory=Summary)
    fresh: bool = False
    """Nothing had been stored there before."""
