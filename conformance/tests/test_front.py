from __future__ import annotations

from parley_conformance.front import BROKER, nothing


async def test_nothing_leaves_an_address_as_it_is() -> None:
    assert await nothing(BROKER, "grpc://127.0.0.1:1") == "grpc://127.0.0.1:1"
