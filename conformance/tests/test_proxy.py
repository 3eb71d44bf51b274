from __future__ import annotations

from pathlib import Path

from parley_conformance import admin
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.proxy import Proxy
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
