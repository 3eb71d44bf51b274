"""The broker as a process of its own."""

from __future__ import annotations

import os
import sys

import pytest

from parley.distributed import create_distributed_runtime
from parley_testing import BrokerProcess


async def test_it_starts_stops_and_starts_again_at_the_same_address() -> None:
    with BrokerProcess(heartbeat_interval_ms=200) as broker:
        first = broker.url
        runtime = await create_distributed_runtime(first)
        await runtime.stop()
        assert broker.stop() == 0
        with pytest.raises(ProcessLookupError):
            os.kill(broker.pid, 0)
        broker.start()
        assert broker.url == first


def test_a_broker_that_cannot_start_says_why() -> None:
    with pytest.raises(RuntimeError, match="No such option"), BrokerProcess(nonsense=1):
        pass


def test_another_program_may_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_BROKER_COMMAND", f"{sys.executable} -c 'raise SystemExit(\"stood in\")'")
    with pytest.raises(RuntimeError, match="stood in"), BrokerProcess():
        pass
