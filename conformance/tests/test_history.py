from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest

from parley_conformance import wire
from parley_conformance.history import End, judge_history, sessions_of
from parley_conformance.labels import Labels
from parley_conformance.record import Said
from parley_conformance.relay import DOWN, UP

WELCOME = ("down", {"re": 1, "welcome": {"version": 1}})
ONCE = ("up", {"id": 2, "register_agent_type": {"type": "once", "mode": "EFFECTIVELY_ONCE"}})


def probe(label: str, add: int = 0) -> dict[str, Any]:
    return {"type": "probe_v1", "data": json.dumps({"label": label, "do": [{"op": "add", "number": add}]})}


def history(*lines: tuple[str, dict[str, Any]], party: str = "p", labels: Labels | None = None) -> list[Said]:
    """What went by at one party's door; ("down", message) or ("up", message)."""
    labels = labels or Labels()
    numbers = itertools.count(1)
    told = []
    for way, plain in lines:
        direction, message = {"up": UP, "down": DOWN}[way], wire.message(plain)
        told.append(Said(0.0, party, 1, direction, next(numbers), False, labels.of(direction, message), message))
    return told


def rules(said: list[Said], **end: Any) -> list[str]:
    return [broken.rule for broken in judge_history(said, End(**end))]


def delivery(label: str, position: int, round: int = 1, epoch: int = 1, agent: str = "once/k") -> tuple[str, Any]:
    fields = {"recipient": agent, "epoch": epoch, "position": position, "round": round, "envelope": probe(label, 1)}
    return "down", {"delivery": fields}


def commit(count: int, version: int, epoch: int = 1) -> dict[str, Any]:
    data = base64.b64encode(json.dumps({"count": count}).encode()).decode()
    return {"agent": "once/k", "epoch": epoch, "expected_version": version, "state": {"data": data}}


def unchanged(version: int) -> dict[str, Any]:
    return {"agent": "once/k", "epoch": 1, "expected_version": version}


def ack(identity: int, position: int, round: int = 1, epoch: int = 1, **more: Any) -> tuple[str, Any]:
    fields = {"recipient": "once/k", "epoch": epoch, "position": position, "round": round, **more}
    return "up", {"id": identity, "ack": fields}


def done(identity: int) -> tuple[str, Any]:
    return "down", {"re": identity, "done": {}}


def publish(label: str, recipients: int, **more: Any) -> list[tuple[str, Any]]:
    return [
        ("up", {"id": 77, "publish": {"topic": "t/k", "envelope": probe(label), **more}}),
        ("down", {"re": 77, "published": {"recipients": recipients}}),
    ]


GOOD = [
    *(WELCOME, ONCE, done(2), *publish("e1", 1), *publish("e2", 1)),
    *(delivery("e1", 1), ack(3, 1, commit=commit(1, 0)), done(3)),
    *(delivery("e2", 2), ("up", {"id": 4, "nack": {"recipient": "once/k", "epoch": 1, "position": 2, "round": 1}})),
    *(done(4), delivery("e2", 2, 2), ack(5, 2, 2, commit=commit(2, 1)), done(5)),
]


def test_what_is_right_is_not_broken() -> None:
    assert judge_history(history(*GOOD), End()) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([WELCOME, done(9)], ["MSG-3"]),
        ([WELCOME, ("up", {"id": 9, "list_subscriptions": {}}), done(9), done(9)], ["MSG-3"]),
        ([WELCOME, ("down", {"re": 8, "reply": {}})], ["RPC-1"]),
        ([WELCOME, ("down", {"done": {}})], ["MSG-3"]),
        ([WELCOME, ("up", {"delivery": {"recipient": "a/b"}})], ["SES-4"]),
        ([WELCOME, ("down", {"id": 5, "request": {"target": {"type": "a"}}})], ["ID-3"]),
        ([WELCOME, ("up", {"id": 5, "list_subscriptions": {}}), ("down", {"re": 5, "error": {}})], ["ERR-1"]),
        ([WELCOME, delivery("e1", 2), delivery("e2", 1)], ["DLV-3"]),
        ([WELCOME, delivery("e1", 2), delivery("e1", 2)], ["DLV-11"]),
        ([WELCOME, delivery("e1", 2, 3), delivery("e1", 2, 2)], ["DLV-3"]),
        ([WELCOME, *publish("e1", 1)], ["PUB-1"]),
        ([WELCOME, *publish("e1", 2), delivery("e1", 1), ack(3, 1)], ["PUB-1"]),
        ([WELCOME, ONCE, delivery("e1", 1), ack(3, 1, commit=commit(7, 0)), done(3),
          delivery("e2", 2), ack(4, 2, commit=commit(7, 1)), done(4)], ["STA-5"]),
        # Nobody heard that e2 was accepted, and what came after it changed nothing.
        ([WELCOME, ONCE, delivery("e1", 1), ack(3, 1, commit=commit(1, 0)), done(3), delivery("e2", 2),
          ack(4, 2, commit=commit(2, 1)), delivery("e3", 3), ack(5, 3, commit=unchanged(2)), done(5),
          delivery("e4", 4), ack(6, 4, commit=commit(3, 3)), done(6)], []),
        ([WELCOME, ONCE, delivery("e1", 1), ack(3, 1, commit=commit(1, 0)), done(3),
          delivery("e1", 1, 2), ack(4, 1, 2, commit=commit(2, 1)), done(4)], ["STA-4"]),
    ],
)  # fmt: skip
def test_what_is_broken(lines: list[tuple[str, Any]], expected: list[str]) -> None:
    assert rules(history(*lines)) == expected


def test_events_that_wait_or_are_dead_letters_or_ephemeral_are_not_lost() -> None:
    lines = history(WELCOME, *publish("e1", 2))
    assert rules(lines, waiting=2) == []
    assert rules(lines, waiting=1) == ["PUB-1"]
    assert rules(lines, waiting=1, dead=frozenset({("e1", "once/k")})) == []
    assert rules(history(WELCOME, *publish("e1", 1, ephemeral=True))) == []


def test_two_owners_of_one_epoch_and_of_one_version() -> None:
    first = history(WELCOME, delivery("e1", 1), ack(3, 1, commit=commit(1, 0)), done(3))
    second = history(WELCOME, delivery("e2", 2), ack(3, 2, commit=commit(1, 0)), done(3), party="q")
    assert sorted(rules([*first, *second])) == ["AGT-5", "STA-3"]
    later = history(WELCOME, delivery("e2", 2, 1, 5), ack(3, 2, 1, 5, commit=commit(2, 1, 5)), done(3), party="q")
    assert rules([*first, *later]) == []


def test_sessions_and_what_is_said_again() -> None:
    resumed = ("down", {"re": 2, "welcome": {"resumed": True}})
    lines = history(WELCOME, delivery("e1", 1), resumed, WELCOME, delivery("e1", 1))
    assert [len(session.said) for session in sessions_of(lines)] == [3, 2]
    # In another session the same position may come in the same round.
    assert rules(lines, waiting=1) == []
