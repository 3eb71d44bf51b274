"""The verdict of each check, `case#RULE@axes`, from the result of its run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from parley_conformance.model import Check, HarnessError, Result, Run, Verdict

BROKEN = frozenset({Verdict.FAIL, Verdict.EXPECTED_FAIL})
"""Verdicts of a run in which a rule was broken."""


def of(result: Result) -> tuple[Check, ...]:
    """The checks of one run: one for each rule that its case covers, and one for any other rule that was broken.

    A run that broke a rule that is known ended early: what it says of the others is `not-run`. One that failed, and
    nobody can say which rule it broke, fails all its checks.
    """
    rules = list(result.run.case.covers)
    if result.verdict not in BROKEN:
        return tuple(Check(result.run.check(rule), rule, result.verdict, result.reason) for rule in rules)
    if result.rule and result.rule not in rules:
        rules.append(result.rule)
    return tuple(_of_broken(result, rule) for rule in rules)


def failing(result: Result) -> list[str]:
    """The names of the checks that failed, expected or not."""
    return [check.name for check in of(result) if check.verdict in BROKEN]


def all_reported(runs: Iterable[Run], results: Sequence[Result]) -> None:
    """Makes sure that each planned run, and so each of its checks, has exactly one verdict.

    Raises:
        HarnessError: One has none, or two, or was never planned: a defect of the kit.
    """
    planned, reported = Counter(run.name for run in runs), Counter(result.run.name for result in results)
    for what, found in (("planned and not reported", planned - reported), ("not planned", reported - planned)):
        if found:
            raise HarnessError(f"a defect of the kit: {what}: {', '.join(sorted(found))}")


def _of_broken(result: Result, rule: str) -> Check:
    name = result.run.check(rule)
    if result.rule and rule != result.rule:
        return Check(name, rule, Verdict.NOT_RUN, f"the case ended early: {result.rule} was broken")
    verdict = Verdict.EXPECTED_FAIL if name in result.expected else Verdict.FAIL
    return Check(name, rule, verdict, result.reason)
