"""What an operator can ask."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from broker.e2e.test_hostile import status
from broker.peer import Peer, connected, message, request, topic
from broker.process import STOP_LIMIT, BrokerProcess, running
from parley_broker.frontends.grpc_v1.admin import resident_bytes
from parley_wire.v1 import admin_service_pb2 as admin


async def ask(address: str, method: str, message: Any) -> Any:
    """Calls one method of AdminService."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(
            f"/parley.v1.AdminService/{method}",
            request_serializer=type(message).SerializeToString,
            response_deserializer=getattr(admin, f"{method}Response").FromString,
        )
        return await call(message)


async def sessions(address: str) -> list[admin.SessionInfo]:
    """All sessions."""
    return list((await ask(address, "ListSessions", admin.ListSessionsRequest())).sessions)


async def test_get_status(broker: BrokerProcess) -> None:
    answer = await status(broker)
    assert answer.incarnation == broker.ready["incarnation"]
    assert answer.memory_bytes > 1 << 20
    assert {"sessions", "calls", "agents", "subscriptions", "events", "deliveries"} <= set(answer.tables)


async def test_sessions_are_listed(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        peer = open_peer()
        await peer.hello(instance_id="mine", sdk_name="sdk", sdk_language="raw", sdk_version="1")
        await peer.register("b")
        await peer.register("a")
        mine = [s for s in await sessions(broker.address) if s.session_id == peer.welcome.session_id]
        assert len(mine) == 1
        assert (mine[0].instance_id, mine[0].sdk_name, mine[0].sdk_language, mine[0].sdk_version) == (
            "mine",
            "sdk",
            "raw",
            "1",
        )
        assert mine[0].state == admin.SESSION_STATE_CONNECTED
        assert list(mine[0].agent_types) == ["a", "b"]
        assert mine[0].peer.startswith("ipv4:127.0.0.1:")


async def test_pages_of_sessions(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        peers = [open_peer() for _ in range(5)]
        for peer in peers:
            await peer.hello()
        seen: list[str] = []
        token = ""
        while True:
            page = await ask(broker.address, "ListSessions", admin.ListSessionsRequest(page_size=2, page_token=token))
            assert len(page.sessions) <= 2
            seen += [s.session_id for s in page.sessions]
            token = page.next_page_token
            if not token:
                break
        assert seen == sorted(seen)
        assert {peer.welcome.session_id for peer in peers} <= set(seen)


async def test_pages_of_agents(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        peer = open_peer()
        await peer.hello()
        await peer.register("listed")
        await peer.register("other")
        await peer.say(*(message(n, request=request(f"listed/{n % 5}")) for n in range(1, 6)))
        await peer.say(message(9, request=request("other/k")))
        for _ in range(6):
            await peer.hear_kind("request")
        await peer.command(
            subscribe={"subscription": {"topic_type": "t", "match": 1, "agent_type": "listed", "durable": False}}
        )
        for _ in range(3):
            assert (await peer.command(publish={"topic": topic("t/3")})).published.recipients == 1
        got: list[admin.AgentInfo] = []
        token = ""
        while True:
            page = await ask(
                broker.address,
                "ListAgents",
                admin.ListAgentsRequest(page_size=2, page_token=token, agent_type="listed"),
            )
            got += page.agents
            token = page.next_page_token
            if not token:
                break
        assert [a.agent.key for a in got] == ["0", "1", "2", "3", "4"]
        assert {a.session_id for a in got} == {peer.welcome.session_id}
        assert all(a.epoch > 1 << 32 for a in got)
        assert [a.pending_events for a in got] == [0, 0, 0, 3, 0]
        everything = await ask(broker.address, "ListAgents", admin.ListAgentsRequest())
        assert "other" in {a.agent.type for a in everything.agents}


async def test_a_bad_page_token(broker: BrokerProcess) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(broker.address, "ListAgents", admin.ListAgentsRequest(page_token="nonsense"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "page_token" in (caught.value.details() or "")


async def test_drain(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("drained"), "--memory") as broker:
        async with connected(broker.address) as open_peer:
            peer: Peer = open_peer()
            await peer.hello()
            await ask(broker.address, "DrainBroker", admin.DrainBrokerRequest(timeout_ms=5000))
            assert (await peer.hear_kind("drain")).drain.timeout_ms == 5000
            assert (await peer.hear_kind("goodbye")).HasField("goodbye")
        assert broker.process.wait(STOP_LIMIT) == 0


async def test_a_drain_with_nobody_there_is_answered_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("empty"), "--memory") as broker:
        assert await ask(broker.address, "DrainBroker", admin.DrainBrokerRequest()) == admin.DrainBrokerResponse()
        assert broker.process.wait(STOP_LIMIT) == 0
    assert "nobody is connected" in broker.log.read_text()


def test_resident_bytes() -> None:
    assert 1 << 20 < resident_bytes() < 1 << 40


async def test_a_page_token_that_nobody_gave(broker: BrokerProcess) -> None:
    async with grpc.aio.insecure_channel(broker.address) as channel:
        ask = channel.unary_unary(
            "/parley.v1.AdminService/ListDeadLetters",
            request_serializer=admin.ListDeadLettersRequest.SerializeToString,
            response_deserializer=admin.ListDeadLettersResponse.FromString,
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(admin.ListDeadLettersRequest(page_token="x" * 100))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
