"""Compares the results of two runs of the kit. Pure: the content of two results.json in, differences out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOLDS = frozenset({"pass", "expected-fail"})
"""Verdicts of checks that are as they should be, or as is known."""
GREW_FACTOR = 2.0
GREW_MS = 1_000
"""A run is slower if it takes this many times as long, and this much longer: less is noise."""


@dataclass(frozen=True)
class Change:
    """A check with two verdicts; `before` or `now` is empty where there is no such check."""

    check: str
    before: str
    now: str
    reason: str = ""


@dataclass(frozen=True)
class Difference:
    """What is different in the second of two results.

    Attributes:
        worse: Held before, and holds no more; or is new and fails.
        fixed: Holds now.
        appeared: New checks that are no failures.
        gone: Checks that are not there any more.
        other: Held neither before nor now, with another verdict; or passed, and is known to fail now.
        slower: Runs with their duration before and now, in ms.
    """

    worse: list[Change] = field(default_factory=list)
    fixed: list[Change] = field(default_factory=list)
    appeared: list[Change] = field(default_factory=list)
    gone: list[Change] = field(default_factory=list)
    other: list[Change] = field(default_factory=list)
    slower: list[tuple[str, int, int]] = field(default_factory=list)


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> Difference:
    """Compares results of format 2, check by check and run by run, in the order of the second."""
    found = Difference()
    old, new = _checks(before), _checks(now)
    for name, check in new.items():
        was, verdict = old.get(name, {}).get("verdict", ""), check["verdict"]
        change = Change(name, was, verdict, check.get("reason", ""))
        if was == verdict:
            continue
        if was in HOLDS and verdict == "pass":
            found.fixed.append(change)
        elif was in HOLDS and verdict not in HOLDS:
            found.worse.append(change)
        elif not was:
            (found.worse if verdict == "fail" else found.appeared).append(change)
        elif verdict in HOLDS:
            # One that is known to fail now, and passed, was excused on purpose.
            (found.other if was in HOLDS else found.fixed).append(change)
        else:
            found.other.append(change)
    found.gone.extend(Change(name, check["verdict"], "") for name, check in old.items() if name not in new)
    took = {run["name"]: run["duration_ms"] for run in before["runs"]}
    for run in now["runs"]:
        was_ms, now_ms = took.get(run["name"], run["duration_ms"]), run["duration_ms"]
        if now_ms > was_ms * GREW_FACTOR and now_ms > was_ms + GREW_MS:
            found.slower.append((run["name"], was_ms, now_ms))
    return found


def _checks(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {check["check"]: check for run in results["runs"] for check in run["checks"]}
