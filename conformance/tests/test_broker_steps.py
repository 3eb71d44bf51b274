"""The steps that need more than one connection or process; `test_broker_case.py` has the others."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import broker_case

from parley_conformance import broker_case as cases
from parley_conformance.broker_case import Table
from parley_conformance.model import Failed

QUICK = {"claim_window_ms": 100, "drain_timeout_ms": 100}
CALL = {"send": {"a": {"request": {"target": "probe/k", "envelope": "hi"}}}, "as": "c1"}


async def play(table: Table, *steps: dict[str, Any], **registration: Any) -> None:
    parties = {"a": {}, "w": {"hosts": {"probe": registration}}}
    await cases.play(table, broker_case(steps=steps, parties=parties), None)


@pytest.mark.parametrize("table", [QUICK], indirect=True)
async def test_connections_and_the_process(table: Table) -> None:
    await play(
        table,
        CALL,
        {"get": {"w": {"activate": {}}}, "as": "held"},
        {"close": "a", "as": "cut"},
        {"resume": {"a": {}}},
        {"resume": {"a": {}}},
        {"ended": {"a": {"code": "ABORTED"}}, "older": True},
        {"restart": "broker", "as": "again"},
        {"resume": {"w": {}}, "gives": {"welcome": {"resumed": False}}, "differs": ["incarnation"]},
        {"ask": {"w": {"register_agent_type": {"type": "probe", "mode": "STANDARD"}}}, "gives": {"done": {}}},
        {"claim": {"w": ["held"]}},
        {"restart": "broker", "by": "SIGTERM"},
        {"kill": "broker"},
        {"launch": "broker"},
        {"pass_ms": 1},
        {"admin": {"GetStatus": {}}, "gives": {"tables": {"calls": 0}}, "within_ms": 2_000},
    )


async def test_what_does_not_hold(table: Table) -> None:
    with pytest.raises(Failed, match=r"step 1: GetStatus: tables.sessions"):
        await play(table, {"admin": {"GetStatus": {}}, "gives": {"tables": {"sessions": 77}}})
    with pytest.raises(Failed, match=r"step 2: .*resumed"):
        await play(table, {"close": "a"}, {"resume": {"a": {}}, "gives": {"welcome": {"resumed": False}}})
    with pytest.raises(
        Failed, match=r"step 2: a: the answer to Hello: welcome\.incarnation: another one than '\w+' was"
    ):
        await play(table, {"close": "a"}, {"resume": {"a": {}}, "differs": ["incarnation"]})


async def test_what_an_agent_saves_and_commits(table: Table) -> None:
    conflict = {"error": {"reason": "STATE_CONFLICT"}}
    state = {"data": "e30=", "content_type": "application/json"}
    await play(
        table,
        CALL,
        {"get": {"w": {"activate": {}}}, "as": "a1"},
        {"save": {"w": {"state": state}}, "of": "a1"},
        {"save": {"w": {"state": state}}, "of": "a1", "gives": {"done": {}}},
        {"save": {"w": {"expected_version": 7, "state": state}}, "of": "a1", "gives": conflict},
        keeps_state=True,
    )
