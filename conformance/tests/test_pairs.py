from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import fake_adapter, fake_launcher, pair_case

from parley_conformance import pair_case as pair_cases
from parley_conformance.broker import Broker
from parley_conformance.model import Failed, Run
from parley_conformance.timing import LagMeter
from parley_conformance.workloads import pairs


async def pair_workload(folder: Path, workload: Callable[..., Awaitable[None]], flaw: str, **arguments: Any) -> None:
    """Plays a pair workload with the fake adapter, which hosts whatever its own calls name."""
    case = pair_case(steps=(), workload="made up", arguments=arguments, parties={"caller": {}, "handler": {}})
    broker = await Broker.launch(fake_launcher(), {}, folder)
    table = pair_cases.Table(broker, Run(case, "one", "one", "json"), {"one": fake_adapter(flaw)}, folder, LagMeter())
    try:
        async with asyncio.timeout(20):
            await pair_cases.play(table, case, workload)
    finally:
        await table.close()
        await broker.close()


async def test_one_agent_is_told_from_several(tmp_path: Path) -> None:
    await pair_workload(tmp_path, pairs.one_agent, "", calls=5)
    with pytest.raises(Failed, match="more than one instance"):
        await pair_workload(tmp_path, pairs.one_agent, "forgets", calls=5)


async def test_another_instance_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="another instance answered"):
        await pair_workload(tmp_path, pairs.spread, "forgets", keys=2, hosts=["caller", "handler"])
    # All agents are in the caller: that is no spread.
    with pytest.raises(Failed, match="keys were placed"):
        await pair_workload(tmp_path, pairs.spread, "", keys=2, hosts=["caller", "handler"])


async def test_a_chain_that_is_never_refused_fails(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="the outermost call"):
        await pair_workload(tmp_path, pairs.deep_chain, "")
