"""The session: ids and answers, and what is no answer."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from parley._distributed import line
from parley._distributed.frames import FrameWriter
from parley._distributed.session import MESSAGES_IN_A_TURN, Session
from parley.exceptions import InvalidArgumentError, OutcomeUnknownError
from parley_wire.v1 import broker_service_pb2, errors_pb2, session_pb2, subscription_pb2

from .conftest import close, connect
from .scripted import Message, ScriptedBroker
from .wire import PONG, Ponger

LIST = subscription_pb2.ListSubscriptions()  # what a client does not take, and says so


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


async def test_a_command_without_an_answer_ends(scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley._distributed.uplink.COMMAND_TIMEOUT", 0.05)
    connected = await connect(scripted)
    await connected.runtime.start()
    with pytest.raises(OutcomeUnknownError, match=r"did not answer register_agent_type within 0\.05 s"):
        await Ponger.register(connected.runtime, "a", Ponger)
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


async def test_what_a_part_of_a_large_frame_starts_is_written_before_the_next_part_is_taken(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = await connect(scripted, welcome={"heartbeat_interval_ms": 3_600_000})
    await connected.peer.fence()
    monkeypatch.setattr(line, "LONGEST_GATHERING", 0.0)
    before = len(connected.peer.frames)
    ids = range(1, 3 * MESSAGES_IN_A_TURN + 1)
    connected.peer.send(*(Message(id=id, list_subscriptions=LIST) for id in ids))
    assert [(await connected.peer.expect("error")).re for _ in ids] == [*ids]
    assert len(connected.peer.frames[before].messages) == MESSAGES_IN_A_TURN
    await close(connected)


async def test_what_was_taken_of_a_frame_counts_as_received_and_is_not_taken_again() -> None:
    taken: list[str] = []
    writer = FrameWriter(window_messages=1, window_bytes=1, publish_numbers=itertools.count(1))
    handlers = {"drain": lambda message: taken.append(message.drain.reason)}
    session = Session(session_pb2.Welcome(), writer, handlers)
    count = 2 * MESSAGES_IN_A_TURN + 1
    frame = broker_service_pb2.Frame(
        first_seq=1, messages=[Message(drain=session_pb2.Drain(reason=str(number))) for number in range(count)]
    )
    taking = session.take_frame(frame, 1)
    taking.send(None)
    taking.close()
    assert session.resume_of().received == len(taken) == MESSAGES_IN_A_TURN
    await session.take_frame(frame, 1)
    assert taken == [str(number) for number in range(count)]
    assert session.resume_of().received == count
