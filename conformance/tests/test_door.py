"""A door between a scripted peer and the reference broker: what is written down and what is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from conftest import contract

from parley_conformance.broker_case import Table
from parley_conformance.faults import armed
from parley_conformance.journal import Journal
from parley_conformance.peer import Habits, Peer
from parley_conformance.recorder import Recorder
from parley_wire.v1 import admin_service_pb2

PROBE = {"type": "probe_v1", "data": '{"label": "c1"}'}


class Set:
    """A worker at the table, and a caller behind the recorder."""

    def __init__(self, table: Table, recorder: Recorder, peer: Peer) -> None:
        self.table = table
        self.recorder = recorder
        self.peer = peer

    async def arm(self, do: str, item: str = "", direction: str = "down", **more: Any) -> None:
        matching = {"item": item, "dir": direction} if item else {}
        await self.recorder.arm(armed({"id": do, "at": "a", "do": do, **matching, **more}))

    async def list(self) -> int:
        return await self.peer.start({"list_subscriptions": {}})

    def kinds(self, said: list[Any]) -> list[str]:
        return [f"{one.direction} {one.kind} {one.number}" for one in said if one.kind != "heartbeat"]


@pytest_asyncio.fixture
async def scene(table: Table) -> AsyncIterator[Set]:
    recorder = Recorder(lambda: table.broker.address, Journal())
    peer = await Peer.connect(await recorder.door("a"), "a", Habits(heartbeats=False), contract(), Journal())
    assert "welcome" in await peer.hello()
    yield Set(table, recorder, peer)
    await peer.close()
    await recorder.close()


async def test_untouched_it_passes_everything_on_and_writes_it_down(scene: Set) -> None:
    worker = await scene.table.seat("w", {"hosts": {"probe": {}}})
    call = await scene.peer.start({"request": {"target": "probe/k", "envelope": PROBE}})
    request = await worker.get({"request": {}})
    await worker.send({"re": request["id"], "reply": {"envelope": "hi"}})
    await scene.peer.answer_to(call)
    await scene.peer.prove()
    assert scene.peer.violations == []
    assert scene.kinds(scene.recorder.record.came) == [
        *["up hello 0", "down welcome 0", "up request 1", "down reply 1"],
        *["up list_subscriptions 2", "down subscription_list 2"],
    ]
    assert [one.label for one in scene.recorder.record.came[2:4]] == ["c1", "c1"]
    assert scene.recorder.record.went == scene.recorder.record.came
    assert "'reply'" in "".join(scene.recorder.journal.lines())


async def test_how_a_connection_ends_is_passed_on(scene: Set) -> None:
    await scene.peer.write_bytes(b"\x07")
    code, text = await scene.peer.ended()
    assert code == "INVALID_ARGUMENT"
    assert text


async def test_a_party_that_goes_is_gone_for_the_broker(scene: Set) -> None:
    await scene.peer.do({"register_agent_type": {"type": "brief", "mode": "STANDARD"}})
    await scene.peer.close()
    other = await scene.table.seat("other")
    # Its type has no host any more once its session is lost.
    for _ in range(100):
        answer = await other.ask({"request": {"target": "brief/k", "timeout_ms": 50, "envelope": "there?"}})
        if answer["error"]["reason"] == "DEADLINE_EXCEEDED" and not answer["error"].get("may_have_run"):
            return
    pytest.fail(f"the broker still has the worker: {answer}")


async def test_other_methods_go_through(scene: Set) -> None:
    address = (await scene.recorder.door("a")).removeprefix("grpc://")
    async with grpc.aio.insecure_channel(address) as channel:
        status = channel.unary_unary(
            "/parley.v1.AdminService/GetNothing",
            request_serializer=admin_service_pb2.GetStatusRequest.SerializeToString,
            response_deserializer=admin_service_pb2.GetStatusResponse.FromString,
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await status(admin_service_pb2.GetStatusRequest(), timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_hold_lets_go_when_healed_and_in_order(scene: Set) -> None:
    await scene.arm("hold", "SubscriptionList", nth=2)
    ids = [await scene.list() for _ in range(3)]
    await scene.peer.answer_to(ids[0])
    assert await scene.peer.look({"re": ids[1]}, 100) is None
    assert scene.recorder.idle == []
    await scene.recorder.heal("hold")
    for identity in ids[1:]:
        await scene.peer.answer_to(identity)
    await scene.peer.prove()
    assert scene.peer.violations == []


@pytest.mark.parametrize(("do", "there"), [("cut_before", False), ("cut_after", True)])
async def test_cut_around_a_message_for_the_party(scene: Set, do: str, there: bool) -> None:
    await scene.arm(do, "SubscriptionList", nth=2)
    first, second = await scene.list(), await scene.list()
    code, _ = await scene.peer.ended()
    assert code == "UNAVAILABLE"
    assert scene.peer.take_now({"re": first}) is not None
    assert (scene.peer.take_now({"re": second}) is not None) is there


@pytest.mark.parametrize(("do", "there"), [("cut_before", False), ("cut_after", True)])
async def test_cut_around_a_message_for_the_broker(scene: Set, do: str, there: bool) -> None:
    await scene.arm(do, "Subscribe", "up")
    await scene.peer.start({"subscribe": {"subscription": {"topic_type": "t", "match": "EXACT", "agent_type": "a"}}})
    await scene.peer.ended()
    other = await scene.table.seat("other")
    known = (await other.do({"list_subscriptions": {}}))["subscription_list"].get("subscriptions", [])
    assert len(known) == there


async def test_what_goes_on_only_when_it_comes_again_went_on_for_the_first_time(scene: Set) -> None:
    await scene.arm("cut_before", "ListSubscriptions", "up")
    identity = await scene.list()
    await scene.peer.ended()
    assert "welcome" in await scene.peer.resume(await scene.recorder.door("a"))
    await scene.peer.answer_to(identity)
    record = scene.recorder.record
    assert [one.again for one in record.came if one.kind == "list_subscriptions"] == [False, True]
    assert [one.again for one in record.went if one.kind == "list_subscriptions"] == [False]


async def test_freeze_is_silent_and_refuse_is_not(scene: Set) -> None:
    await scene.arm("freeze")
    identity = await scene.list()
    assert await scene.peer.look({"re": identity}, 100) is None
    await scene.recorder.heal("freeze")
    await scene.peer.answer_to(identity)
    await scene.arm("refuse")
    await scene.peer.ended()
    again = await Peer.connect(await scene.recorder.door("a"), "a", Habits(), contract(), Journal())
    assert (await again.ended())[0] == "UNAVAILABLE"
    await again.close()
    await scene.recorder.heal_all()
    once_more = await Peer.connect(await scene.recorder.door("a"), "a", Habits(), contract(), Journal())
    assert "welcome" in await once_more.hello()
    await once_more.close()


async def test_a_broker_that_dies_breaks_the_connection(scene: Set) -> None:
    await scene.table.broker.kill()
    assert (await scene.peer.ended())[0] == "UNAVAILABLE"
    await scene.table.broker.start()
    again = await Peer.connect(await scene.recorder.door("a"), "a", Habits(), contract(), Journal())
    assert "welcome" in await again.hello()
    await again.close()


async def test_peer_faults_leave_no_gap(scene: Set) -> None:
    await scene.arm("drop", "SubscriptionList", nth=1)
    lost = await scene.list()
    await scene.peer.prove()
    assert scene.peer.take_now({"re": lost}) is None
    await scene.arm("inject", "SubscriptionList", value={"drain": {"reason": "a lie"}})
    await scene.peer.prove()
    await scene.peer.get({"drain": {"reason": "a lie"}})
    await scene.arm("rewrite", "SubscriptionList", value={"re": lost})
    await scene.list()
    await scene.peer.answer_to(lost)
    assert scene.peer.violations == []
    await scene.arm("duplicate", "ListSubscriptions", "up", has={"id": 1000})
    await scene.peer.send({"id": 1000, "list_subscriptions": {}})
    # Two with one id, without a gap: the broker answers the first, or sees the id twice.
    await scene.peer.look({"re": 1000}, 1_000)
    assert [one.number for one in scene.recorder.record.went if one.message.id == 1000 and one.direction == "up"] == [
        5,
        6,
    ]


async def test_reorder_swaps_two(scene: Set) -> None:
    await scene.arm("reorder", "SubscriptionList")
    first, second = await scene.list(), await scene.list()
    await scene.peer.answer_to(second)
    await scene.peer.answer_to(first)
    await scene.peer.prove()
    assert scene.peer.violations == []
    answers = [one.message.re for one in scene.recorder.record.went if one.kind == "subscription_list"]
    assert answers[:2] == [second, first]
