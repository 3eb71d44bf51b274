from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.broker_case import Table
from parley_conformance.model import HarnessError
from parley_conformance.process import runs


@pytest.mark.parametrize("table", [{"heartbeat_interval_ms": 321, "max_envelope_bytes": 4321}], indirect=True)
async def test_it_serves_with_the_settings(table: Table) -> None:
    peer = await table.seat("a")
    assert peer.welcome["heartbeat_interval_ms"] == 321
    assert peer.welcome["limits"]["max_envelope_bytes"] == 4321


async def test_it_is_gone_afterwards(tmp_path: Path) -> None:
    made = await Broker.launch(BrokerSource(), {"store": "memory"}, tmp_path)
    await made.close()
    async with asyncio.timeout(5):
        while runs(made.pid):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


def test_a_setting_that_it_does_not_have(tmp_path: Path) -> None:
    given = json.dumps({"data_dir": str(tmp_path / "data"), "colour": "red"})
    told = subprocess.run([*BrokerSource().command, given], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(told.stdout) == {"unsupported": "no such setting: colour"}


async def test_a_broker_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_BROKER_COMMAND", "/bin/false")
    with pytest.raises(HarnessError, match="exit code 1 before it served"):
        await Broker.launch(BrokerSource(), {}, tmp_path)
