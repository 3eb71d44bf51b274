from __future__ import annotations

from typing import Any

import pytest

from parley_conformance import wire
from parley_conformance.faults import Fault, Numbers, armed, item_of, pieces, swapped
from parley_conformance.relay import DOWN, UP
from parley_wire.v1 import broker_service_pb2 as pb


def frame(*ids: int, first: int = 5) -> pb.Frame:
    """A frame of messages; id 0 stands for a heartbeat."""
    plain = [{"id": i, "list_subscriptions": {}} if i else {"heartbeat": {}} for i in ids]
    return pb.Frame(first_seq=first, received=9, messages=[wire.message(p) for p in plain])


def fault(do: str, **more: Any) -> Fault:
    return armed({"id": do, "at": "caller", "dir": "up", "item": "ListSubscriptions", "do": do, **more})


def told(made: list[pb.Frame | Fault]) -> list[Any]:
    return [one.do if isinstance(one, Fault) else (one.first_seq, [m.id for m in one.messages]) for one in made]


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("hold", [(5, [1, 0, 2]), "hold", (7, [3, 4])]),
        ("cut_before", [(5, [1, 0, 2]), "cut_before", (7, [3, 4])]),
        ("freeze", [(5, [1, 0, 2]), "freeze", (7, [3, 4])]),
        ("cut_after", [(5, [1, 0, 2, 3]), "cut_after", (8, [4])]),
        ("drop", [(5, [1, 0, 2]), "drop", (8, [4])]),
        ("inject", [(5, [1, 0, 2]), "inject", (7, [3, 4])]),
        ("duplicate", [(5, [1, 0, 2, 3]), "duplicate", (8, [4])]),
        ("reorder", [(5, [1, 0, 2]), "reorder", (8, [4])]),
    ],
)
def test_a_frame_is_split_around_the_message(do: str, expected: list[Any]) -> None:
    made = pieces(frame(1, 0, 2, 3, 4), {3: fault(do)})
    assert told(made) == expected
    assert all(one.received == 9 for one in made if isinstance(one, pb.Frame))


def test_rewriting_changes_this_message_alone() -> None:
    made = pieces(frame(1, 2, 3), {1: fault("rewrite", value={"id": 77})})
    assert told(made) == [(5, [1]), "rewrite", (6, [77]), (7, [3])]


def test_at_the_edges_no_empty_frame_is_made() -> None:
    assert told(pieces(frame(1), {0: fault("hold")})) == ["hold", (5, [1])]
    assert told(pieces(frame(1), {0: fault("drop")})) == ["drop"]
    assert told(pieces(frame(0, 0, first=0), {})) == [(0, [0, 0])]


def test_two_faults_in_one_frame() -> None:
    made = pieces(frame(1, 2, 3), {0: fault("drop"), 2: fault("cut_after")})
    assert told(made) == ["drop", (6, [2, 3]), "cut_after"]


def test_a_kept_message_goes_behind_the_next_one() -> None:
    made = swapped(wire.message({"id": 4, "list_subscriptions": {}}), 8, frame(5, 6, first=9))
    assert told([made]) == [(8, [5, 4, 6])]


def test_which_message_a_fault_waits_for() -> None:
    one = fault("hold", label="c1", has={"request": {"target": "a/b"}}, nth=2, item="Request")
    request = wire.message({"request": {"target": "a/b"}})
    assert not one.meets(DOWN, request, "c1")
    assert not one.meets(UP, request, "c2")
    assert not one.meets(UP, wire.message({"reply": {}}), "c1")
    assert not one.meets(UP, wire.message({"request": {"target": "a/c"}}), "c1")
    assert not one.meets(UP, request, "c1")
    assert one.meets(UP, request, "c1")
    assert not one.meets(UP, request, "c1")
    one.fired.set()
    one.seen = 1
    assert not one.meets(UP, request, "c1")


def test_kinds_by_the_names_of_the_proto() -> None:
    assert item_of(wire.message({"register_agent_type": {}})) == "RegisterAgentType"
    assert item_of(pb.Message()) == ""


def test_numbers_where_one_was_taken_out_and_one_put_in() -> None:
    numbers = Numbers()
    assert numbers.same
    numbers.took_out(3)
    assert [numbers.forwarded(n) for n in (1, 2, 4, 5)] == [1, 2, 3, 4]
    assert [numbers.came(n) for n in (1, 2, 3)] == [1, 3, 4]
    assert numbers.put_in(6) == 5
    assert [numbers.forwarded(n) for n in (5, 6, 7)] == [4, 6, 7]
    assert [numbers.came(n) for n in (4, 5, 6)] == [5, 5, 6]
