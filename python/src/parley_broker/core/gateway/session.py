"""One client's session and its connection: numbers, receipts, credit, and what the client holds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from parley_broker.core.gateway.outgoing import UNNUMBERED, Outgoing
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Frame, Hello, Message, RegisterAgentType
from parley_broker.core.policy import MIB
from parley_broker.core.views import SessionState
from parley_broker.errors import EndCode, ProtocolViolation, SequenceGap

RECEIPT_MESSAGES = 1000
RECEIPT_BYTES = MIB
"""So many messages or bytes received are confirmed without waiting for something else to say (SES-8)."""

NO_CONNECTION = 0
"""The connection of a session that has none."""

MAX_LOGGED = 200
"""Characters of a client's text that are logged."""


class Window:
    """The credit that one side gives to the other: cumulative, in messages and bytes (FLOW-1)."""

    __slots__ = ("_bytes", "_messages", "decided_bytes", "decided_messages", "told_bytes", "told_messages",
                 "used_bytes", "used_messages")  # fmt: skip

    def __init__(self, messages: int, size: int) -> None:
        self._messages, self._bytes = messages, size
        self.used_messages = self.used_bytes = 0
        self.decided_messages = self.decided_bytes = 0
        self.told_messages = self.told_bytes = 0

    def use(self, size: int) -> bool:
        """Counts a covered message of `size` bytes; false if it came beyond the credit."""
        within = self.used_messages < self.told_messages and self.used_bytes < self.told_bytes
        self.used_messages += 1
        self.used_bytes += size
        return within

    def give_back(self, size: int) -> None:
        """The covered message of `size` bytes is decided (FLOW-3)."""
        self.decided_messages += 1
        self.decided_bytes += size

    def tell(self) -> tuple[int, int]:
        """The totals to write into a frame now."""
        self.told_messages = self.decided_messages + self._messages
        self.told_bytes = self.decided_bytes + self._bytes
        return self.told_messages, self.told_bytes

    @property
    def should_tell(self) -> bool:
        """Whether so much was given back that the other side should hear of it even if there is nothing else to say."""
        return (
            2 * (self.decided_messages + self._messages - self.told_messages) >= self._messages
            or 2 * (self.decided_bytes + self._bytes - self.told_bytes) >= self._bytes
        )


