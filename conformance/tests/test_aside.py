from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from conftest import broker_case, contract

from parley_conformance import admin
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.broker_case import Table
from parley_conformance.model import HarnessError, Run, Unsupported
from parley_conformance.timing import LagMeter

HOSTED = {"hosts": {"probe": {}}, "subscribes": [{"topic_type": "news", "agent_type": "probe"}]}


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Broker]:
    """A broker that is there already."""
    broker = await Broker.launch(BrokerSource(), {}, tmp_path)
    yield broker
    await broker.close()


async def seated(running: Broker, folder: Path) -> Table:
    """The table of a case that knows an address alone."""
    broker = await Broker.launch(BrokerSource(address=running.address), {}, folder)
    return Table(broker, Run(broker_case()), contract(), LagMeter())


async def left(table: Table) -> None:
    await table.close()
    await table.broker.close()


async def test_two_cases_at_once_do_not_meet(running: Broker, tmp_path: Path) -> None:
    tables = [await seated(running, tmp_path) for _ in range(2)]
    workers = [await table.seat("w", HOSTED) for table in tables]
    for table in tables:
        asked = await (await table.seat("a")).ask({"publish": {"topic": "news/k", "envelope": "hi"}})
        assert asked["published"]["recipients"] == 1
        answer = await table.peers["a"].ask({"list_subscriptions": {}})
        assert [one["topic_type"] for one in answer["subscription_list"]["subscriptions"]] == ["news"]
    for table, worker in zip(tables, workers, strict=True):
        delivery = (await worker.get({"delivery": {"recipient": "probe/k"}}))["delivery"]
        await worker.do({"ack": {name: delivery[name] for name in ("recipient", "epoch", "position", "round")}})
        answer = await table.peers["a"].ask({"request": {"target": "none/k", "envelope": "hi"}})
        assert "agent type none;" in answer["error"]["message"]
        with pytest.raises(Unsupported, match="not started by the kit"):
            await table.admin("DrainBroker", {})
        await table.prove()
        await left(table)


async def test_nothing_is_left_behind(running: Broker, tmp_path: Path) -> None:
    before = (await admin.ask(running.address, "GetStatus", {}))["tables"]
    table = await seated(running, tmp_path)
    worker = await table.seat("w", HOSTED)
    caller = await table.seat("a")
    for number in range(5):
        await caller.do({"publish": {"topic": f"news/{number}", "envelope": "hi"}})
    delivery = (await worker.get({"delivery": {"recipient": "probe/0"}}))["delivery"]
    settled = {name: delivery[name] for name in ("recipient", "epoch", "position", "round")}
    await worker.do({"nack": {**settled, "error": {"reason": "MALFORMED_PAYLOAD", "message": "no"}}})
    await caller.start({"request": {"target": "probe/1", "envelope": "never answered"}})
    # One that says goodbye, one whose connection breaks, one that was resumed.
    await table.seat("gone")
    await table.peers["gone"].send({"goodbye": {}})
    await worker.cut()
    assert (await worker.resume(table.broker.address))["welcome"]["resumed"]
    held = (await admin.ask(running.address, "GetStatus", {}))["tables"]
    assert held["events"] >= 4
    assert held["dead_letters"] == 1
    await left(table)
    after = (await admin.ask(running.address, "GetStatus", {}))["tables"]
    grown = {name: number for name, number in after.items() if number > before.get(name, 0)}
    # What is known of a producer is kept for a day (PUB-4).
    assert set(grown) <= {"producers"}


async def test_what_is_no_frame_goes_on_as_it_came(running: Broker, tmp_path: Path) -> None:
    table = await seated(running, tmp_path)
    peer = await table.seat("bad", {"hello": False})
    await peer.write_bytes(b"\xff")
    assert (await peer.ended())[0] == "INVALID_ARGUMENT"
    await left(table)


async def test_a_broker_that_is_gone_holds_nobody_up(running: Broker, tmp_path: Path) -> None:
    table = await seated(running, tmp_path)
    await table.seat("w", HOSTED)
    await running.kill()
    await left(table)
    with pytest.raises(HarnessError, match="no broker answers"):
        await seated(running, tmp_path)
