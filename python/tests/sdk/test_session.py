"""The session: ids and answers, and what is no answer."""

from __future__ import annotations

import asyncio

import pytest

from parley.exceptions import InvalidArgumentError, OutcomeUnknownError
from parley_wire.v1 import broker_service_pb2, errors_pb2

from .conftest import close, connect
from .scripted import Message, ScriptedBroker
from .wire import PONG, Ponger


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
