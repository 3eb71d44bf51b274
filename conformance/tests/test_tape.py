from __future__ import annotations

import pytest

from parley_conformance import tape
from parley_conformance.tape import Tape
from parley_wire.v1 import broker_service_pb2 as pb


def frame(messages: int) -> pb.Frame:
    return pb.Frame(messages=[pb.Message(id=n + 1, drain={}) for n in range(messages)], first_seq=1)


def test_everything_is_on_it_in_order() -> None:
    made = Tape()
    made.note("a", 1, "begin", 0, False)
    made.note("a", 1, "wrote", frame=frame(2))
    first, second = made.entries
    assert (first.op, first.values, first.frame) == ("begin", (0, 0), None)
    assert (second.op, second.values, second.frame) == ("wrote", (), frame(2))
    assert first.at <= second.at


def test_two_parties_of_one_name_are_two_on_the_tape() -> None:
    made = Tape()
    assert [made.seat("a"), made.seat("b"), made.seat("a")] == ["a", "b", "a 2"]


@pytest.mark.parametrize("limits", [(3, 1 << 20), (100, 1)])
def test_a_full_tape_ends_and_counts_what_is_lost(monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int]) -> None:
    monkeypatch.setattr(tape, "KEPT_MESSAGES", limits[0])
    monkeypatch.setattr(tape, "KEPT_BYTES", limits[1])
    made = Tape()
    made.note("a", 1, "wrote", frame=frame(2))
    made.note("a", 1, "wrote", frame=frame(2))
    # There would be room for this one, but a tape with a hole is of no use.
    made.note("a", 1, "wrote", frame=frame(1))
    made.note("a", 1, "take_number")
    assert len(made.entries) == 1
    assert made.lost == 3
