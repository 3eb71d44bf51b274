"""Pair workloads: many calls at once, deep chains, order, spread, blocked threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from parley_conformance import script
from parley_conformance.matching import differences
from parley_conformance.model import Failed
from parley_conformance.pair_case import Table
from parley_conformance.workloads import vectors

MAX_DEPTH = 32
_LONG_MS = 30_000


async def nested_at_once(table: Table, calls: int) -> None:
    """All calls run A→B→A at the same time: more than SDKs give the broker credit for."""
    caller = table["caller"]
    labels = [f"n{number}" for number in range(calls)]
    for number, label in enumerate(labels):
        way = [f"front/{number % 10}", f"back/{number % 7}", f"front/{number % 9}"]
        short = script.nest(way, label, [{"reply": f"deep {label}"}])
        await caller.call(short)
    for label in labels:
        outcome = await caller.outcome(f"{label}.0", _LONG_MS)
        if wrong := differences({"reply": {"value": {"value": f"deep {label}"}}}, outcome):
            raise Failed(f"{label}: {'; '.join(wrong)}")


async def deep_chain(table: Table) -> None:
    """Two more than 32 agents wait for each other; the call that would be the 33rd is refused, all others end well."""
    caller = table["caller"]
    way = [f"{'back' if number % 2 else 'front'}/{number}" for number in range(MAX_DEPTH + 2)]
    await caller.call(script.nest(way, "deep", [{"reply": "reached the end"}], catch=True))
    outcome = await caller.outcome("deep.0", _LONG_MS)
    if wrong := differences({"reply": {"value": {"value": "RESOURCE_EXHAUSTED"}}}, outcome):
        raise Failed(f"the outermost call: {'; '.join(wrong)}", rule="RPC-10")
    # deep.0 has nobody waiting for it but itself: depth 1. The refused call was made by the agent at depth 32.
    last = table["handler" if MAX_DEPTH % 2 == 0 else "caller"]
    refused = await last.outcome(f"deep.{MAX_DEPTH}")
    expected = {
        "error": {
            "reason": "RESOURCE_EXHAUSTED",
            "retryable": False,
            "may_have_run": False,
            "details": {"depth": str(MAX_DEPTH + 1), "limit": str(MAX_DEPTH)},
        }
    }
    if wrong := differences(expected, refused):
        raise Failed(f"the call at depth {MAX_DEPTH + 1}: {'; '.join(wrong)}", rule="RPC-10")


async def in_flight(table: Table, calls: int) -> None:
    """Two runtimes number their requests alike; the worker holds what it has until all are under way."""
    callers, worker = [table["caller"], table["caller2"]], table["handler"]
    for number in range(calls):
        for caller in callers:
            label = f"{caller.name} {number}"
            await caller.call({"label": label, "to": "probe/k", "do": [{"gate": "all"}, {"reply": f"for {label}"}]})
    # An SDK may run fewer handlers at once than there are calls: that some wait is enough.
    await worker.see("enter", {}, count=50, within_ms=_LONG_MS)
    await worker.command("release", {"gate": "all"})
    for caller in callers:
        await caller.see("outcome", {}, count=calls, within_ms=_LONG_MS)
        for observation in caller.seen("outcome"):
            expected = {"reply": {"value": {"value": f"for {observation.label}"}}}
            if wrong := differences(expected, observation.fields):
                raise Failed(f"{observation.label}: {'; '.join(wrong)}", rule="RPC-2")


async def event_order(table: Table, events: int, sources: int) -> None:
    """Each source's events come in the order published, and the handler of one has ended before the next begins."""
    publisher, worker = table["caller"], table["handler"]
    for number in range(events):
        await publisher.publish({"label": f"e{number}", "topic": f"news/{number % sources}"})
    await worker.see("leave", {}, count=events, within_ms=_LONG_MS)
    for source in range(sources):
        agent = f"probe/{source}"
        seen = [(o.kind, o.label) for o in worker.adapter.observations if o.fields.get("agent") == agent]
        expected = [(kind, f"e{n}") for n in range(source, events, sources) for kind in ("enter", "leave")]
        if seen != expected:
            at = next(i for i, pair in enumerate(zip(seen, expected, strict=False)) if pair[0] != pair[1])
            # One at a time, and in another order: they may have been stored so, or started so.
            rule = "" if [kind for kind, _ in seen] == [kind for kind, _ in expected] else "DLV-3"
            raise Failed(f"{agent}: {seen[at]} came where {expected[at]} was due", rule=rule)


