"""One connection: what becomes of a stream."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from parley._distributed.connection import Connection, ConnectionLostError, dial
from parley_wire.v1 import broker_service_pb2

from .scripted import PATIENCE, Peer, ScriptedBroker

HELLO = broker_service_pb2.Frame(messages=[{"id": 1, "hello": {}}]).SerializeToString()


async def opened(scripted: ScriptedBroker) -> tuple[Connection, Peer]:
    connecting = asyncio.ensure_future(dial(scripted.url.removeprefix("grpc://"), HELLO, PATIENCE))
    peer = await scripted.accept()
    peer.welcome()
    connection, frame = await connecting
    assert frame.messages[0].HasField("welcome")
    return connection, peer


async def test_an_address_that_never_answers(scripted: ScriptedBroker) -> None:
    with pytest.raises(ConnectionLostError, match="no answer"):
        await dial(scripted.url.removeprefix("grpc://"), HELLO, 0.2)


async def test_frames_come_with_their_size(scripted: ScriptedBroker) -> None:
    connection, peer = await opened(scripted)
    peer.send()
    frame, size = await connection.read()
    assert size == frame.ByteSize()
    await connection.close()


async def test_the_end_of_the_stream_is_told(scripted: ScriptedBroker) -> None:
    connection, peer = await opened(scripted)
    peer.end(grpc.StatusCode.RESOURCE_EXHAUSTED, "too slow")
    with pytest.raises(ConnectionLostError, match="RESOURCE_EXHAUSTED: too slow"):
        await connection.read()
    with pytest.raises(ConnectionLostError):
        await connection.write(HELLO)
    await connection.finish()


async def test_an_end_without_a_word(scripted: ScriptedBroker) -> None:
    connection, peer = await opened(scripted)
    peer.end()
    with pytest.raises(ConnectionLostError, match="the broker ended the connection"):
        await connection.read()
    await connection.close()


async def test_bytes_that_are_no_frame(scripted: ScriptedBroker) -> None:
    connection, peer = await opened(scripted)
    peer.send_raw(b"\xff\xff\xff")
    with pytest.raises(ConnectionLostError, match="no frame"):
        await connection.read()
    await connection.close()
