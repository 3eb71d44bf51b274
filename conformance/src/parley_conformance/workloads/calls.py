"""Broker workloads about calls and events: many in flight, order, depth, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from parley_conformance.broker_case import Table
from parley_conformance.matching import differences
from parley_conformance.model import Failed
from parley_conformance.peer import Peer
from parley_conformance.wire import sized_envelope
from parley_wire.v1 import broker_service_pb2 as pb

FIRST_ID = 10_000
_MANY_MS = 20_000
# What every client may send, from Hello to Nack.
_CLIENT_KINDS = frozenset({10, 12, 13, 20, 21, 30, 31, 40, 41, 42, 50, 51, 52, 60, 63, 64})


async def colliding_ids(table: Table, calls: int) -> None:
    """Two callers use the same ids; the worker answers nothing before it has all, then backwards."""
    worker = await table.seat("w", {"hosts": {"probe": {}}})
    callers = [await table.seat(name) for name in ("a", "b")]

    async def ask_all(caller: Peer) -> None:
        for number in range(calls):
            await caller.send(
                {"id": FIRST_ID + number, "request": {"target": "probe/k", "envelope": f"{caller.name} {number}"}}
            )

    sending = [asyncio.create_task(ask_all(caller)) for caller in callers]
    requests = [await worker.get({"request": {}}, _MANY_MS) for _ in range(calls * len(callers))]
    await asyncio.gather(*sending)
    ids = {request["id"] for request in requests}
    if len(ids) != len(requests) or 0 in ids:
        raise Failed(f"{len(requests)} requests came to the worker under {len(ids)} ids", rule="RPC-2", party="broker")
    for request in reversed(requests):
        await worker.send({"re": request["id"], "reply": {"envelope": f"to {request['request']['envelope']}"}})
    for caller in callers:
        for number in range(calls):
            answer = await caller.answer_to(FIRST_ID + number, _MANY_MS)
            if wrong := differences({"reply": {"envelope": f"to {caller.name} {number}"}}, answer):
                raise Failed(f"{caller.name}'s call {number}: {'; '.join(wrong)}", rule="RPC-2", party="broker")


async def order_of_requests(table: Table, calls: int) -> None:
    """A caller's requests to one agent arrive in the order sent, whatever goes to another agent meanwhile."""
    worker = await table.seat("w", {"hosts": {"probe": {}}})
    caller = await table.seat("a")
    for number in range(calls):
        await caller.start({"request": {"target": f"probe/{number % 2}", "envelope": str(number)}})
    for number in range(calls):
        request = await worker.get({"request": {"target": f"probe/{number % 2}"}}, _MANY_MS)
        if request["request"]["envelope"] != str(number):
            raise Failed(f"request {request['request']['envelope']} came where {number} was due", party="broker")
        await worker.send({"re": request["id"], "reply": {"envelope": "done"}})


async def depth_limit(table: Table) -> None:
    """A chain of 31 agents is the longest."""
    worker = await table.seat("w", {"hosts": {"probe": {}}})
    await _placed(worker, worker, "probe/last")
    for waiting in (1, 31):
        chain = [f"probe/{number}" for number in range(waiting - 1)] + ["probe/last"]
        identity = await worker.start(
            {"request": {"target": "probe/k", "sender": "probe/last", "call_chain": chain, "envelope": f"{waiting}"}}
        )
        request = await worker.get({"request": {"envelope": f"{waiting}"}})
        if request["request"].get("call_chain") != chain:
            raise Failed(f"the chain came as {request['request'].get('call_chain')}", party="broker")
        await worker.send({"re": request["id"], "reply": {"envelope": "done"}})
        if wrong := differences({"reply": {}}, await worker.answer_to(identity)):
            raise Failed(f"{waiting} agents in the chain: {'; '.join(wrong)}", party="broker")
    chain = [f"probe/{number}" for number in range(31)] + ["probe/last"]
    answer = await worker.ask(
        {"request": {"target": "probe/k", "sender": "probe/last", "call_chain": chain, "envelope": "too deep"}}
    )
    expected = {
        "error": {
            "reason": "RESOURCE_EXHAUSTED",
            "retryable": False,
            "may_have_run": False,
            "details": {"depth": {"$any": True}, "limit": {"$any": True}},
        }
    }
    if wrong := differences(expected, answer):
        raise Failed(f"32 agents in the chain: {'; '.join(wrong)}", party="broker")
    await table.fence()
    if worker.has({"request": {"envelope": "too deep"}}):
        raise Failed("a request that was refused was dispatched all the same", party="broker")


