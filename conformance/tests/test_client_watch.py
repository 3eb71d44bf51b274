from __future__ import annotations

from typing import Any

from parley_conformance import wire
from parley_conformance.client_watch import ClientWatch
from parley_wire.v1 import broker_service_pb2 as pb

PUBLISH = {"id": 1, "publish": {"topic": "t/s", "envelope": "e"}}


def frame(first: int, *plains: dict[str, Any], **fields: Any) -> pb.Frame:
    return pb.Frame(first_seq=first, messages=[wire.message(plain) for plain in plains], **fields)


def broken(watch: ClientWatch, *frames: pb.Frame) -> list[str]:
    for one in frames:
        list(watch.heard(one))
    return [violation.rule for violation in watch.violations]


def hello(**fields: Any) -> pb.Message:
    return wire.message({"id": 1, "hello": {"producer_id": "p", "kinds": [10], **fields}})


def test_what_is_right() -> None:
    watch = ClientWatch(10, 1000)
    watch.greeted(hello(), pb.Frame(credit_messages=1, credit_bytes=1))
    assert broken(watch, frame(1, PUBLISH, {"heartbeat": {}}), frame(0), frame(2, {"drain": {}})) == []
    assert watch.received == 2


def test_how_it_greets() -> None:
    watch = ClientWatch(10, 1000)
    watch.greeted(wire.message({"hello": {}}), pb.Frame())
    assert [v.rule for v in watch.violations] == ["SES-1", "FLOW-1", "PUB-4", "SES-4"]
    assert broken(ClientWatch(1, 1), frame(0, {"hello": {}})) == ["SES-1"]


def test_numbers_receipts_and_ids() -> None:
    assert broken(ClientWatch(10, 1000), frame(2, {"drain": {}})) == ["SES-7"]
    assert broken(ClientWatch(10, 1000), frame(1, {"drain": {}}, received=3)) == ["SES-8"]
    assert broken(ClientWatch(10, 1000), frame(1, PUBLISH, PUBLISH)) == ["MSG-3"]
    watch = ClientWatch(10, 1000)
    assert broken(watch, frame(1, PUBLISH)) == []
    watch.says(pb.Message(re=1, done={}), counted=True)
    assert broken(watch, frame(2, PUBLISH)) == []


def test_credit() -> None:
    second = {**PUBLISH, "id": 2}
    assert broken(ClientWatch(1, 1000), frame(1, PUBLISH, second)) == ["FLOW-1"]
    assert broken(ClientWatch(5, 3), frame(1, PUBLISH, second)) == ["FLOW-1"]
    watch = ClientWatch(1, 1000)
    assert broken(watch, frame(1, PUBLISH)) == []
    watch.goes_on(0)
    # What is sent again does not spend credit again.
    assert broken(watch, frame(1, PUBLISH)) == []


def test_what_is_sent_again() -> None:
    call = {"id": 4, "request": {"target": "a/b", "timeout_ms": 900}}
    later = {"id": 4, "request": {"target": "a/b", "timeout_ms": 400}}
    watch = ClientWatch(10, 1000)
    assert [again for *_, again in watch.heard(frame(1, call, {"drain": {}}))] == [False, False]
    watch.goes_on(0)
    assert [again for *_, again in watch.heard(frame(1, later, {"drain": {"reason": "other"}}))] == [True, True]
    assert [v.rule for v in watch.violations] == ["SES-9"]
    # It was told that 2 were received, and sends the second once more.
    watch.goes_on(2)
    assert broken(watch, frame(2, {"drain": {}})) == ["SES-9", "SES-7"]


def test_what_never_came() -> None:
    watch = ClientWatch(1, 1000)
    assert broken(watch, frame(1, {"drain": {}}, PUBLISH)) == []
    watch.forget(1)
    assert watch.received == 1
    watch.goes_on(1)
    assert broken(watch, frame(2, PUBLISH)) == []
    assert watch.received == 2


def test_what_a_resuming_client_says_that_it_has() -> None:
    watch = ClientWatch(10, 1000)
    watch.sent = 5
    watch.wants_back(4)
    assert (watch.confirmed, watch.violations) == (4, [])
    watch.wants_back(3)
    watch.wants_back(6)
    assert [v.rule for v in watch.violations] == ["SES-9", "SES-9"]
