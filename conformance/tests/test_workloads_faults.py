"""The workloads under faults, with the Python SDK; what they must notice is told by adapters that are broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import contract

from parley_conformance import languages, pair_case, suite
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.model import Failed, Run
from parley_conformance.party import Party
from parley_conformance.timing import LagMeter
from parley_conformance.workloads import registry

COMMANDS = {"python": languages.discover()["python"].command}


async def play(folder: Path, name: str, **arguments: Any) -> None:
    cases = suite.load(rules=contract().rules, workloads=registry.ALL)
    case = next(one for one in cases if one.id == name)
    broker = await Broker.launch(BrokerSource(), case.broker, folder)
    table = pair_case.Table(broker, Run(case, "python", "python", "json"), COMMANDS, folder, LagMeter())
    workload = registry.ALL[case.kind][case.workload]

    async def shorter(table: Any, **_: Any) -> None:
        await workload(table, **{**case.arguments, **arguments})

    try:
        await pair_case.play(table, case, shorter)
    finally:
        await table.close()
        await broker.close()


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("session/cut-at-random-messages", {"cuts": 2}, "cut at"),
        ("drain/workers-under-load", {"calls": 6}, "c1: "),
        ("drain/broker-under-load", {"calls": 6}, "c0: "),
    ],
)
async def test_a_wrong_outcome_is_noticed(
    tmp_path: Path, name: str, arguments: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = Party.outcome

    async def wrong(self: Party, label: str, within_ms: float = 5_000) -> Any:
        told = await outcome(self, label, within_ms)
        return {"error": {"reason": "DRAINING"}} if label.startswith("c") else told

    monkeypatch.setattr(Party, "outcome", wrong)
    with pytest.raises(Failed, match=text):
        await play(tmp_path, name, **arguments)


async def test_attempts_and_order_are_counted(tmp_path: Path) -> None:
    await play(tmp_path, "dead-letter/poison-among-good-events", good=9)
