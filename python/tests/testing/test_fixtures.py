"""The pytest fixtures, used as a user would."""

from __future__ import annotations

import pytest

from parley.distributed import create_distributed_runtime
from parley_testing import BrokerProcess, InProcessBroker

pytest_plugins = ["parley_testing.fixtures"]


async def test_in_process(parley_broker: InProcessBroker) -> None:
    runtime = await create_distributed_runtime(parley_broker.url)
    await runtime.stop()


async def test_process(parley_broker_process: BrokerProcess) -> None:
    runtime = await create_distributed_runtime(parley_broker_process.url)
    await runtime.stop()


@pytest.mark.parametrize("name", ["parley_broker", "parley_broker_process"])
def test_names(name: str) -> None:
    from parley_testing import fixtures

    assert hasattr(fixtures, name)
