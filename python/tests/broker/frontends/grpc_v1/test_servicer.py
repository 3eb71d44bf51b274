"""Streams and their ends, against a broker that a test plays."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import grpc
import pytest_asyncio

from broker.peer import Ended, Peer, connected, message
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Done, Frame, Heartbeat, Message, Status
from parley_broker.core.views import AgentView, SessionView
from parley_broker.errors import EndCode
from parley_broker.frontends.base import Link
from parley_broker.frontends.grpc_v1.server import GrpcServer

PATIENCE = 10.0


class Played:
    """A Broker that answers every frame with Done, and does what the test says."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.received: list[Frame] = []
        self.outgoing: deque[Frame] = deque()
        self.rejected: list[str] = []
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sent = 0

    def connect(self, peer: str, link: Link) -> int:
        self.link = link
        return 7

    def receive(self, connection: int, frame: Frame) -> None:
        assert connection == 7
        self.received.append(frame)
        self.sent += 1
        self.outgoing.append(Frame(self.sent, 0, 0, 0, [Message(Done(), re=frame.messages[0].id)]))
        assert self.link is not None
        self.link.wake()

    def reject(self, connection: int, why: str) -> None:
        self.rejected.append(why)
        assert self.link is not None
        self.link.close(EndCode.INVALID_ARGUMENT, why)

    def disconnect(self, connection: int, why: str) -> None:
        self.gone.set_result(why)

    def take(self, connection: int) -> Frame | None:
        return self.outgoing.popleft() if self.outgoing else None

    def now(self) -> float:
        return 0.0

    def drain(self, timeout: float, reason: str) -> None:
        raise AssertionError(f"nobody asked for it: {reason}")

    def sessions(self, after: str, limit: int) -> list[SessionView]:
        return []

    def agents(self, after: AgentId | None, agent_type: str, limit: int) -> list[AgentView]:
        return []

    def status(self) -> Status:
        return Status("", "", 0, {})


@pytest_asyncio.fixture
async def played() -> Played:
    return Played()


@pytest_asyncio.fixture
async def peer(played: Played) -> AsyncIterator[Peer]:
    server = GrpcServer(played)
    address = await server.start("127.0.0.1:0")
    async with connected(address) as open_peer:
        yield open_peer()
    await server.stop(0)


async def test_frames_there_and_back(played: Played, peer: Peer) -> None:
    answer = await peer.command(list_subscriptions={})
    assert answer.HasField("done")
    assert len(played.received) == 1


async def test_a_broken_stream_is_noticed(played: Played, peer: Peer) -> None:
    await peer.command(list_subscriptions={})
    await peer.close()
    assert await asyncio.wait_for(played.gone, PATIENCE) == "the client's stream ended"


async def test_a_half_closed_stream_is_noticed(played: Played, peer: Peer) -> None:
    await peer.command(list_subscriptions={})
    await peer.half_close()
    assert await asyncio.wait_for(played.gone, PATIENCE) == "the client's stream ended"


async def test_no_frame(played: Played, peer: Peer) -> None:
    await peer.write(b"\xff" * 9)
    ended = await peer.end()
    assert (ended.code, played.rejected) == (grpc.StatusCode.INVALID_ARGUMENT, [ended.text])


async def test_what_waits_is_written_before_the_end(played: Played, peer: Peer) -> None:
    await peer.command(list_subscriptions={})
    assert played.link is not None
    played.outgoing.extend(Frame(0, 0, 0, 0, [Message(Heartbeat())]) for _ in range(5))
    played.link.close(EndCode.DEADLINE_EXCEEDED, "too late")
    played.link.close(EndCode.INTERNAL, "a second end changes nothing")
    ended = await peer.end()
    assert (ended.code, ended.text) == (grpc.StatusCode.DEADLINE_EXCEEDED, "too late")
    assert sum(m.HasField("heartbeat") for m in peer.inbox) == 5


async def test_a_friendly_end(played: Played, peer: Peer) -> None:
    await peer.say(message(1, list_subscriptions={}))
    await peer.read()
    assert played.link is not None
    played.link.close(EndCode.OK, "")
    ended: Ended = await peer.end()
    assert ended.code is grpc.StatusCode.OK
