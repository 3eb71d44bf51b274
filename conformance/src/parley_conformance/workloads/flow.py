"""Broker workloads about fairness: what one client does not read, or its agent not handle, costs others nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from parley_conformance.broker_case import Table
from parley_conformance.matching import differences
from parley_conformance.model import Failed, Inconclusive
from parley_conformance.peer import Peer

_NOISE_MS = 20.0
"""Latencies of a few ms differ by this much without any reason."""
_KEYS = 40
_SLOW_MS = 15_000
"""Within this a publish that is a MiB or more is answered, also on a busy machine."""


async def slow_reader(table: Table, calls: int, flood: int, size: int, memory_mib: int) -> None:
    """A subscriber stops reading while events for it pile up; calls beside it take as long as before."""
    caller = await table.seat("a")
    worker = await table.seat("w", {"hosts": {"fast": {}}})
    publisher = await table.seat("p", {"greedy": False})
    deaf = await table.seat(
        "deaf", {"hosts": {"slow": {}}, "subscribes": [{"topic_type": "news", "agent_type": "slow"}]}
    )
    before = await table.broker.memory()
    alone = await _p99(caller, worker, calls)
    deaf.deafen()
    begin = asyncio.get_running_loop().time()
    # What does not fit into the recipients' queues is refused: those are the bounds that are meant.
    for number in range(flood):
        event = {"topic": f"news/{number % _KEYS}", "envelope": {"size": size}}
        await publisher.ask({"publish": event}, _SLOW_MS)
    beside = await _p99(caller, worker, calls)
    grown = (await table.broker.memory() - before) / (1 << 20)
    if grown > memory_mib:
        raise Failed(f"the broker grew by {grown:.0f} MiB, allowed were {memory_mib}", rule="FLOW-4", party="broker")
    if beside > 2 * alone + _NOISE_MS:
        text = f"99 of 100 calls took up to {beside:.1f} ms beside a client that does not read, {alone:.1f} ms alone"
        if excuse := table.lag.excuse(begin):
            raise Inconclusive(f"{text}; {excuse}")
        raise Failed(text, rule="FLOW-4", party="broker")
    deaf.hear()


async def early_deliveries(table: Table, credit: int, quick: int, waiting: int) -> None:
    """An agent is quick, then handles nothing: whatever the broker has sent to it ahead, it left credit for others.

    It is quick more than twice as often as there is credit: a broker that sends more ahead the longer that goes well,
    and in portions, has then sent all that it ever would.
    """
    caller, worker = table.peers["a"], table.peers["w"]
    for number in range(quick + waiting):
        await caller.do({"publish": {"topic": "news/k", "envelope": str(number)}})
    acks = []
    for number in range(quick):
        delivery = (await worker.get({"delivery": {"recipient": "probe/k", "envelope": str(number)}}))["delivery"]
        await worker.grant(credit + number + 1, 1 << 40)
        identity = {key: delivery[key] for key in ("recipient", "epoch", "position", "round")}
        acks.append(await worker.start({"ack": identity}))
    for ack in acks:
        if wrong := differences({"done": {}}, await worker.answer_to(ack)):
            raise Failed(f"an ack: {'; '.join(wrong)}", rule="DLV-2", party="broker")
    await worker.get({"delivery": {"recipient": "probe/k", "envelope": str(quick)}})
    await caller.do({"publish": {"topic": "news/other", "envelope": "other"}})
    await worker.get({"delivery": {"recipient": "probe/other", "envelope": "other"}})
    call = await caller.start({"request": {"target": "probe/other", "envelope": "call"}})
    request = await worker.get({"request": {"envelope": "call"}})
    await worker.send({"re": request["id"], "reply": {"envelope": "done"}})
    await caller.answer_to(call)


async def _p99(caller: Peer, worker: Peer, calls: int) -> float:
    """The time in ms within which 99 of 100 calls have their replies, one after the other."""
    clock = asyncio.get_running_loop().time
    took = []
    for number in range(calls):
        begin = clock()
        identity = await caller.start({"request": {"target": "fast/k", "envelope": str(number)}})
        request = await worker.get({"request": {"envelope": str(number)}})
        await worker.send({"re": request["id"], "reply": {"envelope": "done"}})
        await caller.answer_to(identity)
        took.append((clock() - begin) * 1000)
    return sorted(took)[int(calls * 0.99)]


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "early_deliveries": early_deliveries,
    "slow_reader": slow_reader,
}
