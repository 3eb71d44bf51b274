"""A reference broker of its own for each point of a curve, and what its process costs."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from parley_bench.processes import BenchError, Process
from parley_bench.resources import cpu_seconds, resident_bytes

START_LIMIT = 120.0
"""How long a broker may take to be ready, in s."""


@dataclass(frozen=True)
class Broker:
    """A running broker.

    Attributes:
        address: `HOST:PORT`.
        pid: of its process.
        ready_after: seconds from its start until it served.
    """

    address: str
    pid: int
    ready_after: float

    def cpu(self) -> float:
        """Returns the processor time that it has used, in s."""
        return cpu_seconds([self.pid])

    def memory(self) -> int:
        """Returns its resident memory, in bytes."""
        return resident_bytes([self.pid])

    def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        os.kill(self.pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def running(
    folder: Path, *, memory: bool = False, settings: Mapping[str, int] = MappingProxyType({})
) -> AsyncIterator[Broker]:
    """Runs a broker on a free port, with its data below `folder`, which may hold some already.

    Args:
        folder: For its data and its ready file.
        memory: Keep everything in memory.
        settings: Numbers of the broker's policy by their names.

    Raises:
        BenchError: it ended, or was not ready in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    began = time.perf_counter()
    process = await Process.start("parley-broker", command(folder, ready, memory, settings))
    try:
        while not ready.exists():
            process.check_alive()
            if time.perf_counter() - began > START_LIMIT:
                raise BenchError(f"parley-broker was not ready after {START_LIMIT:.0f} s")
            await asyncio.sleep(0.002)
        took = time.perf_counter() - began
        yield Broker(json.loads(ready.read_text())["address"], process.pid, took)
    finally:
        await process.stop()


def command(folder: Path, ready: Path, memory: bool, settings: Mapping[str, int]) -> list[str]:
    """Returns the command line of a broker."""
    store = ["--memory"] if memory else ["--data", str(folder / "store")]
    numbers = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return [
        sys.executable, "-m", "parley_broker", "serve", "--listen", "127.0.0.1:0", *store,
        "--ready-file", str(ready), "--log-level", "warning", *numbers,
    ]  # fmt: skip
