"""Histories of runs, made up on the spot, for the tests of what is done with them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from conftest import pair_case

from parley_conformance import wire
from parley_conformance.adapter import Observation
from parley_conformance.history import End
from parley_conformance.labels import Labels
from parley_conformance.model import Run
from parley_conformance.record import Record, Said
from parley_conformance.relay import DOWN, UP
from parley_conformance.run_history import PartyTold, RunHistory

PROBE = {"type": "probe_v1", "data": '{"label": "c1", "do": []}'}
EVENT = {"type": "probe_v1", "data": '{"label": "e1", "do": []}'}
CALLER = [
    (DOWN, {"re": 1, "welcome": {"version": 1}}),
    (UP, {"id": 2, "request": {"target": "probe/k", "envelope": PROBE}}),
    (DOWN, {"re": 2, "reply": {"envelope": "hi"}}),
    (UP, {"id": 3, "publish": {"topic": "t/k", "envelope": EVENT}}),
    (DOWN, {"re": 3, "published": {"recipients": 1}}),
]
DELIVERY = {"recipient": "probe/k", "epoch": 1, "round": 1, "position": 1, "attempt": 1, "envelope": EVENT}
HANDLER = [
    (DOWN, {"re": 1, "welcome": {"version": 1}}),
    (DOWN, {"id": 9, "request": {"target": "probe/k", "envelope": PROBE}}),
    (UP, {"re": 9, "reply": {"envelope": "hi"}}),
    (DOWN, {"delivery": DELIVERY}),
    (UP, {"id": 4, "ack": {"recipient": "probe/k", "epoch": 1, "round": 1, "position": 1}}),
    (DOWN, {"re": 4, "done": {}}),
]


def said(party: str, lines: Iterable[tuple[str, dict[str, Any]]]) -> list[Said]:
    """What went by at a party's door, 10 ms after each other; heartbeats and what greets have no number."""
    labels, numbers = Labels(), {UP: itertools.count(1), DOWN: itertools.count(1)}
    told = []
    for at, (direction, plain) in enumerate(lines):
        message = wire.message(plain)
        number = 0 if "welcome" in plain or "heartbeat" in plain else next(numbers[direction])
        label = labels.of(direction, message)
        told.append(Said(100 + at / 100, party, 1, direction, number, False, label, message))
    return told


def observations() -> list[tuple[str, Observation]]:
    """What the two saw: a call that is answered, an event that is handled."""
    lines: list[tuple[str, dict[str, Any]]] = [
        ("handler", {"obs": "enter", "label": "c1", "agent": "probe/k", "kind": "rpc"}),
        ("handler", {"obs": "leave", "label": "c1", "agent": "probe/k"}),
        ("caller", {"obs": "outcome", "label": "c1", "reply": {"type": "ProbeReply", "value": {"label": "c1"}}}),
        ("handler", {"obs": "enter", "label": "e1", "agent": "probe/k", "kind": "event"}),
        ("handler", {"obs": "leave", "label": "e1", "agent": "probe/k"}),
        ("caller", {"obs": "outcome", "label": "e1", "published": True}),
    ]
    made = []
    for number, (party, fields) in enumerate(lines):
        whole = {"i": number, "attempt": 1, "content_type": "json", **fields}
        made.append((party, Observation(fields["obs"], whole, 100.5 + number)))
    return made


def pair_history(**more: Any) -> RunHistory:
    """A call and an event that went well, from `caller` to `handler`."""
    came = sorted([*said("caller", CALLER), *said("handler", HANDLER)], key=lambda one: one.at)
    made = RunHistory(
        run=Run(pair_case(covers=("RPC-1", "RPC-2")), "python", "dotnet", "json"),
        began=100.0,
        record=Record(came, list(came)),
        parties={
            "caller": PartyTold("python", "parley", "1", "json", called=("c1", "e1")),
            "handler": PartyTold("dotnet", "parley", "1", "json"),
        },
        observations=observations(),
        end=End(),
        lines=("1.0 caller -> hello",),
    )
    return replace(made, **more)
