"""Broker workloads about too much: subscriptions, output that nobody reads, more than the credit, many connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping

from parley_conformance import wire
from parley_conformance.broker_case import Table
from parley_conformance.matching import differences
from parley_conformance.model import Failed
from parley_conformance.workloads.bystander import Bystander
from parley_wire.v1 import broker_service_pb2 as pb
from parley_wire.v1 import subscription_pb2

MIB = 1024 * 1024
_FRAME = 500
_LONG_MS = 60_000
_SLOW_MS = 15_000
_AT_ONCE = 50
_FULL = {"error": {"reason": "RESOURCE_EXHAUSTED", "details": {"limit": {"$any": True}}}}
_PARTED_MS = 10_000
_FORGOTTEN_MS = 25_000
"""After this the graces of lost sessions are over, and who held which agent is remembered no more."""


async def many_subscriptions(table: Table, count: int, memory_mib: int) -> None:
    """Asks for many subscriptions as fast as they can be written; the broker keeps as many as Welcome allows."""
    peer = await table.seat("greedy", {"hosts": {"probe": {}}})
    limit = peer.welcome["limits"].get("max_subscriptions", 0)
    before = await table.broker.memory()
    peer.tally = Counter()
    async with Bystander(table):
        for first in range(0, count, _FRAME):
            await peer.write_many([_subscribe(number) for number in range(first, min(first + _FRAME, count))])
        answers = await peer.tallied(count, _LONG_MS)
        peak = await table.broker.memory()
    kept = min(limit, count) if limit else count
    if answers != Counter({"done": kept, "RESOURCE_EXHAUSTED": count - kept}) - Counter():
        # That there is a limit is one rule, that it is the one that Welcome names another.
        rule = "FLOW-6" if set(answers) == {"done", "RESOURCE_EXHAUSTED"} else "SUB-5"
        raise Failed(f"of {count} subscriptions with a limit of {limit}: {dict(answers)}", rule=rule, party="broker")
    peer.tally = None
    _bounded(before, peak, memory_mib)
    over = await peer.ask(
        {"subscribe": {"subscription": {"topic_type": "over", "match": "EXACT", "agent_type": "probe"}}}
    )
    if wrong := differences({"error": {"reason": "RESOURCE_EXHAUSTED", "details": {"limit": str(limit)}}}, over):
        raise Failed(f"a subscription over the limit: {'; '.join(wrong)}", rule="SUB-5", party="broker")


async def refused_subscriptions(table: Table, count: int, memory_mib: int) -> None:
    """Malformed subscriptions that are not durable, each for another agent type: refused, and nothing is kept."""
    tables = await table.tables()
    peer = await table.seat("greedy", {"hosts": {"probe": {}}})
    before = await table.broker.memory()
    peer.tally = Counter()
    async with Bystander(table):
        for first in range(0, count, _FRAME):
            await peer.write_many([_malformed(number) for number in range(first, min(first + _FRAME, count))])
        answers = await peer.tallied(count, _LONG_MS)
        after = await table.broker.memory()
    if answers != Counter({"INVALID_ARGUMENT": count}):
        raise Failed(f"of {count} malformed subscriptions: {dict(answers)}", rule="SUB-5", party="broker")
    _bounded(before, after, memory_mib)
    await table.close()
    await _emptied(table, tables)


async def endless_hello(table: Table, kinds: int, memory_mib: int) -> None:
    """A Hello of many MiB, all of them kinds: taken or refused, but not kept."""
    hello = pb.Message(id=1)
    hello.hello.min_version = hello.hello.max_version = 1
    hello.hello.producer_id = "p"
    hello.hello.kinds.extend(range(1, kinds + 1))
    data = pb.Frame(messages=[hello]).SerializeToString()
    before = await table.broker.memory()
    async with Bystander(table):
        # Now, and not while the Hello was made: who says none for 10 s is told so (SES-2).
        peer = await table.seat("bad", {"hello": False})
        peer.expect_answer(1)
        await peer.write_bytes(data)
        answer = await peer.look({"re": 1}, _LONG_MS)
        _bounded(before, await table.broker.memory(), memory_mib)
    if answer is None:
        code, text = await peer.ended()
        if code not in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED") or not text:
            raise Failed(f"the connection ended with {code} {text!r}", rule="MSG-5", party="broker")


async def deaf_subscriber(table: Table, events: int, size: int, memory_mib: int) -> None:
    """A worker with endless credit gets events for many keys and reads none of them."""
    sources = 100
    deaf = await table.seat(
        "deaf", {"hosts": {"probe": {}}, "subscribes": [{"topic_type": "news", "agent_type": "probe"}]}
    )
    publisher = await table.seat("p")
    before = await table.broker.memory()
    deaf.deafen()
    envelope = wire.sized_envelope(size)
    peak = before
    async with Bystander(table):
        for first in range(0, events, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, events))
            topics = [f"news/{number % sources}" for number in numbers]
            asked = (publisher.ask({"publish": {"topic": topic, "envelope": envelope}}, _SLOW_MS) for topic in topics)
            for number, answer in zip(numbers, await asyncio.gather(*asked), strict=True):
                if differences({"published": {}}, answer) and (wrong := differences(_FULL, answer)):
                    raise Failed(f"publish {number}: {'; '.join(wrong)}", rule="PUB-9", party="broker")
            peak = max(peak, await table.broker.memory())
    _bounded(before, max(peak, await table.broker.memory()), memory_mib)


async def deaf_asker(table: Table, memory_mib: int) -> None:
    """A client asks for a long list again and again and never reads an answer."""
    deaf = await table.seat("deaf", {"hosts": {"probe": {}}})
    for number in range(400):
        await deaf.start(
            {
                "subscribe": {
                    "subscription": {"topic_type": "t" * 200 + str(number), "match": "EXACT", "agent_type": "probe"}
                }
            }
        )
    await deaf.fence()
    before = peak = await table.broker.memory()
    deaf.tally = Counter()
    deaf.deafen()
    numbers = iter(range(100_000, 10_000_000))
    async with Bystander(table):
        # 400 subscriptions of 200 bytes: 2,000 answers are 160 MiB and more.
        for _ in range(200):
            await deaf.write_many([wire.message({"id": next(numbers), "list_subscriptions": {}}) for _ in range(20)])
            peak = max(peak, await table.broker.memory())
            if not deaf.writable:
                break
        deaf.hear()
        code, text = await deaf.ended(_LONG_MS)
    if code != "RESOURCE_EXHAUSTED" or not text:
        raise Failed(f"the connection ended with {code} {text!r}", rule="FLOW-4", party="broker")
    _bounded(before, peak, memory_mib)


async def credit_exceeded(table: Table) -> None:
    """One frame with more publishes than the credit: those within it are stored, those beyond it refused."""
    worker = await table.seat(
        "w", {"hosts": {"probe": {}}, "subscribes": [{"topic_type": "news", "agent_type": "probe"}]}
    )
    greedy = await table.seat("greedy", {"greedy": True})
    credit = greedy.credit_messages
    beyond = 100
    if not credit:
        raise Failed("the frame with Welcome has no credit", rule="FLOW-1", party="broker")
    greedy.tally = Counter()
    envelope = wire.encode_envelope("e")
    await greedy.write_many([_publish(number, envelope) for number in range(1, credit + beyond + 1)])
    answers = await greedy.tallied(credit + beyond, _LONG_MS)
    greedy.tally = None
    refused = answers["RESOURCE_EXHAUSTED"]
    if answers["published"] < credit or not refused or answers["published"] + refused != credit + beyond:
        raise Failed(f"{credit + beyond} publishes with a credit of {credit}: {dict(answers)}", party="broker")
    answer = await _beyond(table)
    if wrong := differences({"error": {"reason": "RESOURCE_EXHAUSTED", "details": {"credit": {"$any": True}}}}, answer):
        raise Failed(f"the first publish beyond the credit: {'; '.join(wrong)}", rule="FLOW-2", party="broker")
    stored = 0
    while stored < answers["published"]:
        delivery = (await worker.get({"delivery": {"recipient": "probe/k"}}))["delivery"]
        await worker.do({"ack": {key: delivery[key] for key in ("recipient", "epoch", "position", "round")}})
        stored += 1


async def come_and_go(table: Table, connections: int) -> None:
    """Connections break after Hello, after registering, after subscribing, with a call under way."""
    tables = await table.tables()
    before = await table.broker.memory()
    async with Bystander(table):
        for number in range(connections):
            peer = await table.seat(f"brief{number}", {"hello": {} if number % 4 else False})
            if number % 4 > 1:
                await peer.do({"register_agent_type": {"type": peer.name, "mode": "STANDARD"}})
            if number % 4 > 2:
                await peer.start({"request": {"target": f"{peer.name}/k", "envelope": "never answered"}})
                await peer.get({"request": {"envelope": "never answered"}})
            await peer.close()
            del table.peers[peer.name]
    _bounded(before, await table.broker.memory(), 50)
    await _left(table, [f"brief{number}" for number in range(connections) if number % 4 > 1])
    await table.close()
    await _emptied(table, tables)


async def _left(table: Table, types: Iterable[str]) -> None:
    """Nobody hosts these standard types any more, in a while: a session may register them in another mode."""
    heir = await table.seat("heir")
    deadline = asyncio.get_running_loop().time() + _PARTED_MS / 1000
    for agent_type in types:
        register = {"register_agent_type": {"type": agent_type, "mode": "STATELESS"}}
        while wrong := differences({"done": {}}, await heir.ask(register)):
            if asyncio.get_running_loop().time() > deadline:
                text = f"the session that hosted {agent_type} was lost; registering it in another mode"
                raise Failed(f"{text}: {'; '.join(wrong)}", rule="SES-13", party="broker")
            await asyncio.sleep(0.05)


async def _emptied(table: Table, before: Mapping[str, int]) -> None:
    """With nobody connected, each of the broker's tables is as it was before, in a while."""
    deadline = asyncio.get_running_loop().time() + _FORGOTTEN_MS / 1000
    while left := {name: n for name, n in (await table.tables()).items() if n > before.get(name, 0)}:
        if asyncio.get_running_loop().time() > deadline:
            raise Failed(f"nobody is connected, and there are still {left}", rule="FLOW-7", party="broker")
        await asyncio.sleep(0.05)


