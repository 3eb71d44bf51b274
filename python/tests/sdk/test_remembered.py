"""Calls with a key in one process."""

from __future__ import annotations

import pytest

from parley import AgentId
from parley import _remembered as module
from parley._remembered import WINDOW, RememberedCalls, check_key
from parley.exceptions import InvalidArgumentError

ME = AgentId("a", "k")


def test_keys() -> None:
    check_key("x" * 255)
    for key in ("", "x" * 256, "ü" * 128, 1, b"x"):
        with pytest.raises(InvalidArgumentError, match="1 to 255 bytes"):
            check_key(key)


def test_a_call_that_runs_is_found_until_it_ends() -> None:
    calls: RememberedCalls[str] = RememberedCalls()
    assert calls.running(ME, "x", 1) is None
    calls.began(ME, "x", 1, "call")
    assert calls.running(ME, "x", 1) == "call"
    assert calls.running(AgentId("a", "other"), "x", 1) is None
    with pytest.raises(InvalidArgumentError, match="another message"):
        calls.running(ME, "x", 2)
    assert calls.ended(ME, "x", "another call") is None
    calls.ended(ME, "x", "call")
    assert calls.running(ME, "x", 1) is None
    assert calls.result(ME, "x", 1, 0) is None


def test_results_are_given_again_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: RememberedCalls[str] = RememberedCalls()
    calls.began(ME, "x", 1, "call")
    calls.succeeded(ME, "x", "call", None, now=10)
    calls.succeeded(ME, "x", "call", "late", now=11)
    assert calls.result(ME, "x", 1, now=9 + WINDOW) == (None,)
    with pytest.raises(InvalidArgumentError):
        calls.result(ME, "x", 2, now=10)
    assert calls.result(ME, "x", 1, now=10 + WINDOW) is None
    monkeypatch.setattr(module, "MAX_RESULTS", 1)
    for key in ("a", "b"):
        calls.began(ME, key, 1, key)
        calls.succeeded(ME, key, key, key, now=10)
    assert calls.result(ME, "a", 1, now=10) is None
    assert calls.result(ME, "b", 1, now=10) == ("b",)
