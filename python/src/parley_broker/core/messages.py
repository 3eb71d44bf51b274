"""What clients and broker say to each other, as plain values; the twins of the messages in `parley/v1`.

Deadlines are moments on the broker's clock, in seconds; only the codec knows durations (MSG-9).
Values are not changed once they were handed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, NamedTuple

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.errors import MAY_HAVE_RUN, RETRYABLE, CommandError, Reason


class AgentMode(IntEnum):
    """How an agent's messages are run (AGT-3)."""

    UNSPECIFIED = 0
    STANDARD = 1
    STATELESS = 2
    EFFECTIVELY_ONCE = 3


class TopicMatch(IntEnum):
    """How a subscription's topic type is compared."""

    UNSPECIFIED = 0
    EXACT = 1
    PREFIX = 2


class Trace(NamedTuple):
    """W3C trace context."""

    traceparent: str
    tracestate: str


class Body:
    """What a message says; `KIND` is its field number in `Message.kind`."""

    __slots__ = ()
    KIND: ClassVar[int] = 0

    def size(self) -> int:
        """Bytes of its payload, or an estimate; what a queue counts beside a fixed cost per message."""
        return 0

    def kind_number(self) -> int:
        """Its field number in `Message.kind`; 0 when it has none."""
        return self.KIND


@dataclass(slots=True)
class Resume:
    """What a client knows of the session that it wants back, and how many agents it will claim in a new one (SES-9)."""

    session_id: str
    resume_token: bytes
    received: int
    agents: int = 0


@dataclass(slots=True)
class Hello(Body):
    """The client's first message (SES-1)."""

    KIND: ClassVar[int] = 10
    min_version: int
    max_version: int
    producer_id: str
    instance_id: str = ""
    sdk_name: str = ""
    sdk_language: str = ""
    sdk_version: str = ""
    kinds: frozenset[int] = frozenset()
    resume: Resume | None = None


@dataclass(slots=True)
class Limits:
    """What Welcome names (FLOW-6)."""

    max_envelope_bytes: int
    max_outstanding_calls: int
    max_subscriptions: int
    max_agent_types: int
    max_call_timeout_ms: int


@dataclass(slots=True)
class Welcome(Body):
    """The broker's answer to Hello."""

    KIND: ClassVar[int] = 11
    version: int
    session_id: str
    resume_token: bytes
    incarnation: str
    heartbeat_interval_ms: int
    session_grace_ms: int
    suspect_limit_ms: int
    limits: Limits
    broker_version: str
    received: int = 0
    resumed: bool = False


@dataclass(slots=True)
class Heartbeat(Body):
    """The writer is alive (SES-11)."""

    KIND: ClassVar[int] = 12


@dataclass(slots=True)
class Goodbye(Body):
    """The session ends at once (SES-13)."""

    KIND: ClassVar[int] = 13
    reason: str = ""


@dataclass(slots=True)
class Drain(Body):
    """The writer is about to go (DRN-1, DRN-2)."""

    KIND: ClassVar[int] = 14
    timeout_ms: int = 0
    reason: str = ""


@dataclass(slots=True)
class Done(Body):
    """The command was carried out."""

    KIND: ClassVar[int] = 20


@dataclass(slots=True)
class Error(Body):
    """`reason` is a number, since a worker may send one that this broker does not know (ERR-3)."""

    KIND: ClassVar[int] = 21
    reason: int
    message: str
    retryable: bool
    may_have_run: bool
    retry_after_ms: int = 0
    details: dict[str, str] = field(default_factory=dict)

    def size(self) -> int:
        """As Body.size."""
        return len(self.message) + sum(len(key) + len(value) for key, value in self.details.items())


@dataclass(slots=True)
class RegisterAgentType(Body):
    """The session hosts agents of this type (AGT-1)."""

    KIND: ClassVar[int] = 30
    type: str
    mode: int = AgentMode.STANDARD
    pinned_keys: tuple[str, ...] = ()
    concurrency: int = 0
    keeps_state: bool = False
    idle_timeout_ms: int = 0


@dataclass(slots=True)
class UnregisterAgentType(Body):
    """The session no longer hosts this type (AGT-9)."""

    KIND: ClassVar[int] = 31
    type: str


@dataclass(frozen=True, slots=True)
class State:
    """An agent's saved state. From a worker `version` is not read (STA-1)."""

    data: bytes
    content_type: str = ""
    version: int = 0


