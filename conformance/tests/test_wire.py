from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_conformance import wire
from parley_wire.v1 import envelope_pb2


@pytest.mark.parametrize(
    "plain",
    [
        {"id": 7, "request": {"target": "probe/a/b", "call_chain": ["a/b", "c/d"], "timeout_ms": 0, "envelope": "hi"}},
        {"re": 7, "error": {"reason": "NO_RESPONDERS", "message": "x", "retryable": True, "details": {"a": "b"}}},
        {"id": 1, "register_agent_type": {"type": "t", "mode": "STATELESS", "pinned_keys": ["k"]}},
        {"id": 1, "subscribe": {"subscription": {"topic_type": "t", "match": "PREFIX", "agent_type": "a"}}},
        {"re": 3, "done": {}},
        {"id": 5, "heartbeat": {}},
        {"delivery": {"recipient": "a/k", "topic": "t/k", "position": 2**63, "envelope": None}},
    ],
)
def test_plain_data_and_messages_are_inverse(plain: dict[str, Any]) -> None:
    assert wire.plain(wire.message(plain)) == plain


def test_a_malformed_id_can_be_written_as_an_object() -> None:
    built = wire.message({"request": {"target": {"type": "", "key": "k"}}})
    assert built.request.HasField("target")
    assert (built.request.target.type, built.request.target.key) == ("", "k")


def test_an_unknown_member_is_named() -> None:
    with pytest.raises(ValueError, match="Request has no member 'targte'"):
        wire.message({"request": {"targte": "a/b"}})


@given(st.integers(64, 5000))
def test_a_sized_envelope_has_that_size(size: int) -> None:
    data = wire.sized_envelope(size)
    assert len(data) == size
    assert envelope_pb2.Envelope.FromString(data).message_id


def test_envelopes_in_every_form() -> None:
    assert wire.encode_envelope({"raw": base64.b64encode(b"\xff\xff").decode()}) == b"\xff\xff"
    assert not envelope_pb2.Envelope.FromString(wire.encode_envelope(None)).HasField("payload")
    whole = {"type": "own", "content_type": "x/y", "data": "abc", "message_id": "m1", "headers": {"a": "b"}}
    told = wire.plain(wire.message({"reply": {"envelope": whole}}))["reply"]["envelope"]
    assert told == {**whole, "size": len(wire.encode_envelope(whole))}
    broken = wire.message({"reply": {}})
    broken.reply.envelope = b"\xff\xff"
    assert wire.plain(broken)["reply"]["envelope"] == {"raw": "//8="}


def test_all_kinds_of_the_contract_are_known() -> None:
    assert {10, 11, 12, 40, 41, 42, 62, 71} <= set(wire.ALL_KINDS)
