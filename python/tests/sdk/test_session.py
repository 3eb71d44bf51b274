"""The session: Hello, ids and answers, credit, heartbeats, and how it ends."""

from __future__ import annotations

import asyncio
import time

import grpc
import pytest

from parley.distributed import create_distributed_runtime
from parley.exceptions import (
    InvalidArgumentError,
    OutcomeUnknownError,
    ProtocolVersionUnsupportedError,
    UnavailableError,
)
from parley_wire.v1 import broker_service_pb2, envelope_pb2, errors_pb2, session_pb2

from .conftest import Connected, connect
from .scripted import PATIENCE, Message, ScriptedBroker
from .wire import PONG, Ping, Ponger, host_agent, request

TARGET = envelope_pb2.AgentId(type="b", key="k")


async def close(connected: Connected) -> None:
    connected.peer.end()
    with pytest.raises(UnavailableError):
        await connected.runtime.wait_until_stopped()


async def test_hello(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, instance_id="worker-1")
    hello = connected.peer.hello.hello
    assert connected.peer.hello.id > 0
    assert (hello.min_version, hello.max_version) == (1, 1)
    assert hello.instance_id == "worker-1"
    assert hello.producer_id
    assert (hello.sdk_name, hello.sdk_language) == ("parley-python", "python")
    assert {11, 12, 13, 14, 20, 21, 32, 40, 41, 42, 61, 62} <= set(hello.kinds)
    assert not {33, 35, 71} & set(hello.kinds)  # what this version does not take is not asked for
    assert connected.peer.credit == (100, 16 * 2**20)
    await close(connected)


async def test_a_refused_hello(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(create_distributed_runtime(scripted.url))
    peer = await scripted.accept()
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_PROTOCOL_VERSION_UNSUPPORTED, message="2 to 3 here")
    peer.send(Message(re=peer.hello.id, error=error))
    with pytest.raises(ProtocolVersionUnsupportedError, match="2 to 3 here"):
        await connecting


