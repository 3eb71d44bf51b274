"""results.json and junit.xml."""

from __future__ import annotations

import json
import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import junitparser

from parley_conformance import __version__, checks, schemas
from parley_conformance.model import Check, HarnessError, Kind, Result, Step, Verdict
from parley_conformance.spec import Spec

FORMAT = 2


@dataclass(frozen=True)
class Occasion:
    """How the kit was called, and what came of it as a whole.

    Attributes:
        exit_code: What the process will exit with.
        duration_ms: From the first run to the last.
        broker: The launcher's command, or the address.
        adapters: The commands by language.
        plan: Which runs were asked for, as plain data: `filters`, `length`, `part`, `jobs`, `required`.
        baseline: What the baselines say that is not so.
    """

    exit_code: int
    duration_ms: int
    broker: str
    adapters: Mapping[str, str]
    plan: Mapping[str, Any]
    baseline: Sequence[str] = ()


def as_json(results: Sequence[Result], contract: Spec, occasion: Occasion) -> dict[str, Any]:
    """Makes the content of results.json.

    Args:
        results: Of all planned runs, in the plan's order.
        contract: SPEC.md as read.
        occasion: How the kit was called.

    Raises:
        HarnessError: The content breaks its own schema: a defect of the kit.
    """
    judged = [check for result in results for check in checks.of(result)]
    content = {
        "format": FORMAT,
        "kit": __version__,
        "spec": {
            "rules": [asdict(rule) for rule in contract.rules.values()],
            "covered": [rule for rule in contract.rules if any(rule in r.run.case.covers for r in results)],
        },
        "exit_code": occasion.exit_code,
        "duration_ms": occasion.duration_ms,
        "summary": {verdict.value: sum(r.verdict is verdict for r in results) for verdict in Verdict},
        "checks": {verdict.value: sum(c.verdict is verdict for c in judged) for verdict in Verdict},
        "baseline": list(occasion.baseline),
        "plan": dict(occasion.plan),
        "machine": machine(),
        "environment": {"broker": occasion.broker, "adapters": dict(occasion.adapters)},
        "runs": [_run(result) for result in results],
    }
    if wrong := schemas.errors("results", content):
        raise HarnessError(f"results.json would break its schema: {wrong}")
    return content


def machine() -> dict[str, Any]:
    """What the kit ran on; nothing that names it."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "processors": os.cpu_count() or 1,
        "python": platform.python_version(),
    }


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Writes results.json."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="ascii")


def write_junit(results: Sequence[Result], path: Path) -> None:
    """Writes junit.xml: classname is the family, name is the run's, e.g. `rpc/echo[python-dotnet-json]`."""
    suites: dict[str, junitparser.TestSuite] = {}
    for result in results:
        family = result.run.case.family
        suite = suites.setdefault(family, junitparser.TestSuite(family))
        case = junitparser.TestCase(result.run.name, classname=family, time=result.duration_ms / 1000)
        case.result = _junit_result(result)
        suite.add_testcase(case)
    xml = junitparser.JUnitXml("parley-conformance")
    for suite in suites.values():
        xml.add_testsuite(suite)
    xml.write(str(path), pretty=True)


def repeat(result: Result) -> str:
    """The command that runs this one again."""
    return shlex.join(["parley-conformance", "run", "--keep", *result.options, result.run.name])


def _run(result: Result) -> dict[str, Any]:
    run, case = result.run, result.run.case
    told: dict[str, Any] = {
        **run.identity,
        "verdict": result.verdict.value,
        "checks": [_check(check) for check in checks.of(result)],
        "duration_ms": result.duration_ms,
        "repeat": repeat(result),
    }
    if case.kind is Kind.PAIR:
        told |= {"caller": run.caller, "handler": run.handler, "content": run.content}
    elif case.kind is Kind.SDK:
        told |= {"handler": run.handler}
    optional = {
        "reason": result.reason,
        "rule": result.rule,
        "party": result.party,
        "steps": [_step(step) for step in result.steps],
        "history": result.history,
        "trace": list(result.trace),
        "logs": result.logs,
    }
    return told | {name: value for name, value in optional.items() if value}


def _check(check: Check) -> dict[str, str]:
    told = {"check": check.name, "rule": check.rule, "verdict": check.verdict.value, "reason": check.reason}
    return {name: value for name, value in told.items() if value}


def _step(step: Step) -> dict[str, Any]:
    return {"n": step.number, "text": step.text, "at_ms": round(step.at_ms, 1), "verdict": step.verdict.value}


def _junit_result(result: Result) -> list[Any]:
    text = _printable(result.reason)
    detail = _printable("\n".join([result.reason, "", *result.trace, "", repeat(result)]))
    if result.verdict is Verdict.PASS:
        return []
    if result.verdict in (Verdict.UNSUPPORTED, Verdict.NOT_RUN, Verdict.EXPECTED_FAIL):
        return [junitparser.Skipped(f"{result.verdict.value}: {text}")]
    if result.verdict is Verdict.FAIL:
        failure = junitparser.Failure(text, result.rule or "fail")
        failure.text = detail
        return [failure]
    error = junitparser.Error(text, result.verdict.value)
    error.text = detail
    return [error]


def _printable(text: str) -> str:
    # XML 1.0 has no place for control characters, and hostile cases carry them.
    return "".join(
        c if c in "\n\t" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff") else "\ufffd"
        for c in text
    )