@dataclass(slots=True)
class Activate(Body):
    """The agent is the worker's from here on, with what it saved last (AGT-6, STA-1)."""

    KIND: ClassVar[int] = 32
    agent: AgentId
    epoch: int
    state: State | None = None

    def size(self) -> int:
        """As Body.size."""
        return len(self.state.data) if self.state is not None else 0


@dataclass(slots=True)
class Deactivate(Body):
    """The worker is to save the agent and give it back (AGT-8)."""

    KIND: ClassVar[int] = 33
    agent: AgentId
    epoch: int
    timeout_ms: int


@dataclass(slots=True)
class Claim(Body):
    """The agents that the worker holds, with their epochs (SES-14)."""

    KIND: ClassVar[int] = 34
    agents: tuple[tuple[AgentId, int], ...]

    def size(self) -> int:
        """As Body.size."""
        return sum(16 + len(agent.type) + len(agent.key) for agent, _ in self.agents)


@dataclass(slots=True)
class ClaimResult(Body):
    """The claims that were not granted."""

    KIND: ClassVar[int] = 35
    refused: tuple[AgentId, ...]

    def size(self) -> int:
        """As Body.size."""
        return sum(16 + len(agent.type) + len(agent.key) for agent in self.refused)


@dataclass(slots=True)
class Request(Body):
    """A call. From the caller `deadline` is None when it left the timeout to the broker (RPC-4).

    `payload_hash` is that of the envelope's payload if there is an idempotency key, else empty (RPC-8).
    """

    KIND: ClassVar[int] = 40
    target: AgentId
    envelope: bytes
    sender: AgentId | None = None
    sender_epoch: int = 0
    epoch: int = 0
    deadline: float | None = None
    wait_for_ready: bool = False
    idempotency_key: str = ""
    call_chain: tuple[AgentId, ...] = ()
    attempt: int = 0
    trace: Trace | None = None
    payload_hash: bytes = b""

    def size(self) -> int:
        """As Body.size."""
        return len(self.envelope)


@dataclass(slots=True)
class Reply(Body):
    """The result of a call, and from a worker what commits with it (STA-4)."""

    KIND: ClassVar[int] = 41
    envelope: bytes
    trace: Trace | None = None
    commit: Commit | None = None

    def size(self) -> int:
        """As Body.size."""
        return len(self.envelope)


@dataclass(slots=True)
class Cancel(Body):
    """The caller does not want the outcome (RPC-9)."""

    KIND: ClassVar[int] = 42
    request_id: int


class SubscriptionKey(NamedTuple):
    """The identity of a subscription (SUB-2)."""

    topic_type: str
    match: int
    agent_type: str


@dataclass(slots=True)
class Subscription:
    """Which agent type wants events of which topics. `expiry_ms` 0: the broker's default (SUB-4)."""

    key: SubscriptionKey
    durable: bool = True
    expiry_ms: int = 0


@dataclass(slots=True)
class Subscribe(Body):
    """The subscription is to be there (SUB-2)."""

    KIND: ClassVar[int] = 50
    subscription: Subscription


@dataclass(slots=True)
class Unsubscribe(Body):
    """The subscription is to be gone (SUB-2)."""

    KIND: ClassVar[int] = 51
    key: SubscriptionKey


@dataclass(slots=True)
class ListSubscriptions(Body):
    """Asks for all subscriptions."""

    KIND: ClassVar[int] = 52


@dataclass(slots=True)
class SubscriptionList(Body):
    """All subscriptions, in the order of their triples."""

    KIND: ClassVar[int] = 53
    subscriptions: list[Subscription]

    def size(self) -> int:
        """As Body.size."""
        return sum(16 + len(s.key.topic_type) + len(s.key.agent_type) for s in self.subscriptions)


@dataclass(slots=True)
class Publish(Body):
    """An event on its way in (PUB-1)."""

    KIND: ClassVar[int] = 60
    topic: TopicId
    envelope: bytes
    sender: AgentId | None = None
    sender_epoch: int = 0
    event_id: str = ""
    ephemeral: bool = False
    trace: Trace | None = None
    producer_seq: int = 0
    """0: not numbered (PUB-4)."""
    producer: str = ""
    """Whose number it is; the gateway knows."""

    def size(self) -> int:
        """As Body.size."""
        return len(self.envelope)


@dataclass(slots=True)
class Published(Body):
    """The event is stored, or, if ephemeral, was handed on."""

    KIND: ClassVar[int] = 61
    recipients: int
    duplicate: bool = False
    """It was published before (PUB-4, PUB-5)."""


