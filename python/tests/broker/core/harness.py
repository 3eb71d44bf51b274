"""A core without engine, store thread, sockets or clock: tests say what happens, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from parley_broker.core.effects import Close, Read
from parley_broker.core.gateway.lives import Identity
from parley_broker.core.gateway.outgoing import UNNUMBERED
from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.machine import Machine
from parley_broker.core.messages import (
    Ack,
    AgentMode,
    Body,
    Delivery,
    Done,
    Error,
    Frame,
    Goodbye,
    Hello,
    Message,
    Publish,
    RegisterAgentType,
    Reply,
    Request,
    Resume,
    Subscribe,
    Subscription,
    SubscriptionKey,
    TopicMatch,
    Welcome,
)
from parley_broker.core.policy import Policy
from parley_broker.core.records import Opened, Record
from parley_broker.engine import look_up
from parley_broker.errors import Reason
from parley_broker.store.memory import MemoryStore

B = TypeVar("B", bound=Body)
HELLO = Hello(min_version=1, max_version=1, producer_id="p", instance_id="i")
CREDIT = 1 << 40
WALL_OFFSET = 1_700_000_000.0
"""What the wall clock is ahead of `Core.now`, in seconds."""


class Client:
    """The far end of one connection."""

    def __init__(self, core: Core, connection: int) -> None:
        self._core = core
        self.connection = connection
        self.session = f"s{connection}"
        self.sent = 0
        self.received = 0
        self.next_id = 1000
        self.inbox: list[Message] = []
        self.credit_messages = 0
        self.credit_bytes = 0

    def frame(
        self, *messages: Message, first_seq: int | None = None, received: int | None = None, credit: int = 0
    ) -> None:
        """Says one frame, with the receipt for what was read."""
        numbered = sum(m.body.kind_number() not in UNNUMBERED for m in messages)
        first = (self.sent + 1 if numbered else 0) if first_seq is None else first_seq
        self.sent += numbered
        core = self._core
        receipt = self.received if received is None else received
        core.machine.receive(self.connection, Frame(first, receipt, credit, credit, list(messages)), core.now)
        core.settle()

    def say(self, body: Body, message_id: int = 0, re: int = 0) -> None:
        """Says one message."""
        self.frame(Message(body, message_id, re))

    def command(self, body: Body) -> int:
        """Says one message that wants an answer: its id."""
        self.next_id += 1
        self.say(body, self.next_id)
        return self.next_id

    def ask(self, body: Body) -> Body:
        """Says one message and returns its answer, which must be there."""
        message_id = self.command(body)
        answer = self.answer(message_id)
        assert answer is not None, f"no answer to {body}"
        return answer

    def answer(self, message_id: int) -> Body | None:
        """The answer to a message, if there is one; removed from the inbox."""
        self.read()
        for index, message in enumerate(self.inbox):
            if message.re == message_id:
                return self.inbox.pop(index).body
        return None

    def read(self) -> list[Message]:
        """Everything that this client is woken for goes to the inbox."""
        core = self._core
        wake = core.machine.effects.wake
        if self.connection in core.closed:  # what ends a stream wakes its writer as well
            wake[self.connection] = None
        while self.connection in wake:
            del wake[self.connection]
            frame = core.machine.take(self.connection, core.now)
            if frame is None:
                continue
            self.credit_messages = max(self.credit_messages, frame.credit_messages)
            self.credit_bytes = max(self.credit_bytes, frame.credit_bytes)
            number = frame.first_seq
            for message in frame.messages:
                if message.body.KIND not in UNNUMBERED:
                    assert number == self.received + 1
                    self.received = number
                    number += 1
                self.inbox.append(message)
        core.settle()
        return self.inbox

    def take(self, kind: type[B]) -> list[tuple[int, B]]:
        """The messages of this kind with their ids, removed from the inbox."""
        self.read()
        found = [(m.id, m.body) for m in self.inbox if isinstance(m.body, kind)]
        self.inbox = [m for m in self.inbox if not isinstance(m.body, kind)]
        return found

    def host(self, agent_type: str, mode: int = AgentMode.STANDARD, **fields: object) -> Body:
        """Registers an agent type: the answer."""
        return self.ask(RegisterAgentType(agent_type, mode, **fields))  # type: ignore[arg-type]

    def command_host(self, agent_type: str, mode: int) -> int:
        """Registers an agent type without waiting for the answer: its id."""
        return self.command(RegisterAgentType(agent_type, mode))

    def command_subscribe(self, topic_type: str, agent_type: str, durable: bool) -> int:
        """Adds a subscription without waiting for the answer: its id."""
        return self.command(Subscribe(Subscription(SubscriptionKey(topic_type, TopicMatch.EXACT, agent_type), durable)))

    def frame_credit(self, messages: int, size: int) -> None:
        """Says a frame without messages that gives credit."""
        core = self._core
        core.machine.receive(self.connection, Frame(0, 0, messages, size, []), core.now)
        core.settle()

    def subscribe(self, topic_type: str, agent_type: str, match: int = TopicMatch.EXACT, durable: bool = True) -> Body:
        """Adds a subscription: the answer."""
        return self.ask(Subscribe(Subscription(SubscriptionKey(topic_type, match, agent_type), durable)))

    def publish(self, topic: str, envelope: bytes = b"event", **fields: object) -> Body:
        """Publishes to `type/source`: the answer."""
        topic_type, _, source = topic.partition("/")
        return self.ask(Publish(TopicId(topic_type, source), envelope, **fields))  # type: ignore[arg-type]

    def command_publish(self, topic: str, envelope: bytes = b"event", **fields: object) -> int:
        """Publishes to `type/source` without waiting for the answer: its id."""
        topic_type, _, source = topic.partition("/")
        return self.command(Publish(TopicId(topic_type, source), envelope, **fields))  # type: ignore[arg-type]

    def ack(self, delivery: Delivery) -> Body:
        """Acknowledges: the answer."""
        return self.ask(Ack(delivery.recipient, delivery.epoch, delivery.position, delivery.round))

    def ack_later(self, delivery: Delivery) -> int:
        """Acknowledges without waiting for the answer: its id."""
        return self.command(Ack(delivery.recipient, delivery.epoch, delivery.position, delivery.round))

    @property
    def closed(self) -> Close | None:
        """How its connection was ended by the broker."""
        return self._core.closed.get(self.connection)


class Core:
    """A machine with a memory store. `hold` keeps commits back until `commit` is called, or `begin_commit`.

    Args:
        policy: Every number it goes by.
        store: What an earlier core left; None: a new one.
        claims: The claim window of a start over a store that is not new is open; else it is over already.
        now: When it begins, in seconds.
        wall: What the wall clock says then; None: `WALL_OFFSET` more.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        store: MemoryStore | None = None,
        claims: bool = False,
        now: float = 1000.0,
        wall: float | None = None,
    ) -> None:
        self.store = store or MemoryStore()
        self.opened: Opened = self.store.open()
        self.now = now
        policy = policy or Policy()
        begun = self.now if claims else self.now - max(policy.claim_window, policy.host_grace)
        offset = WALL_OFFSET if wall is None else wall - now
        self.machine = Machine(policy, Identity("inc", "0"), self.opened, offset, begun)
        self.machine.tick(self.now)
        self.hold = False
        self._under_way: tuple[int, list[Record], list[Read]] | None = None
        self.closed: dict[int, Close] = {}
        self.logs: list[str] = []
        self.told: dict[int, int | Error] = {}
        self._connections = 0

    def connect(self) -> Client:
        """A connection without a session."""
        self._connections += 1
        self.machine.connect(self._connections, "peer", f"s{self._connections}", b"token", self.now)
        return Client(self, self._connections)

    def client(self, credit: int = CREDIT, hello: Hello = HELLO) -> Client:
        """A connection with a session that gave this credit, in messages and bytes."""
        client = self.connect()
        client.frame(Message(hello, 1), credit=credit)
        client.read()
        client.inbox.clear()
        return client

    def disconnect(self, client: Client) -> None:
        """The client says goodbye and is gone, with its session."""
        client.say(Goodbye())
        self.cut(client)

    def cut(self, client: Client) -> None:
        """The connection breaks; the session can be resumed."""
        self.machine.disconnect(client.connection, "broke", self.now)
        self.settle()

    def resume(
        self, client: Client, received: int | None = None, token: bytes = b"token", receipt: int = 0
    ) -> Welcome | None:
        """The client opens a new connection and asks for its session: the Welcome, if it gets one.

        Args:
            client: Goes on at the new connection.
            received: What it says to have received; None: the truth.
            token: What it shows.
            receipt: What the frame that carries Hello confirms.
        """
        self._connections += 1
        client.connection = self._connections
        self.machine.connect(client.connection, "peer", f"s{client.connection}", b"token", self.now)
        resume = Resume(client.session, token, client.received if received is None else received)
        client.frame(Message(replace(HELLO, resume=resume), 1), received=receipt)
        welcome = client.answer(1)
        assert welcome is None or isinstance(welcome, Welcome)
        return welcome

    def advance(self, seconds: float) -> None:
        """Time passes, and the timer fires whenever it is due."""
        end = self.now + seconds
        while (due := self.machine.next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self.machine.tick(self.now)
            self.settle()
        self.now = end

    def settle(self) -> None:
        """Does what an engine does after each input."""
        effects = self.machine.effects
        self.logs.extend(log.event for log in effects.logs)
        effects.logs.clear()
        for close in effects.close:
            self.closed[close.connection] = close
        effects.close.clear()
        self.told.update((told.ask, told.result) for told in effects.told)
        effects.told.clear()
        if not self.hold:
            self.commit()

    def commit(self) -> None:
        """Commits what there is, and what that leads to."""
        effects = self.machine.effects
        while self._under_way is not None or effects.records or effects.reads:
            self.commit_once()
        self.told.update((told.ask, told.result) for told in effects.told)
        effects.told.clear()

    def commit_once(self) -> None:
        """Commits what there is, and reads what is wanted; what is under way comes first."""
        self.begin_commit()
        self.end_commit()

    def begin_commit(self) -> None:
        """A commit of what there is is under way, if none was; what comes from now on is for the next one."""
        effects = self.machine.effects
        if self._under_way is None and (effects.records or effects.reads):
            self._under_way = self.machine.seal(), effects.records.copy(), effects.reads.copy()
            effects.records.clear()
            effects.reads.clear()

    def end_commit(self) -> None:
        """What is under way is durable, and what was wanted is read."""
        if self._under_way is not None:
            (number, records, reads), self._under_way = self._under_way, None
            self.store.commit(records, self.opened.term)
            self.machine.committed(number, self.now)
            for read in reads:
                self.machine.found(read, look_up(self.store, read), self.now)

    def fail_commit(self, why: str = "disk full") -> None:
        """The commit that is under way fails, or that of what there is."""
        self.begin_commit()
        self._under_way = None
        self.machine.reload(self.store.load(self.opened.term), why, self.now)
        self.settle()

    def drain(self, timeout: float) -> None:
        """The broker is told to go."""
        self.machine.drain(timeout, "test", self.now)
        self.settle()

    @property
    def drained(self) -> str:
        """Why its drain is over; empty: it is not."""
        return self.machine.drain_is_over(self.now)

    @property
    def tables(self) -> dict[str, int]:
        """Entries by table."""
        return self.machine.tables()


def request(target: str, envelope: bytes = b"?", **fields: object) -> Request:
    """A request to `type/key`."""
    return Request(agent(target), envelope, **fields)  # type: ignore[arg-type]


def agent(text: str) -> AgentId:
    """`type/key` as an agent id."""
    agent_type, _, key = text.partition("/")
    return AgentId(agent_type, key)


def failed(body: Body | None, reason: Reason, **details: object) -> Error:
    """Asserts that the body is an Error with this reason and these details, and returns it."""
    assert isinstance(body, Error), body
    assert Reason(body.reason) is reason, body
    for key, value in details.items():
        assert body.details.get(key) == str(value), body
    return body


def done(body: Body | None) -> bool:
    """Whether the body is Done."""
    return isinstance(body, Done)


def bodies(messages: Sequence[Message], kind: type[B]) -> list[B]:
    """The bodies of this kind."""
    return [m.body for m in messages if isinstance(m.body, kind)]


def reply(worker: Client, call: int, envelope: bytes = b"!") -> None:
    """Answers a call that the worker was sent."""
    worker.say(Reply(envelope), re=call)
