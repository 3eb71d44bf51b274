from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from parley_conformance import admin
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.proxy import Proxy, say_status
from parley_conformance.relay import DOWN


class Cut:
    """The answer without its last bytes."""

    def pass_on(self, direction: str, data: bytes) -> list[bytes]:
        return [b"" if direction == DOWN else data]


async def test_methods_go_through_and_may_be_changed(tmp_path: Path) -> None:
    broker = await Broker.launch(BrokerSource(), {}, tmp_path)
    asked: list[str] = []
    plain = Proxy(broker.address, asked.append)
    cut = Proxy(broker.address, lambda method: Cut())
    await plain.open()
    await cut.open()
    try:
        assert "tables" in await admin.ask(plain.address, "GetStatus", {})
        assert asked == ["/parley.v1.AdminService/GetStatus"]
        assert await admin.ask(cut.address, "GetStatus", {}) == {}
    finally:
        await plain.close()
        await cut.close()
        await broker.close()


@pytest.mark.parametrize("lost", [grpc.aio.UsageError("the call is over"), grpc.aio.InternalError("nobody reads")])
async def test_a_status_that_nobody_hears_is_no_error(lost: Exception) -> None:
    class Context:
        def __init__(self, raised: Exception) -> None:
            self.raised = raised

        async def abort(self, code: grpc.StatusCode, details: str, trailers: Any) -> None:
            assert (code, details, trailers) == (grpc.StatusCode.UNAVAILABLE, "over", ())
            raise self.raised

    await say_status(Context(lost), grpc.StatusCode.UNAVAILABLE, "over")
    with pytest.raises(grpc.aio.AbortError):
        await say_status(Context(grpc.aio.AbortError()), grpc.StatusCode.UNAVAILABLE, "over")
