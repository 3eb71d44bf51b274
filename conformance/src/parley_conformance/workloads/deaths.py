"""A pair workload: workers die at every step of handling an event, and each event has its effect once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from parley_conformance.faults import armed
from parley_conformance.matching import differences
from parley_conformance.model import Failed
from parley_conformance.pair_case import Table

_LONG_MS = 30_000
_AGENT = "probe/k"
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "before the handler": {"dir": "down", "item": "Delivery"},
    "before the commit": {"dir": "up", "item": "Ack"},
    "before the commit's answer": {"dir": "down", "item": "Done"},
}
"""Where a worker dies, by the message that does not get there any more."""
_HANDLING, _ANYWHERE = "in the handler", "anywhere"
_HANDLING_MS, _ANYWHERE_MS = 60, 40


async def workers_killed(table: Table, kills: int, seed: int) -> None:
    """SIGKILL of the worker that has the agent, again and again; another one takes over, and the next one comes.

    After each death the agent's state is compared with all that was published so far, at the end what it published.
    """
    caller = table["caller"]
    chance = random.Random(f"{seed} {table.run.name}")
    points = [*_MESSAGES, _HANDLING, _ANYWHERE]
    chance.shuffle(points)
    hosts = ("handler", "handler2")
    coming: dict[str, asyncio.Task[None]] = {}

    async def come(name: str) -> None:
        await table.launch(name)
        await table.connect(name)

    sent = 0
    victim = await _counted(table, 0, sent)
    for number in range(1, kills + 1):
        point = points[number % len(points)]
        if number == 1:
            coming["handler2"] = asyncio.create_task(come("handler2"))
        for name in hosts:
            if name in coming:
                await coming.pop(name)
        fault = {"id": f"death {number}", "at": victim, "do": "hold", "label": f"e{number}", **_MESSAGES.get(point, {})}
        if point in _MESSAGES:
            await table.recorder.arm(armed(fault))
        # The second one waits behind the first.
        for label in (f"e{number}", f"f{number}"):
            sent += 1
            slow = [{"sleep": _HANDLING_MS}] if point == _HANDLING else []
            do = [{"add": 1}, *slow, {"publish": {"to": "out/k", "label": f"o{label}"}}]
            await caller.publish({"label": label, "topic": "news/k", "do": do})
        if point in _MESSAGES:
            await table.recorder.fired(f"death {number}", _LONG_MS)
        elif point == _HANDLING:
            await table[victim].see("enter", {"label": f"e{number}"}, within_ms=_LONG_MS)
            await asyncio.sleep(chance.uniform(0, _HANDLING_MS) / 1000)
        else:
            await asyncio.sleep(chance.uniform(0, _ANYWHERE_MS) / 1000)
        table.moments[victim] = asyncio.get_running_loop().time()
        await table[victim].adapter.kill()
        await table[victim].adapter.close()
        if point in _MESSAGES:
            await table.recorder.heal(f"death {number}")
        coming[victim] = asyncio.create_task(come(victim))
        for label in (f"e{number}", f"f{number}"):
            if wrong := differences({"published": True}, await caller.outcome(label, _LONG_MS)):
                raise Failed(f"event {label}: {'; '.join(wrong)}", rule="PUB-1")
            await caller.see("enter", {"label": f"o{label}"}, within_ms=_LONG_MS)
        victim = await _counted(table, number, sent, f"the worker was killed {point}")
    for task in coming.values():
        await task
    await table.fence()
    times = Counter(o.label for o in caller.seen("enter", {"kind": "event"}))
    if wrong_ones := {label: count for label, count in times.items() if count != 1}:
        raise Failed(f"what handlers published came so often: {wrong_ones}", rule="STA-4")


async def _counted(table: Table, turn: int, events: int, after: str = "nothing") -> str:
    """The agent has counted so many events; who hosts it now."""
    caller, label = table["caller"], f"count {turn}"
    # The broker may hear of the death later than of this call; then the call starts anew with the next worker.
    asked = {"label": label, "to": _AGENT, "wait_for_ready": True, "idempotency_key": label}
    await caller.call({**asked, "do": [{"reply": "counted"}]})
    if wrong := differences({"reply": {"value": {"count": events}}}, await caller.outcome(label, _LONG_MS)):
        raise Failed(f"{events} events, after {after}: {'; '.join(wrong)}", rule="STA-4")
    for name, party in table.parties.items():
        if name != "caller" and not party.adapter.killed:
            await party.adapter.command("ping")
            if party.seen("enter", {"label": label}):
                return name
    raise Failed(f"nobody ran {label}", rule="AGT-4")


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {"workers_killed": workers_killed}
