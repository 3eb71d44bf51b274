"""One connection of a session: heartbeats, receipts and silence."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from parley import AgentId
from parley._distributed import frames, line
from parley.exceptions import OutcomeUnknownError
from parley_wire.v1 import broker_service_pb2, session_pb2

from .conftest import Connected, close, connect
from .scripted import PATIENCE, Message, ScriptedBroker
from .wire import Ping, Ponger, host_agent, request


async def test_heartbeats(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 40})
    began = time.monotonic()
    while connected.peer.heartbeats < 4:  # noqa: ASYNC110 - they come by themselves
        await asyncio.sleep(0.005)
    assert time.monotonic() - began < 1
    await close(connected)


async def test_receipts_are_given_within_a_heartbeat(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 40})
    connected.peer.send(Message(done=broker_service_pb2.Done()), Message(done=broker_service_pb2.Done()))
    while connected.peer.receipt < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await close(connected)


async def test_receipts_do_not_wait_for_heartbeats_when_much_has_come(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 3_600_000})
    done = Message(done=broker_service_pb2.Done())
    connected.peer.send(*[done] * frames.RECEIPT_MESSAGES)
    while connected.peer.receipt < frames.RECEIPT_MESSAGES:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    large = Message(goodbye=session_pb2.Goodbye(reason="x" * frames.RECEIPT_BYTES), re=99)
    connected.peer.send(large)
    while connected.peer.receipt < frames.RECEIPT_MESSAGES + 1:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await close(connected)


async def test_the_event_loop_was_blocked(scripted: ScriptedBroker, caplog: pytest.LogCaptureFixture) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 50})
    time.sleep(0.2)  # noqa: ASYNC251 - that is what is tested
    await connected.peer.fence()
    while "the event loop was blocked for" not in caplog.text:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    assert "longer than a heartbeat interval (0.1 s): run blocking work in a thread" in caplog.text
    await close(connected)


async def test_no_handler_starts_before_a_silent_session_is_confirmed(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 30})
    peer = connected.peer
    peer.answer_heartbeats = False
    ponger = await host_agent(connected, Ponger)
    await asyncio.sleep(0.12)  # more than three intervals without a word of the broker
    peer.send(request(1))
    await peer.fence()
    while not any(m.id for frame in peer.frames for m in frame.messages if m.HasField("heartbeat")):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    assert ponger.calls == 0
    asked = [m.id for frame in peer.frames for m in frame.messages if m.HasField("heartbeat") and m.id]
    peer.send(Message(re=asked[-1], heartbeat=session_pb2.Heartbeat()), numbered=False)
    assert (await peer.expect("reply")).re == 1
    assert ponger.calls == 1
    await close(connected)


async def test_what_ends_a_silence_is_not_started_before_the_session_is_confirmed(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 60_000})
    peer = connected.peer
    ponger = await host_agent(connected, Ponger)
    peer.answer_heartbeats = False
    connected.runtime._uplink.session.heard_at -= 200.0
    calls = range(1, 41)  # more than are taken in one turn
    peer.send(*(request(call) for call in calls))
    await peer.fence()
    asked = [m.id for frame in peer.frames for m in frame.messages if m.HasField("heartbeat") and m.id]
    assert (len(asked), ponger.calls) == (1, 0)
    peer.send(Message(re=asked[0], heartbeat=session_pb2.Heartbeat()), numbered=False)
    assert [(await peer.expect("reply")).re for _ in calls] == list(calls)
    await close(connected)


async def test_a_connection_on_which_nothing_comes_is_given_up(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "SHORTEST_SILENCE", 0.0)
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 30, "session_grace_ms": 60_000})
    connected.peer.answer_heartbeats = False
    peer = await scripted.accept()
    assert peer.hello.hello.resume.session_id == "s-1"
    await close(connected)


async def test_heartbeats_do_not_pile_up_when_the_broker_does_not_read(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 20})
    writing = connected.runtime._uplink._line
    assert writing is not None
    writing._writing.cancel()
    await asyncio.sleep(0.05)
    beats = [item for item in connected.runtime._uplink.session.writer._free if not item.message.id]
    assert len(beats) <= 1
    await close(connected)


async def test_a_write_that_swallows_its_cancellation_holds_nothing_up(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = await connect(scripted, welcome={"session_grace_ms": 60_000})
    writing = connected.runtime._uplink._line
    assert writing is not None
    begun = asyncio.Event()

    async def write(frame: bytes) -> None:
        begun.set()
        with suppress(asyncio.CancelledError):  # as grpcio 1.51 does when the broker has ended the stream
            await asyncio.Event().wait()

    monkeypatch.setattr(writing._connection, "write", write)
    connected.peer.send(Message(id=1, heartbeat=session_pb2.Heartbeat()), numbered=False)
    await asyncio.wait_for(begun.wait(), PATIENCE)
    connected.peer.end()
    peer = await scripted.accept()
    assert peer.hello.hello.resume.session_id == "s-1"
    await close(connected)


async def test_a_frame_that_cannot_be_written_ends_the_session(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connected = await connect(scripted, welcome={"session_grace_ms": 60_000})
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(1), AgentId("b", "k")))
    await connected.peer.expect("request")

    def fail(*_: object) -> bytes:
        raise ValueError("no such frame")

    monkeypatch.setattr(connected.runtime._uplink.session.writer, "next_frame", fail)
    connected.peer.send(Message(id=1, heartbeat=session_pb2.Heartbeat()), numbered=False)
    with pytest.raises(OutcomeUnknownError, match="ValueError: no such frame"):
        await asyncio.wait_for(calling, PATIENCE)
    assert "a frame could not be written" in caplog.text
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    await peer.fence()
    await close(Connected(connected.runtime, peer))


async def test_what_follows_without_a_pause_shares_a_frame(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LONGEST_GATHERING", PATIENCE)
    connected = await connect(scripted)
    session = connected.runtime._uplink.session
    await connected.peer.fence()
    before = len(connected.peer.frames)
    for id in range(50, 55):
        session.send(Message(re=id, done=broker_service_pb2.Done()))
        await asyncio.sleep(0)
    for _ in range(5):
        assert (await connected.peer.expect("done")).re
    assert len(connected.peer.frames) == before + 1
    await close(connected)


async def test_what_comes_while_a_frame_is_written_shares_the_next_one(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = await connect(scripted)
    session, writing = connected.runtime._uplink.session, connected.runtime._uplink._line
    assert writing is not None
    await connected.peer.fence()
    written: list[int] = []

    async def write(data: bytes) -> None:
        written.append(len(broker_service_pb2.Frame.FromString(data).messages))
        await asyncio.sleep(0)

    monkeypatch.setattr(writing._connection, "write", write)
    monkeypatch.setattr(line, "LONGEST_GATHERING", PATIENCE)
    session.send(Message(re=50, done=broker_service_pb2.Done()))
    while not written:  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0)
    for id in range(51, 61):
        session.send(Message(re=id, done=broker_service_pb2.Done()))
        await asyncio.sleep(0)
    while sum(written) < 11:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert written == [1, 10]
    monkeypatch.undo()
    await close(connected)


async def test_what_a_frame_has_no_place_for_follows_at_once(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 3_600_000})
    session, writing = connected.runtime._uplink.session, connected.runtime._uplink._line
    assert writing is not None
    await connected.peer.fence()
    gathered: list[int] = []

    async def gather() -> None:
        gathered.append(len(session.writer._free))

    monkeypatch.setattr(writing, "_gather", gather)
    large = Message(goodbye=session_pb2.Goodbye(reason="x" * frames.MAX_FRAME_BYTES))
    for _ in range(3):
        session.send(large)
    for _ in range(3):
        await connected.peer.expect("goodbye")
    assert set(gathered) <= {3, 0}
    await close(connected)


async def test_nothing_waits_long_for_what_follows(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    session = connected.runtime._uplink.session

    async def go_on_and_on() -> None:
        while True:
            session.send(Message(re=50, done=broker_service_pb2.Done()))
            await asyncio.sleep(0)

    going_on = asyncio.ensure_future(go_on_and_on())
    await connected.peer.expect("done")
    assert not going_on.done()
    going_on.cancel()
    await close(connected)