@dataclass(slots=True)
class Delivery(Body):
    """One attempt to hand one event to one recipient."""

    KIND: ClassVar[int] = 62
    recipient: AgentId
    epoch: int
    position: int
    round: int
    attempt: int
    topic: TopicId
    envelope: bytes
    sender: AgentId | None = None
    event_id: str = ""
    trace: Trace | None = None

    def size(self) -> int:
        """As Body.size."""
        return len(self.envelope)


@dataclass(slots=True)
class Ack(Body):
    """The recipient is done with the event (DLV-2)."""

    KIND: ClassVar[int] = 63
    recipient: AgentId
    epoch: int
    position: int
    round: int
    ignored: bool = False
    commit: Commit | None = None


@dataclass(slots=True)
class Nack(Body):
    """The attempt failed (DLV-2)."""

    KIND: ClassVar[int] = 64
    recipient: AgentId
    epoch: int
    position: int
    round: int
    error: Error
    delay: float | None = None
    """Seconds until the next attempt; None: the broker's backoff (DLV-5)."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What an Ack or a Reply commits, all or nothing (STA-4). `state` None: it is as before."""

    agent: AgentId
    epoch: int
    expected_version: int
    state: State | None = None
    publishes: tuple[Publish, ...] = ()

    def size(self) -> int:
        """Bytes of the state and of the events' envelopes."""
        state = len(self.state.data) if self.state is not None else 0
        return state + sum(len(publish.envelope) for publish in self.publishes)


@dataclass(slots=True)
class Save(Body):
    """The agent's state outside of an Ack or Reply (STA-3)."""

    KIND: ClassVar[int] = 70
    agent: AgentId
    epoch: int
    expected_version: int
    state: State | None

    def size(self) -> int:
        """As Body.size."""
        return len(self.state.data) if self.state is not None else 0


@dataclass(slots=True)
class SaveRequest(Body):
    """The worker is to save the agent now (STA-2)."""

    KIND: ClassVar[int] = 71
    agent: AgentId
    epoch: int


@dataclass(slots=True)
class Unknown(Body):
    """A message of a kind that the broker does not take; `kind` 0 when it has none (MSG-4)."""

    kind: int

    def kind_number(self) -> int:
        """As Body.kind_number."""
        return self.kind


@dataclass(slots=True)
class Message:
    """One thing said: `id` above 0 when an answer is wanted, `re` above 0 when it is one (MSG-3)."""

    body: Body
    id: int = 0
    re: int = 0


@dataclass(slots=True)
class Frame:
    """What is read or written at once; the fields are those of the wire's Frame."""

    first_seq: int
    received: int
    credit_messages: int
    credit_bytes: int
    messages: list[Message]


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters; what is empty or 0 does not restrict."""

    agent_type: str = ""
    agent_key: str = ""
    topic_type: str = ""
    reason: int = 0
    ids: tuple[int, ...] = ()

    def lets_through(self, recipient: AgentId, topic_type: str, reason: int) -> bool:
        """Whether the filter lets such a dead letter through, `ids` apart."""
        return (
            self.agent_type in ("", recipient.type)
            and self.agent_key in ("", recipient.key)
            and self.topic_type in ("", topic_type)
            and self.reason in (0, reason)
        )


@dataclass(slots=True)
class Status:
    """How the broker is: `tables` has the number of entries of each."""

    version: str
    incarnation: str
    uptime: float
    tables: dict[str, int]


def error_of(failure: CommandError) -> Error:
    """The Error that tells a sender why its command failed, with the flags of SPEC.md's table (ERR-2)."""
    return make_error(
        failure.reason,
        failure.message,
        failure.details,
        may_have_run=failure.may_have_run,
        retryable=failure.retryable,
    )


def make_error(
    reason: Reason,
    message: str,
    details: dict[str, str] | None = None,
    *,
    may_have_run: bool | None = None,
    retryable: bool | None = None,
) -> Error:
    """An Error with the flags of SPEC.md's table, but for those given (ERR-2)."""
    return Error(
        reason=reason,
        message=message,
        retryable=reason in RETRYABLE if retryable is None else retryable,
        may_have_run=reason in MAY_HAVE_RUN if may_have_run is None else may_have_run,
        details=details or {},
    )


def reason_name(reason: int) -> str:
    """The reason's name, for people; its number if it is unknown (ERR-3)."""
    return Reason(reason).name if reason in Reason._value2member_map_ else str(reason)
