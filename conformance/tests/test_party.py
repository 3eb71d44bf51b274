from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from conftest import fake_adapter

from parley_conformance.adapter import Adapter, Refused
from parley_conformance.journal import Journal
from parley_conformance.model import Failed, Unsupported
from parley_conformance.party import Party


@pytest_asyncio.fixture
async def party(tmp_path: Path) -> AsyncIterator[Party]:
    adapter = await Adapter.launch("caller", fake_adapter(), tmp_path / "log", Journal())
    yield Party("caller", "fake", "json", adapter)
    await adapter.close()


async def test_it_starts_as_the_case_says(party: Party) -> None:
    settings = {
        "agents": {"a": "probe", "b": {"behaviour": "probe", "keys": ["k"]}},
        "subscribes": [{"topic": "t", "type": "a"}],
    }
    await party.start("grpc://x", settings)
    said = [line for line in party.adapter.journal.lines() if "->" in line]
    assert '"keys": ["k"]' in said[3]
    assert '"match": "exact"' in said[4]
    with pytest.raises(Unsupported):
        await party.start("grpc://x", {"agents": {"a": "unheard-of"}})
    with pytest.raises(Refused):
        await party.start("grpc://x", {"agents": {"refused": "probe"}})


async def test_calls_and_what_is_seen(party: Party) -> None:
    await party.start("grpc://x", {})
    await party.call({"label": "c1", "to": "probe/k", "do": [{"reply": "hi"}]})
    assert (await party.outcome("c1"))["reply"]["value"]["value"] == "hi"
    assert len(await party.see("enter", {"label": "c1"})) == 1
    assert party.sent["c1"].at > 0
    await party.publish({"label": "e1", "topic": "t/k"})
    await party.see("outcome", {"label": "e1", "published": True})


async def test_it_rests_when_all_that_was_sent_has_its_outcome(party: Party) -> None:
    await party.start("grpc://x", {})
    await party.call({"label": "c1", "to": "probe/k"})
    await party.rest()
    assert party.seen("outcome", {"label": "c1"})
    party.sent["c2"] = party.sent["c1"]
    begun = asyncio.get_running_loop().time()
    await party.rest(within_ms=200)
    assert asyncio.get_running_loop().time() - begun >= 0.2


@pytest.mark.parametrize(
    ("kind", "expected", "count", "text"),
    [
        ("outcome", {"label": "c1", "reply": None}, 1, "it saw: reply: expected None"),
        ("outcome", {"label": "c1"}, 2, "×2 within 20 ms; there were 1"),
        ("cancelled", {"label": "c1"}, 1, "it saw last: enter c1, leave c1, outcome c1"),
    ],
)
async def test_what_is_missing_is_told_with_what_was_near(
    party: Party, kind: str, expected: dict[str, object], count: int, text: str
) -> None:
    await party.start("grpc://x", {})
    await party.call({"label": "c1", "to": "probe/k"})
    await party.outcome("c1")
    with pytest.raises(Failed) as caught:
        await party.see(kind, expected, count=count, within_ms=20)
    assert text in str(caught.value)
