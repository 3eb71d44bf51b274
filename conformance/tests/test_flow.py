from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from parley_conformance.broker_case import Table
from parley_conformance.model import Failed
from parley_conformance.workloads import flow

SEATS: dict[str, Mapping[str, Any]] = {
    "a": {},
    "w": {
        "credit_messages": 4,
        "hosts": {"probe": {}},
        "subscribes": [{"topic_type": "news", "agent_type": "probe"}],
    },
}
FEW: dict[str, Any] = {"calls": 5, "flood": 5, "size": 1000}


async def test_who_is_not_held_up_passes(table: Table) -> None:
    await flow.slow_reader(table, **FEW, memory_mib=64)


async def test_memory_is_bounded(table: Table) -> None:
    with pytest.raises(Failed, match="grew by"):
        await flow.slow_reader(table, **FEW, memory_mib=-1000)


async def test_the_others_times_are_compared(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 50.0])

    async def p99(*_: Any) -> float:
        await asyncio.sleep(0)
        return next(times)

    monkeypatch.setattr(flow, "_p99", p99)
    with pytest.raises(Failed, match=r"up to 50.0 ms beside a client that does not read, 1.0 ms alone"):
        await flow.slow_reader(table, **FEW, memory_mib=64)


async def sit(table: Table) -> None:
    for name, seat in SEATS.items():
        await table.seat(name, seat)


async def test_what_is_in_flight_to_one_agent_leaves_credit(table: Table) -> None:
    await sit(table)
    await flow.early_deliveries(table, credit=4, quick=6, waiting=4)


async def test_a_broker_that_refuses_an_ack_fails(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    await sit(table)

    async def answer_to(*_: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"error": {"reason": "NOT_FOUND"}}

    monkeypatch.setattr(table.peers["w"], "answer_to", answer_to)
    with pytest.raises(Failed, match="an ack"):
        await flow.early_deliveries(table, credit=4, quick=2, waiting=0)