async def order_of_deliveries(table: Table, events: int) -> None:
    """Positions grow, the next event starts when the one before is settled, and another recipient waits for nobody."""
    publisher, worker = table.peers["p"], table.peers["w"]
    for number in range(events):
        answer = await publisher.do({"publish": {"topic": "news/slow", "envelope": str(number)}})
        if wrong := differences({"published": {"recipients": 1}}, answer):
            raise Failed(f"publish {number}: {'; '.join(wrong)}", rule="PUB-1", party="broker")
    last = 0
    for number in range(events):
        delivery = (await worker.get({"delivery": {"recipient": "probe/slow"}}))["delivery"]
        if delivery["envelope"] != str(number):
            raise Failed(f"event {delivery['envelope']} came where {number} was due", rule="PUB-6", party="broker")
        if delivery["position"] <= last:
            raise Failed(f"position {delivery['position']} came after {last}", rule="DLV-1", party="broker")
        last = delivery["position"]
        if number == 0:
            await publisher.do({"publish": {"topic": "news/quick", "envelope": "meanwhile"}})
            await worker.get({"delivery": {"recipient": "probe/quick", "envelope": "meanwhile"}})
        identity = {key: delivery[key] for key in ("recipient", "epoch", "position", "round")}
        await worker.do({"ack": identity})


async def envelope_limit(table: Table, limit: int = 1 << 20) -> None:
    """At the limit everything passes; one byte more is refused, for a request, a publish and a reply."""
    caller, worker = table.peers["a"], table.peers["w"]
    named = worker.welcome["limits"]["max_envelope_bytes"]
    if named != limit:
        raise Failed(f"Welcome names {named} bytes, {limit} were set", party="broker")
    over = {
        "error": {
            "reason": "PAYLOAD_TOO_LARGE",
            "retryable": False,
            "may_have_run": False,
            "details": {"size": str(limit + 1), "limit": str(limit)},
        }
    }
    fits, exceeds = sized_envelope(limit), sized_envelope(limit + 1)
    commands: list[tuple[str, Mapping[str, object]]] = [
        ("request", {"target": "probe/k", "envelope": exceeds}),
        ("publish", {"topic": "news/k", "envelope": exceeds}),
    ]
    for kind, fields in commands:
        if wrong := differences(over, await caller.ask({kind: fields})):
            raise Failed(f"{kind} of {limit + 1} bytes: {'; '.join(wrong)}", party="broker")
    published = await caller.ask({"publish": {"topic": "news/k", "envelope": fits}})
    if wrong := differences({"published": {"recipients": 1}}, published):
        raise Failed(f"publish of {limit} bytes: {'; '.join(wrong)}", party="broker")
    for size, reply, expected in (
        (limit, fits, {"reply": {}}),
        (limit + 1, exceeds, {"error": {"reason": "PAYLOAD_TOO_LARGE"}}),
    ):
        identity = await caller.start({"request": {"target": "probe/k", "envelope": fits}})
        request = await worker.get({"request": {}})
        await worker.send({"re": request["id"], "reply": {"envelope": reply}})
        answer = await caller.answer_to(identity)
        if wrong := differences(expected, answer):
            raise Failed(f"a reply of {size} bytes: {'; '.join(wrong)}", party="broker")
        if size > limit and not answer["error"].get("may_have_run"):
            raise Failed("a reply that is too large comes from work that has run", rule="ERR-2", party="broker")


