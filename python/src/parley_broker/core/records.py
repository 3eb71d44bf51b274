"""What the store keeps, as plain values: a commit is a list of records, a start reads a summary.

Those that every event makes are not frozen, since that would take three times as long; nothing changes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Error, Subscription, SubscriptionKey, Trace


@dataclass(slots=True)
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
class TypeUnhosted:
    """No session has hosted the agent type since this moment by the wall clock, in seconds (SUB-4)."""

    agent_type: str
    since: float


@dataclass(frozen=True, slots=True)
class TypeHosted:
    """A session hosts the agent type, or nothing of it is left."""

    agent_type: str


@dataclass(slots=True)
class EventStored:
    """The event waits for each of these recipients, which are not empty."""

    event: Event
    recipients: tuple[AgentId, ...]


@dataclass(slots=True)
class DeliverySettled:
    """The recipient is done with the event at this position."""

    recipient: AgentId
    position: int


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """So many attempts to hand the event to the recipient have failed, and so many sessions that had it were lost."""

    recipient: AgentId
    position: int
    failures: int
    losses: int


@dataclass(frozen=True, slots=True)
class BacklogDropped:
    """No agent of this type waits for any event."""

    agent_type: str


@dataclass(frozen=True, slots=True)
class StateSaved:
    """The agent's version is this from now on (STA-3). `data` None: what was saved before stays, if anything was.

    `epoch` is that of the place that committed it (SES-14).
    """

    agent: AgentId
    version: int
    content_type: str = ""
    data: bytes | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """The event at this position no longer waits for the recipient: it is a dead letter.

    `id` is above that of every dead letter before it; `died` is by the wall clock, in seconds.
    """

    id: int
    recipient: AgentId
    position: int
    died: float
    attempts: int
    error: Error


@dataclass(frozen=True, slots=True)
class DeadLetterReplayed:
    """The dead letter's event waits for its recipient again, at a position above all others, as if never delivered."""

    id: int
    position: int


@dataclass(frozen=True, slots=True)
class DeadLettersDropped:
    """These dead letters are gone."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReplyStored:
    """A call to the target with this idempotency key has this reply (RPC-8).

    `expires` is by the wall clock, in seconds; records are made in its order.
    """

    target: AgentId
    key: str
    payload_hash: bytes
    expires: float
    envelope: bytes
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class ReplyDropped:
    """No reply is stored under the target's key."""

    target: AgentId
    key: str


@dataclass(frozen=True, slots=True)
class ProducerSeen:
    """These are the numbers of the producer's publishes that were seen, as closed ranges in order (PUB-4).

    `last_seen` is by the wall clock, in seconds.
    """

    producer: str
    seen: tuple[tuple[int, int], ...]
    last_seen: float


@dataclass(frozen=True, slots=True)
class ProducersForgotten:
    """Nothing is known of these producers."""

    producers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventIdSeen:
    """An event with this id was published on the topic, at this moment by the wall clock (PUB-5).

    `scope` is the agent that published it; without one its type is empty and its key the producer. Numbers grow.
    """

    number: int
    scope: AgentId
    topic: TopicId
    event_id: str
    at: float


@dataclass(frozen=True, slots=True)
class EventIdsForgotten:
    """Nothing is known of the event ids up to this number."""

    number: int


Record = (
    SubscriptionAdded
    | SubscriptionRemoved
    | TypeUnhosted
    | TypeHosted
    | EventStored
    | DeliverySettled
    | DeliveryFailed
    | BacklogDropped
    | DeadLettered
    | DeadLetterReplayed
    | DeadLettersDropped
    | ProducerSeen
    | ProducersForgotten
    | EventIdSeen
    | EventIdsForgotten
    | StateSaved
    | ReplyStored
    | ReplyDropped
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stored event as it waits for one recipient, with the counts of the last DeliveryFailed."""

    event: Event
    failures: int = 0
    losses: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A stored dead letter, as DeadLettered says, with its event."""

    id: int
    recipient: AgentId
    event: Event
    died: float
    attempts: int
    error: Error


@dataclass(frozen=True, slots=True)
class DeadLetterShown:
    """A dead letter as an operator sees it: how long it has been one, in seconds, and what may have brought it here."""

    letter: DeadLetter
    age: float
    subscription: Subscription | None


@dataclass(frozen=True, slots=True)
class DeadLetterEntry:
    """What a shard remembers of a dead letter. `bytes` are those of its envelope."""

    id: int
    recipient: AgentId
    topic_type: str
    reason: int
    died: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait for a recipient, and how many bytes their envelopes have."""

    recipient: AgentId
    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ReplyEntry:
    """What a shard remembers of a stored reply. `bytes` are those of its envelope."""

    target: AgentId
    key: str
    payload_hash: bytes
    expires: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a shard needs to know before it decides anything; no events.

    `last_position` and `last_dead_letter` are the highest position and id ever given, also to what is gone.
    """

    subscriptions: tuple[Subscription, ...] = ()
    unhosted: tuple[tuple[str, float], ...] = ()
    """Agent types, and since when nobody has hosted them."""
    backlogs: tuple[Backlog, ...] = ()
    last_position: int = 0
    dead_letters: tuple[DeadLetterEntry, ...] = ()
    """By id."""
    last_dead_letter: int = 0
    replies: tuple[ReplyEntry, ...] = ()
    """As they expire."""
    producers: tuple[ProducerSeen, ...] = ()
    event_ids: tuple[EventIdSeen, ...] = ()
    """By number."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that was opened: the term that began with it (AGT-5) and what it holds."""

    term: int
    summary: Summary = field(default_factory=Summary)
    fresh: bool = False
    """Nothing had been stored there before."""
