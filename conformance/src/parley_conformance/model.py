"""The kit's plain values: cases as written, runs as planned, results as judged."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Who takes part: the lowest kind that can judge a rule tests it."""

    BROKER = "broker"
    SDK = "sdk"
    PAIR = "pair"


class Verdict(StrEnum):
    """How a check or a run ended. Everything that is planned has exactly one."""

    PASS = "pass"
    FAIL = "fail"
    EXPECTED_FAIL = "expected-fail"
    UNSUPPORTED = "unsupported"
    INCONCLUSIVE = "inconclusive"
    HARNESS_ERROR = "harness-error"
    NOT_RUN = "not-run"


@dataclass(frozen=True, eq=False)
class Case:
    """One behaviour, as a suite file states it.

    `steps` and `workload` exclude each other: a case is a list of steps, or names Python code with its arguments.
    `full`: the arguments that a long run has instead.
    `direct`: the parties of a pair reach the broker without a recorder between them.
    `claimed`: the user claims its profiles for all parties, whatever these announce.
    """

    id: str
    title: str
    kind: Kind
    covers: tuple[str, ...]
    source: str
    level: str = "MUST"
    requires: tuple[str, ...] = ()
    contents: tuple[str, ...] = ("json",)
    broker: Mapping[str, Any] = field(default_factory=dict)
    parties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    steps: Sequence[Mapping[str, Any]] = ()
    never: Sequence[Mapping[str, Any]] = ()
    workload: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    full: Mapping[str, Any] = field(default_factory=dict)
    direct: bool = False
    claimed: bool = False
    lane: str = "parallel"
    limit_ms: int = 45_000

    @property
    def family(self) -> str:
        """The part of the id before the slash."""
        return self.id.partition("/")[0]


@dataclass(frozen=True)
class Run:
    """One case on one point of its axes.

    `caller`, `handler` and `content` are empty for kind `broker`; for kind `sdk` `handler` is the SDK's language.
    """

    case: Case
    caller: str = ""
    handler: str = ""
    content: str = ""

    @property
    def axes(self) -> str:
        """What stands in brackets, e.g. `python-dotnet-json`, `sdk-python`, or `broker`."""
        if self.case.kind is Kind.BROKER:
            return "broker"
        if self.case.kind is Kind.SDK:
            return f"sdk-{self.handler}"
        return f"{self.caller}-{self.handler}-{self.content}"

    @property
    def name(self) -> str:
        """E.g. `rpc/echo[python-dotnet-json]`."""
        return f"{self.case.id}[{self.axes}]"

    @property
    def file_name(self) -> str:
        """The name as a file's or folder's, without an ending."""
        return re.sub(r"[^\w.-]+", "_", self.name).strip("_")

    def check(self, rule: str) -> str:
        """The name of the check of a rule, e.g. `rpc/echo#RPC-1@python-dotnet-json`."""
        return f"{self.case.id}#{rule}@{self.axes}"

    @property
    def identity(self) -> dict[str, Any]:
        """What it is, as plain data: in lists and in results."""
        case = self.case
        return {
            "name": self.name,
            "case": case.id,
            "family": case.family,
            "kind": case.kind.value,
            "title": case.title,
            "level": case.level,
            "rules": list(case.covers),
        }

    @property
    def languages(self) -> tuple[str, ...]:
        """The adapters that it needs, each once."""
        return tuple(dict.fromkeys(x for x in (self.caller, self.handler) if x))


@dataclass(frozen=True)
class Step:
    """One step of a case as it was played: `number` from 1, `at_ms` since the case began, how it ended."""

    number: int
    text: str
    at_ms: float
    verdict: Verdict


@dataclass(frozen=True)
class Check:
    """One rule as one run judged it: the unit of verdicts.

    `name` is `case#RULE@axes`; `reason` is empty for a pass.
    """

    name: str
    rule: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """What came of one run. `reason` is empty for a pass and a full sentence otherwise.

    `excused`: it is unsupported, and that does not count: because of how the kit was called, or nobody claims it.
    `lag`: it is inconclusive because the machine was too slow, and may be run again.
    `interrupted`: it was not run, or not to its end, because the kit was told to stop.
    `expected`: names of those of its checks whose failure a baseline expects.
    `judged`: what it failed for is in its history, so that `recheck` sees it as well.
    `history`: where its history is, relative to the folder of the results.
    `options`: those of the command line that are needed to run it again.
    """

    run: Run
    verdict: Verdict
    reason: str = ""
    rule: str = ""
    party: str = ""
    duration_ms: int = 0
    trace: tuple[str, ...] = ()
    logs: str = ""
    excused: bool = False
    lag: bool = False
    interrupted: bool = False
    expected: frozenset[str] = frozenset()
    steps: tuple[Step, ...] = ()
    judged: bool = False
    history: str = ""
    options: tuple[str, ...] = ()


class Failed(Exception):
    """A rule was broken.

    Args:
        message: What was expected and what came instead.
        rule: The SPEC rule, if it is known which; else the case's own rules count.
        party: Who broke it, if that can be said.
        judged: Its history shows it, and not only whoever was there.
    """

    def __init__(self, message: str, *, rule: str = "", party: str = "", judged: bool = False) -> None:
        super().__init__(message)
        self.rule = rule
        self.party = party
        self.judged = judged


class Unsupported(Exception):
    """A party does not have what the case needs.

    Args:
        message: Who lacks what.
        excused: Not for lack of anything, but because of how the kit was called, or of what nobody claims.
        claims: The profiles that whoever lacks it announced; None: it announced none, and so claims all.
    """

    def __init__(self, message: str, *, excused: bool = False, claims: Collection[str] | None = None) -> None:
        super().__init__(message)
        self.excused = excused
        self.claims = claims


class Inconclusive(Exception):
    """Nothing can be said.

    Args:
        message: Why.
        lag: The machine was too slow to judge a time window; else a fault that the case armed did not happen.
    """

    def __init__(self, message: str, *, lag: bool = True) -> None:
        super().__init__(message)
        self.lag = lag


class HarnessError(Exception):
    """The kit or an adapter, not what is under test, did not do its part."""
