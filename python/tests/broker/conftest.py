"""What the broker's tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from .peer import Peer, connected
from .process import BrokerProcess, running

OpenPeer = Callable[[], Peer]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """A broker in memory, one per module; a session without a connection is lost soon."""
    with running(tmp_path_factory.mktemp("broker"), "--memory", "--session-grace-ms", "200") as process:
        yield process


@pytest_asyncio.fixture
async def open_peer(broker: BrokerProcess) -> AsyncIterator[OpenPeer]:
    """Opens raw connections to the module's broker."""
    async with connected(broker.address) as opener:
        yield opener
