"""Streams and their ends, against a broker that a test plays."""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from broker.peer import Ended, Peer, connected, message
from broker.relay import relayed
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Done, Frame, Heartbeat, Message, Status, make_error
from parley_broker.core.views import AgentView, SessionView
from parley_broker.errors import EndCode, Reason
from parley_broker.frontends.base import Link
from parley_broker.frontends.grpc_v1.crowd import NEXT
from parley_broker.frontends.grpc_v1.server import GrpcServer
from parley_broker.frontends.grpc_v1.servicer import BrokerServicer
from parley_wire.v1 import broker_service_pb2 as wire

PATIENCE = 10.0


class Played:
    """A Broker that answers every frame with Done, and does what the test says."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.received: list[Frame] = []
        self.outgoing: deque[Frame] = deque()
        self.rejected: list[str] = []
        self.failed: list[str] = []
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

    def fail(self, connection: int, why: str) -> None:
        self.failed.append(why)
        assert self.link is not None
        self.link.close(EndCode.INTERNAL, why)

    def disconnect(self, connection: int, why: str) -> None:
        self.gone.set_result(why)

    def take(self, connection: int) -> Frame | None:
        frame = self.outgoing.popleft() if self.outgoing else None
        if self.outgoing and self.link is not None:
            self.link.wake()
        return frame

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


class Heard:
    """What is logged, and what the event loop has to complain of."""

    def __init__(self, logs: list[MutableMapping[str, Any]]) -> None:
        self.logs = logs
        self.complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, what: self.complaints.append(what))

    def nothing_vanished(self) -> bool:
        """Whether no task has ended with an error that nobody looked at."""
        gc.collect()
        return self.complaints == []


@pytest_asyncio.fixture
async def heard() -> AsyncIterator[Heard]:
    with capture_logs() as logs:
        yield Heard(logs)


def broken(*_arguments: object) -> None:
    raise ZeroDivisionError


class TestDefects:
    """A defect is logged once, with its traceback, and ends the stream that it came up in."""

    async def ended_by_it(self, peer: Peer, played: Played, heard: Heard) -> None:
        ended = await peer.end()
        assert (ended.code, "defect" in ended.text) == (grpc.StatusCode.INTERNAL, True)
        await asyncio.wait_for(played.gone, PATIENCE)
        assert [(line["event"], line["log_level"], line["connection"], line["exc_info"]) for line in heard.logs] == [
            ("defect", "error", 7, True)
        ]
        assert len(played.failed) == 1
        assert heard.nothing_vanished()

    @pytest.mark.parametrize("where", ["receive", "now"])
    async def test_while_a_frame_is_read(
        self, played: Played, peer: Peer, heard: Heard, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        await peer.command(list_subscriptions={})
        monkeypatch.setattr(played, where, broken)
        await peer.say(message(2, list_subscriptions={}))
        await self.ended_by_it(peer, played, heard)

    async def test_while_a_frame_is_written(
        self, played: Played, peer: Peer, heard: Heard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await peer.command(list_subscriptions={})
        monkeypatch.setattr(played, "take", broken)
        await peer.say(message(2, list_subscriptions={}))
        await self.ended_by_it(peer, played, heard)

    async def test_one_that_the_broker_cannot_be_told_of(
        self, played: Played, peer: Peer, heard: Heard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(played, "receive", broken)
        monkeypatch.setattr(played, "fail", broken)
        await peer.say(message(2, list_subscriptions={}))
        assert (await peer.end()).code is grpc.StatusCode.INTERNAL
        assert [line["event"] for line in heard.logs] == ["defect", "defect"]
        assert heard.nothing_vanished()


@pytest.mark.parametrize("how", ["cut", "close", "half_close"])
async def test_a_stream_that_breaks_under_a_write_is_no_defect(played: Played, heard: Heard, how: str) -> None:
    server = GrpcServer(played)
    large = Message(make_error(Reason.INTERNAL, "x" * 4_000_000))
    async with relayed(await server.start("127.0.0.1:0")) as relay, connected(relay.address) as open_peer:
        peer = open_peer()
        await peer.command(list_subscriptions={})
        assert played.link is not None
        played.outgoing.extend(Frame(number, 0, 0, 0, [large]) for number in range(2, 50))
        played.link.wake()
        await peer.read()
        if how == "cut":
            relay.cut()
        else:
            await getattr(peer, how)()
        await asyncio.wait_for(played.gone, PATIENCE)
    await server.stop(0)
    assert heard.logs == []
    assert heard.nothing_vanished()


class Line:
    """The context of a stream: what the client sends, and how long each write takes, is the test's choice."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[bytes] = asyncio.Queue()
        self.written: list[wire.Frame] = []
        self.under_way = asyncio.Event()
        self.may_end = asyncio.Event()

    def peer(self) -> str:
        return "a test"

    async def read(self) -> bytes:
        return await self.coming.get()

    async def write(self, data: bytes) -> None:
        self.written.append(wire.Frame.FromString(data))
        self.under_way.set()
        await self.may_end.wait()

    def says(self, number: int) -> None:
        said = message(number, list_subscriptions={})
        self.coming.put_nowait(wire.Frame(first_seq=number, messages=[said]).SerializeToString())


class Joined(Played):
    """What it has to say leaves in one frame."""

    def take(self, connection: int) -> Frame | None:
        messages = [message for frame in self.outgoing for message in frame.messages]
        self.outgoing.clear()
        return Frame(self.sent, 0, 0, 0, messages) if messages else None


class TestCrowds:
    """Frames that come one upon the other are answered together."""

    async def test_what_comes_before_an_answer_is_written_makes_the_next_one_wait(self) -> None:
        async with self.connected() as (line, clock):
            line.says(1)
            await self.settles(line.under_way.is_set)
            line.says(2)
            await self.settles(line.coming.empty)
            line.may_end.set()
            await self.turns()
            assert self.answered(line) == [[1]]
            line.says(3)
            await self.turns()
            assert self.answered(line) == [[1]]
            clock[0] += NEXT
            await self.settles(lambda: len(line.written) == 2)
            assert self.answered(line) == [[1], [2, 3]]

    async def test_what_comes_alone_is_answered_at_once(self) -> None:
        async with self.connected() as (line, _):
            line.may_end.set()
            for number in (1, 2, 3):
                line.says(number)
                await self.settles(lambda number=number: len(line.written) == number)
            assert self.answered(line) == [[1], [2], [3]]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Line, list[float]]]:
        line, clock = Line(), [100.0]
        serving = asyncio.ensure_future(BrokerServicer(Joined(), lambda: clock[0]).connect(None, line))
        try:
            yield line, clock
        finally:
            serving.cancel()
            await asyncio.wait([serving])

    async def settles(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not what():  # noqa: ASYNC110 - the stream does not tell
                await asyncio.sleep(0)

    async def turns(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    def answered(self, line: Line) -> list[list[int]]:
        return [[message.re for message in frame.messages] for frame in line.written]
