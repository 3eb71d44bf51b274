"""A session over connections that break anywhere: whatever is lost on the way, each message arrives once, in order."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley_broker.core.gateway.outgoing import UNNUMBERED
from parley_broker.core.messages import (
    Ack,
    AgentMode,
    Body,
    Delivery,
    Done,
    Frame,
    Hello,
    Message,
    Published,
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

from .harness import CREDIT, HELLO, Client, Core, request


class Wire:
    """One connection: frames on their way, in both directions. Broken, it delivers nothing more to the client."""

    def __init__(self, core: Core) -> None:
        self.number = core.connect().connection
        self.up: deque[Frame] = deque()
        self.down: deque[Frame] = deque()
        self.broken = False


class Lasting:
    """A client that resumes its session over new connections, and sends two messages more than it need again.

    It hosts agent type `lasting`, answers what it is asked with what it was sent, and acknowledges events.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._said: list[Message] = []
        self._confirmed = 0
        self._received = 0
        self._session = ""
        self._welcomed = False
        self._old: list[Wire] = []
        self._next_id = 1
        self.asked: list[bytes] = []
        self.told: list[bytes] = []
        self.outcomes: dict[int, Body] = {}
        self._wire = self._dial(HELLO)
        self.say(RegisterAgentType("lasting", AgentMode.STANDARD))
        self.say(Subscribe(Subscription(SubscriptionKey("t", TopicMatch.EXACT, "lasting"))))

    # What it does

    def say(self, body: Body, re: int = 0, wants_answer: bool = True) -> int:
        """Says one message, now or when it can: its id."""
        self._next_id += wants_answer
        message_id = self._next_id if wants_answer else 0
        self._said.append(Message(body, message_id, re))
        if self._welcomed:
            self._send(len(self._said))
        return message_id

    def write_again(self, amount: int) -> None:
        """Sends the last messages again, which changes nothing."""
        if self._welcomed:
            self._send(len(self._said) - amount)

    def dial(self) -> None:
        """Gives its connection up, whatever the broker thinks of it, and opens a new one."""
        self._wire.broken = True
        self._old.append(self._wire)
        self._welcomed = False
        self._wire = self._dial(replace(HELLO, resume=Resume(self._session, b"token", self._received)))

    # What the network does

    def carry_up(self, amount: int) -> None:
        """The broker reads so many frames, of old connections too."""
        for wire in (*self._old, self._wire):
            for _ in range(min(amount, len(wire.up))):
                self._core.machine.receive(wire.number, wire.up.popleft(), self._core.now)
                self._core.settle()

    def carry_down(self, amount: int) -> None:
        """The broker writes so many frames, and the client reads as many."""
        self.write(amount)
        wire = self._wire
        for _ in range(min(amount, len(wire.down))):
            self._read(wire.down.popleft())
        for old in self._old:
            self._core.machine.take(old.number, self._core.now)

    def write(self, amount: int) -> None:
        """The broker writes so many frames, which stay on their way."""
        for _ in range(amount):
            frame = self._core.machine.take(self._wire.number, self._core.now)
            if frame is None:
                return
            self._wire.down.append(frame)

    def cut(self) -> None:
        """The connection breaks for both, with what was on its way."""
        self._core.machine.disconnect(self._wire.number, "cut", self._core.now)
        self._core.settle()
        self.dial()
        self._old.pop()

    # Inside

    def _dial(self, hello: Hello) -> Wire:
        wire = Wire(self._core)
        self._session = self._session or f"s{wire.number}"
        wire.up.append(Frame(0, 0, CREDIT, CREDIT, [Message(hello, 1)]))
        return wire

    def _send(self, first: int) -> None:
        first = max(1, first)
        self._wire.up.append(Frame(first, self._received, CREDIT, CREDIT, self._said[first - 1 :]))

    def _read(self, frame: Frame) -> None:
        assert self._confirmed <= frame.received <= len(self._said)
        self._confirmed = frame.received
        number = frame.first_seq
        for message in frame.messages:
            if message.body.KIND in UNNUMBERED:
                if isinstance(message.body, Welcome):
                    self._welcome(message.body)
                continue
            assert number == self._received + 1, "each number once, in order"
            self._received = number
            number += 1
            self._hear(message)

    def _welcome(self, welcome: Welcome) -> None:
        assert welcome.session_id == self._session
        assert welcome.resumed == bool(self._received or self._old or welcome.received)
        self._welcomed = True
        self._send(welcome.received - 1)

    def _hear(self, message: Message) -> None:
        body = message.body
        if isinstance(body, Request):
            self.asked.append(body.envelope)
            self.say(Reply(body.envelope), re=message.id, wants_answer=False)
        elif isinstance(body, Delivery):
            self.told.append(body.envelope)
            self.say(Ack(body.recipient, body.epoch, body.position, body.round))
        elif message.re:
            assert message.re not in self.outcomes, "one answer"
            self.outcomes[message.re] = body
        elif message.id:
            self.say(Done(), re=message.id, wants_answer=False)


