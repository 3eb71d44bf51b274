from __future__ import annotations

import pytest

from parley_conformance import wire
from parley_conformance.labels import Labels, in_envelope
from parley_conformance.relay import DOWN, UP

PROBE = {"type": "probe_v1", "data": '{"label": "c1", "do": []}'}


def of(labels: Labels, direction: str, **plain: object) -> str:
    return labels.of(direction, wire.message(plain))


def test_a_call_and_what_answers_it() -> None:
    labels = Labels()
    assert of(labels, UP, id=7, request={"target": "probe/k", "envelope": PROBE}) == "c1"
    assert of(labels, UP, cancel={"request_id": 7}) == "c1"
    assert of(labels, DOWN, re=7, error={"reason": "CANCELLED"}) == "c1"
    assert of(labels, UP, re=7, done={}) == ""


def test_an_event_and_its_settlement() -> None:
    labels = Labels()
    identity = {"recipient": "probe/k", "position": 3}
    assert of(labels, DOWN, delivery={**identity, "topic": "t/k", "envelope": PROBE}) == "c1"
    assert of(labels, UP, id=9, ack={**identity, "round": 2}) == "c1"
    assert of(labels, DOWN, re=9, done={}) == "c1"
    assert of(labels, UP, id=10, nack={"recipient": "probe/k", "position": 4}) == ""


@pytest.mark.parametrize(
    ("envelope", "label"),
    [
        (PROBE, "c1"),
        ({**PROBE, "content_type": "application/protobuf", "data": "\n\x02e1\x12"}, "e1"),
        ({**PROBE, "content_type": "application/protobuf", "data": ""}, ""),
        ({**PROBE, "data": "["}, ""),
        ("a text", ""),
        (None, ""),
        ({"raw": "/w=="}, ""),
    ],
)
def test_labels_in_envelopes(envelope: object, label: str) -> None:
    assert in_envelope(wire.encode_envelope(envelope)) == label
