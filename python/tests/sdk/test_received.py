"""Calls that the broker dispatched: how each is answered."""

from __future__ import annotations

from typing import Any

import pytest

from parley import MessageContext, rpc
from parley_wire.v1 import envelope_pb2, session_pb2

from .conftest import close, connect
from .scripted import ScriptedBroker
from .wire import EPOCH, Ping, Pong, Ponger, envelope, host_agent, ready, reason, request


async def test_a_reply(scripted: ScriptedBroker) -> None:
    connected, _ = await ready(scripted)
    connected.peer.send(request(5, 9))
    reply = await connected.peer.expect("reply")
    assert reply.re == 5
    assert reply.id == 0
    sent = envelope_pb2.Envelope.FromString(reply.reply.envelope)
    assert sent.message_id
    assert (sent.payload.type_name, sent.payload.content_type, sent.payload.data) == (
        *("Pong", "application/json", b'{"n":9}'),
    )
    await close(connected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"envelope": envelope("Nobody", b"{}")}, "UNKNOWN_MESSAGE_TYPE"),
        ({"envelope": envelope("Ping", b"{}", "application/xml")}, "UNKNOWN_MESSAGE_TYPE"),
        ({"envelope": envelope("Pong", b'{"n":1}')}, "UNHANDLED_MESSAGE"),
        ({"envelope": envelope("Ping", b"{}")}, "MALFORMED_PAYLOAD"),
        ({"envelope": envelope("Ping", b"no json")}, "MALFORMED_PAYLOAD"),
        ({"envelope": b"\xff\xff"}, "MALFORMED_PAYLOAD"),
        ({"envelope": b""}, "MALFORMED_PAYLOAD"),
        ({"epoch": EPOCH - 1}, "ACTIVATION_FAILED"),
        ({"target": envelope_pb2.AgentId(type="a", key="elsewhere")}, "ACTIVATION_FAILED"),
        ({"target": envelope_pb2.AgentId(type="b", key="k")}, "ACTIVATION_FAILED"),
        ({"target": envelope_pb2.AgentId(type="a b", key="k")}, "INVALID_ARGUMENT"),
        ({"sender": envelope_pb2.AgentId(type="a", key="")}, "INVALID_ARGUMENT"),
        ({"call_chain": [envelope_pb2.AgentId()]}, "INVALID_ARGUMENT"),
    ],
)
async def test_requests_that_fail(scripted: ScriptedBroker, fields: dict[str, Any], expected: str) -> None:
    connected, agent = await ready(scripted)
    connected.peer.send(request(5, **fields))
    answer = await connected.peer.expect("error")
    assert answer.re == 5
    assert reason(answer) == expected
    assert not answer.error.may_have_run
    if expected in ("UNKNOWN_MESSAGE_TYPE", "UNHANDLED_MESSAGE"):
        assert answer.error.details["type_name"]
        assert "Ping" in answer.error.details["understood"]
    connected.peer.send(request(6))
    assert (await connected.peer.expect("reply")).re == 6  # and the next one is served
    assert agent.calls == 1
    await close(connected)


class Odd(Ponger):
    @rpc(strict=False)
    async def ping(self, message: Ping, ctx: MessageContext) -> Any:
        return {1: object(), 2: Pong("x"), 3: float("nan"), 4: Pong(2**70), 5: Large("x" * 2000)}[message.n]  # type: ignore[arg-type]


class Large(Pong):
    pass


async def test_results_that_cannot_be_encoded(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"limits": session_pb2.Limits(max_envelope_bytes=1000)})
    await host_agent(connected, Odd)
    for number in (1, 2, 3, 4):
        connected.peer.send(request(number, number))
        answer = await connected.peer.expect("error")
        assert (answer.re, reason(answer)) == (number, "HANDLER_FAILED")
        assert answer.error.may_have_run
    await close(connected)


async def test_a_reply_over_the_limit(scripted: ScriptedBroker) -> None:
    class Big(Ponger):
        @rpc
        async def ping(self, message: Ping, ctx: MessageContext) -> Pong:
            return Pong(10**17)

    connected = await connect(scripted, welcome={"limits": session_pb2.Limits(max_envelope_bytes=40)})
    await host_agent(connected, Big)
    connected.peer.send(request(1))
    answer = await connected.peer.expect("error")
    assert reason(answer) == "PAYLOAD_TOO_LARGE"
    assert answer.error.may_have_run
    assert answer.error.details["limit"] == "40"
    assert int(answer.error.details["size"]) > 40
    await close(connected)
