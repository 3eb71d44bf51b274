"""When Python looks for cycles."""

from __future__ import annotations

import gc
import weakref

import pytest

from parley_broker.collector import THRESHOLDS, collecting_never, collecting_seldom


class Node:
    """Refers to itself: only the collector ends it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_there_is_not_looked_at_and_what_comes_later_is() -> None:
    before = gc.get_threshold()
    old = weakref.ref(Node())
    with collecting_seldom():
        new = weakref.ref(Node())
        assert gc.get_threshold() == THRESHOLDS
        gc.collect()
        assert old() is not None
        assert new() is None
    assert gc.get_threshold() == before
    gc.collect()
    assert old() is None


def test_a_start_is_not_interrupted() -> None:
    with collecting_never():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_start_that_fails_leaves_it_as_it_was() -> None:
    with pytest.raises(OSError, match="full"), collecting_never():
        raise OSError("full")
    assert gc.isenabled()
