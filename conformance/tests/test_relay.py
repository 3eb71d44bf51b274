from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from parley_conformance.relay import DOWN, UP, Relay


class Echo:
    """Says everything twice."""

    async def start(self) -> int:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data * 2)
        writer.close()


@pytest_asyncio.fixture
async def relay() -> AsyncIterator[Relay]:
    echo = Echo()
    port = await echo.start()
    made = Relay(lambda: ("127.0.0.1", port))
    await made.start()
    yield made
    await made.close()
    echo.server.close()


async def dial(relay: Relay) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", relay.port)


async def test_bytes_go_through_and_are_counted(relay: Relay) -> None:
    reader, writer = await dial(relay)
    writer.write(b"abc")
    assert await reader.readexactly(6) == b"abcabc"
    await relay.has_passed(DOWN, 6)
    assert relay.passed == {UP: 3, DOWN: 6}
    writer.close()


async def test_small_writes_do_not_wait_for_one_another(relay: Relay) -> None:
    reader, writer = await dial(relay)
    writer.write(b"a")
    await reader.readexactly(2)
    sockets = [one.get_extra_info("socket") for one in relay._writers]
    assert len(sockets) == 2
    assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in sockets)
    writer.close()


async def test_frozen_it_is_silent_and_later_goes_on(relay: Relay) -> None:
    reader, writer = await dial(relay)
    writer.write(b"a")
    await reader.readexactly(2)
    relay.freeze()
    writer.write(b"b")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.read(1)
    relay.thaw()
    assert await reader.readexactly(2) == b"bb"
    writer.close()


async def test_reset_breaks_off(relay: Relay) -> None:
    reader, writer = await dial(relay)
    writer.write(b"a")
    await reader.readexactly(2)
    relay.reset()
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    await relay.has_passed(DOWN, 1_000_000)
    writer.close()


async def test_refused_connections_find_nobody_until_it_accepts(relay: Relay) -> None:
    relay.refuse()
    relay.refuse()
    with pytest.raises(ConnectionRefusedError):
        await dial(relay)
    await relay.accept()
    await relay.accept()
    reader, writer = await dial(relay)
    writer.write(b"a")
    assert await reader.readexactly(2) == b"aa"
    writer.close()


async def test_it_tells_that_the_target_is_lost() -> None:
    lost = asyncio.Event()
    nobody = Relay(lambda: ("127.0.0.1", 1), lost.set)
    await nobody.start()
    reader, writer = await dial(nobody)
    async with asyncio.timeout(5):
        await lost.wait()
        assert await reader.read() == b""
    writer.close()
    await nobody.close()
