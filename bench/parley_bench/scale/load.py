"""A closed loop: so many messages without an answer at any time, each answered one followed by the next."""

import asyncio
import contextlib
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass

from parley_bench.processes import BenchError
from parley_bench.scale.session import Session
from parley_wire.v1 import broker_service_pb2 as wire

Make = Callable[[int], wire.Message]
"""The message of this number, without an id."""
DRAIN_LIMIT = 60.0
"""How long answers may take once nothing more is sent, in s."""

LONGER = 100
"""How many times as long a round takes where nothing is answered in its time."""


@dataclass(frozen=True)
class Flow:
    """What a load did in a while: messages with their answer, the time in s, and times to the answer in µs.

    `answered` are the messages of the whole round, with those that do not count.
    """

    count: int
    seconds: float
    answered: int
    p50_us: float
    p99_us: float
    worst_us: float

    @property
    def per_second(self) -> float:
        """Messages with their answer per second."""
        return self.count / self.seconds


class Load:
    """Keeps `in_flight` messages of one session unanswered.

    Args:
        session: Sends them.
        make: Makes them.
        in_flight: How many.
        size: Of a message's envelope, in bytes.
        limit: How many messages are sent in all; 0: until `stop`.
    """

    def __init__(self, session: Session, make: Make, in_flight: int, size: int, limit: int = 0) -> None:
        self._session = session
        self._make = make
        self._in_flight = in_flight
        self._size = size
        self._limit = limit
        self._number = 0
        self._stopping = False
        self._sent: dict[int, float] = {}
        self._drained = asyncio.Event()
        self.count = 0
        """Messages with their answer."""
        self.failure: BenchError | None = None
        self.times = array("d")
        """To each answer, in s."""

    def start(self) -> None:
        """Sends the first ones."""
        self._session.answered = self._answered
        now = time.perf_counter()
        for _ in range(min(self._in_flight, self._limit or self._in_flight)):
            self._send(now)

    def stop(self) -> None:
        """Sends nothing more."""
        self._stopping = True

    async def drained(self) -> None:
        """Waits until everything is answered.

        Raises:
            BenchError: it is not in time, or the session has ended.
        """
        progress = -1
        while self._sent and self.failure is None:
            self._session.check()
            if progress == self.count:
                raise BenchError(f"{len(self._sent)} messages were not answered within {DRAIN_LIMIT:g} s")
            progress = self.count
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), DRAIN_LIMIT)
        if self.failure is not None:
            raise self.failure

    def _answered(self, message: wire.Message) -> None:
        sent = self._sent.pop(message.re, None)
        if sent is None:
            return
        if message.HasField("error"):
            self.failure = BenchError(f"a message was refused: {message.error.message}")
            self._stopping = True
            self._drained.set()
            return
        now = time.perf_counter()
        self.count += 1
        self.times.append(now - sent)
        if not self._stopping and (not self._limit or self._number < self._limit):
            self._send(now)
        elif not self._sent:
            self._drained.set()

    def _send(self, now: float) -> None:
        message = self._make(self._number)
        self._number += 1
        message.id = self._session.next_id()
        self._sent[message.id] = now
        self._session.say(message, self._size)


async def flow(loads: list[Load], warm_up: float, seconds: float) -> Flow:
    """Runs these loads together and measures for `seconds`, after `warm_up` seconds that do not count."""
    for load in loads:
        load.start()
    await asyncio.sleep(warm_up)
    before = [load.count for load in loads]
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    for _ in range(LONGER):
        if [load.count for load in loads] != before:
            break
        await asyncio.sleep(seconds)
    ended = time.perf_counter()
    counts = [load.count for load in loads]
    for load in loads:
        load.stop()
    for load in loads:
        await load.drained()
    times = sorted(t for load, first, last in zip(loads, before, counts, strict=True) for t in load.times[first:last])
    if not times:
        raise BenchError("nothing was answered")
    return Flow(
        len(times),
        ended - began,
        sum(load.count for load in loads),
        1e6 * times[len(times) // 2],
        1e6 * times[min(len(times) - 1, len(times) * 99 // 100)],
        1e6 * times[-1],
    )
