from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from conftest import fake_launcher

from parley_conformance import broker
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.model import Failed, HarnessError, Unsupported


async def test_a_launcher_says_where(tmp_path: Path) -> None:
    made = await Broker.launch(fake_launcher(), {}, tmp_path)
    assert made.address == "grpc://127.0.0.1:1"
    assert await made.memory() > 0
    made.check_alive()
    os.kill(made.pid, 9)
    await made._child.wait()  # type: ignore[union-attr]
    with pytest.raises(Failed, match="the broker's process ended"):
        made.check_alive()
    await made.close()


@pytest.mark.parametrize(
    ("flaw", "text"),
    [
        ("garbage", "instead of a line of JSON"),
        ("incomplete", "'pid' is a dependency"),
        ("dies", "the port is taken"),
        ("silent", "did not serve within"),
    ],
)
async def test_a_broken_launcher_is_a_harness_error(
    tmp_path: Path, flaw: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if flaw == "silent":
        monkeypatch.setattr(broker, "START_LIMIT_S", 0.3)
    with pytest.raises(HarnessError, match=text):
        await Broker.launch(fake_launcher(flaw), {}, tmp_path)


async def test_a_setting_that_the_launcher_does_not_know_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="no such setting: max_attempts"):
        await Broker.launch(fake_launcher("poor"), {"max_attempts": 1}, tmp_path)
    with pytest.raises(HarnessError, match=r"sets up no broker that there can be: .*'heat' was unexpected"):
        await Broker.launch(fake_launcher("poor"), {"heat": 1}, tmp_path)


async def test_what_a_launcher_claims(tmp_path: Path) -> None:
    assert (await Broker.launch(fake_launcher(), {}, tmp_path)).claims is None
    assert (await Broker.launch(fake_launcher("core"), {}, tmp_path)).claims == ["core"]
    with pytest.raises(HarnessError, match="the broker's launcher claims the profile 'gold'; there are core, durable"):
        await Broker.launch(fake_launcher("gold"), {}, tmp_path)
    with pytest.raises(Unsupported) as caught:
        await Broker.launch(fake_launcher("poor-core"), {"max_attempts": 1}, tmp_path)
    assert caught.value.claims == ["core"]


@pytest_asyncio.fixture
async def address() -> AsyncIterator[str]:
    """Where somebody listens."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield f"grpc://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    "address", ["grpc://127.0.0.1:1", "grpc://no-such-host.invalid:1", "grpc://x", "grpc://x:99999"]
)
async def test_an_address_that_nobody_answers(tmp_path: Path, address: str) -> None:
    with pytest.raises(HarnessError, match=f"no broker answers at {address}: ."):
        await Broker.launch(BrokerSource(address=address), {}, tmp_path)


async def test_an_address_takes_no_settings(tmp_path: Path, address: str) -> None:
    source = BrokerSource(address=address)
    made = await Broker.launch(source, {}, tmp_path)
    with pytest.raises(Unsupported, match="not known"):
        await made.memory()
    await made.close()
    with pytest.raises(Unsupported, match="heartbeat_interval_ms; there is only an address"):
        await Broker.launch(source, {"heartbeat_interval_ms": 1}, tmp_path)


def test_a_launcher_is_written_as_in_a_shell() -> None:
    assert BrokerSource.launcher("java -jar 'my broker.jar'").command == ("java", "-jar", "my broker.jar")


async def test_it_starts_again_where_it_served(tmp_path: Path) -> None:
    made = await Broker.launch(BrokerSource(), {}, tmp_path)
    address, first = made.address, made.pid
    for end in (made.kill, made.terminate):
        await end()
        made.check_alive()
        await made.start()
        assert made.address == address
        assert made.pid != first
        first = made.pid
    await made.close()


async def test_what_the_kit_did_not_start_cannot_be_stopped(tmp_path: Path, address: str) -> None:
    made = await Broker.launch(BrokerSource(address=address), {}, tmp_path)
    for end in (made.kill, made.terminate, made.start):
        with pytest.raises(Unsupported, match="not started by the kit"):
            await end()
    await made.close()
