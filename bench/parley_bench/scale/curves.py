"""The curves: what grows, how a broker comes to hold so much of it, and the work that is measured meanwhile."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from parley_bench.processes import BenchError
from parley_bench.scale.broker import Broker
from parley_bench.scale.load import Load, Make
from parley_bench.scale.session import Session
from parley_wire.v1 import broker_service_pb2 as wire

SIZE = 256
"""Of an envelope, in bytes."""
IN_FLIGHT = 512
AGENT_TYPE = "echo"
TYPES = 10
"""Agent types that subscriptions are for."""
SOURCES = 100
"""Sources of the topics that are published to: each is an agent per type."""
STRIDE = 7919
"""From one key to the next: a prime, so that neighbours in time are no neighbours in the tables."""
AT_ONCE = 50
"""Sessions that connect at the same time."""


class Curve(ABC):
    """One thing that grows.

    Attributes:
        id: of the curve in the results.
        title: for people.
        axis: what grows.
        unit: of the throughput.
        settings: of the brokers.
        in_memory: whether the brokers store nothing on disk.
        each: what one of them is called where its memory is told; empty: not told.
        warm_up: seconds of each round that do not count.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    axis: ClassVar[str]
    unit: ClassVar[str] = "calls/s"
    settings: ClassVar[Mapping[str, int]] = {}
    in_memory: ClassVar[bool] = True
    each: ClassVar[str] = ""
    warm_up: ClassVar[float] = 0.3

    @abstractmethod
    async def begin(self, broker: Broker) -> list[Session]:
        """Opens the first sessions and has them do a little work, before memory is looked at."""

    @abstractmethod
    async def grow(self, broker: Broker, sessions: list[Session], at: int) -> None:
        """Makes the broker hold `at` of what grows."""

    @abstractmethod
    def loads(self, sessions: list[Session], at: int) -> list[Load]:
        """Returns the work of one round."""


class Agents(Curve):
    """Calls to agents of one type, in no order, one after the other of all that there are."""

    id = "agents"
    title = "Agents that have a place"
    axis = "agents"
    each = "idle agent"
    settings: ClassVar[Mapping[str, int]] = {"max_agents": 2_000_000}

    async def begin(self, broker: Broker) -> list[Session]:
        """As Curve.begin."""
        host, caller = await Session.open(broker.address), await Session.open(broker.address)
        await host.ask(self.registration())
        await run(caller, 10 * IN_FLIGHT, lambda _: call("first"))
        return [host, caller]

    def registration(self) -> wire.Message:
        """How the host announces itself."""
        return register(AGENT_TYPE)

    async def grow(self, broker: Broker, sessions: list[Session], at: int) -> None:
        """As Curve.grow."""
        await run(sessions[1], at, lambda number: call(_key(number)))

    def loads(self, sessions: list[Session], at: int) -> list[Load]:
        """As Curve.loads."""
        return [Load(sessions[1], lambda number: call(_key(number * STRIDE % at)), IN_FLIGHT, SIZE)]


class KeepingAgents(Agents):
    """The same with agents that keep state."""

    id = "keeping-agents"
    title = "Agents that keep state"
    each = "idle agent that keeps state"
    in_memory = False

    def registration(self) -> wire.Message:
        """As Agents.registration."""
        return register(AGENT_TYPE, keeps_state=True, idle_timeout_ms=3_600_000)


class Subscriptions(Curve):
    """Ephemeral events, each with one recipient, over all the topics there are subscriptions for."""

    id = "subscriptions"
    title = "Durable subscriptions"
    axis = "subscriptions"
    unit = "events/s"
    each = "subscription"
    in_memory = False
    settings: ClassVar[Mapping[str, int]] = {"max_subscriptions": 200_000}

    async def begin(self, broker: Broker) -> list[Session]:
        """As Curve.begin."""
        host, publisher = await Session.open(broker.address), await Session.open(broker.address)
        for number in range(TYPES):
            await host.ask(register(f"{AGENT_TYPE}-{number}"))
        await host.ask(subscribe("first", f"{AGENT_TYPE}-0"))
        await run(publisher, 10 * IN_FLIGHT, lambda number: event("first", number))
        return [host, publisher]

    async def grow(self, broker: Broker, sessions: list[Session], at: int) -> None:
        """As Curve.grow."""

        def one(number: int) -> wire.Message:
            agent_type = f"{AGENT_TYPE}-{number % TYPES}"
            # One in ten is for a prefix, which no topic that is published to begins with.
            by_prefix = number % 10 == 9
            return subscribe(f"none-{number}", agent_type, 2) if by_prefix else subscribe(_topic(number), agent_type)

        await run(sessions[0], at, one, in_flight=100)

    def loads(self, sessions: list[Session], at: int) -> list[Load]:
        """As Curve.loads."""

        def one(number: int) -> wire.Message:
            chosen = number * STRIDE % at
            return event(_topic(chosen - (chosen % 10 == 9)), number)

        return [Load(sessions[1], one, IN_FLIGHT, SIZE)]


