"""Broker workloads about bad input, one by one through long lists of it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from parley_conformance.broker_case import Table
from parley_conformance.matching import differences
from parley_conformance.model import Failed
from parley_conformance.peer import Peer
from parley_conformance.workloads.bystander import Bystander
from parley_wire.v1 import broker_service_pb2 as pb

# Field 0 with wire type 7 is no protobuf, whatever follows.
_NO_FRAME = b"\x07"
_BAD_TYPES = ("", " ", "a b", "a/b", "ä", "a\n", "a\x00", "a" * 256, "a:b", "a=b", "a+b")
_BAD_TOPICS = ("", " ", "a b", "a/b", "ä", "a\n", "a" * 256, "a+b")
_BAD_KEYS = ("", "\x00", "a\x1f", "a\nb", "\x7f", "a\x85", "\x9f", "k" * 1025, "é" * 513)
_GOOD_TYPES = ("a", "A.z_0-9", "-", ".", "t" * 255)
_GOOD_TOPICS = ("a", "a:b=c", ":", "=", "t" * 255)
_GOOD_KEYS = (
    "k",
    "/",
    "a/b",
    " ",
    "\u00a0",
    "ä",
    "e\u0301",
    "\u00e9",
    "日本",
    "🐢",
    "\U0010ffff",
    "\ufeff",
    "k" * 1024,
    "é" * 512,
)


async def random_frames(table: Table, connections: int, seed: int) -> None:
    """Random bytes before and after Hello; half of them are no frame for certain, and end that connection."""
    source = random.Random(seed)
    async with Bystander(table):
        for number in range(connections):
            greets = bool(number & 1)
            peer = await table.seat(f"random{number}", {"hello": {} if greets else False})
            certain = bool(number & 2)
            data = source.randbytes(source.randint(1, 5_000))
            await peer.write_bytes(_NO_FRAME + data if certain else data)
            if certain:
                code, text = await peer.ended()
                if code != "INVALID_ARGUMENT" or not text:
                    raise Failed(
                        f"{data[:20].hex()}… ended the connection with {code} {text!r}", rule="MSG-7", party="broker"
                    )
            await peer.close()
            del table.peers[peer.name]


async def unknown_kinds(table: Table) -> None:
    """A kind of a later version and no kind at all, with and without an id."""
    peer = table.peers["a"]
    later = bytes([0xA2, 0x1F, 0x02, 0x08, 0x01])  # field 500, a message of two bytes
    for extra, kind in ((later, "500"), (b"", "0")):
        for identity in (8_000 + int(kind), 0):
            message = pb.Message(id=identity).SerializeToString() + extra
            frame = pb.Frame(first_seq=peer.take_number()).SerializeToString() + bytes([0x2A, len(message)]) + message
            if identity:
                peer.expect_answer(identity)
            await peer.write_bytes(frame)
            if identity:
                expected = {"error": {"reason": "INVALID_ARGUMENT", "details": {"kind": {"$any": True}}}}
                if wrong := differences(expected, await peer.answer_to(identity)):
                    raise Failed(f"kind {kind}: {'; '.join(wrong)}", rule="MSG-4", party="broker")
        await peer.prove()


async def kinds_of_the_other_side(table: Table) -> None:
    """What only a broker may say."""
    peer = table.peers["a"]
    for kind, fields in (
        ("activate", {"agent": "probe/k", "epoch": 1}),
        ("deactivate", {"agent": "probe/k", "epoch": 1}),
        ("delivery", {"recipient": "probe/k", "position": 1, "topic": "news/k"}),
        ("published", {"recipients": 1}),
        ("subscription_list", {}),
        ("claim_result", {}),
        ("save_request", {"agent": "probe/k"}),
        ("welcome", {"version": 1}),
    ):
        answer = await peer.ask({kind: fields})
        if wrong := differences({"error": {"reason": "INVALID_ARGUMENT"}}, answer):
            raise Failed(f"{kind} from a client: {'; '.join(wrong)}", party="broker")
        await peer.prove()


async def malformed_ids(table: Table) -> None:
    """Every malformed id in every command that has one."""
    peer = table.peers["a"]
    envelope = "never"
    commands: list[dict[str, Any]] = [
        {"request": {"envelope": envelope}},
        {"publish": {"envelope": envelope}},
    ]
    for bad in _BAD_TYPES:
        commands += [
            {"request": {"target": "probe/k", "sender": {"type": bad, "key": "k"}, "envelope": envelope}},
            {"request": {"target": "probe/k", "call_chain": [{"type": bad, "key": "k"}], "envelope": envelope}},
            {"publish": {"topic": "t/k", "sender": {"type": bad, "key": "k"}, "envelope": envelope}},
            {"subscribe": {"subscription": {"topic_type": "t", "match": "PREFIX", "agent_type": bad}}},
            {"request": {"target": {"type": bad, "key": "k"}, "envelope": envelope}},
            {"register_agent_type": {"type": bad, "mode": "STANDARD"}},
            {"subscribe": {"subscription": {"topic_type": "t", "match": "EXACT", "agent_type": bad}}},
        ]
    for bad in _BAD_TOPICS:
        commands += [
            {"publish": {"topic": {"type": bad, "source": "k"}, "envelope": envelope}},
            {"subscribe": {"subscription": {"topic_type": bad, "match": "EXACT", "agent_type": "probe"}}},
            {"subscribe": {"subscription": {"topic_type": bad, "match": "PREFIX", "agent_type": "probe"}}},
        ]
    for bad in _BAD_KEYS:
        commands += [
            {"request": {"target": {"type": "probe", "key": bad}, "envelope": envelope}},
            {"request": {"target": "probe/k", "sender": {"type": "probe", "key": bad}, "envelope": envelope}},
            {"request": {"target": "probe/k", "call_chain": [{"type": "probe", "key": bad}], "envelope": envelope}},
            {"publish": {"topic": "t/k", "sender": {"type": "probe", "key": bad}, "envelope": envelope}},
            {"publish": {"topic": {"type": "t", "source": bad}, "envelope": envelope}},
            {"register_agent_type": {"type": "pinned", "mode": "STANDARD", "pinned_keys": [bad]}},
        ]
    for command in commands:
        answer = await peer.ask(command)
        expected = {
            "error": {
                "reason": "INVALID_ARGUMENT",
                "retryable": False,
                "may_have_run": False,
                "details": {"field": {"$any": True}},
            }
        }
        if wrong := differences(expected, answer):
            raise Failed(f"{str(command)[:200]}: {'; '.join(wrong)}", party="broker")
    await peer.fence()
    if peer.has({"request": {}}) or peer.has({"activate": {}}):
        raise Failed("a command with a malformed id was carried out", party="broker")


async def well_formed_ids(table: Table) -> None:
    """Every id at an end of what is allowed, there and back."""
    caller, worker = table.peers["a"], table.peers["w"]
    for agent_type in _GOOD_TYPES:
        await worker.do({"register_agent_type": {"type": agent_type, "mode": "STANDARD"}})
        await _reached(caller, worker, f"{agent_type}/k")
    await worker.do({"register_agent_type": {"type": "probe", "mode": "STANDARD"}})
    for topic_type in _GOOD_TOPICS:
        await worker.do(
            {"subscribe": {"subscription": {"topic_type": topic_type, "match": "EXACT", "agent_type": "probe"}}}
        )
    for number, key in enumerate(_GOOD_KEYS):
        await _reached(caller, worker, f"probe/{key}")
        topic = f"{_GOOD_TOPICS[number % len(_GOOD_TOPICS)]}/{key}"
        answer = await caller.do({"publish": {"topic": topic, "envelope": "e"}})
        if wrong := differences({"published": {"recipients": 1}}, answer):
            raise Failed(f"publish to {topic!r}: {'; '.join(wrong)}", party="broker")
        delivery = (await worker.get({"delivery": {"recipient": f"probe/{key}", "topic": topic}}))["delivery"]
        await worker.do({"ack": {name: delivery[name] for name in ("recipient", "epoch", "position", "round")}})


async def _reached(caller: Peer, worker: Peer, agent: str) -> None:
    identity = await caller.start({"request": {"target": agent, "envelope": "hi"}})
    request = await worker.get({"request": {"target": agent}})
    await worker.send({"re": request["id"], "reply": {"envelope": "hi"}})
    if wrong := differences({"reply": {"envelope": "hi"}}, await caller.answer_to(identity)):
        raise Failed(f"a call to {agent!r}: {'; '.join(wrong)}", party="broker")


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "random_frames": random_frames,
    "unknown_kinds": unknown_kinds,
    "kinds_of_the_other_side": kinds_of_the_other_side,
    "malformed_ids": malformed_ids,
    "well_formed_ids": well_formed_ids,
}
