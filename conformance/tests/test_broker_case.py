from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest
from conftest import broker_case

from parley_conformance import broker_case as cases
from parley_conformance.broker_case import Table
from parley_conformance.model import Failed
from parley_conformance.process import runs

ECHO = {"a": {}, "w": {"hosts": {"probe": {}}}}
SEND = {"send": {"a": {"request": {"target": "probe/k", "envelope": "hi"}}}, "as": "c1"}
GET = {"get": {"w": {"request": {"envelope": "hi"}}}, "as": "r1"}
ANSWER = {"answer": {"w": {"reply": {"envelope": "yo"}}}, "to": "r1"}


async def play(table: Table, *steps: dict[str, Any], **fields: Any) -> None:
    await cases.play(table, broker_case(steps=steps, **{"parties": ECHO, **fields}), None)


async def test_a_case_that_holds(table: Table) -> None:
    await play(table, SEND, GET, ANSWER, {"outcome": {"a": {"reply": {"envelope": "yo"}}}, "of": "c1"})


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"outcome": {"a": {"reply": {"envelope": "no"}}}, "of": "c1"}, "step 4: a: the answer to c1: reply.envelope"),
        ({"outcome": {"a": {"error": {}}}, "of": "c1"}, "step 4: a: the answer to c1: error: absent"),
        ({"outcome": {"a": {"reply": {}}}, "of": "c1", "took_ms": {"since": "c1", "min": 60_000}}, "at least 60000"),
        (
            {"get": {"a": {"delivery": {}}}, "within_ms": 20},
            "step 4: a: expected .*delivery.* within 20 ms; there were",
        ),
        ({"nothing": {"a": {"reply": {}}}}, "step 4: a got .*reply.* must never come"),
        ({"ended": {"a": {"code": "OK"}}, "within_ms": 20}, "did not end the connection within 20 ms"),
        ({"ask": {"a": {"list_subscriptions": {}}}, "gives": {"done": {}}}, "step 4: .*list_subscriptions: done"),
        ({"open": {"b": {"hosts": {"bad type": {}}}}}, "step 4: b: register_agent_type was refused"),
    ],
)
async def test_a_case_that_does_not_hold(table: Table, step: dict[str, Any], text: str) -> None:
    with pytest.raises(Failed, match=text):
        await play(table, SEND, GET, ANSWER, step)


async def test_who_has_parted_owes_no_proof(table: Table) -> None:
    await play(table, {"send": {"w": {"goodbye": {}}}}, {"half_close": "a"})
    assert not table.peers["w"].answering
    assert not table.peers["a"].answering


async def test_never_is_judged_after_a_fence(table: Table) -> None:
    with pytest.raises(Failed, match=r"w got .*must never come"):
        await play(table, SEND, never=[{"w": {"request": {"envelope": "hi"}}}])


async def test_a_dead_broker_is_a_failure(table: Table) -> None:
    await table.seat("a")
    os.kill(table.broker.pid, signal.SIGKILL)
    async with asyncio.timeout(5):
        while runs(table.broker.pid):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    with pytest.raises(Failed, match="the broker's process ended"):
        await table.prove()


async def test_settling_closing_and_greeting(table: Table) -> None:
    parties = {"p": {}, "w": {"hosts": {"probe": {}}, "subscribes": [{"topic_type": "t", "agent_type": "probe"}]}}
    await play(
        table,
        {"ask": {"p": {"publish": {"topic": "t/k", "envelope": "e"}}}, "gives": {"published": {"recipients": 1}}},
        {"get": {"w": {"delivery": {"envelope": "e"}}}, "as": "d"},
        {"settle": {"w": {"ack": {}}}, "of": "d"},
        {"close": "p"},
        {"open": {"late": {"hello": False}}},
        {
            "greet": {"late": {"min_version": 9, "max_version": 9}},
            "gives": {"error": {"reason": "PROTOCOL_VERSION_UNSUPPORTED"}},
        },
        {"ended": {"late": {"code": "FAILED_PRECONDITION"}}},
        parties=parties,
    )
