"""Broker workloads about places: spread, stickiness, epochs, suspects."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from parley_conformance.broker_case import Table
from parley_conformance.inbox import first_of
from parley_conformance.matching import differences
from parley_conformance.model import Failed
from parley_conformance.peer import Peer


async def spread_of_keys(table: Table, workers: Sequence[str], keys: int) -> None:
    """Each worker gets its share of the keys; a second round, with one more worker there, goes where the first went."""
    caller = table.peers["a"]
    hosts = {name: table.peers[name] for name in workers}
    first = {key: await _served(caller, hosts, f"probe/{key}") for key in range(keys)}
    share = Counter(first.values())
    if set(share) != set(workers) or max(share.values()) - min(share.values()) > 1:
        raise Failed(f"{keys} keys were placed {dict(share)}: not with the fewest agents each time", party="broker")
    hosts["newcomer"] = await table.seat("newcomer", {"hosts": {"probe": {}}})
    second = {key: await _served(caller, hosts, f"probe/{key}") for key in range(keys)}
    moved = [key for key in first if first[key] != second[key]]
    if moved:
        raise Failed(f"{len(moved)} agents moved when a worker came", party="broker")
    if await _served(caller, hosts, "probe/one more") != "newcomer":
        raise Failed("a new agent was not placed with the worker that has the fewest", party="broker")


async def stateless_spread(table: Table, workers: Sequence[str], calls: int) -> None:
    """With nothing answered, calls to one stateless key come to all workers alike."""
    caller = table.peers["a"]
    ids = [await caller.start({"request": {"target": "probe/k", "envelope": str(n)}}) for n in range(calls)]
    got: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for _ in range(calls):
        name, request = await first_of({n: table.peers[n] for n in workers}, {"request": {}})
        got[name].append(request)
    counts = {name: len(requests) for name, requests in got.items()}
    if max(counts.values()) - min(counts.values()) > 1:
        raise Failed(f"{calls} calls in hand were dispatched {counts}", party="broker")
    if any(table.peers[name].count({"activate": {}}) for name in workers):
        raise Failed("a stateless agent was activated: it has no place", rule="AGT-3", party="broker")
    for name, requests in got.items():
        for request in requests:
            if request["request"].get("epoch"):
                raise Failed("a stateless agent has an epoch", rule="AGT-5", party="broker")
            await table.peers[name].send({"re": request["id"], "reply": {"envelope": name}})
    for identity in ids:
        await caller.answer_to(identity)


async def one_activation(table: Table, workers: Sequence[str], callers: int) -> None:
    """Calls of several callers and an event, all at once, to an agent that has no place yet."""
    peers = [await table.seat(f"caller{n}") for n in range(callers)]
    # The workers answer no Activate until all is there: nothing may need that answer.
    ids = await asyncio.gather(
        *(peer.start({"request": {"target": "probe/new", "envelope": peer.name}}) for peer in peers),
        peers[0].start({"publish": {"topic": "news/new", "envelope": "event"}}),
    )
    name, _ = await first_of({n: table.peers[n] for n in workers}, {"request": {"target": "probe/new"}})
    host = table.peers[name]
    rest = [await host.get({"request": {"target": "probe/new"}}) for _ in range(callers - 1)]
    await host.get({"delivery": {"recipient": "probe/new"}})
    await table.fence()
    activations = {w: table.peers[w].count({"activate": {"agent": "probe/new"}}) for w in workers}
    if sum(activations.values()) != 1 or not activations[name]:
        raise Failed(f"one agent was activated {activations} times", rule="AGT-4", party="broker")
    kinds = [line for line in table.journal.lines() if f" {name} <- " in line and "probe/new" in line]
    if "'activate'" not in kinds[0]:
        raise Failed(f"the agent's first message was not Activate: {kinds[0]}", rule="AGT-6", party="broker")
    if len(rest) + 1 != callers or not ids:
        raise Failed(f"{len(rest) + 1} of {callers} calls came", party="broker")


async def epochs_grow(table: Table) -> None:
    """Placed three times, each time higher; the newest holder's word counts, an older epoch's is stale."""
    caller = await table.seat("a", {"subscribes": [{"topic_type": "news", "agent_type": "probe"}]})
    last = 0
    for number in range(3):
        worker = await table.seat(f"w{number}", {"hosts": {"probe": {}}})
        identity = await caller.start(
            {"request": {"target": "probe/k", "wait_for_ready": True, "envelope": str(number)}}
        )
        activate = (await worker.get({"activate": {"agent": "probe/k"}}))["activate"]
        request = await worker.get({"request": {"target": "probe/k"}})
        epoch = activate["epoch"]
        if epoch != request["request"].get("epoch"):
            raise Failed(f"Activate has epoch {epoch}, the request {request['request'].get('epoch')}", party="broker")
        if epoch <= last:
            raise Failed(f"epoch {epoch} came after {last}", rule="AGT-5", party="broker")
        await worker.send({"re": request["id"], "reply": {"envelope": "done"}})
        await caller.answer_to(identity)
        if last:
            publish = {"topic": "news/x", "sender": "probe/k", "sender_epoch": last, "envelope": "stale"}
            answer = await worker.ask({"publish": publish})
            expected = {"error": {"reason": "STALE_EPOCH", "details": {"epoch": str(last), "current": str(epoch)}}}
            if wrong := differences(expected, answer):
                raise Failed(f"a publish with an older epoch: {'; '.join(wrong)}", rule="AGT-5", party="broker")
            await worker.do({"publish": {**publish, "sender_epoch": epoch, "envelope": "current"}})
        last = epoch
        await worker.close()


async def suspect(table: Table) -> None:
    """What a silent worker has stays with it; what is new goes elsewhere or waits until it speaks."""
    caller, silent = table.peers["a"], table.peers["silent"]
    interval_ms = silent.welcome["heartbeat_interval_ms"]
    clock = asyncio.get_running_loop().time
    first = await caller.start({"request": {"target": "probe/old", "envelope": "0"}})
    request = await silent.get({"request": {"envelope": "0"}})
    silent.mute()
    begin = clock()
    for number in range(1, 20):
        waiting = await caller.start({"request": {"target": "probe/old", "envelope": str(number)}})
        if await silent.look({"request": {"envelope": str(number)}}, interval_ms) is None:
            break
        await asyncio.sleep(interval_ms / 2_000)
    else:
        raise Failed(f"messages are still dispatched after {number} intervals of silence", party="broker")
    if (clock() - begin) * 1000 < 3 * interval_ms:
        raise Failed(f"suspect after {(clock() - begin) * 1000:.0f} ms, three intervals are {3 * interval_ms} ms")
    hosts = {"silent": silent, "other": await table.seat("other", {"hosts": {"probe": {}}})}
    # One more than the suspect one has, so that the fewest agents alone would choose it.
    for key in ("new1", "new2", "new3"):
        if await _served(caller, hosts, f"probe/{key}") != "other":
            raise Failed("an agent was placed with a suspect worker", party="broker")
    await silent.send({"re": request["id"], "reply": {"envelope": "kept"}})
    if wrong := differences({"reply": {"envelope": "kept"}}, await caller.answer_to(first)):
        raise Failed(f"what the suspect worker had was taken away: {'; '.join(wrong)}", party="broker")
    late = await silent.get({"request": {"envelope": str(number)}})
    await silent.send({"re": late["id"], "reply": {"envelope": "back"}})
    if wrong := differences({"reply": {"envelope": "back"}}, await caller.answer_to(waiting)):
        raise Failed(f"the call that waited: {'; '.join(wrong)}", party="broker")


async def _served(caller: Peer, hosts: Mapping[str, Peer], agent: str) -> str:
    """Calls an agent and tells which worker got the call."""
    identity = await caller.start({"request": {"target": agent, "envelope": "where?"}})
    name, request = await first_of(hosts, {"request": {"target": agent}})
    await hosts[name].send({"re": request["id"], "reply": {"envelope": name}})
    await caller.answer_to(identity)
    return name


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "spread_of_keys": spread_of_keys,
    "stateless_spread": stateless_spread,
    "one_activation": one_activation,
    "epochs_grow": epochs_grow,
    "suspect": suspect,
}
