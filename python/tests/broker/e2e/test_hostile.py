"""What no SDK sends: that command fails, or that connection, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random

import grpc
import pytest
import pytest_asyncio

from broker.peer import PATIENCE, Peer, message, request, topic
from broker.process import BrokerProcess
from parley_wire.v1 import admin_service_pb2
from parley_wire.v1 import broker_service_pb2 as wire

from .test_calls import reason

OpenPeer = Callable[[], Peer]
MIB = 1 << 20


@pytest_asyncio.fixture
async def bystander(open_peer: OpenPeer) -> AsyncIterator[None]:
    """Somebody whose calls work before and afterwards."""
    peer = open_peer()
    await peer.hello()
    await peer.register("bystander")

    async def call() -> None:
        await peer.say(message(peer.next_id + 1, request=request("bystander/k")))
        peer.next_id += 1
        mine = peer.next_id
        asked = await peer.hear_kind("request")
        await peer.say(message(re=asked.id, reply={"envelope": b"ok"}))
        assert (await peer.hear(lambda m: m.re == mine)).reply.envelope == b"ok"

    await call()
    yield
    await call()


async def status(broker: BrokerProcess) -> admin_service_pb2.GetStatusResponse:
    """What GetStatus says."""
    async with grpc.aio.insecure_channel(broker.address) as channel:
        get_status = channel.unary_unary(
            "/parley.v1.AdminService/GetStatus",
            request_serializer=admin_service_pb2.GetStatusRequest.SerializeToString,
            response_deserializer=admin_service_pb2.GetStatusResponse.FromString,
        )
        return await get_status(admin_service_pb2.GetStatusRequest())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "garbage",
    [b"\xff" * 50, b"\x2a\x05ab", b"\x00", b"\x6cgroup's end", *(Random(n).randbytes(2000) for n in range(3))],
    ids=["ones", "cut", "zero", "group", "random0", "random1", "random2"],
)
async def test_bytes_that_are_no_frame_end_the_connection(open_peer: OpenPeer, bystander: None, garbage: bytes) -> None:
    for begun in (False, True):
        peer = open_peer()
        if begun:
            await peer.hello()
        await peer.write(garbage)
        ended = await peer.end()
        assert ended.code is grpc.StatusCode.INVALID_ARGUMENT
        assert "Frame" in ended.text


async def test_a_frame_of_a_million_empty_messages_ends_the_connection(open_peer: OpenPeer, bystander: None) -> None:
    peer = open_peer()
    await peer.hello()
    await peer.write(b"\x2a\x00" * 1_000_000)
    ended = await peer.end()
    assert (ended.code, "65536 messages" in ended.text) == (grpc.StatusCode.INVALID_ARGUMENT, True)


async def test_a_gap_in_the_numbers_ends_the_connection(open_peer: OpenPeer, bystander: None) -> None:
    peer = open_peer()
    await peer.hello()
    await peer.say(message(5, list_subscriptions={}), first_seq=3)
    ended = await peer.end()
    assert ended.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "first_seq is 3" in ended.text
    assert "number 1" in ended.text


async def test_a_repeated_number_is_dropped(open_peer: OpenPeer) -> None:
    peer = open_peer()
    await peer.hello()
    await peer.say(message(5, list_subscriptions={}))
    await peer.say(message(6, list_subscriptions={}), message(7, list_subscriptions={}), first_seq=1)
    answers = [(await peer.hear_kind("subscription_list")).re for _ in range(2)]
    assert answers == [5, 7]


async def test_a_receipt_for_what_was_never_sent_ends_the_connection(open_peer: OpenPeer) -> None:
    peer = open_peer()
    await peer.hello()
    await peer.say(received=5)
    assert (await peer.end()).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_command_before_hello_ends_the_connection(open_peer: OpenPeer, bystander: None) -> None:
    peer = open_peer()
    await peer.say(message(1, list_subscriptions={}))
    assert (await peer.end()).code is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_second_hello_ends_the_connection(open_peer: OpenPeer) -> None:
    peer = open_peer()
    await peer.hello()
    await peer.say(message(2, hello={"min_version": 1, "max_version": 1, "producer_id": "x"}))
    assert (await peer.end()).code is grpc.StatusCode.FAILED_PRECONDITION


async def test_no_common_version_is_answered_and_ends_the_connection(open_peer: OpenPeer) -> None:
    peer = open_peer()
    answer = await peer.hello(min_version=2, max_version=9)
    assert reason(answer) == "PROTOCOL_VERSION_UNSUPPORTED"
    assert dict(answer.error.details) == {"client_min": "2", "client_max": "9", "broker_min": "1", "broker_max": "1"}
    assert (await peer.end()).code is grpc.StatusCode.FAILED_PRECONDITION


async def test_an_outstanding_id_used_again_ends_the_connection(open_peer: OpenPeer, bystander: None) -> None:
    peer = open_peer()
    await peer.hello()
    await peer.register("forever")
    await peer.say(message(7, request=request("forever/k")))
    await peer.say(message(7, list_subscriptions={}))
    assert (await peer.end()).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_unknown_kind_is_answered(open_peer: OpenPeer) -> None:
    peer = open_peer()
    await peer.hello()
    unknown = wire.Message.FromString(wire.Message(id=5).SerializeToString() + b"\xa2\x06\x00")
    await peer.say(unknown)
    answer = await peer.hear(lambda m: m.re == 5)
    assert (reason(answer), answer.error.details["kind"]) == ("INVALID_ARGUMENT", "100")


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ({"request": request("bad type/k")}, "target.type"),
        ({"request": request("ok/")}, "target.key"),
        ({"request": request("ok/a\nb")}, "target.key"),
        ({"request": request("ok/" + "k" * 1025)}, "target.key"),
        ({"publish": {"topic": topic("bad/type".replace("/", " ") + "/s")}}, "topic.type"),
        ({"publish": {"topic": topic("ok/" + "\x85")}}, "topic.source"),
        ({"register_agent_type": {"type": "t" * 256}}, "type"),
        ({"subscribe": {"subscription": {"topic_type": "ok", "match": 0, "agent_type": "a"}}}, "subscription.match"),
        ({"subscribe": {"subscription": {"topic_type": "", "match": 2, "agent_type": "a"}}}, "subscription.topic_type"),
    ],
)
async def test_a_malformed_id_fails_its_command(open_peer: OpenPeer, kind: dict[str, object], field: str) -> None:
    peer = open_peer()
    await peer.hello()
    answer = await peer.command(**kind)
    assert (reason(answer), answer.error.details["field"]) == ("INVALID_ARGUMENT", field)
    assert (await peer.command(list_subscriptions={})).HasField("subscription_list")


async def test_an_oversize_envelope_fails_its_command(open_peer: OpenPeer, bystander: None) -> None:
    peer = open_peer()
    await peer.hello()
    for kind in ({"request": request("x/k", b"x" * (MIB + 1))},
                 {"publish": {"topic": topic("x/k"), "envelope": b"x" * (MIB + 1)}}):  # fmt: skip
        answer = await peer.command(**kind)
        assert reason(answer) == "PAYLOAD_TOO_LARGE"
        assert dict(answer.error.details) == {"size": str(MIB + 1), "limit": str(MIB)}


async def test_an_oversize_reply_fails_its_call(open_peer: OpenPeer) -> None:
    peer = open_peer()
    await peer.hello()
    await peer.register("verbose")
    await peer.say(message(7, request=request("verbose/k")))
    asked = await peer.hear_kind("request")
    await peer.say(message(re=asked.id, reply={"envelope": b"x" * (MIB + 1)}))
    answer = await peer.hear(lambda m: m.re == 7)
    assert reason(answer) == "PAYLOAD_TOO_LARGE"
    assert answer.error.may_have_run


async def test_a_forged_sender_is_denied(open_peer: OpenPeer) -> None:
    victim, forger = open_peer(), open_peer()
    await victim.hello()
    await forger.hello()
    await victim.register("victim", pinned_keys=["k"])
    forged = {"sender": {"type": "victim", "key": "k"}}
    for kind in ({"request": request("victim/k", **forged)}, {"publish": {"topic": topic("x/k"), **forged}}):
        answer = await forger.command(**kind)
        assert (reason(answer), answer.error.details["sender"]) == ("PERMISSION_DENIED", "victim/k")
    assert (await victim.command(publish={"topic": topic("x/k"), **forged})).HasField("published")


async def test_another_session_s_call_cannot_be_answered(open_peer: OpenPeer) -> None:
    worker, caller, forger = open_peer(), open_peer(), open_peer()
    for peer in (worker, caller, forger):
        await peer.hello()
    await worker.register("private")
    await caller.say(message(7, request=request("private/k")))
    asked = await worker.hear_kind("request")
    await forger.say(message(re=asked.id, reply={"envelope": b"forged"}))
    await forger.command(list_subscriptions={})
    await worker.say(message(re=asked.id, reply={"envelope": b"true"}))
    assert (await caller.hear(lambda m: m.re == 7)).reply.envelope == b"true"


async def test_subscriptions_over_the_limit_are_refused(
    open_peer: OpenPeer, bystander: None, broker: BrokerProcess
) -> None:
    peer = open_peer()
    await peer.hello()
    before = (await status(broker)).memory_bytes
    total, frame = 100_000, 500

    async def flood() -> None:
        for first in range(0, total, frame):
            await peer.say(
                *(
                    message(
                        n + 1000,
                        subscribe={
                            "subscription": {"topic_type": f"t{n}", "match": 1, "agent_type": "a", "durable": False}
                        },
                    )
                    for n in range(first, first + frame)
                )
            )

    flooding = asyncio.ensure_future(flood())
    done = refused = 0
    async with asyncio.timeout(10 * PATIENCE):
        while done + refused < total:
            for answer in (await peer.read()).messages:
                done += answer.HasField("done")
                refused += answer.HasField("error") and reason(answer) == "RESOURCE_EXHAUSTED"
            peer.inbox.clear()
    await flooding
    assert (done, refused) == (10_000, 90_000)
    assert (await status(broker)).memory_bytes - before < 100 * MIB
    await peer.close()
    await until_tables(broker, subscriptions=0)


async def test_a_peer_that_never_reads_is_cut(open_peer: OpenPeer, bystander: None, broker: BrokerProcess) -> None:
    worker, deaf = open_peer(), open_peer()
    await worker.hello()
    await deaf.hello()
    await worker.register("source")
    before = (await status(broker)).memory_bytes
    envelope = b"x" * MIB
    count = 100
    await deaf.say(*(message(n, request=request("source/k")) for n in range(1, count + 1)))
    for _ in range(count):
        asked = await worker.hear_kind("request")
        await worker.say(message(re=asked.id, reply={"envelope": envelope}))
    await until_tables(broker, sessions=2)
    assert (await status(broker)).memory_bytes - before < 150 * MIB
    ended = await deaf.end()
    assert ended.code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED)


async def test_the_tables_are_empty_when_everybody_has_gone(open_peer: OpenPeer, broker: BrokerProcess) -> None:
    await until_tables(broker, sessions=0)
    worker, caller = open_peer(), open_peer()
    await worker.hello()
    await caller.hello()
    await worker.register("busy")
    await caller.say(*(message(n, request=request(f"busy/{n % 7}", timeout_ms=60_000)) for n in range(1, 501)))
    await caller.command(request=request("nobody/k", wait_for_ready=True, timeout_ms=1))
    tables = (await status(broker)).tables
    assert tables["calls"] == 500
    assert tables["agents"] == 7
    await worker.close()
    await caller.close()
    await until_tables(broker, sessions=0, connections=0, calls=0, agents=0, commands=0, placed_calls=0)


async def until_tables(broker: BrokerProcess, **expected: int) -> None:
    """Waits until the tables have these numbers of entries."""
    found: dict[str, int] = {}
    async with asyncio.timeout(PATIENCE):
        while found != expected:
            tables = (await status(broker)).tables
            found = {name: tables[name] for name in expected}