@dataclass(slots=True, eq=False)
class Session:
    """What the broker knows of a client."""

    id: str
    resume_token: bytes
    connection: int
    """NO_CONNECTION: it waits to be resumed, within its grace (SES-9)."""
    hello: Hello
    window: Window
    last_heard: float
    outgoing: Outgoing = field(default_factory=Outgoing)
    over: bool = False
    """It is lost: nothing more is to be told."""
    suspect: bool = False
    draining: bool = False
    drain_check: int = 0
    """The Heartbeat whose answer says that the client knows that the broker drains; 0: none is awaited."""
    dropped: int = 0
    """Bad commands that had no id to answer."""
    drains: list[int] = field(default_factory=list)
    """The ids of the Drains that wait for their answer."""
    received: int = 0
    """Highest number received without a gap."""
    unsaid_messages: int = 0
    unsaid_bytes: int = 0
    """What was received since the last receipt was written."""
    peer_messages: int = 0
    peer_bytes: int = 0
    """The credit that the client gave, in total."""
    spent_messages: int = 0
    spent_bytes: int = 0
    """What was sent to the client of that credit."""
    outstanding: dict[int, int] = field(default_factory=dict)
    """Commands that wait for their answer: the covered bytes to give back with it, or -1."""
    begun: dict[int, int] = field(default_factory=dict)
    """Those of them that the client began by itself, and credit does not cover: their bytes (FLOW-5)."""
    begun_bytes: int = 0
    calls: dict[int, int] = field(default_factory=dict)
    """The client's own calls: the broker's id by the client's."""
    waiting_bytes: int = 0
    """Of the calls among them that are not dispatched."""
    working: dict[int, AgentId] = field(default_factory=dict)
    """Calls dispatched to the client, by the broker's id."""
    types: dict[str, RegisterAgentType] = field(default_factory=dict)
    agents: dict[AgentId, int] = field(default_factory=dict)
    """The agents that have their place here, with their epochs."""
    claimed: dict[AgentId, int] = field(default_factory=dict)
    """The agents that it says to hold since before, with their epochs, until that is decided (SES-14)."""
    claims_to_come: int = 0
    """How many agents it has still to claim before anything is dispatched to it (SES-14)."""
    activations: dict[int, tuple[AgentId, int]] = field(default_factory=dict)
    """Activates that wait for their answer, by the broker's id."""
    deactivations: dict[int, tuple[AgentId, int]] = field(default_factory=dict)
    """Deactivates that wait for their answer, by the broker's id."""
    asked_back: dict[AgentId, int] = field(default_factory=dict)
    """The ids of the Deactivates of agents that have their place here."""

    to_save: deque[tuple[AgentId, int]] = field(default_factory=deque)
    """Agents here, with their epochs, that are to be saved before the broker goes, and are not asked for yet."""
    saving: dict[int, AgentId] = field(default_factory=dict)
    """SaveRequests that wait for their answer, by the broker's id."""

    def understands(self, kind: int) -> bool:
        """Whether a message of this kind may be sent to the client; one that announces none takes all (SES-4)."""
        return not self.hello.kinds or kind in self.hello.kinds or kind in UNNUMBERED

    def epoch_of(self, agent: AgentId) -> int | None:
        """The epoch of the place that the agent has here, or is claimed to have."""
        return self.agents.get(agent) or self.claimed.get(agent)

    def hosts(self, agent: AgentId, epoch: int) -> bool:
        """Whether the agent has this place here; a stateless one, whose epoch is 0, whether its type is hosted."""
        return self.agents.get(agent) == epoch if epoch else agent.type in self.types

    @property
    def paused(self) -> bool:
        """Whether nothing new goes to the client: it is silent, not connected, or about to claim (SES-9, 12, 14)."""
        return self.suspect or self.connection == NO_CONNECTION or self.claims_to_come > 0

    @property
    def state(self) -> SessionState:
        """How it is, as an operator sees it; what keeps work from it comes first."""
        if self.connection == NO_CONNECTION:
            return SessionState.DISCONNECTED
        if self.suspect:
            return SessionState.SUSPECT
        return SessionState.DRAINING if self.draining else SessionState.CONNECTED

    @property
    def owes_receipt(self) -> bool:
        """Whether so much was received that the client should hear of it even if there is nothing else to say."""
        return self.unsaid_messages >= RECEIPT_MESSAGES or self.unsaid_bytes >= RECEIPT_BYTES

    def say_receipt(self) -> int:
        """The receipt to write into a frame now."""
        self.unsaid_messages = self.unsaid_bytes = 0
        return self.received

    def take_receipt(self, received: int) -> None:
        """The client has received everything up to this number; 0: it has nothing new to say (SES-8).

        Raises:
            ProtocolViolation: INVALID_ARGUMENT: that was never sent.
        """
        written = self.outgoing.written
        if received > written:
            raise ProtocolViolation(
                EndCode.INVALID_ARGUMENT, f"received is {received}, but the highest number sent is {written}"
            )
        self.outgoing.confirm(received)

    def number(self, frame: Frame) -> list[Message]:
        """The frame's messages without those received before (SES-7).

        Raises:
            SequenceGap: A number is missing.
            ProtocolViolation: INVALID_ARGUMENT: the numbers begin at 0.
        """
        fresh: list[Message] = []
        number = frame.first_seq
        before = self.received
        size = 0
        for message in frame.messages:
            body = message.body
            if body.kind_number() in UNNUMBERED:
                fresh.append(message)
                continue
            expected = self.received + 1
            if number > expected or number == 0:
                why = f"first_seq is {frame.first_seq}, but number {expected} is expected next"
                raise SequenceGap(why) if number else ProtocolViolation(EndCode.INVALID_ARGUMENT, why)
            if number == expected:
                self.received = number
                size += body.size()
                fresh.append(message)
            number += 1
        self.unsaid_messages += self.received - before
        self.unsaid_bytes += size
        return fresh

    def credit_from(self, frame: Frame) -> tuple[int, int]:
        """What the frame adds to the credit that the client gave, in messages and bytes."""
        messages = max(0, frame.credit_messages - self.peer_messages)
        size = max(0, frame.credit_bytes - self.peer_bytes)
        self.peer_messages += messages
        self.peer_bytes += size
        return messages, size


@dataclass(slots=True, eq=False)
class Connection:
    """One stream. `ended` means that nothing read from it counts any more.

    It has a session from its Hello on, until another connection resumes that.
    """

    id: int
    peer: str
    session_id: str
    resume_token: bytes
    """The id and the secret of the session that it will begin, if it resumes none."""
    greeting: Message | None = None
    """The answer to its Hello, which is written before anything else."""
    session: Session | None = None
    ended: bool = False
