"""Measures one curve: a broker for each point, all of them up, and rounds that take turns."""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parley_bench.scale.broker import Broker, running
from parley_bench.scale.curves import Curve
from parley_bench.scale.load import Flow, flow
from parley_bench.scale.session import Session

BEAT = 4.0
"""Seconds between two heartbeats of each session; the broker begins to worry after 15."""
SETTLE = 0.5
"""Seconds after which a broker's memory is looked at, once it has nothing more to do."""


@dataclass(frozen=True)
class Round:
    """What one point did in one round, and what that cost the broker per message, in µs of processor time."""

    flow: Flow
    cpu_us: float


@dataclass
class Point:
    """What was measured where the curve is `at`.

    Attributes:
        at: how much there is of what grows.
        grow_seconds: what it took to come to it, in s.
        bytes: by how much the broker's memory grew meanwhile.
        rounds: in their order.
    """

    at: int
    grow_seconds: float
    bytes: int
    rounds: list[Round] = field(default_factory=list)


async def measure(curve: Curve, points: Sequence[int], rounds: int, seconds: float, folder: Path) -> list[Point]:
    """Returns the points of the curve.

    Args:
        curve: What grows.
        points: How much of it.
        rounds: How often each point is measured.
        seconds: How long a round counts, in s.
        folder: For the brokers' data.

    Raises:
        BenchError: a broker or a session ended, or was too slow.
    """
    async with contextlib.AsyncExitStack() as stack:
        sessions: list[list[Session]] = [[] for _ in points]
        await stack.enter_async_context(alive(sessions))
        brokers: list[Broker] = []
        measured: list[Point] = []
        for at, own in zip(points, sessions, strict=True):
            place = folder / f"{curve.id}-{at}"
            broker = await stack.enter_async_context(running(place, memory=curve.in_memory, settings=curve.settings))
            brokers.append(broker)
            own += await curve.begin(broker)
            await asyncio.sleep(SETTLE)
            before, began = broker.memory(), time.perf_counter()
            await curve.grow(broker, own, at)
            took = time.perf_counter() - began
            await asyncio.sleep(SETTLE)
            measured.append(Point(at, took, broker.memory() - before))
        gc.collect()
        for number in range(rounds):
            order = range(len(points)) if number % 2 == 0 else reversed(range(len(points)))
            for index in order:
                loads = curve.loads(sessions[index], points[index])
                measured[index].rounds.append(await _round(brokers[index], flow(loads, curve.warm_up, seconds)))
        return measured


async def _round(broker: Broker, work: Awaitable[Flow]) -> Round:
    before = broker.cpu()
    done = await work
    return Round(done, 1e6 * (broker.cpu() - before) / done.answered)


@contextlib.asynccontextmanager
async def alive(sessions: list[list[Session]]) -> AsyncIterator[None]:
    """Sends heartbeats for all of them, and closes them in the end."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT)
            for own in sessions:
                for session in own:
                    session.beat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(*(session.close() for own in sessions for session in own), return_exceptions=True)
