from __future__ import annotations

from typing import Any

import pytest

from parley_conformance import wire
from parley_conformance.mutation.alteration import Alteration, Altered, rewritten
from parley_conformance.relay import DOWN, UP
from parley_wire.v1 import broker_service_pb2 as pb


def frame(*plains: dict[str, Any], first: int = 1, **members: Any) -> pb.Frame:
    return pb.Frame(messages=[wire.message(one) for one in plains], first_seq=first, **members)


def reply(re: int) -> dict[str, Any]:
    return {"re": re, "reply": {"envelope": f"to {re}"}}


def told(frames: list[pb.Frame]) -> list[tuple[int, int]]:
    """The number and the re of each message, in order."""
    return [(one.first_seq + i, message.re) for one in frames for i, message in enumerate(one.messages)]


def altered(**members: Any) -> Altered:
    return Altered(Alteration(**{"direction": DOWN, "item": "Reply", **members}))


def test_what_does_not_fit_goes_on_as_it_came() -> None:
    made = altered(do="drop", item="Request")
    came = frame(reply(1), reply(2))
    assert made.pass_on(DOWN, came) == [came]
    assert altered(do="drop").pass_on(UP, came) == [came]


def test_what_is_dropped_leaves_no_gap() -> None:
    made = altered(do="drop", nth=2)
    assert told(made.pass_on(DOWN, frame(reply(1), reply(2), reply(3)))) == [(1, 1), (2, 3)]
    assert told(made.pass_on(DOWN, frame(reply(4), first=4))) == [(3, 4)]


def test_receipts_are_those_of_what_went() -> None:
    made = altered(do="drop", nth=1)
    made.pass_on(DOWN, frame(reply(1), reply(2)))
    (up,) = made.pass_on(UP, frame({"heartbeat": {}}, first=0, received=1))
    assert up.received == 2


def test_a_duplicate_has_the_next_number() -> None:
    made = altered(do="duplicate", nth=1)
    assert told(made.pass_on(DOWN, frame(reply(1), reply(2)))) == [(1, 1), (2, 1), (3, 2)]


def test_every_one_that_fits() -> None:
    alteration = Alteration(do="duplicate", direction=DOWN, item="Reply")
    assert told(Altered(alteration).pass_on(DOWN, frame(reply(1), reply(2)))) == [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert alteration.met == 2


def test_reordered_behind_the_next() -> None:
    made = altered(do="reorder", nth=1)
    assert made.pass_on(DOWN, frame(reply(1))) == []
    assert told(made.pass_on(DOWN, frame(reply(2), reply(3), first=2))) == [(1, 2), (2, 1), (3, 3)]


def test_injected_before() -> None:
    made = altered(do="inject", nth=1, value={"cancel": {"request_id": 9}})
    went = made.pass_on(DOWN, frame(reply(1)))
    assert [one.messages[0].WhichOneof("kind") for one in went] == ["cancel", "reply"]
    assert [one.first_seq for one in went] == [1, 2]


def test_a_frame_as_a_whole() -> None:
    made = altered(do="rewrite", item="Frame", nth=2, value={"received": {"$add": 5}})
    assert [one.received for one in made.pass_on(DOWN, frame(reply(1), received=1))] == [1]
    assert [one.received for one in made.pass_on(DOWN, frame(reply(2), first=2, received=2))] == [7]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"re": 5}, {"re": 5, "reply": {"envelope": "to 1"}}),
        ({"re": {"$add": 2}}, {"re": 3, "reply": {"envelope": "to 1"}}),
        ({"reply": {"envelope": "other"}}, {"re": 1, "reply": {"envelope": "other"}}),
        ({"reply": {"envelope": {"$clear": True}}}, {"re": 1, "reply": {}}),
        ({"reply": {"$clear": True}, "done": {}}, {"re": 1, "done": {}}),
    ],
)
def test_rewritten(value: dict[str, Any], expected: dict[str, Any]) -> None:
    message = wire.message(reply(1))
    rewritten(message, value)
    assert wire.plain(message) == expected


def test_only_what_has_the_members_and_the_label() -> None:
    alteration = Alteration(do="drop", direction=UP, item="Request", label="c2", has={"request": {"target": "probe/k"}})
    probe = {"type": "probe_v1", "data": '{"label": "c2"}'}
    for target, label, meets in (("probe/k", "c2", True), ("probe/k", "c1", False), ("probe/x", "c2", False)):
        message = wire.message({"id": 1, "request": {"target": target, "envelope": probe}})
        assert alteration.meets(UP, message, label) is meets
