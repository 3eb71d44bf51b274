"""Workloads judge: each goes red when what it asks for is not so. That they go green the suites show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from parley_conformance.broker_case import Table
from parley_conformance.model import Failed
from parley_conformance.workloads import places


async def seat_workers(table: Table, hosts: Mapping[str, Mapping[str, Any]]) -> None:
    await table.seat("a")
    for name, fields in hosts.items():
        await table.seat(name, {"hosts": {"probe": fields}})


async def test_a_spread_over_fewer_workers_than_named_fails(table: Table) -> None:
    await seat_workers(table, {"w1": {}, "w2": {}})
    await table.seat("w3")
    with pytest.raises(Failed, match="keys were placed"):
        await places.spread_of_keys(table, ["w1", "w2", "w3"], 6)


async def test_a_standard_agent_does_not_pass_for_a_stateless_one(table: Table) -> None:
    await seat_workers(table, {"w1": {}, "w2": {}})
    with pytest.raises(Failed, match="calls in hand were dispatched"):
        await places.stateless_spread(table, ["w1", "w2"], 6)


async def test_a_worker_that_beats_is_never_suspect(table: Table) -> None:
    await table.seat("a")
    silent = await table.seat("silent", {"hosts": {"probe": {}}})
    silent.welcome["heartbeat_interval_ms"] = 20
    with pytest.raises(Failed, match="still dispatched after 19 intervals"):
        await places.suspect(table)