async def test_a_version_that_was_not_offered(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(create_distributed_runtime(scripted.url))
    (await scripted.accept()).welcome(version=7)
    with pytest.raises(ProtocolVersionUnsupportedError, match="speaks version 7"):
        await connecting


async def test_an_answer_that_is_no_welcome(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(create_distributed_runtime(scripted.url))
    peer = await scripted.accept()
    peer.done(peer.hello)
    with pytest.raises(UnavailableError, match="answered Hello with done: it is no broker"):
        await connecting


async def test_an_answer_that_breaks_the_numbering(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(create_distributed_runtime(scripted.url))
    peer = await scripted.accept()
    peer.seq = 7
    peer.done(peer.hello)
    with pytest.raises(UnavailableError, match="message 1 was expected, number 8 came"):
        await connecting


async def test_messages_in_the_frame_of_the_welcome_are_taken(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(create_distributed_runtime(scripted.url))
    peer = await scripted.accept()
    welcome = session_pb2.Welcome(version=1, heartbeat_interval_ms=5000, kinds=[12])
    heartbeat = Message(id=9, heartbeat=session_pb2.Heartbeat())
    peer.fenced = asyncio.Event()
    peer.send(Message(re=peer.hello.id, welcome=welcome), heartbeat, numbered=False)
    connected = Connected(await connecting, peer)
    await asyncio.wait_for(peer.fenced.wait(), PATIENCE)
    await close(connected)


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
    while max(frame.received for frame in connected.peer.frames) < 2:  # noqa: ASYNC110
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
    await asyncio.sleep(0.15)  # more than three intervals without a word of the broker
    before = peer.heartbeats
    peer.send(request(1))
    await peer.fence()
    while not any(m.id for frame in peer.frames for m in frame.messages if m.HasField("heartbeat")):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    assert peer.heartbeats > before
    assert ponger.calls == 0
    asked = [m.id for frame in peer.frames for m in frame.messages if m.HasField("heartbeat") and m.id]
    peer.send(Message(re=asked[-1], heartbeat=session_pb2.Heartbeat()), numbered=False)
    assert (await peer.expect("reply")).re == 1
    assert ponger.calls == 1
    await close(connected)


async def test_unknown_kinds(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    frame = broker_service_pb2.Frame(first_seq=1).SerializeToString()
    connected.peer.send_raw(frame + b"\x2a\x05\x08\x07\xfa\x0f\x00" + b"\x2a\x03\xfa\x0f\x00")
    connected.peer.seq = 2
    answer = await connected.peer.expect("error")
    assert answer.re == 7
    assert answer.error.reason == errors_pb2.ERROR_REASON_INVALID_ARGUMENT
    assert "kind" in answer.error.details
    assert await connected.peer.silent()
    await close(connected)


async def test_late_and_unasked_answers_are_dropped(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    connected.peer.send(Message(re=12345, done=broker_service_pb2.Done()), Message(re=99, reply=PONG))
    assert await connected.peer.silent()
    await close(connected)


@pytest.mark.parametrize("how", ["end", "status", "gap", "garbage", "goodbye"])
async def test_how_a_session_is_lost(scripted: ScriptedBroker, how: str) -> None:
    connected = await connect(scripted)
    states: list[tuple[str, str]] = []
    connected.runtime.state_changed(lambda state, reason: states.append((state, reason)))
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(1), host("b")))
    await connected.peer.expect("request")
    registering = asyncio.ensure_future(connected.runtime.start())
    await registering
    ends = {
        "end": lambda: connected.peer.end(),
        "status": lambda: connected.peer.end(grpc.StatusCode.INVALID_ARGUMENT, "no good"),
        "gap": lambda: connected.peer.send_raw(
            broker_service_pb2.Frame(first_seq=99, messages=[Message()]).SerializeToString()
        ),
        "garbage": lambda: connected.peer.send_raw(b"\xff\xff"),
        "goodbye": lambda: connected.peer.send(Message(goodbye=session_pb2.Goodbye(reason="enough"))),
    }
    said = {
        "end": "the broker ended the connection",
        "status": "INVALID_ARGUMENT: no good",
        "gap": "message 1 was expected, number 99 came",
        "garbage": "no frame",
        "goodbye": "the broker said goodbye: enough",
    }[how]
    ends[how]()
    with pytest.raises(OutcomeUnknownError, match=said):
        await calling
    with pytest.raises(UnavailableError, match=said):
        await connected.runtime.wait_until_stopped()
    with pytest.raises(UnavailableError, match=said):
        await connected.runtime.send_message(Ping(1), host("b"))
    with pytest.raises(UnavailableError, match=said):
        await connected.runtime.stop_when_signal()
    assert [state for state, _ in states] == ["lost"]
    assert connected.runtime.state == "lost"
    await connected.runtime.stop()
    await asyncio.wait_for(connected.peer.closed.wait(), PATIENCE)


def host(type: str) -> object:
    from parley import AgentId

    return AgentId(type, "k")


async def test_commands_end_when_the_session_is_lost(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await connected.runtime.start()
    registering = asyncio.ensure_future(Ponger.register(connected.runtime, "a", Ponger))
    await connected.peer.expect("register_agent_type")
    connected.peer.end()
    with pytest.raises(UnavailableError):
        await registering


async def test_a_command_without_an_answer_ends(scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley._distributed.session.COMMAND_TIMEOUT", 0.05)
    connected = await connect(scripted)
    await connected.runtime.start()
    with pytest.raises(OutcomeUnknownError, match=r"did not answer register_agent_type within 0\.05 s"):
        await Ponger.register(connected.runtime, "a", Ponger)
    await close(connected)


async def test_heartbeats_do_not_pile_up_when_the_broker_does_not_read(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 20})
    session = connected.runtime._session
    session._writing.cancel()
    await asyncio.sleep(0.1)
    assert len(session._writer._free) <= 1
    await close(connected)


async def test_a_refused_command_is_undone(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await connected.runtime.start()
    for _ in range(2):
        registering = asyncio.ensure_future(Ponger.register(connected.runtime, "a", Ponger))
        command = await connected.peer.expect("register_agent_type")
        error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_INVALID_ARGUMENT, message="another mode")
        connected.peer.send(Message(re=command.id, error=error))
        with pytest.raises(InvalidArgumentError, match="another mode"):
            await registering
    await close(connected)


async def test_a_call_that_was_not_written_is_known_not_to_have_run(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    connected.runtime._session._writer._credit_messages = 0
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(1), host("b")))
    await connected.peer.fence()
    connected.peer.end()
    with pytest.raises(UnavailableError) as caught:
        await calling
    assert not caught.value.may_have_run


async def test_a_frame_that_cannot_be_written_ends_the_session(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connected = await connect(scripted)

    def fail(*_: object) -> bytes:
        raise ValueError("no such frame")

    monkeypatch.setattr(connected.runtime._session._writer, "next_frame", fail)
    with pytest.raises(UnavailableError, match="ValueError: no such frame"):
        await asyncio.wait_for(connected.runtime.send_message(Ping(1), host("b")), PATIENCE)
    assert connected.runtime.state == "lost"
    assert "a frame could not be written" in caplog.text
