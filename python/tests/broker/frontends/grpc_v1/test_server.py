"""Addresses."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from parley_broker.errors import StartupError
from parley_broker.frontends.grpc_v1.server import GrpcServer


async def test_a_taken_port_and_a_free_one() -> None:
    nobody: Any = object()
    first, second = GrpcServer(nobody), GrpcServer(nobody)
    address = await first.start("127.0.0.1:0")
    assert address.startswith("127.0.0.1:")
    assert not address.endswith(":0")
    with pytest.raises(StartupError, match=f"cannot listen at {address}"):
        await second.start(address)
    await first.stop(0)
    await second.stop(0)


async def test_an_address_of_somebody_else() -> None:
    server = GrpcServer(object())  # type: ignore[arg-type]
    with pytest.raises(StartupError, match="cannot listen"):
        await server.start("192.0.2.1:0")
    await server.stop(0)


async def test_a_name_of_which_one_address_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, 0, 0, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1", "127.0.0.2")]

    monkeypatch.setattr(socket, "getaddrinfo", find)
    nobody: Any = object()
    first, second, third = GrpcServer(nobody), GrpcServer(nobody), GrpcServer(nobody)
    port = (await first.start("127.0.0.1:0")).rpartition(":")[2]
    with pytest.raises(StartupError, match=rf"cannot listen at name:{port} \(127.0.0.1:{port}\)"):
        await second.start(f"name:{port}")
    address = await third.start("name:0")
    monkeypatch.undo()
    for host in ("127.0.0.1", "127.0.0.2"):
        with socket.create_connection((host, int(address.rpartition(":")[2])), timeout=5):
            pass
    for server in (first, second, third):
        await server.stop(0)


async def test_localhost_is_every_address_of_it() -> None:
    nobody: Any = object()
    first, second = GrpcServer(nobody), GrpcServer(nobody)
    port = (await first.start("127.0.0.1:0")).rpartition(":")[2]
    with pytest.raises(StartupError, match=rf"localhost:{port} \(127.0.0.1:{port}\)"):
        await second.start(f"localhost:{port}")
    await first.stop(0)
    await second.stop(0)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".invalid", "a..b"])
async def test_a_name_that_nobody_knows(host: str) -> None:
    server = GrpcServer(object())  # type: ignore[arg-type]
    with pytest.raises(StartupError, match=f"the host '{host}' has no address"):
        await server.start(f"{host}:0")
    await server.stop(0)