async def _beyond(table: Table) -> dict[str, object]:
    """The answer to the first publish beyond the credit, of a peer that reads none before it has written all."""
    greedy = await table.seat("greedy2", {"greedy": True})
    envelope = wire.encode_envelope("elsewhere")
    messages = [_publish(number, envelope) for number in range(1, greedy.credit_messages + 2)]
    for message in messages:
        message.publish.topic.type = "news"
        message.publish.topic.source = "elsewhere"
    await greedy.write_many(messages)
    return await greedy.answer_to(messages[-1].id)


def _bounded(before: int, peak: int, memory_mib: int) -> None:
    grown = (peak - before) / MIB
    if grown > memory_mib:
        raise Failed(
            f"the broker's memory grew from {before / MIB:.0f} by {grown:.0f} MiB; at most {memory_mib} are allowed",
            rule="FLOW-5",
            party="broker",
        )


def _subscribe(number: int) -> pb.Message:
    message = pb.Message(id=1_000_000 + number)
    subscription = message.subscribe.subscription
    subscription.topic_type, subscription.agent_type = f"topic.{number}", "probe"
    subscription.match = subscription_pb2.TOPIC_MATCH_EXACT
    return message


def _malformed(number: int) -> pb.Message:
    message = _subscribe(number)
    subscription = message.subscribe.subscription
    subscription.agent_type = f"{number} " + "x" * 2_000
    subscription.durable = False
    return message


def _publish(number: int, envelope: bytes) -> pb.Message:
    message = pb.Message(id=1_000_000 + number)
    message.publish.topic.type, message.publish.topic.source = "news", "k"
    message.publish.envelope = envelope
    return message


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "many_subscriptions": many_subscriptions,
    "refused_subscriptions": refused_subscriptions,
    "endless_hello": endless_hello,
    "deaf_subscriber": deaf_subscriber,
    "deaf_asker": deaf_asker,
    "credit_exceeded": credit_exceeded,
    "come_and_go": come_and_go,
}
