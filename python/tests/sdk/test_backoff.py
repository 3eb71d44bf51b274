"""Pauses between attempts."""

from __future__ import annotations

import pytest

from parley._distributed.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(chance=lambda: 0.0)
    pauses = [backoff.next() for _ in range(10)]
    assert pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])


def test_a_random_part_is_left_out() -> None:
    assert Backoff(chance=lambda: 0.5).next() == pytest.approx(0.0375)
    assert 0.025 < Backoff().next() <= 0.05
    longest = Backoff(longest=0.1, chance=lambda: 0.0)
    assert [longest.next() for _ in range(3)] == [0.05, 0.1, 0.1]
