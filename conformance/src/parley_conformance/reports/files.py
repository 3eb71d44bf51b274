"""results.json and junit.xml."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import junitparser

from parley_conformance import __version__, schemas
from parley_conformance.model import HarnessError, Kind, Result, Verdict
from parley_conformance.spec import Spec


def as_json(
    results: Sequence[Result], contract: Spec, *, exit_code: int, broker: str, adapters: Mapping[str, str]
) -> dict[str, Any]:
    """Makes the content of results.json.

    Args:
        results: Of all planned runs, in the plan's order.
        contract: SPEC.md as read.
        exit_code: What the process will exit with.
        broker: The launcher's command, or the address.
        adapters: The commands by language.

    Raises:
        HarnessError: The content breaks its own schema: a defect of the kit.
    """
    content = {
        "format": 1,
        "kit": __version__,
        "spec": {
            "rules": len(contract.rules),
            "covered": [rule for rule in contract.rules if any(rule in r.run.case.covers for r in results)],
        },
        "exit_code": exit_code,
        "summary": {verdict.value: sum(r.verdict is verdict for r in results) for verdict in Verdict},
        "environment": {"broker": broker, "adapters": dict(adapters)},
        "runs": [_run(result) for result in results],
    }
    if wrong := schemas.errors("results", content):
        raise HarnessError(f"results.json would break its schema: {wrong}")
    return content


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
    return shlex.join(["parley-conformance", "run", "--keep", result.run.name])


def _run(result: Result) -> dict[str, Any]:
    run, case = result.run, result.run.case
    told: dict[str, Any] = {
        "name": run.name,
        "case": case.id,
        "family": case.family,
        "kind": case.kind.value,
        "title": case.title,
        "level": case.level,
        "rules": list(case.covers),
        "verdict": result.verdict.value,
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
        "trace": list(result.trace),
        "logs": result.logs,
    }
    return told | {name: value for name, value in optional.items() if value}


def _junit_result(result: Result) -> list[Any]:
    text = _printable(result.reason)
    detail = _printable("\n".join([result.reason, "", *result.trace, "", repeat(result)]))
    if result.verdict is Verdict.PASS:
        return []
    if result.verdict in (Verdict.UNSUPPORTED, Verdict.NOT_RUN):
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
