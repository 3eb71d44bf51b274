"""Pair workloads under faults: load while connections break, brokers and workers die, and code is upgraded."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from parley_conformance.faults import armed
from parley_conformance.matching import differences, matches
from parley_conformance.model import Failed
from parley_conformance.pair_case import Table
from parley_conformance.party import Party

_LONG_MS = 30_000
_SLOW_MS = 20
_AGENTS = 7
_TURNS, _POLL_S = 100, 0.1
# Where a call and an event can be cut: party, direction, kind of message.
_PLACES = (
    ("caller", "up", "Request"),
    ("caller", "up", "Publish"),
    ("caller", "down", "Reply"),
    ("caller", "down", "Published"),
    ("handler", "down", "Request"),
    ("handler", "down", "Delivery"),
    ("handler", "up", "Reply"),
    ("handler", "up", "Ack"),
)


async def cuts(table: Table, cuts: int, seed: int) -> None:
    """Connections break at random messages and are resumed each time; nothing is lost or repeated."""
    caller, handler = table["caller"], table["handler"]
    chance = random.Random(seed)
    for number in range(1, cuts + 1):
        at, direction, item = chance.choice(_PLACES)
        fault = {"id": f"cut {number}", "at": at, "dir": direction, "item": item}
        await table.recorder.arm(armed({**fault, "do": chance.choice(["cut_before", "cut_after"])}))
        await caller.call({"label": f"c{number}", "to": "probe/k", "do": [{"add": 1}, {"reply": "counted"}]})
        await caller.publish({"label": f"e{number}", "topic": "news/k"})
        outcome = await caller.outcome(f"c{number}", _LONG_MS)
        if wrong := differences({"reply": {"value": {"count": number}}}, outcome):
            raise Failed(f"call {number}, cut at {at} {direction} {item}: {'; '.join(wrong)}", rule="SES-9")
        outcome = await caller.outcome(f"e{number}", _LONG_MS)
        if wrong := differences({"published": True}, outcome):
            raise Failed(f"event {number}, cut at {at} {direction} {item}: {'; '.join(wrong)}", rule="SES-9")
        await handler.see("leave", {"label": f"e{number}", "how": "returned"}, within_ms=_LONG_MS)
        await table.recorder.fired(f"cut {number}", _LONG_MS)
    for party in (caller, handler):
        if lost := party.seen("session", {"state": "lost"}):
            raise Failed(f"{party.name}: a session was not resumed: {dict(lost[0].fields)}", rule="SES-9")
    order = [o.label for o in handler.seen("enter", {"kind": "event"})]
    if order != [f"e{number}" for number in range(1, cuts + 1)]:
        raise Failed(f"{cuts} events came as {order}", rule="DLV-3")


async def broker_killed(table: Table, kills: int, batch: int) -> None:
    """SIGKILL of the broker under load: no answered event is lost, each call has an outcome."""
    caller, handler = table["caller"], table["handler"]
    for kill in range(kills):
        labels = [f"{kill}.{number}" for number in range(batch)]
        killing: asyncio.Task[None] | None = None
        for number, label in enumerate(labels):
            await caller.call({"label": f"c{label}", "to": f"probe/{number % 3}", "do": [{"reply": label}]})
            # Slowly: when the broker is killed, some of what it has answered is still to be handled.
            event = {"label": f"e{label}", "topic": f"news/{number % 3}", "do": [{"sleep": _SLOW_MS}]}
            await caller.publish(event)
            if number == batch // 2:
                await caller.outcome(f"e{label}", _LONG_MS)
                killing = asyncio.create_task(table.broker.restart())
                table.moments["broker"] = asyncio.get_running_loop().time()
        assert killing is not None
        await killing
        for label in labels:
            outcome = await caller.outcome(f"c{label}", _LONG_MS)
            allowed = {"reply": {"value": {"value": label}}} if "reply" in outcome else _NOT_DONE
            if wrong := differences(allowed, outcome):
                raise Failed(f"call {label}: {'; '.join(wrong)}", rule="SES-15")
            if wrong := differences({"published": True}, await caller.outcome(f"e{label}", _LONG_MS)):
                raise Failed(f"event {label} over a restart: {'; '.join(wrong)}", rule="SES-15")
    for kill in range(kills):
        for number in range(batch):
            await handler.see("leave", {"label": f"e{kill}.{number}", "how": "returned"}, within_ms=_LONG_MS)


_LOST = ("OUTCOME_UNKNOWN", "UNAVAILABLE", "NO_RESPONDERS")
_NOT_DONE = {"error": {"reason": {"$one_of": list(_LOST)}}}


async def poison(table: Table, good: int) -> None:
    """One event fails again and again among many good ones: these are delivered in order, it is tried five times."""
    caller, handler = table["caller"], table["handler"]
    labels = [f"e{number}" for number in range(good)]
    for number, label in enumerate(labels):
        if number == good // 3:
            await caller.publish({"label": "poison", "topic": "news/0", "do": [{"fail": "poison"}]})
        await caller.publish({"label": label, "topic": f"news/{number % 3}"})
    for label in labels:
        await handler.see("leave", {"label": label, "how": "returned"}, within_ms=_LONG_MS)
    attempts = [o.fields["attempt"] for o in handler.seen("enter", {"label": "poison"})]
    if attempts != [1, 2, 3, 4, 5]:
        raise Failed(f"the poison event was tried as {attempts}", rule="DLV-6")
    for key in range(3):
        order = [o.label for o in handler.seen("enter", {"agent": f"probe/{key}"}) if o.label != "poison"]
        if order != labels[key::3]:
            raise Failed(f"probe/{key} got {order}", rule="DLV-3")


async def worker_drained(table: Table, calls: int, stops: Sequence[str]) -> None:
    """Workers stop in order one after the other under load: no caller sees an error, no event is lost."""
    caller = table["caller"]
    hosts = [party for name, party in table.parties.items() if name != "caller"]
    pieces = len(stops) + 1
    number = 0
    stopping: list[asyncio.Task[Any]] = []
    for piece in range(pieces):
        busy = []
        for left in reversed(range(calls // pieces)):
            number += 1
            # Each agent has its last one in hand when a worker begins to stop.
            last = left < _AGENTS
            if last:
                busy.append(f"c{number}")
            do = [{"sleep": 300 if last else 5}, {"reply": f"{number}"}]
            call = {"label": f"c{number}", "to": f"probe/{number % _AGENTS}", "wait_for_ready": True, "do": do}
            await caller.call(call)
            await caller.publish({"label": f"e{number}", "topic": f"news/{number % _AGENTS}"})
            if number % 10 == 0 and not last:
                await caller.outcome(f"c{number}", _LONG_MS)
        if piece < len(stops):
            await _all_begun(hosts, busy)
            stopping.append(asyncio.create_task(table[stops[piece]].command("stop", {})))
    for each in stopping:
        await each
    for one in range(1, number + 1):
        await _went_well(caller, one, "DRN-2")
    await _all_left(hosts, [f"e{one}" for one in range(1, number + 1)])


async def broker_drained(table: Table, calls: int) -> None:
    """SIGTERM to the broker under load, and another one takes its place: no caller sees an error, no event is lost."""
    caller, handler = table["caller"], table["handler"]
    restarting: asyncio.Task[None] | None = None
    for number in range(calls):
        do = [{"sleep": 5}, {"reply": f"{number}"}]
        await caller.call({"label": f"c{number}", "to": f"probe/{number % 5}", "wait_for_ready": True, "do": do})
        await caller.publish({"label": f"e{number}", "topic": f"news/{number % 5}"})
        if number == calls // 2:
            table.moments["broker"] = asyncio.get_running_loop().time()
            restarting = asyncio.create_task(table.broker.restart("SIGTERM"))
        if number % 10 == 0 and restarting is None:
            await caller.outcome(f"c{number}", _LONG_MS)
    assert restarting is not None
    await restarting
    for number in range(calls):
        await _went_well(caller, number, "DRN-1")
    await _all_left([handler], [f"e{number}" for number in range(calls)])


async def rolling_upgrade(table: Table, calls: int) -> None:
    """Version 1, then version 2, then version 1 again hosts the agents under load: nothing is lost or misread."""
    caller = table["caller"]
    number = 0
    sent: dict[str, str] = {}

    async def load(kind: str, busy_ms: int = 5) -> list[str]:
        nonlocal number
        labels = []
        for _ in range(calls):
            mine = number = number + 1
            labels.append(f"c{mine}")
            sent[f"c{mine}"] = sent[f"e{mine}"] = kind
            do = [{"sleep": busy_ms}, {"reply": f"{mine}"}]
            call = {"label": f"c{mine}", "to": f"probe/{mine % 5}", "wait_for_ready": True, "type": kind, "do": do}
            await caller.call(call)
            await caller.publish({"label": f"e{mine}", "topic": f"news/{mine % 5}", "type": kind})
        return labels

    async def replace(old: str, new: str) -> None:
        await table.launch(new)
        await table.connect(new)
        # Some of these are under way when the old one stops.
        busy = await load("probe", busy_ms=300)
        await _all_begun([table[old], table[new]], busy)
        await table[old].command("stop", {})

    await load("probe")
    upgrading = asyncio.create_task(replace("handler", "newer"))
    await load("probe")
    await upgrading
    newest = number
    await load("probe_v2")
    # What is of version 2 is done before version 1 comes back.
    for one in range(newest + 1, number + 1):
        await caller.outcome(f"c{one}", _LONG_MS)
        await table["newer"].see("leave", {"label": f"e{one}", "how": "returned"}, within_ms=_LONG_MS)
    returning = asyncio.create_task(replace("newer", "older"))
    await load("probe")
    await returning
    for one in range(1, number + 1):
        lost = (await caller.outcome(f"c{one}", _LONG_MS)).get("error", {}).get("reason") in _LOST
        await _went_well(caller, one, "DRN-2" if lost else "PAY-3")
    hosts = [table[name] for name in ("handler", "newer", "older")]
    await _all_left(hosts, [f"e{one}" for one in range(1, number + 1)])
    for entered in (o for host in hosts for o in host.seen("enter") if o.label in sent):
        if entered.fields["type_name"] not in _TYPE_NAMES[sent[entered.label]]:
            text = f"{entered.label} was sent as {sent[entered.label]} and read as {entered.fields['type_name']}"
            raise Failed(text, rule="PAY-4", party=str(entered.fields["agent"]))


_TYPE_NAMES = {
    "probe": ("probe_v1", "parley.conformance.v1.Probe"),
    "probe_v2": ("probe_v2", "parley.conformance.v1.ProbeV2"),
}


async def counted_once(table: Table, events: int, kills: int) -> None:
    """Events to an effectively-once agent add up to their number, although the broker is killed among them."""
    caller, handler = table["caller"], table["handler"]
    batch = max(1, events // (kills + 1))
    for number in range(1, events + 1):
        await caller.publish({"label": f"e{number}", "topic": "news/k", "do": [{"add": 1}]})
        if number % batch == 0 and kills > 0:
            kills -= 1
            # Some of them are counted by then, and some are not.
            await handler.see("leave", {"label": f"e{number - batch // 2}", "how": "returned"}, within_ms=_LONG_MS)
            table.moments["broker"] = asyncio.get_running_loop().time()
            await table.broker.restart()
    for number in range(1, events + 1):
        if wrong := differences({"published": True}, await caller.outcome(f"e{number}", _LONG_MS)):
            raise Failed(f"event {number}: {'; '.join(wrong)}", rule="SES-15")
    await _all_left([handler], [f"e{number}" for number in range(1, events + 1)])
    # An event whose commit was cut off may still be run again.
    count = None
    for turn in range(_TURNS):
        do = [{"reply": "counted"}]
        await caller.call({"label": f"turn {turn}", "to": "probe/k", "wait_for_ready": True, "do": do})
        outcome = await caller.outcome(f"turn {turn}", _LONG_MS)
        count = outcome.get("reply", {}).get("value", {}).get("count")
        if count == events:
            return
        if count is None or count > events:
            break
        await asyncio.sleep(_POLL_S)
    # More often: one was settled apart from its state. Less often: the agent did not begin with its last state.
    rule = "STA-5" if count is not None and count < events else "STA-4"
    raise Failed(f"{events} events were counted {count} times", rule=rule)


async def faster_than_the_handler(table: Table, events: int) -> None:
    """Many events wait for a handler; calls to another agent beside them are answered, and no event is lost."""
    caller, handler = table["caller"], table["handler"]
    for number in range(events):
        do = [{"gate": "g"}] if number == 0 else [{"sleep": 1}]
        await caller.publish({"label": f"e{number}", "topic": "news/k", "do": do})
    await handler.see("enter", {"label": "e0"})
    await caller.call({"label": "beside", "to": "probe/other", "do": [{"reply": "here"}]})
    if wrong := differences({"reply": {"value": {"value": "here"}}}, await caller.outcome("beside")):
        raise Failed(f"a call beside {events} waiting events: {'; '.join(wrong)}", rule="DLV-3")
    await handler.command("release", {"gate": "g"})
    for number in range(events):
        if wrong := differences({"published": True}, await caller.outcome(f"e{number}", _LONG_MS)):
            raise Failed(f"event {number}: {'; '.join(wrong)}", rule="FLOW-5")
    await _all_left([handler], [f"e{number}" for number in range(events)])


async def _went_well(caller: Party, number: int, rule: str) -> None:
    """The call and the event with this number had the outcomes that they should have."""
    reply = {"reply": {"value": {"value": f"{number}"}}}
    for label, expected in ((f"c{number}", reply), (f"e{number}", {"published": True})):
        if wrong := differences(expected, await caller.outcome(label, _LONG_MS)):
            raise Failed(f"{label}: {'; '.join(wrong)}", rule=rule)


async def _all_begun(hosts: Sequence[Party], labels: Sequence[str]) -> None:
    """Each of these calls is in the hands of one of the hosts, or has been."""
    if found := await _missing(hosts, labels, "enter", {}):
        raise Failed(f"{len(found)} of {len(labels)} calls did not start, e.g. {found[0]}", rule="RPC-1")


async def _all_left(hosts: Sequence[Party], labels: Sequence[str]) -> None:
    """Each of these events was handled to its end by one of the hosts."""
    if found := await _missing(hosts, labels, "leave", {"how": "returned"}):
        raise Failed(f"{len(found)} of {len(labels)} events were not handled, e.g. {found[0]}", rule="PUB-1")


async def _missing(
    hosts: Sequence[Party], labels: Sequence[str], kind: str, expected: Mapping[str, Any]
) -> Sequence[str]:
    """Waits until the hosts have seen this of each label; which ones they have not when the time is over."""
    met: set[str] = set()
    looked_at = dict.fromkeys((host.name for host in hosts), 0)

    def missing() -> list[str]:
        for host in hosts:
            seen = host.adapter.observations
            new = (seen[at] for at in range(looked_at[host.name], len(seen)))
            met.update(o.label for o in new if o.kind == kind and matches(expected, o.fields))
            looked_at[host.name] = len(seen)
        return [label for label in labels if label not in met]

    deadline = asyncio.get_running_loop().time() + _LONG_MS / 1000
    while (found := missing()) and asyncio.get_running_loop().time() < deadline:
        waiting = [asyncio.create_task(host.adapter.changed.wait()) for host in hosts]
        for host in hosts:
            host.adapter.changed.clear()
        await asyncio.wait(waiting, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
    return found


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "cuts": cuts,
    "broker_killed": broker_killed,
    "poison": poison,
    "worker_drained": worker_drained,
    "broker_drained": broker_drained,
    "rolling_upgrade": rolling_upgrade,
    "counted_once": counted_once,
    "faster_than_the_handler": faster_than_the_handler,
}
