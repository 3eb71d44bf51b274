"""What every Python party shares: the JSON lines, the loops that send, the clocks, the record that is carried.

A party is `PROGRAM host|caller|in-process URL`. It prints {"ready": true}, then one JSON line for each that it
reads, until there is none; an answer that says `error` ends the run. It knows nothing of any system: a system's
party gives `run_party` a function that connects, and a `Client` that sends.

Two loops. Closed (`rate` 0): so many lanes, each sending when its last message is answered. Open: messages are due
at a constant rate, whatever the answers do, and a message's time counts from the moment when it was due, not from
when a lane got round to it; so a stall counts for every message that it held up.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

ARRIVAL_LIMIT = 60.0
"""How long the last event may take to arrive after the last publish was answered, in s."""
STEP = 0.6180339887498949

Send = Callable[[], Awaitable[object]]


@dataclass
class Reading:
    """The record that every message carries; in protobuf it is parley.bench.v1.Reading."""

    number: int
    source: str
    values: list[float]
    text: str


@dataclass(frozen=True)
class Work:
    """What a caller is asked to do in one round.

    Attributes:
        kind: `call`, `publish-ephemeral`, `publish-stored` (answered when it is on disk), or `effectively-once`
            (published and stored; the agent changes its state and publishes one event, which counts when it arrives).
        in_flight: messages without an answer at any time; in the open loop, at most.
        rate: messages that are due per second; 0: closed loop.
        host: language of the process that hosts the agent.
        key: the agent's key, new in each round.
        content: `json` or `protobuf`.
        seconds: how long to send, in s.
        values: how many numbers a message has; the i-th, from 0, is `(i + 1) * STEP`.
        text: how many times the letter `x` it has.
        agents: how many agents of one type the messages are for, in turn.
        subscribers: how many agents each event is for.
        beside: a stream of ephemeral events beside the calls: `rate` per second of `values` and `text`; nothing: none.
    """

    kind: str
    in_flight: int
    rate: float
    host: str
    key: str
    content: str
    seconds: float
    values: int
    text: int
    agents: int = 1
    subscribers: int = 1
    beside: dict[str, Any] | None = None

    @property
    def keys(self) -> list[str]:
        """The keys of the agents, in the order of their turns."""
        return [self.key] if self.agents == 1 else [f"{self.key}-{i}" for i in range(self.agents)]

    def shares(self, count: int) -> list[tuple[str, int]]:
        """Returns the keys of the agents that have had any of so many messages, and how many each had."""
        return [(key, len(range(i, count, self.agents))) for i, key in enumerate(self.keys) if i < count]

    def reading(self) -> Reading:
        """Makes the record."""
        return Reading(0, "bench", [(i + 1) * STEP for i in range(self.values)], "x" * self.text)


class Client(Protocol):
    """A connection to the system under test."""

    def sending(self, work: Work) -> Send:
        """Returns what sends one message of this work and returns at its answer: reply parsed, or event taken in."""

    async def arrived(self, work: Work, count: int) -> None:
        """Returns when the subscribers have handled, and acknowledged, `count` events of this work each."""

    async def prepare(self, work: Work) -> None:
        """At a host: makes what this work needs and is not there from the start."""


Connect = Callable[[str, str], AbstractAsyncContextManager[Client]]


def record_codec(content: str) -> tuple[Callable[[Reading], bytes], Callable[[bytes], Any]]:
    """Returns what writes and what reads a record where a system carries bytes: json's own functions, or protobuf's."""
    if content == "json":
        return (
            lambda reading: json.dumps(vars(reading), separators=(",", ":")).encode(),
            lambda data: Reading(**json.loads(data)),
        )
    from bench_pb2 import Reading as ProtobufReading

    return lambda message: message.SerializeToString(), ProtobufReading.FromString  # type: ignore[attr-defined]


def record(work: Work) -> Any:
    """Returns the record of this work as its content has it: a Reading, or the generated protobuf message."""
    reading = work.reading()
    if work.content == "json":
        return reading
    from bench_pb2 import Reading as ProtobufReading

    return ProtobufReading(**vars(reading))


async def closed_loop(send: Send, in_flight: int, seconds: float) -> list[float]:
    """Keeps so many messages in flight for so long; returns the time of each to its answer, in s."""
    clock = time.perf_counter
    latencies: list[float] = []
    end = clock() + seconds

    async def one_lane() -> None:
        sent = clock()
        while sent < end:
            await send()
            answered = clock()
            latencies.append(answered - sent)
            sent = answered

    await asyncio.gather(*(one_lane() for _ in range(in_flight)))
    return latencies


async def open_loop(send: Send, in_flight: int, seconds: float, rate: float) -> list[float]:
    """Sends what is due at a constant rate, at most so many at once; returns the times from when each was due.

    A thread tells the moments, since an event loop's timers are exact to 1 ms only. Times are in s.
    """
    loop = asyncio.get_running_loop()
    clock = time.perf_counter
    latencies: list[float] = []
    due: deque[float] = deque()
    idle: deque[asyncio.Future[None]] = deque()
    total = max(1, round(rate * seconds))
    started = clock()

    def is_due(moment: float) -> None:
        due.append(moment)
        while idle:
            lane = idle.popleft()
            if not lane.done():
                lane.set_result(None)
                return

    def tell() -> None:
        with suppress(RuntimeError):  # the loop was closed: the round was given up
            for number in range(total):
                moment = started + number / rate
                if (wait := moment - clock()) > 0:
                    time.sleep(wait)
                loop.call_soon_threadsafe(is_due, moment)

    taken = 0

    async def one_lane() -> None:
        nonlocal taken
        while taken < total:
            taken += 1
            while not due:
                lane = loop.create_future()
                idle.append(lane)
                await lane
            moment = due.popleft()
            await send()
            latencies.append(clock() - moment)

    threading.Thread(target=tell, daemon=True).start()
    await asyncio.gather(*(one_lane() for _ in range(in_flight)))
    return latencies


def percentile(ordered: Sequence[float], per_mille: int) -> float:
    """Returns the smallest value that so many thousandths of the ordered values do not exceed (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * per_mille // 1000) - 1)]


async def carry_out(client: Client, work: Work) -> dict[str, float]:
    """Carries out one round at the caller; returns what the runner wants to know of it.

    `count` messages in `seconds` from the first send to the last reply or arrival, the percentiles of the time to
    the answer in µs, and the CPU time of this process in s.
    """
    send = client.sending(work)
    cpu = time.process_time()
    started = time.perf_counter()
    stream = asyncio.create_task(_beside(client, work)) if work.beside else None
    if work.rate:
        latencies = await open_loop(send, work.in_flight, work.seconds, work.rate)
    else:
        latencies = await closed_loop(send, work.in_flight, work.seconds)
    if work.kind != "call":
        await _all_arrived(client, work, len(latencies))
    seconds = time.perf_counter() - started
    cpu = time.process_time() - cpu
    if stream is not None:
        await stream
    latencies.sort()
    return {
        "count": len(latencies),
        "seconds": seconds,
        "p50_us": percentile(latencies, 500) * 1e6,
        "p99_us": percentile(latencies, 990) * 1e6,
        "p999_us": percentile(latencies, 999) * 1e6,
        "cpu_s": cpu,
    }


async def _beside(client: Client, work: Work) -> None:
    assert work.beside is not None
    large = replace(work, kind="publish-ephemeral", key=f"{work.key}-beside", beside=None, **work.beside)
    sent = await open_loop(client.sending(large), large.in_flight, large.seconds, large.rate)
    await _all_arrived(client, large, len(sent))


async def _all_arrived(client: Client, work: Work, count: int) -> None:
    try:
        await asyncio.wait_for(client.arrived(work, count), ARRIVAL_LIMIT)
    except TimeoutError:
        limit = f"{ARRIVAL_LIMIT:.0f} s after the last publish"
        raise TimeoutError(f"not all of {count} events had arrived {limit}") from None


def say(line: dict[str, Any]) -> None:
    """Writes one JSON line to standard output."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def _main(connect: Connect, role: str, url: str) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    known = {field.name for field in fields(Work)}
    async with connect(role, url) as client:
        say({"ready": True})
        while line := await reader.readline():
            try:
                command = json.loads(line)
                work = Work(**{name: value for name, value in command.items() if name in known})
                if role == "host":
                    await client.prepare(work)
                    say({})
                else:
                    say(await carry_out(client, work))
            except Exception as error:
                say({"error": f"{type(error).__name__}: {error}"})


def run_party(connect: Connect) -> None:
    """Plays the role on the command line until standard input ends; on uvloop where it is installed."""
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_main(connect, sys.argv[1], sys.argv[2]))
