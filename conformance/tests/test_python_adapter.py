"""The Python adapter keeps the protocol also where no case asks: what it lacks, what it cannot parse, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from parley_conformance import languages
from parley_conformance.adapter import Adapter, Refused
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.journal import Journal
from parley_conformance.model import Unsupported
from parley_conformance.party import Party

COMMAND = languages.discover()["python"].command


@pytest_asyncio.fixture
async def party(tmp_path: Path) -> AsyncIterator[Party]:
    broker = await Broker.launch(BrokerSource(), {}, tmp_path)
    adapter = await Adapter.launch("caller", COMMAND, tmp_path / "log", Journal())
    made = Party("caller", "python", "protobuf", adapter)
    await made.start(broker.address, {"agents": {"probe": "probe"}})
    yield made
    await adapter.close()
    await broker.close()


async def test_what_it_lacks_is_unsupported_and_it_goes_on(party: Party) -> None:
    for command, members in (
        ("juggle", {}),
        ("register", {"rt": "main", "type": "x", "behaviour": "clairvoyant"}),
        ("encode", {"type": "Nonsense", "content_type": "json", "value": {}}),
        ("decode", {"type": "Names", "content_type": "protobuf", "data": ""}),
    ):
        with pytest.raises(Unsupported):
            await party.adapter.command(command, **members)
    await party.call({"label": "c1", "to": "probe/k", "type": "versioned", "value": {"version": 1}})
    with pytest.raises(Unsupported, match="versioned"):
        await party.see("outcome", {"label": "c1"}, within_ms=200)
    await party.call({"label": "c2", "to": "probe/k", "do": [{"reply": "still here"}]})
    assert (await party.outcome("c2"))["reply"]["value"]["value"] == "still here"


@pytest.mark.parametrize("to", ["no slash", "bad type/k", "/k", "probe/"])
async def test_an_id_that_the_sdk_cannot_parse_is_an_outcome(party: Party, to: str) -> None:
    await party.call({"label": "c1", "to": to})
    await party.see("outcome", {"label": "c1", "error": {"reason": "INVALID_ARGUMENT"}})


async def test_a_refusal_of_the_sdk_is_an_error_with_its_reason(party: Party) -> None:
    with pytest.raises(Refused) as caught:
        await party.register("bad type", "probe")
    assert caught.value.reason == "INVALID_ARGUMENT"


async def test_it_ends_when_the_kit_hangs_up(party: Party) -> None:
    assert party.adapter._writer is not None
    party.adapter._writer.close()
    async with asyncio.timeout(5):
        assert await party.adapter.child.wait() == 0


async def test_it_stops_in_order(party: Party) -> None:
    await party.command("stop", {})
    await party.see("session", {"state": "closed"})
    await party.call({"label": "late", "to": "probe/k"})
    await party.see("outcome", {"label": "late", "error": {"reason": "UNAVAILABLE"}})
