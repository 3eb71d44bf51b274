"""What the core wants done, as plain values: by the other machine of the core, or by the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Body, Delivery, Error, State
from parley_broker.core.records import Record, ReplyStored, StateSaved, Waiting
from parley_broker.errors import EndCode

NO_COMMIT = 0
"""The `commit` of a send that waits for none."""

# From the shard to the gateway.


@dataclass(slots=True)
class Placed:
    """The call goes to this session now. `epoch` is the target's; 0 for stateless agents."""

    call: int
    session: str
    epoch: int


@dataclass(slots=True)
class Refused:
    """The call ends before it was dispatched."""

    call: int
    error: Error


@dataclass(slots=True)
class Joined:
    """The call has the same key as another one, whose outcome it gets (RPC-8)."""

    call: int
    leader: int


@dataclass(slots=True)
class Concluded:
    """The call has this outcome once `commit` is durable."""

    call: int
    body: Body
    commit: int


@dataclass(slots=True)
class Activated:
    """The agent has its place with this session, and the next message there is the first for it (AGT-6)."""

    session: str
    agent: AgentId
    epoch: int
    state: State | None = None


@dataclass(slots=True)
class AskedBack:
    """The session is to save the agent and give it back within this many seconds (AGT-8)."""

    session: str
    agent: AgentId
    epoch: int
    timeout: float


@dataclass(slots=True)
class Unplaced:
    """The agent no longer has its place with this session. `taken`: calls that it has in hand there are over."""

    session: str
    agent: AgentId
    taken: bool = False


@dataclass(slots=True)
class Claimed:
    """The session has these agents, with their epochs, since before; it is told to drop the refused ones (SES-14)."""

    session: str
    re: int
    granted: tuple[tuple[AgentId, int], ...]
    refused: tuple[AgentId, ...]


@dataclass(slots=True)
class Overtaken:
    """The session does not have these agents that it claims: they have committed under later epochs (SES-14)."""

    session: str
    agents: frozenset[AgentId]


@dataclass(slots=True)
class Deliver:
    """The delivery goes to this session once `commit` is durable."""

    session: str
    delivery: Delivery
    commit: int


@dataclass(slots=True)
class Answer:
    """The answer to the session's command `re`, once `commit` is durable."""

    session: str
    re: int
    body: Body
    commit: int


@dataclass(slots=True)
class Idle:
    """Nothing dispatched to this draining session is unanswered (DRN-2)."""

    session: str


@dataclass(slots=True)
class Told:
    """The answer to the operator's command `ask`, once `commit` is durable: how many, or why not."""

    ask: int
    result: int | Error
    commit: int


ShardEffect = (
    Placed
    | Refused
    | Joined
    | Concluded
    | Activated
    | AskedBack
    | Unplaced
    | Claimed
    | Overtaken
    | Deliver
    | Answer
    | Idle
    | Told
)

# From the core to the engine.


@dataclass(slots=True)
class Close:
    """The connection ends with this status after what is queued for it was written."""

    connection: int
    code: EndCode
    text: str


@dataclass(slots=True)
class ReadEvents:
    """A page of a recipient's stored events is wanted: those above position `after`.

    At most `max_events`, and no further one once `max_bytes` are reached.
    """

    id: int
    recipient: AgentId
    after: int
    max_events: int
    max_bytes: int


@dataclass(slots=True)
class ReadState:
    """What the agent has saved is wanted, for the place that has this epoch."""

    agent: AgentId
    epoch: int


@dataclass(slots=True)
class ReadEpochs:
    """The epochs of these agents' last commits are wanted, for the claim that has this number."""

    claim: int
    agents: tuple[AgentId, ...]


@dataclass(slots=True)
class ReadReply:
    """The reply that is stored under the target's key is wanted for this call."""

    call: int
    target: AgentId
    key: str


Read = ReadEvents | ReadState | ReadEpochs | ReadReply
Found = list[Waiting] | StateSaved | tuple[int, ...] | ReplyStored | None
"""What a read finds: a page of events; the agent's state; the agents' epochs; the reply."""


@dataclass(slots=True)
class Log:
    """One event worth knowing. `level` is a name of the logging module in lower case."""

    level: str
    event: str
    fields: dict[str, object]


@dataclass(slots=True)
class Effects:
    """What the engine has to do, in the order in which it was decided."""

    wake: dict[int, None] = field(default_factory=dict)
    """Connections that have something to write."""
    close: list[Close] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    """Answers to operators."""

    def log(self, level: str, event: str, **fields: object) -> None:
        """Adds one event worth knowing."""
        self.logs.append(Log(level, event, fields))
