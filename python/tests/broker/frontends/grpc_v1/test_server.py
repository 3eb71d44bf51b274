"""Addresses."""

from __future__ import annotations

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
