"""What has no curve: how long things take, and what a thing that waits takes up."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from parley_bench.scale.broker import Broker, running
from parley_bench.scale.curves import AGENT_TYPE, call, event, register, run, subscribe
from parley_bench.scale.runner import SETTLE, alive
from parley_bench.scale.session import Session
from parley_wire.v1 import broker_service_pb2 as wire

STARTS = 5
CONNECTIONS = 50
RECIPIENTS = 1000
POLL = 0.01
"""Seconds between two looks at whether everything has arrived."""


@dataclass(frozen=True)
class Value:
    """One number, for people and for targets.

    Attributes:
        id: of the value.
        title: what it is.
        value: how much.
        unit: of it.
    """

    id: str
    title: str
    value: float
    unit: str


@asynccontextmanager
async def _broker(folder: Path, **settings: int) -> AsyncIterator[tuple[Broker, list[Session]]]:
    """Runs a broker that stores on disk, and keeps the sessions that are put into the list alive."""
    sessions: list[Session] = []
    async with running(folder, settings=settings) as broker, alive([sessions]):
        yield broker, sessions


async def start(folder: Path) -> list[Value]:
    """How long a broker takes to serve, from the start of its process, with nothing stored."""
    times = []
    for number in range(STARTS):
        async with running(folder / f"start-{number}") as broker:
            times.append(broker.ready_after)
    return [Value("start", "Start of a broker with nothing stored", 1000 * median(times), "ms")]


async def start_over_subscriptions(folder: Path, count: int) -> list[Value]:
    """The same where so many subscriptions are stored."""
    async with _broker(folder, max_subscriptions=2 * count) as (broker, sessions):
        sessions.append(await Session.open(broker.address))
        await sessions[0].ask(register(AGENT_TYPE))
        await run(sessions[0], count, lambda number: subscribe(f"topic-{number}", AGENT_TYPE), 100)
    async with running(folder, settings={"max_subscriptions": 2 * count}) as broker:
        took = broker.ready_after
    return [Value("start-subscriptions", f"Start over {count:,} stored subscriptions", 1000 * took, "ms")]


async def connect(folder: Path) -> list[Value]:
    """How long a client takes to have a session, and then to announce a type, one after the other."""
    opened, announced = [], []
    async with _broker(folder) as (broker, sessions):
        for number in range(CONNECTIONS):
            began = time.perf_counter()
            sessions.append(await Session.open(broker.address))
            opened.append(time.perf_counter() - began)
            began = time.perf_counter()
            await sessions[-1].ask(register(f"{AGENT_TYPE}-{number}"))
            announced.append(time.perf_counter() - began)
    return [
        Value("connect", "Connection to Welcome", 1000 * median(opened), "ms"),
        Value("register", "Registration of an agent type", 1000 * median(announced), "ms"),
    ]


async def queued(folder: Path, count: int) -> list[Value]:
    """What an event takes up in memory that waits for a worker that is there and acknowledges nothing."""
    async with _broker(folder) as (broker, sessions):
        host, publisher = await Session.open(broker.address), await Session.open(broker.address)
        sessions += [host, publisher]
        host.acknowledges = False
        await host.ask(register(AGENT_TYPE))
        await host.ask(subscribe("t", AGENT_TYPE))
        # Its recipients are there before memory is looked at, with an event in flight each.
        await run(publisher, RECIPIENTS, lambda number: event("t", number, stored=True, sources=RECIPIENTS))
        await asyncio.sleep(SETTLE)
        before = broker.memory()
        await run(publisher, count, lambda number: event("t", number, stored=True, sources=RECIPIENTS))
        await asyncio.sleep(SETTLE)
        each = (broker.memory() - before) / count
    return [Value("queued-event", "Memory of a queued event of 256 B", each, "B")]


async def recover(folder: Path, count: int) -> list[Value]:
    """What a broker that was killed with so many stored events needs to serve, and to hand them out."""
    async with _broker(folder) as (broker, sessions):
        publisher = await Session.open(broker.address)
        sessions.append(publisher)
        await publisher.ask(subscribe("t", AGENT_TYPE))
        await asyncio.sleep(SETTLE)
        before, began = broker.memory(), time.perf_counter()
        await run(publisher, count, lambda number: event("t", number, stored=True, sources=RECIPIENTS))
        stored_in = time.perf_counter() - began
        await asyncio.sleep(SETTLE)
        each = (broker.memory() - before) / count
        broker.kill()
    async with _broker(folder) as (broker, sessions):
        began = time.perf_counter()
        host = await Session.open(broker.address)
        sessions.append(host)
        await host.ask(register(AGENT_TYPE))
        first = await _until(lambda: host.handled > 0, host, began)
        whole = await _until(lambda: host.handled >= count, host, began)
    return [
        Value("stored-event", "Memory of a stored event of 256 B that nobody hosts", each, "B"),
        Value("store", "Events stored per second meanwhile, with fsync", count / stored_in, "1/s"),
        Value("recovery", f"Start after a kill, over {count:,} stored events", 1000 * broker.ready_after, "ms"),
        Value(
            "recovery-first",
            "First of them delivered after its host came; 2 s are the claim window",
            1000 * first,
            "ms",
        ),
        Value("recovery-all", "All of them delivered and acknowledged since then", 1000 * whole, "ms"),
    ]


async def subscribe_unhosted(folder: Path, count: int) -> list[Value]:
    """What the last tenth of many subscriptions for one type that nobody hosts costs the broker each."""
    async with _broker(folder, max_subscriptions=2 * count) as (broker, sessions):
        sessions.append(await Session.open(broker.address))

        async def make(first: int, many: int) -> None:
            await run(sessions[0], many, lambda number: subscribe(f"topic-{first + number}", AGENT_TYPE), 100)

        await make(0, count - count // 10)
        each = await _cost(broker, make(count - count // 10, count // 10)) / (count // 10)
    return [Value("subscribe-unhosted", f"Processor time of one subscription after {count:,} of its type", each, "µs")]


async def give_back(folder: Path, count: int) -> list[Value]:
    """What it costs the broker to ask a session that drains for so many agents that keep state, each."""
    async with _broker(folder) as (broker, sessions):
        host, caller = await Session.open(broker.address), await Session.open(broker.address)
        sessions += [host, caller]
        await host.ask(register(AGENT_TYPE, keeps_state=True))
        await run(caller, count, lambda number: call(f"agent-{number}"))
        each = await _cost(broker, host.ask(wire.Message(drain={}))) / count
    return [Value("give-back", f"Processor time to take one agent back, of {count:,}", each, "µs")]


async def _cost(broker: Broker, work: Awaitable[object]) -> float:
    """Returns the processor time that the broker uses for the work, in µs."""
    before = broker.cpu()
    await work
    return 1e6 * (broker.cpu() - before)


async def _until(done: Callable[[], bool], session: Session, began: float) -> float:
    while not done():
        session.check()
        await asyncio.sleep(POLL)
    return time.perf_counter() - began
