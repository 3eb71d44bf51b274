"""Deadlines pass when they say they do, and leave nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_broker.core.deadlines import SLOT, Deadlines, end_of_slot

moments = st.floats(1000, 2000, allow_nan=False)


def test_nothing_is_due_at_first() -> None:
    deadlines: Deadlines[str] = Deadlines()
    assert deadlines.next() is None
    assert deadlines.take(1e9) == []


def test_set_again_moves_and_drop_forgets() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 10)
    deadlines.set("b", 10)
    deadlines.set("a", 20)
    deadlines.drop("b")
    deadlines.drop("never there")
    assert len(deadlines) == 1
    assert deadlines.take(15) == []
    assert deadlines.take(20) == ["a"]
    assert len(deadlines) == 0
    assert deadlines.next() is None


@given(st.dictionaries(st.integers(), moments, min_size=1), moments)
def test_what_is_due_is_taken_in_time_and_never_early(at: dict[int, float], now: float) -> None:
    deadlines: Deadlines[int] = Deadlines()
    for key, moment in at.items():
        deadlines.set(key, moment)
    taken = deadlines.take(now)
    assert all(at[key] <= now + 1e-6 for key in taken)
    assert all(moment > now - SLOT - 1e-6 for key, moment in at.items() if key not in taken)
    assert len(deadlines) == len(at) - len(taken)


@given(moments)
def test_what_next_promises_is_there_at_that_moment(moment: float) -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", moment)
    due = deadlines.next()
    assert due is not None
    assert deadlines.take(due) == ["a"]


@given(moments, st.floats(0, 100))
def test_nothing_that_is_set_is_due_before_the_slot_at_hand_ends(now: float, timeout: float) -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", now + timeout)
    due = deadlines.next()
    assert due is not None
    assert now - 1e-6 <= end_of_slot(now) <= due
