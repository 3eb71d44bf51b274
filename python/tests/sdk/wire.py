"""Messages and an agent for the tests against the scripted broker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from parley import MessageContext, RoutedAgent, event, rpc
from parley_wire.v1 import agent_pb2, call_pb2, delivery_pb2, envelope_pb2, errors_pb2

from .conftest import Connected, connect
from .scripted import Message, ScriptedBroker

EPOCH = 7 << 32
AGENT = envelope_pb2.AgentId(type="a", key="k")


@dataclass
class Ping:
    n: int


@dataclass
class Pong:
    n: int


class Ponger(RoutedAgent):
    """Answers, and counts what it is asked; waits at its gate if it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.told: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.tokens: list[Any] = []

    @rpc
    async def ping(self, message: Ping, ctx: MessageContext) -> Pong:
        self.calls += 1
        self.tokens.append(ctx.cancellation_token)
        await self.gate.wait()
        return Pong(message.n)

    @event
    async def hear(self, message: Ping, ctx: MessageContext) -> None:
        self.told.append(message.n)
        await self.gate.wait()
        if message.n < 0:
            raise ValueError("negative")


def envelope(type_name: str, data: bytes, content_type: str = "application/json", message_id: str = "m") -> bytes:
    payload = envelope_pb2.Payload(type_name=type_name, content_type=content_type, data=data)
    return envelope_pb2.Envelope(payload=payload, message_id=message_id).SerializeToString()


PONG = call_pb2.Reply(envelope=envelope("Pong", b'{"n":1}'))


def request(id: int, n: int = 1, **fields: Any) -> Message:
    known: dict[str, Any] = {
        "target": AGENT,
        "epoch": EPOCH,
        "timeout_ms": 5000,
        "attempt": 1,
        "envelope": envelope("Ping", b'{"n":%d}' % n),
    }
    return Message(id=id, request=call_pb2.Request(**{**known, **fields}))


def delivery(position: int, n: int = 1, **fields: Any) -> Message:
    known: dict[str, Any] = {
        "recipient": AGENT,
        "epoch": EPOCH,
        "position": position,
        "round": 1,
        "attempt": 1,
        "topic": envelope_pb2.TopicId(type="t", source="k"),
        "envelope": envelope("Ping", b'{"n":%d}' % n),
    }
    return Message(delivery=delivery_pb2.Delivery(**{**known, **fields}))


async def host_agent(connected: Connected, cls: type[Any]) -> Any:
    """Registers `a`, activates a/k and returns the agent."""
    agent = cls()
    await cls.register(connected.runtime, "a", lambda: agent, skip_direct_message_subscription=True)
    starting = asyncio.ensure_future(connected.runtime.start())
    connected.peer.done(await connected.peer.expect("register_agent_type"))
    await starting
    connected.peer.send(Message(id=1000, activate=agent_pb2.Activate(agent=AGENT, epoch=EPOCH)))
    assert (await connected.peer.expect("done")).re == 1000
    return agent


def reason(message: Message) -> str:
    """The reason of an error, without its prefix."""
    return errors_pb2.ErrorReason.Name(message.error.reason).removeprefix("ERROR_REASON_")


async def ready(scripted: ScriptedBroker, **options: Any) -> tuple[Connected, Any]:
    """A runtime that hosts a/k, a Ponger."""
    connected = await connect(scripted, **options)
    return connected, await host_agent(connected, Ponger)
