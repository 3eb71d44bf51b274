from __future__ import annotations

from typing import Any

import pytest

from parley_conformance.comparing import compare


def results(verdict: str = "", *, name: str = "rpc/a", ms: int = 100) -> dict[str, Any]:
    checks = [{"check": f"{name}#RPC-1@broker", "rule": "RPC-1", "verdict": verdict, "reason": "why"}]
    return {"runs": [{"name": f"{name}[broker]", "duration_ms": ms, "checks": checks}] if verdict else []}


@pytest.mark.parametrize(
    ("before", "now", "where"),
    [
        ("pass", "pass", ""),
        ("pass", "fail", "worse"),
        ("pass", "not-run", "worse"),
        ("pass", "unsupported", "worse"),
        ("pass", "harness-error", "worse"),
        ("pass", "inconclusive", "worse"),
        ("expected-fail", "fail", "worse"),
        ("pass", "expected-fail", "other"),
        ("expected-fail", "pass", "fixed"),
        ("fail", "pass", "fixed"),
        ("fail", "expected-fail", "fixed"),
        ("not-run", "pass", "fixed"),
        ("fail", "harness-error", "other"),
        ("not-run", "fail", "other"),
        ("", "pass", "appeared"),
        ("", "not-run", "appeared"),
        ("", "fail", "worse"),
        ("pass", "", "gone"),
    ],
)
def test_each_change_is_of_one_sort(before: str, now: str, where: str) -> None:
    found = compare(results(before), results(now))
    sorts = {sort for sort in ("worse", "fixed", "appeared", "gone", "other", "slower") if getattr(found, sort)}
    assert sorts == ({where} if where else set())
    if where:
        (change,) = getattr(found, where)
        assert (change.check, change.before, change.now) == ("rpc/a#RPC-1@broker", before, now)


@pytest.mark.parametrize(
    ("was", "now", "slower"), [(100, 1_100, False), (100, 1_101, True), (3_000, 6_000, False), (3_000, 6_001, True)]
)
def test_slower_is_twice_and_a_second(was: int, now: int, slower: bool) -> None:
    found = compare(results("pass", ms=was), results("pass", ms=now))
    assert found.slower == ([("rpc/a[broker]", was, now)] if slower else [])
    assert not found.worse
