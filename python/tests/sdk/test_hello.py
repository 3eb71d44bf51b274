"""Hello and Welcome: which broker is found, and which is none."""

from __future__ import annotations

import asyncio
import socket
import time

import grpc
import pytest

from parley._distributed.uplink import WINDOW_MESSAGES
from parley.distributed import create_distributed_runtime
from parley.exceptions import ProtocolVersionUnsupportedError, UnavailableError
from parley_wire.v1 import errors_pb2, session_pb2

from .conftest import Connected, close, connect
from .scripted import PATIENCE, Message, ScriptedBroker


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def test_hello(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, instance_id="worker-1")
    hello = connected.peer.hello.hello
    assert connected.peer.hello.id > 0
    assert (hello.min_version, hello.max_version) == (1, 1)
    assert hello.instance_id == "worker-1"
    assert hello.producer_id
    assert (hello.sdk_name, hello.sdk_language) == ("parley-python", "python")
    assert {11, 12, 13, 14, 20, 21, 32, 33, 35, 40, 41, 42, 61, 62, 71} <= set(hello.kinds)
    assert not {30, 60, 70} & set(hello.kinds)  # what a client does not take is not asked for
    assert not hello.HasField("resume")
    assert connected.peer.credit == (WINDOW_MESSAGES, 16 * 2**20)
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


async def test_a_broker_that_drains_is_passed_over(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(create_distributed_runtime(scripted.url))
    peer = await scripted.accept()
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_DRAINING, message="about to go")
    peer.send(Message(re=peer.hello.id, error=error))
    peer = await scripted.accept()
    peer.welcome()
    await close(Connected(await connecting, peer))


async def test_an_answer_that_is_no_welcome(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(create_distributed_runtime(scripted.url, connect_timeout=0.3))
    peer = await scripted.accept()
    peer.done(peer.hello)
    with pytest.raises(UnavailableError, match="answered Hello with done: it is no broker"):
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
    connecting = asyncio.ensure_future(create_distributed_runtime(f"grpc://{free_address()},{scripted.url}"))
    peer = await scripted.accept()
    peer.welcome()
    runtime = await connecting
    assert runtime._uplink.address == scripted.url.removeprefix("grpc://")
    await close(Connected(runtime, peer))


async def test_a_broker_that_comes_late_is_found(scripted: ScriptedBroker) -> None:
    connecting = asyncio.ensure_future(create_distributed_runtime(scripted.url))
    (await scripted.accept()).end(grpc.StatusCode.UNAVAILABLE, "not yet")
    peer = await scripted.accept()
    peer.welcome()
    await close(Connected(await connecting, peer))


async def test_one_that_never_answers(scripted: ScriptedBroker) -> None:
    with pytest.raises(UnavailableError, match="no answer"):
        await create_distributed_runtime(scripted.url, connect_timeout=0.2)


async def test_a_server_that_is_no_broker() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(UnavailableError, match=f"grpc://127.0.0.1:{port}: "):
        await create_distributed_runtime(f"grpc://127.0.0.1:{port}", connect_timeout=0.3)
    server.close()
