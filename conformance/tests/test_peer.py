from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from conftest import contract

from parley_conformance import wire
from parley_conformance.broker_case import Table
from parley_conformance.journal import Journal
from parley_conformance.model import Failed
from parley_conformance.peer import Habits, Peer
from parley_wire.v1 import broker_service_pb2 as pb

Script = Callable[[Any], Awaitable[None]]


class OddBroker:
    """A server that says what a script says."""

    def __init__(self) -> None:
        self.script: Script = self.welcomes
        self.heard: list[pb.Frame] = []

    async def welcomes(self, context: Any) -> None:
        await self.say(context, {"re": 1, "welcome": {"version": 1, "heartbeat_interval_ms": 60_000}}, credit=10)

    async def say(self, context: Any, *plains: dict[str, Any], first_seq: int = 0, credit: int = 0) -> None:
        frame = pb.Frame(messages=[wire.message(p) for p in plains], first_seq=first_seq, credit_messages=credit)
        frame.credit_bytes = credit * 1000
        await context.write(frame)

    async def connect(self, requests: AsyncIterator[pb.Frame], context: Any) -> None:
        frames = aiter(requests)
        self.heard.append(await anext(frames))
        await self.script(context)
        async for frame in frames:
            self.heard.append(frame)


@pytest_asyncio.fixture
async def odd() -> AsyncIterator[tuple[OddBroker, Peer]]:
    broker = OddBroker()
    handler = grpc.stream_stream_rpc_method_handler(
        broker.connect, request_deserializer=pb.Frame.FromString, response_serializer=pb.Frame.SerializeToString
    )
    service, method = wire.CONNECT[1:].split("/")
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    peer = await Peer.connect(f"grpc://127.0.0.1:{port}", "a", Habits(), contract(), Journal())
    yield broker, peer
    await peer.close()
    await server.stop(None)


async def test_what_a_broken_broker_breaks_is_noticed(odd: tuple[OddBroker, Peer]) -> None:
    broker, peer = odd

    async def script(context: Any) -> None:
        await broker.welcomes(context)
        await broker.say(context, {"re": 77, "done": {}}, first_seq=5)

    broker.script = script
    await peer.hello()
    await peer.get({"re": 77})
    assert [v.rule for v in peer.violations] == ["SES-7", "MSG-3"]


@pytest.mark.parametrize("mute", [False, True])
async def test_the_habits_of_a_client(odd: tuple[OddBroker, Peer], mute: bool) -> None:
    broker, peer = odd

    async def script(context: Any) -> None:
        await broker.welcomes(context)
        await broker.say(context, {"id": 3, "heartbeat": {}}, {"id": 4, "activate": {"agent": "a/b"}}, first_seq=1)

    broker.script = script
    if mute:
        peer.mute()
    await peer.hello()
    await peer.get({"activate": {"agent": "a/b"}})
    answers = [{"re": 4, "done": {}}] if mute else [{"re": 3, "heartbeat": {}}, {"re": 4, "done": {}}]
    async with asyncio.timeout(5):
        while sum(len(f.messages) for f in broker.heard) <= len(answers):  # noqa: ASYNC110 - gRPC's server fills the list
            await asyncio.sleep(0)
    said = [wire.plain(m) for f in broker.heard for m in f.messages]
    assert said[1:] == answers
    assert broker.heard[0].credit_messages == Habits().credit_messages
    assert broker.heard[-1].first_seq == 1


async def test_it_waits_for_credit_unless_it_is_greedy(odd: tuple[OddBroker, Peer]) -> None:
    _, peer = odd
    await peer.hello()
    publish = {"publish": {"topic": "t/s", "envelope": "e"}}
    for _ in range(10):
        await peer.start(publish)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await peer.start(publish)


async def test_an_answer_that_does_not_come_is_a_failure_that_says_what_was_there(odd: tuple[OddBroker, Peer]) -> None:
    broker, peer = odd

    async def script(context: Any) -> None:
        await broker.welcomes(context)
        await broker.say(context, {"drain": {"reason": "tired"}}, first_seq=1)

    broker.script = script
    await peer.hello()
    await peer.get({"drain": {"reason": {"$contains": "tir"}}})
    with pytest.raises(Failed, match=r"expected \{'re': 2\} within 50 ms; nothing was there"):
        await peer.answer_to(2, within_ms=50)
    assert await peer.look({"drain": {}}, 10) is None


async def test_the_end_of_the_connection(odd: tuple[OddBroker, Peer]) -> None:
    broker, peer = odd

    async def script(context: Any) -> None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "that is no frame")

    broker.script = script
    await peer.write_bytes(b"\x07")
    # This server's own parser ends it, or the script: both name a status.
    code, _ = await peer.ended()
    assert code != "OK"
    assert not peer.connected
    with pytest.raises(Failed, match="the connection ended"):
        await peer.hello()


async def test_many_commands_are_counted(table: Table) -> None:
    peer = await table.seat("a")
    peer.tally = Counter()
    await peer.write_many([wire.message({"id": 1000 + n, "list_subscriptions": {}}) for n in range(300)])
    assert await peer.tallied(300, 5_000) == {"subscription_list": 300}
    with pytest.raises(Failed, match="300 of 301 answers"):
        await peer.tallied(301, 50)
    peer.tally = None
    await peer.prove()
    assert peer.violations == []


async def test_a_deaf_peer_hears_later(table: Table) -> None:
    peer = await table.seat("a")
    await peer.fence()
    peer.deafen()
    # One read was under way already.
    ids = [await peer.start({"list_subscriptions": {}}) for _ in range(20)]
    assert await peer.look({"re": ids[-1]}, 200) is None
    peer.hear()
    await peer.answer_to(ids[-1])


async def test_a_session_is_resumed_and_what_was_said_meanwhile_is_sent(table: Table) -> None:
    peer = await table.seat("a")
    await peer.do({"list_subscriptions": {}})
    session = peer.welcome["session_id"]
    await peer.cut()
    waiting = await peer.start({"list_subscriptions": {}})
    assert (await peer.resume(table.broker.address))["welcome"]["resumed"]
    assert peer.welcome["session_id"] == session
    await peer.answer_to(waiting)
    # The older connection ends by the broker's word, the newest goes on.
    await peer.resume(table.broker.address)
    assert peer.older is not None
    assert (await peer.older.ended())[0] == "ABORTED"
    await peer.prove()
    assert peer.violations == []


async def test_a_new_session_begins_anew(table: Table) -> None:
    peer = await table.seat("a")
    await peer.cut()
    answer = await peer.resume(table.broker.address, resume={"session_id": "another"})
    assert "resumed" not in answer["welcome"]
    await peer.prove()
    assert peer.violations == []