PATIENT = Policy(
    session_grace=1e6, suspect_limit=1e6, hello_timeout=1e6, default_call_timeout=1e6, max_call_timeout=1e6
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ask it", "tell it", "it asks", "carry up", "carry down", "write", "again", "cut", "dial", "wait"]
        ),
        st.integers(1, 4),
    ),
    min_size=25,
    max_size=100,
)


@settings(max_examples=80)
@given(STEPS)
def test_each_message_once_in_order(steps: list[tuple[str, int]]) -> None:
    core = Core(PATIENT)
    steady = core.client()
    steady.host("steady")
    lasting = Lasting(core)
    carry(lasting, steady, 20)
    asked: dict[int, bytes] = {}
    asks: dict[int, bytes] = {}
    told: list[bytes] = []
    served: list[bytes] = []
    for number, (step, amount) in enumerate(steps):
        name = b"%d" % number
        if step == "ask it":
            asked[steady.command(request("lasting/k", name))] = name
        elif step == "tell it":
            told.append(name)
            assert steady.publish("t/k", name) == Published(1)
        elif step == "it asks":
            for part in range(amount):
                text = name + b".%d" % part
                asks[lasting.say(request("steady/k", text))] = text
        elif step == "carry up":
            lasting.carry_up(amount)
        elif step == "carry down":
            lasting.carry_down(amount)
        elif step == "write":
            lasting.write(amount)
        elif step == "again":
            lasting.write_again(amount)
        elif step == "cut":
            lasting.cut()
        elif step == "dial":
            lasting.dial()
        else:
            core.advance(0.5 * amount)
            steady.frame()
        served += serve(steady)
    for _ in range(3):
        lasting.cut()
        carry(lasting, steady, 20, served)
    assert served == list(asks.values()), "what it said came once, in order"
    assert {n: lasting.outcomes.get(n) for n in asks} == {n: Reply(name) for n, name in asks.items()}
    assert lasting.asked == list(asked.values()), "what it was asked came once, in order"
    assert {n: steady.answer(n) for n in asked} == {n: Reply(name) for n, name in asked.items()}
    assert lasting.told == told, "and so did what it was told"
    tables = core.tables
    assert (tables["calls"], tables["deliveries"], tables["events"], tables["sessions"]) == (0, 0, 0, 2)
    assert tables["connections"] <= 2 + sum(step == "dial" for step, _ in steps)


def serve(steady: Client) -> list[bytes]:
    """Answers what the steady client is asked, and returns it."""
    served = []
    for call, body in steady.take(Request):
        served.append(body.envelope)
        steady.say(Reply(body.envelope), re=call)
    return served


def carry(lasting: Lasting, steady: Client, rounds: int, served: list[bytes] | None = None) -> None:
    """Everything arrives."""
    for _ in range(rounds):
        lasting.carry_up(1000)
        lasting.carry_down(1000)
        if served is not None:
            served += serve(steady)


@pytest.mark.parametrize("cuts", [50])
def test_fifty_cuts_leave_nothing_behind(cuts: int) -> None:
    core = Core()
    steady = core.client()
    steady.host("steady")
    lasting = Lasting(core)
    carry(lasting, steady, 5)
    served: list[bytes] = []
    for number in range(cuts):
        lasting.say(request("steady/k", b"%d" % number))
        lasting.carry_up(number % 3)
        lasting.write(number % 2)
        lasting.cut()
        served += serve(steady)
    carry(lasting, steady, 5, served)
    assert served == [b"%d" % n for n in range(cuts)]
    assert len(lasting.outcomes) == cuts + 2
    lasting.cut()
    carry(lasting, steady, 2)
    steady.read()
    steady.frame()
    assert core.tables["kept_messages"] == core.tables["outgoing_messages"] == 0
    assert core.tables["connections"] == 2
