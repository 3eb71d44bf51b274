"""The broker and workers of the end-to-end tests: processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley_testing import BrokerProcess

PROGRAMS = Path(__file__).with_name("programs.py")
PATIENCE = 15.0  # seconds
GRACE_MS = 1000


class WorkerProcess:
    """One `programs.py` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, url: str, type: str = "worker") -> WorkerProcess:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAMS), url, type), stdout=asyncio.subprocess.PIPE
        )
        worker = cls(process)
        assert await worker.line() == "ready"
        return worker

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)).decode().strip()

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


class Workers:
    """The workers of one test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.all: list[WorkerProcess] = []

    async def start(self, type: str = "worker") -> WorkerProcess:
        self.all.append(await WorkerProcess.start(self.url, type))
        return self.all[-1]


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerProcess]:
    """One broker for the tests of a module."""
    with BrokerProcess(heartbeat_interval_ms=500, session_grace_ms=GRACE_MS) as broker:
        yield broker


@pytest_asyncio.fixture
async def workers(broker: BrokerProcess) -> AsyncIterator[Workers]:
    """Starts workers; kills what is left of them."""
    workers = Workers(broker.url)
    yield workers
    for worker in workers.all:
        await worker.end()


@pytest_asyncio.fixture
async def caller(broker: BrokerProcess) -> AsyncIterator[DistributedRuntime]:
    """A runtime in the test's process."""
    runtime = await create_distributed_runtime(broker.url, "caller")
    await runtime.start()
    yield runtime
    await runtime.stop()