class Sessions(Curve):
    """Each session hosts an agent and calls another session's, with so many calls in flight."""

    id = "sessions"
    title = "Sessions, each of them with 16 calls in flight"
    axis = "sessions"
    each = "idle session"
    warm_up = 1.0
    in_flight = 16

    async def begin(self, broker: Broker) -> list[Session]:
        """As Curve.begin."""
        session = await Session.open(broker.address)
        await session.ask(register(AGENT_TYPE))
        await run(session, 10 * IN_FLIGHT, lambda _: call(_key(0)))
        return [session]

    async def grow(self, broker: Broker, sessions: list[Session], at: int) -> None:
        """As Curve.grow."""

        async def one() -> None:
            session = await Session.open(broker.address)
            sessions.append(session)
            await session.ask(register(AGENT_TYPE))

        while len(sessions) < at:
            await asyncio.gather(*(one() for _ in range(min(AT_ONCE, at - len(sessions)))))

    def loads(self, sessions: list[Session], at: int) -> list[Load]:
        """As Curve.loads."""
        return [
            Load(session, partial(_call_again, _key(number)), self.share(at), SIZE)
            for number, session in enumerate(sessions)
        ]

    def share(self, at: int) -> int:
        """How many calls each session has in flight."""
        return self.in_flight


class SharedSessions(Sessions):
    """The same number of calls in flight, however many sessions share them: the frames get smaller."""

    id = "shared-sessions"
    title = "Sessions that share 1,000 calls in flight"
    each = ""

    def share(self, at: int) -> int:
        """As Sessions.share."""
        return max(1, 1000 // at)


class Payload(Curve):
    """Calls with an envelope of this size, there and back."""

    id = "payload"
    title = "Payload, there and back"
    axis = "bytes"

    async def begin(self, broker: Broker) -> list[Session]:
        """As Curve.begin."""
        host, caller = await Session.open(broker.address), await Session.open(broker.address)
        await host.ask(register(AGENT_TYPE))
        return [host, caller]

    async def grow(self, broker: Broker, sessions: list[Session], at: int) -> None:
        """As Curve.grow."""
        await run(sessions[1], 64, lambda _: call("first"))

    def loads(self, sessions: list[Session], at: int) -> list[Load]:
        """As Curve.loads."""
        envelope = b"x" * at
        in_flight = max(1, min(64, 4 * 1024 * 1024 // at))
        return [Load(sessions[1], lambda _: call("first", envelope), in_flight, at)]


ENVELOPE = b"x" * SIZE


def register(agent_type: str, **more: int | bool) -> wire.Message:
    """Returns the command that announces a type."""
    return wire.Message(register_agent_type={"type": agent_type, "mode": 1, **more})


def subscribe(topic_type: str, agent_type: str, match: int = 1) -> wire.Message:
    """Returns the command that makes a durable subscription; `match` 1: exact, 2: by prefix."""
    one = {"topic_type": topic_type, "agent_type": agent_type, "match": match, "durable": True}
    return wire.Message(subscribe={"subscription": one})


def call(key: str, envelope: bytes = ENVELOPE) -> wire.Message:
    """Returns a call to the agent with this key."""
    return wire.Message(request={"target": {"type": AGENT_TYPE, "key": key}, "envelope": envelope})


def event(topic_type: str, number: int, *, stored: bool = False, sources: int = SOURCES) -> wire.Message:
    """Returns a publish on the topic, to the one of so many sources that has this number's turn."""
    topic = {"type": topic_type, "source": f"s{number % sources}"}
    return wire.Message(publish={"topic": topic, "envelope": ENVELOPE, "ephemeral": not stored})


async def run(session: Session, count: int, make: Make, in_flight: int = IN_FLIGHT) -> None:
    """Has the session send `count` messages, and waits until all are answered.

    Raises:
        BenchError: one of them was refused.
    """
    load = Load(session, make, in_flight, SIZE, count)
    load.start()
    await load.drained()
    session.check()
    if load.count != count:
        raise BenchError(f"{count - load.count} of {count} messages were not answered")


def _call_again(key: str, _number: int) -> wire.Message:
    return call(key)


def _key(number: int) -> str:
    return f"agent-{number:07}"


def _topic(number: int) -> str:
    return f"topic-{number:06}"


CURVES: tuple[Curve, ...] = (Subscriptions(), Agents(), KeepingAgents(), Sessions(), SharedSessions(), Payload())
