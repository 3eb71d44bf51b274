"""Calls through a real broker, on the raw wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from broker.peer import Peer, agent, message, request
from parley_wire.v1 import broker_service_pb2 as wire
from parley_wire.v1 import errors_pb2

OpenPeer = Callable[[], Peer]


async def pair(open_peer: OpenPeer, agent_type: str) -> tuple[Peer, Peer]:
    """A worker that hosts the type, and a caller."""
    worker, caller = open_peer(), open_peer()
    await worker.hello()
    await caller.hello()
    await worker.register(agent_type)
    return worker, caller


def reason(answer: wire.Message) -> str:
    """The name of the error's reason."""
    assert answer.WhichOneof("kind") == "error", answer
    return errors_pb2.ErrorReason.Name(answer.error.reason).removeprefix("ERROR_REASON_")


async def test_a_call_gets_its_reply(open_peer: OpenPeer) -> None:
    worker, caller = await pair(open_peer, "echo")
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}
    await caller.say(message(7, request=request("echo/k", b"\x00\xffhi", timeout_ms=5000, trace=trace)))
    activate = await worker.hear_kind("activate")
    asked = await worker.hear_kind("request")
    assert activate.activate.agent == asked.request.target == agent("echo/k")
    assert activate.activate.epoch == asked.request.epoch > 1 << 32
    assert asked.request.envelope == b"\x00\xffhi"
    assert asked.request.attempt == 1
    assert 4000 < asked.request.timeout_ms <= 5000
    assert asked.request.trace.traceparent == trace["traceparent"]
    assert asked.id > 0
    await worker.say(message(re=asked.id, reply={"envelope": b"ho", "trace": trace}))
    answer = await caller.hear(lambda m: m.re == 7)
    assert answer.reply.envelope == b"ho"
    assert answer.reply.trace.tracestate == "a=b"


async def test_equal_ids_of_two_callers_never_meet(open_peer: OpenPeer) -> None:
    worker, first = await pair(open_peer, "collide")
    second = open_peer()
    await second.hello()
    count = 1000
    for caller, name in ((first, "first"), (second, "second")):
        await caller.say(
            *(message(n, request=request("collide/k", f"{name} {n}".encode())) for n in range(1, count + 1))
        )
    answered = 0
    while answered < 2 * count:
        asked = await worker.hear_kind("request")
        await worker.say(message(re=asked.id, reply={"envelope": asked.request.envelope}))
        answered += 1
    for caller, name in ((first, "first"), (second, "second")):
        for n in range(1, count + 1):
            answer = await caller.hear(lambda m, n=n: m.re == n)
            assert answer.reply.envelope == f"{name} {n}".encode()


async def test_an_unknown_type_has_no_responders_at_once(open_peer: OpenPeer) -> None:
    caller = open_peer()
    await caller.hello()
    answer = await caller.command(request=request("nobody/k"))
    assert reason(answer) == "NO_RESPONDERS"
    assert answer.error.retryable
    assert not answer.error.may_have_run
    assert answer.error.details["agent_type"] == "nobody"


async def test_the_worker_s_error_comes_back_as_it_was(open_peer: OpenPeer) -> None:
    worker, caller = await pair(open_peer, "raise")
    await caller.say(message(7, request=request("raise/k")))
    asked = await worker.hear_kind("request")
    error = {"reason": 77, "message": "", "retryable": True, "may_have_run": True, "details": {"a": "b"}}
    await worker.say(message(re=asked.id, error=error))
    answer = await caller.hear(lambda m: m.re == 7)
    assert answer.error == errors_pb2.Error(**error)


async def test_the_loss_of_the_worker_ends_its_calls(open_peer: OpenPeer) -> None:
    worker, caller = await pair(open_peer, "mortal")
    await caller.say(message(7, request=request("mortal/k")))
    await worker.hear_kind("request")
    await worker.close()
    answer = await caller.hear(lambda m: m.re == 7)
    assert reason(answer) == "OUTCOME_UNKNOWN"
    assert answer.error.may_have_run


async def test_a_deadline_ends_a_call(open_peer: OpenPeer) -> None:
    worker, caller = await pair(open_peer, "slow")
    await caller.say(message(7, request=request("slow/k", timeout_ms=50)))
    asked = await worker.hear_kind("request")
    answer = await caller.hear(lambda m: m.re == 7)
    assert reason(answer) == "DEADLINE_EXCEEDED"
    assert answer.error.may_have_run
    await worker.say(message(re=asked.id, reply={"envelope": b"late"}))
    assert (await caller.command(request=request("nobody/k"))).re != 7


async def test_a_cancel_reaches_the_worker(open_peer: OpenPeer) -> None:
    worker, caller = await pair(open_peer, "cancelled")
    await caller.say(message(7, request=request("cancelled/k")))
    asked = await worker.hear_kind("request")
    await caller.say(message(cancel={"request_id": 7}))
    assert reason(await caller.hear(lambda m: m.re == 7)) == "CANCELLED"
    assert (await worker.hear_kind("cancel")).cancel.request_id == asked.id


async def test_nested_calls_need_no_credit(open_peer: OpenPeer) -> None:
    worker = open_peer()
    await worker.hello(credit=10)
    await worker.register("a")
    await worker.register("b")
    caller = open_peer()
    await caller.hello()
    calls = 200
    await caller.say(*(message(n, request=request(f"a/{n}")) for n in range(1, calls + 1)))
    granted = 10
    answered = 0
    while answered < calls:
        asked = await worker.hear_kind("request")
        target = asked.request.target
        if target.type == "a":
            granted += 1
            nested = request(f"b/{target.key}", sender=target, sender_epoch=asked.request.epoch, call_chain=[target])
            await worker.say(message(asked.id + 100_000, request=nested), credit_messages=granted)
        else:
            await worker.say(message(re=asked.id, reply={"envelope": b""}))
            key = target.key
            inner = await worker.hear(lambda m: m.re > 100_000)
            await worker.say(message(re=inner.re - 100_000, reply={"envelope": key.encode()}))
            answered += 1
    answers = [await caller.hear(lambda m, n=n: m.re == n) for n in range(1, calls + 1)]
    assert all(answer.HasField("reply") for answer in answers)


async def test_work_is_spread_and_sticks(open_peer: OpenPeer) -> None:
    workers = [open_peer() for _ in range(3)]
    for worker in workers:
        await worker.hello()
        await worker.register("spread")
    caller = open_peer()
    await caller.hello()
    await caller.say(*(message(n, request=request(f"spread/{n % 30}")) for n in range(1, 91)))

    async def keys_of(worker: Peer) -> list[str]:
        return [(await worker.hear_kind("request")).request.target.key for _ in range(30)]

    served = await asyncio.gather(*map(keys_of, workers))
    assert all(len(set(keys)) == 10 for keys in served), "each hosts ten agents, each of which stayed with it"


async def test_a_stateless_key_is_spread(open_peer: OpenPeer) -> None:
    workers = [open_peer() for _ in range(3)]
    for worker in workers:
        await worker.hello()
        await worker.register("stateless", mode=2)
    caller = open_peer()
    await caller.hello()
    await caller.say(*(message(n, request=request("stateless/k")) for n in range(1, 31)))
    for worker in workers:
        for _ in range(10):
            assert (await worker.hear_kind("request")).request.epoch == 0