async def outstanding_limit(table: Table, limit: int) -> None:
    """The call over the limit is refused, and there is room again when one has ended."""
    worker = table.peers["w"]
    caller = await table.seat("a")
    named = caller.welcome["limits"].get("max_outstanding_calls")
    if named != limit:
        raise Failed(f"Welcome names {named} outstanding calls, {limit} were set", party="broker")
    ids = [await caller.start({"request": {"target": "probe/k", "envelope": str(n)}}) for n in range(limit)]
    answer = await caller.ask({"request": {"target": "probe/k", "envelope": "over"}})
    expected = {
        "error": {
            "reason": "RESOURCE_EXHAUSTED",
            "retryable": True,
            "may_have_run": False,
            "details": {"limit": str(limit)},
        }
    }
    if wrong := differences(expected, answer):
        raise Failed(f"call {limit + 1}: {'; '.join(wrong)}", party="broker")
    first = await worker.get({"request": {"envelope": "0"}})
    await worker.send({"re": first["id"], "reply": {"envelope": "done"}})
    await caller.answer_to(ids[0])
    ids.append(await caller.start({"request": {"target": "probe/k", "envelope": "fits again"}}))
    for identity in ids[1:]:
        request = await worker.get({"request": {}})
        await worker.send({"re": request["id"], "reply": {"envelope": "done"}})
        if wrong := differences({"reply": {}}, await caller.answer_to(identity)):
            raise Failed(f"call {identity}: {'; '.join(wrong)}", party="broker")


async def welcome(table: Table) -> None:
    """What Welcome must say, and what differs between sessions."""
    seen: list[dict[str, object]] = []
    for name in ("a", "b"):
        peer = await table.seat(name, {"hello": {"instance_id": "same"}})
        told = peer.welcome
        expected = {
            "version": 1,
            "heartbeat_interval_ms": {"$at_least": 1},
            "suspect_limit_ms": {"$at_least": 1},
            "limits": {"max_envelope_bytes": {"$at_least": 1}},
            "incarnation": {"$any": True},
            "broker_name": {"$any": True},
        }
        if wrong := differences(expected, told):
            raise Failed(f"Welcome: {'; '.join(wrong)}", party="broker")
        lacking = _CLIENT_KINDS - set(told.get("kinds", ()))
        if lacking:
            raise Failed(f"Welcome does not announce the kinds {sorted(lacking)}", rule="SES-4", party="broker")
        token = told.get("resume_token", "")
        if len(token) < 22:
            raise Failed(
                f"a resume token of 128 bits has at least 22 characters of base64, not {len(token)}", rule="SES-6"
            )
        seen.append(told)
    first, second = seen
    for member in ("session_id", "resume_token"):
        if first[member] == second[member]:
            raise Failed(f"two sessions have the same {member}", rule="SES-6", party="broker")
    if first["incarnation"] != second["incarnation"]:
        raise Failed("one broker told two incarnations", rule="SES-14", party="broker")


async def unknown_fields(table: Table) -> None:
    """Field numbers of a later version stand in the frame, the message and the command."""
    caller, worker = table.peers["a"], table.peers["w"]
    later = bytes([0xF2, 0xF9, 0x01, 0x03]) + b"new"  # field 3998, three bytes
    request = pb.Message(id=4242)
    request.request.target.type, request.request.target.key = "probe", "k"
    inner = request.request.SerializeToString() + later
    message = bytes([0x08]) + _varint(4242) + bytes([0xC2, 0x02]) + _varint(len(inner)) + inner + later
    frame = pb.Frame(first_seq=caller.take_number()).SerializeToString()
    frame += bytes([0x2A]) + _varint(len(message)) + message + later
    caller.expect_answer(4242)
    await caller.write_bytes(frame)
    got = await worker.get({"request": {"target": "probe/k"}})
    await worker.send({"re": got["id"], "reply": {"envelope": "read"}})
    if wrong := differences({"reply": {"envelope": "read"}}, await caller.answer_to(4242)):
        raise Failed("; ".join(wrong), party="broker")


async def _placed(caller: Peer, worker: Peer, agent: str) -> None:
    """Gives an agent its place by one call."""
    identity = await caller.start({"request": {"target": agent, "envelope": "get a place"}})
    request = await worker.get({"request": {"target": agent}})
    await worker.send({"re": request["id"], "reply": {"envelope": "done"}})
    await caller.answer_to(identity)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "colliding_ids": colliding_ids,
    "order_of_requests": order_of_requests,
    "depth_limit": depth_limit,
    "order_of_deliveries": order_of_deliveries,
    "envelope_limit": envelope_limit,
    "outstanding_limit": outstanding_limit,
    "welcome": welcome,
    "unknown_fields": unknown_fields,
}
