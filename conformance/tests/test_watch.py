from __future__ import annotations

from typing import Any

import pytest

from parley_conformance import spec, wire
from parley_conformance.watch import Watch, covered_size
from parley_wire.v1 import broker_service_pb2 as pb

WELCOME = {"re": 1, "welcome": {"version": 1}}


def watch() -> Watch:
    made = Watch("a", spec.read().reasons)
    hello = wire.message({"id": 1, "hello": {}})
    made.said(hello)
    return made


def frame(*plains: dict[str, Any], **fields: int) -> pb.Frame:
    return pb.Frame(messages=[wire.message(p) for p in plains], **fields)


def hear(made: Watch, *frames: pb.Frame) -> list[str]:
    for one in frames:
        made.heard_frame(one)
        for message in one.messages:
            made.heard(message)
    return [violation.rule for violation in made.violations]


def test_numbers_without_gaps() -> None:
    made = watch()
    said = [
        frame(WELCOME),
        frame({"drain": {}}, {"heartbeat": {}}, {"goodbye": {}}, first_seq=1),
        frame({"drain": {}}, first_seq=3),
    ]
    assert hear(made, *said) == []
    assert made.received == 3
    assert hear(made, frame({"drain": {}}, first_seq=5)) == ["SES-7"]


def test_an_error_before_welcome_needs_no_number() -> None:
    refusal = {"re": 1, "error": {"reason": "PROTOCOL_VERSION_UNSUPPORTED", "message": "no"}}
    assert hear(watch(), frame(refusal)) == []


def test_a_receipt_for_what_was_never_sent() -> None:
    made = watch()
    made.said(wire.message({"id": 2, "list_subscriptions": {}}))
    assert hear(made, frame(received=1)) == []
    assert hear(made, frame(received=2)) == ["SES-8"]


def test_answers_fit_questions_once() -> None:
    made = watch()
    assert hear(made, frame(WELCOME)) == []
    made.said(wire.message({"id": 9, "list_subscriptions": {}}))
    assert hear(made, frame({"re": 9, "done": {}}, first_seq=1)) == []
    assert hear(made, frame({"re": 9, "done": {}}, first_seq=2)) == ["MSG-3"]


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        ({"reason": "NO_RESPONDERS", "message": "x", "retryable": True}, []),
        ({"reason": "NO_RESPONDERS", "message": "x"}, ["ERR-2"]),
        ({"reason": "NO_RESPONDERS", "message": "x", "retryable": True, "may_have_run": True}, ["ERR-2"]),
        ({"reason": "CANCELLED", "message": "x", "may_have_run": True}, []),
        ({"reason": "CANCELLED", "message": "x"}, []),
        ({"reason": "NO_RESPONDERS", "retryable": True}, ["ERR-1"]),
        ({"message": "x"}, ["ERR-1"]),
    ],
)
def test_flags_are_those_of_the_table(error: dict[str, Any], rule: list[str]) -> None:
    made = watch()
    hear(made, frame(WELCOME))
    made.said(wire.message({"id": 2, "list_subscriptions": {}}))
    assert hear(made, frame({"re": 2, "error": error}, first_seq=1)) == rule


def test_credit_covers_publishes_and_root_requests() -> None:
    made = watch()
    root = wire.message({"id": 2, "request": {"target": "a/b", "envelope": "x"}})
    nested = wire.message({"id": 3, "request": {"target": "a/b", "call_chain": ["c/d"], "envelope": "x"}})
    assert covered_size(root)
    assert covered_size(nested) is None
    assert not made.may_send(root)
    assert made.may_send(nested)
    hear(made, frame(WELCOME, credit_messages=1, credit_bytes=10_000))
    assert made.may_send(root)
    made.said(root)
    assert not made.may_send(root)
    assert hear(made, frame(credit_messages=2, credit_bytes=5)) == ["FLOW-1"]
    assert made.credit_messages == 2
    assert not made.may_send(root)


def test_first_numbers_of_frames() -> None:
    made = watch()
    one = frame({"id": 2, "list_subscriptions": {}}, {"heartbeat": {}}, {"id": 3, "list_subscriptions": {}})
    for message in one.messages:
        made.said(message)
    assert made.first_seq(one) == 1
    assert made.take_number() == 3
    assert made.first_seq(frame({"heartbeat": {}})) == 0


def test_receipts_are_told_and_never_fall() -> None:
    made = watch()
    made.take_number()
    made.take_number()
    # 0 says nothing.
    assert hear(made, frame(WELCOME, received=0), frame(received=2), frame(received=0)) == []
    assert (made.sent, made.acknowledged) == (2, 2)
    assert hear(made, frame(received=1)) == ["SES-8"]


def test_heartbeats_are_counted_and_answers_to_heartbeats_are_not() -> None:
    made = watch()
    made.said(wire.message({"id": 7, "heartbeat": {}}))
    hear(
        made,
        frame(WELCOME),
        frame({"heartbeat": {}}),
        frame({"id": 9, "heartbeat": {}}),
        frame({"re": 7, "heartbeat": {}}),
    )
    assert made.heartbeats == 2


def test_reasons_of_a_later_version_are_another_client_s() -> None:
    later = frame({"re": 2, "error": {"reason": 900, "retryable": True}}, first_seq=1)
    strict, lenient = watch(), Watch("a", spec.read().reasons, any_reason=True)
    for made, rules in ((strict, ["ERR-1"]), (lenient, [])):
        made.said(wire.message({"id": 1, "hello": {}}))
        made.said(wire.message({"id": 2, "list_subscriptions": {}}))
        assert hear(made, frame(WELCOME), later) == rules


def test_what_comes_again() -> None:
    watch = Watch("a", spec.read().reasons)
    watch.said(wire.message({"id": 7, "list_subscriptions": {}}))
    welcome = wire.message({"re": 1, "welcome": {}})
    watch.expect_answer(1)
    answer = pb.Frame(first_seq=1, messages=[wire.message({"re": 7, "subscription_list": {}})])
    for frame in (pb.Frame(messages=[welcome]), answer):
        watch.heard_frame(frame)
        for message in frame.messages:
            watch.heard(message)
    watch.goes_back(0)
    watch.heard_frame(answer)
    watch.heard(answer.messages[0])
    assert watch.violations == []


def test_the_order_of_a_recipient_s_deliveries() -> None:
    def delivery(position: int, round: int = 1, recipient: str = "a/k", epoch: int = 5) -> dict[str, Any]:
        return {"delivery": {"recipient": recipient, "epoch": epoch, "position": position, "round": round}}

    made = watch()
    fine = [delivery(1), delivery(4), delivery(2, recipient="a/j"), delivery(0), delivery(2, 2), delivery(2, 2)]
    stateless = [delivery(7, recipient="s/k", epoch=0), delivery(3, recipient="s/k", epoch=0)]
    assert hear(made, frame(WELCOME), frame(*fine, *stateless, first_seq=1)) == []
    assert hear(made, frame(delivery(5, 1), first_seq=9)) == ["DLV-3"]
    made.goes_back(6)
    assert hear(made, frame(delivery(2, 1), first_seq=7)) == ["DLV-3"]
