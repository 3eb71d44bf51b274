"""Connecting, and what becomes of a stream."""

from __future__ import annotations

import asyncio
import socket
import time

import grpc
import pytest

from parley._distributed.connection import Connection, ConnectionLostError, connect
from parley.distributed import create_distributed_runtime
from parley.exceptions import UnavailableError
from parley_wire.v1 import broker_service_pb2

from .scripted import PATIENCE, ScriptedBroker

HELLO = broker_service_pb2.Frame(messages=[{"id": 1, "hello": {}}]).SerializeToString()


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def opened(scripted: ScriptedBroker) -> Connection:
    connecting = asyncio.ensure_future(connect([scripted.url.removeprefix("grpc://")], HELLO, PATIENCE))
    peer = await scripted.accept()
    peer.welcome()
    connection, frame = await connecting
    assert frame.messages[0].HasField("welcome")
    return connection


async def test_it_says_which_addresses_failed_and_how() -> None:
    first, second = free_address(), free_address()
    began = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        await create_distributed_runtime(f"grpc://{first},grpc://{second}", connect_timeout=0.3)
    assert time.monotonic() - began < 2
    text = caught.value.message
    assert text.startswith("no broker answered within 0.3 s: ")
    assert f"grpc://{first}: UNAVAILABLE" in text
    assert f"grpc://{second}: UNAVAILABLE" in text


async def test_the_next_address_is_tried(scripted: ScriptedBroker) -> None:
    dead, alive = free_address(), scripted.url.removeprefix("grpc://")
    connecting = asyncio.ensure_future(connect([dead, alive], HELLO, PATIENCE))
    (await scripted.accept()).welcome()
    connection, _ = await connecting
    assert connection.address == alive
    await connection.close()


async def test_a_broker_that_comes_late_is_found(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(connect([scripted.url.removeprefix("grpc://")], HELLO, PATIENCE))
    (await scripted.accept()).end(grpc.StatusCode.UNAVAILABLE, "not yet")
    (await scripted.accept()).welcome()
    connection, _ = await connecting
    await connection.close()


async def test_one_that_never_answers(scripted: ScriptedBroker) -> None:
    with pytest.raises(UnavailableError, match="no answer"):
        await connect([scripted.url.removeprefix("grpc://")], HELLO, 0.2)


async def test_a_server_that_is_no_broker() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(UnavailableError, match=f"grpc://127.0.0.1:{port}: "):
        await connect([f"127.0.0.1:{port}"], HELLO, 0.3)
    server.close()


async def test_the_end_of_the_stream_is_told(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(connect([scripted.url.removeprefix("grpc://")], HELLO, PATIENCE))
    peer = await scripted.accept()
    peer.welcome()
    connection, _ = await connecting
    peer.end(grpc.StatusCode.RESOURCE_EXHAUSTED, "too slow")
    with pytest.raises(ConnectionLostError, match="RESOURCE_EXHAUSTED: too slow"):
        await connection.read()
    with pytest.raises(ConnectionLostError):
        await connection.write(HELLO)
    await connection.finish()


async def test_an_end_without_a_word(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(connect([scripted.url.removeprefix("grpc://")], HELLO, PATIENCE))
    peer = await scripted.accept()
    peer.welcome()
    connection, _ = await connecting
    peer.end()
    with pytest.raises(ConnectionLostError, match="the broker ended the connection"):
        await connection.read()
    await connection.close()


async def test_bytes_that_are_no_frame(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(connect([scripted.url.removeprefix("grpc://")], HELLO, PATIENCE))
    peer = await scripted.accept()
    peer.welcome()
    connection, _ = await connecting
    peer.send_raw(b"\xff\xff\xff")
    with pytest.raises(ConnectionLostError, match="no frame"):
        await connection.read()
    await connection.close()
