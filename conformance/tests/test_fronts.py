from __future__ import annotations

from pathlib import Path

import pytest
from conftest import broker_case, contract

from parley_conformance import admin
from parley_conformance import broker_case as cases
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.front import BROKER
from parley_conformance.model import Failed, Run
from parley_conformance.mutation.alteration import Alteration
from parley_conformance.mutation.fronts import Fronts
from parley_conformance.timing import LagMeter


async def test_before_somebody_else_there_is_nothing() -> None:
    fronts = Fronts("caller", Alteration("drop", "down", "Reply"))
    assert await fronts.front(BROKER, "grpc://127.0.0.1:1") == "grpc://127.0.0.1:1"
    await fronts.close()


@pytest.mark.parametrize("bug", [Alteration("drop", "up", "Nack"), Alteration("drop", "down", "Reply")])
async def test_what_is_said_is_altered_and_all_else_goes_through(tmp_path: Path, bug: Alteration) -> None:
    broker = await Broker.launch(BrokerSource(), {}, tmp_path)
    fronts = Fronts(BROKER, bug)
    broker.front = await fronts.front(BROKER, broker.address)
    table = cases.Table(broker, Run(broker_case()), contract(), LagMeter())
    try:
        assert "tables" in await admin.ask(broker.address, "GetStatus", {})
        if bug.item == "Reply":
            with pytest.raises(Failed, match=r"expected \{'re': 2\}"):
                await cases.play(table, broker_case(), None)
        else:
            await cases.play(table, broker_case(), None)
            peer = await table.seat("p")
            await peer.cut()
            assert (await peer.resume(broker.address))["welcome"]["resumed"] is True
            other = await table.seat("q", {"hello": False})
            await other.write_bytes(b"\xff")
            assert (await other.ended())[0] == "INVALID_ARGUMENT"
        assert bug.met == (bug.item == "Reply")
    finally:
        await table.close()
        await fronts.close()
        await broker.close()
