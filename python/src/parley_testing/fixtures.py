"""pytest fixtures; `pytest_plugins = ["parley_testing.fixtures"]` in a conftest.py brings them in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from parley_testing._in_process import InProcessBroker
from parley_testing._process import BrokerProcess


@pytest_asyncio.fixture
async def parley_broker() -> AsyncIterator[InProcessBroker]:
    """A broker in the test's event loop."""
    async with InProcessBroker() as broker:
        yield broker


@pytest.fixture
def parley_broker_process() -> Iterator[BrokerProcess]:
    """A broker as a process of its own, with the memory store."""
    with BrokerProcess() as broker:
        yield broker