async def unsubscribe(table: Table) -> None:
    """Subscribes, gets an event, unsubscribes, gets nothing more."""
    publisher, worker = table["caller"], table["handler"]
    subscription = await worker.command("subscribe", {"topic": "news", "match": "exact", "type": "probe"})
    await publisher.publish({"label": "e1", "topic": "news/k"})
    await worker.see("enter", {"label": "e1"})
    await worker.command("unsubscribe", {"id": subscription["id"]})
    await publisher.publish({"label": "e2", "topic": "news/k"})
    await publisher.outcome("e2")
    await table.fence()
    if worker.seen("enter", {"label": "e2"}):
        raise Failed("an event came after its subscription was removed", rule="SUB-2")


async def blocked_loop(table: Table, blocked_ms: int) -> None:
    """Events and a call come while the handler's thread is blocked; all are there afterwards, each once."""
    caller, worker = table["caller"], table["handler"]
    await caller.call({"label": "block", "to": "probe/k", "do": [{"block": blocked_ms}, {"reply": "awake"}]})
    await worker.see("enter", {"label": "block"})
    labels = [f"e{number}" for number in range(5)]
    for label in labels:
        await caller.publish({"label": label, "topic": "news/other"})
        await caller.see("outcome", {"label": label, "published": True})
    await caller.call({"label": "meanwhile", "to": "probe/another", "do": [{"reply": "here"}]})
    for label, value in (("block", "awake"), ("meanwhile", "here")):
        outcome = await caller.outcome(label, blocked_ms + 5_000)
        if wrong := differences({"reply": {"value": {"value": value}}}, outcome):
            raise Failed(f"{label}: {'; '.join(wrong)}", rule="SES-12")
    for label in labels:
        await worker.see("leave", {"label": label, "how": "returned"})
    for party in (caller, worker):
        if lost := [o for o in party.seen("session") if o.fields["state"] != "connected"]:
            raise Failed(f"{party.name}: the session did not stay connected: {dict(lost[0].fields)}", rule="SES-12")
    sent = caller.sent["block"].at
    if (asyncio.get_running_loop().time() - sent) * 1000 < blocked_ms:
        raise Failed(f"the handler did not block for {blocked_ms} ms: nothing was tried")


async def spread(table: Table, keys: int, hosts: Sequence[str]) -> None:
    """Each key is made in one process, with its share of keys in each, and is found there again."""
    caller = table["caller"]
    for turn in (1, 2):
        for key in range(keys):
            label = f"turn {turn} key {key}"
            await caller.call({"label": label, "to": f"probe/{key}", "do": [{"add": 1}, {"reply": "counted"}]})
            if wrong := differences({"reply": {"value": {"count": turn}}}, await caller.outcome(label)):
                raise Failed(f"{label}: {'; '.join(wrong)}: another instance answered", rule="AGT-4")
    for host in hosts:
        # The caller's outcome may reach the kit before the handler's observation does.
        await table[host].adapter.command("ping")
    share = {host: len({o.fields["agent"] for o in table[host].seen("enter")}) for host in hosts}
    if sum(share.values()) != keys or max(share.values()) - min(share.values()) > 1:
        raise Failed(f"{keys} keys were placed {share}: not with the fewest agents each time", rule="AGT-4")


async def stateless(table: Table, calls: int, hosts: Sequence[str]) -> None:
    """With none of them done, calls to one key run in all workers alike."""
    caller = table["caller"]
    for number in range(calls):
        await caller.call({"label": f"c{number}", "to": "probe/k", "do": [{"gate": "all"}, {"reply": "done"}]})
    for host in hosts:
        await table[host].see("enter", {}, count=calls // len(hosts))
    for host in hosts:
        await table[host].command("release", {"gate": "all"})
    for number in range(calls):
        if wrong := differences({"reply": {}}, await caller.outcome(f"c{number}")):
            raise Failed(f"c{number}: {'; '.join(wrong)}")


async def one_agent(table: Table, calls: int) -> None:
    """Concurrent first calls count on one counter."""
    caller = table["caller"]
    for number in range(calls):
        await caller.call({"label": f"c{number}", "to": "probe/new", "do": [{"add": 1}, {"reply": "counted"}]})
    counts = []
    for number in range(calls):
        outcome = await caller.outcome(f"c{number}")
        if wrong := differences({"reply": {"value": {"count": {"$at_least": 1}}}}, outcome):
            raise Failed(f"c{number}: {'; '.join(wrong)}")
        counts.append(outcome["reply"]["value"]["count"])
    if sorted(counts) != list(range(1, calls + 1)):
        raise Failed(f"{calls} calls counted {sorted(counts)}: more than one instance was made", rule="AGT-4")


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "nested_at_once": nested_at_once,
    "deep_chain": deep_chain,
    "in_flight": in_flight,
    "event_order": event_order,
    "unsubscribe": unsubscribe,
    "blocked_loop": blocked_loop,
    "spread": spread,
    "stateless": stateless,
    "one_agent": one_agent,
    "vectors": vectors.there_and_back,
    "vectors_alone": vectors.alone,
}
