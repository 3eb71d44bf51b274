"""The broker in the test's own event loop."""

from __future__ import annotations

import pytest

from parley.distributed import create_distributed_runtime
from parley.exceptions import UnavailableError
from parley_testing import InProcessBroker


async def test_it_serves_and_ends() -> None:
    async with InProcessBroker(heartbeat_interval_ms=50) as broker:
        runtime = await create_distributed_runtime(broker.url)
        await runtime.start()
        await runtime.stop()
    with pytest.raises(UnavailableError, match="no broker answered within"):
        await create_distributed_runtime(broker.url, connect_timeout=0.1)


def test_unknown_settings_are_named() -> None:
    with pytest.raises(TypeError, match="no such setting: hartbeat"):
        InProcessBroker(hartbeat=1)
