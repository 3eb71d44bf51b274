"""How long a call may take, and which timeout decided that."""

from __future__ import annotations

import time

import pytest

from parley import AgentId
from parley._patience import choose_patience
from parley._scope import HandlerScope
from parley.exceptions import InvalidArgumentError

ME = AgentId("a", "k")


def scope(left: float | None) -> HandlerScope:
    return HandlerScope(ME, 0, (ME,), None if left is None else time.monotonic() + left)


@pytest.mark.parametrize(
    ("timeout", "left", "limit", "seconds", "source"),
    [
        (None, None, 1e9, 120, "default"),
        (5, None, 1e9, 5, "call"),
        (5, 3, 1e9, 3, "outer_call"),
        (5, 8, 1e9, 5, "call"),
        (None, 8, 1e9, 8, "outer_call"),
        (500, None, 60, 60, "limit"),
        (None, -1, 1e9, 0, "outer_call"),
        (float("inf"), None, 60, 60, "limit"),
    ],
)
def test_the_smallest_applies(timeout: float, left: float, limit: float, seconds: float, source: str) -> None:
    patience = choose_patience(timeout, 120, None if left is None else scope(left), limit)
    assert patience.source == source
    assert patience.seconds == pytest.approx(seconds, abs=0.1)
    assert patience.deadline == pytest.approx(time.monotonic() + seconds, abs=1.1)


def test_events_leave_their_calls_the_default() -> None:
    assert choose_patience(None, 120, scope(None)).source == "default"


@pytest.mark.parametrize("timeout", [-0.1, float("nan"), "1", object()])
def test_what_is_no_timeout(timeout: float) -> None:
    with pytest.raises(InvalidArgumentError):
        choose_patience(timeout, 120, None)


@pytest.mark.parametrize(
    ("timeout", "left", "limit", "said"),
    [
        (1, None, 9, "the timeout of this call"),
        (None, None, 200, "the runtime's default timeout"),
        (None, 1, 200, "what was left of the call that this handler serves"),
        (20, None, 9, "the broker's longest timeout"),
    ],
)
def test_the_error_says_which(timeout: float, left: float, limit: float, said: str) -> None:
    patience = choose_patience(timeout, 120, None if left is None else scope(left), limit)
    error = patience.exceeded("the call to a/k had no outcome")
    assert error.message.endswith(said)
    assert error.details["timeout_source"] == patience.source
    assert int(error.details["timeout_ms"]) == pytest.approx(patience.seconds * 1000, abs=1)
