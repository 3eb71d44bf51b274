"""The kill matrix as files: JSON, JUnit XML, and Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import junitparser

from parley_conformance import __version__, schemas
from parley_conformance.model import Case, HarnessError
from parley_conformance.mutation.catalogue import COMPONENTS, Mutant
from parley_conformance.mutation.kills import Fate, Kill, biting, toothless
from parley_conformance.spec import Rule

PROFILES = ("core", "durable", "state")
"""Of the rules whose every check must have caught something."""


def as_json(
    kills: Sequence[Kill],
    cases: Sequence[Case],
    rules: Mapping[str, Rule],
    tests: Mapping[str, Collection[str]],
    duration_ms: int,
    uncaught: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Makes the content of kill-matrix.json.

    Args:
        kills: Every mutant at every check of its.
        cases: As the suites have them.
        rules: As SPEC.md has them.
        tests: The files of tests that name a rule, by rule.
        duration_ms: Of all the runs.
        uncaught: Checks that need not catch anything, and why.

    Raises:
        HarnessError: The content breaks its own schema: a defect of the kit.
    """
    caught = biting(kills)
    bare = toothless(cases, rules, caught, PROFILES)
    by_rule = {rule: [case.id for case in cases if rule in case.covers] for rule in rules}
    content = {
        "format": 1,
        "kit": __version__,
        "duration_ms": duration_ms,
        "summary": {fate.value: sum(kill.fate is fate for kill in kills) for fate in Fate},
        "mutants": [_mutant(mutant, kills) for mutant in dict.fromkeys(kill.mutant for kill in kills)],
        "rules": [
            {
                "rule": rule.id,
                "level": rule.level,
                "profile": rule.profile,
                "checks": [
                    {"check": f"{case}#{rule.id}", "mutants": caught.get(f"{case}#{rule.id}", [])}
                    for case in by_rule[rule.id]
                ],
                "tests": sorted(set(tests.get(rule.id, ()))),
            }
            for rule in rules.values()
        ],
        "toothless": [name for name in bare if name not in uncaught],
        "uncaught": [{"check": name, "why": why, "stale": name not in bare} for name, why in uncaught.items()],
        "by_tests_alone": [
            rule.id for rule in rules.values() if rule.level == "MUST" and not by_rule[rule.id] and tests.get(rule.id)
        ],
    }
    if wrong := schemas.errors("kill-matrix", content):
        raise HarnessError(f"kill-matrix.json would break its schema: {wrong}")
    return content


def lacking(content: Mapping[str, Any]) -> list[str]:
    """What kill-matrix.json has against the checks when every mutant was run: a sentence each."""
    told = [f"{name} is a check of a MUST rule and caught no mutant" for name in content["toothless"]]
    stale = [one["check"] for one in content["uncaught"] if one["stale"]]
    return told + [f"{name} need not be in uncaught.yaml: it caught a mutant, or is no such check" for name in stale]


def as_markdown(content: Mapping[str, Any]) -> str:
    """Makes kill-matrix.md of what kill-matrix.json has."""
    summary, mutants = content["summary"], content["mutants"]
    killed = sum(summary.values())
    told = [
        "# Which bugs the checks catch",
        "",
        f"{len(mutants)} mutants, {killed} expected kills: "
        + ", ".join(f"{number} {fate}" for fate, number in summary.items() if number)
        + ".",
        "",
    ]
    if bad := [(one, kill) for one in mutants for kill in one["kills"] if kill["fate"] != Fate.KILLED]:
        told += ["| not caught | check | | why |", "| --- | --- | --- | --- |"]
        told += [f"| {one['mutant']} | {kill['check']} | {kill['fate']} | {_cell(kill['why'])} |" for one, kill in bad]
        told.append("")
    families = list(dict.fromkeys(one["family"] for one in mutants))
    told += ["| family | " + " | ".join(COMPONENTS) + " |", "| --- |" + " ---: |" * len(COMPONENTS)]
    for family in sorted(families):
        counts = [
            sum(one["family"] == family and one["component"] == component for one in mutants)
            for component in COMPONENTS
        ]
        told.append(f"| {family} | " + " | ".join(str(number or "") for number in counts) + " |")
    checks = [check for rule in content["rules"] for check in rule["checks"]]
    caught = sum(bool(check["mutants"]) for check in checks)
    told += ["", f"{caught} of {len(checks)} checks caught a mutant.", ""]
    if content["toothless"]:
        told += [f"MUST checks of {', '.join(PROFILES)} that caught none ({len(content['toothless'])}):", ""]
        told += [f"- {name}" for name in content["toothless"]] + [""]
    if content["uncaught"]:
        told += ["| need not catch any | why | |", "| --- | --- | --- |"]
        stale = {True: "not so: take it away", False: ""}
        told += [f"| {one['check']} | {_cell(one['why'])} | {stale[one['stale']]} |" for one in content["uncaught"]]
        told.append("")
    if content["by_tests_alone"]:
        told += ["MUST rules that no case covers, and unit tests do: " + ", ".join(content["by_tests_alone"]) + ".", ""]
    told += ["| rule | check | mutants |", "| --- | --- | --- |"]
    told += [
        f"| {rule['rule']} | {check['check'].partition('#')[0]} | {', '.join(check['mutants'])} |"
        for rule in content["rules"]
        for check in rule["checks"]
    ]
    return "\n".join(told) + "\n"


def as_junit(kills: Iterable[Kill]) -> junitparser.JUnitXml:
    """Makes JUnit XML: a test case per mutant and check."""
    suites: dict[str, junitparser.TestSuite] = {}
    for kill in kills:
        component = kill.mutant.component
        suite = suites.setdefault(component, junitparser.TestSuite(component))
        seconds = kill.played.result.duration_ms / 1000 if kill.played else 0
        case = junitparser.TestCase(f"{kill.mutant.name}: {kill.check.name}", classname=component, time=seconds)
        if kill.fate is Fate.NOT_RUN:
            case.result = [junitparser.Skipped(kill.why)]
        elif kill.fate is not Fate.KILLED:
            case.result = [junitparser.Failure(f"{kill.fate}: {kill.why}", kill.fate.value)]
        suite.add_testcase(case)
    xml = junitparser.JUnitXml("parley-conformance mutants")
    for suite in suites.values():
        xml.add_testsuite(suite)
    return xml


def _mutant(mutant: Mutant, kills: Iterable[Kill]) -> dict[str, Any]:
    return {
        "mutant": mutant.name,
        "component": mutant.component,
        "what": mutant.what,
        "family": mutant.family,
        "kills": [_kill(kill) for kill in kills if kill.mutant is mutant],
    }


def _kill(kill: Kill) -> dict[str, Any]:
    told: dict[str, Any] = {"check": kill.check.name, "signature": kill.check.signature, "fate": kill.fate.value}
    if kill.why:
        told["why"] = kill.why
    if kill.played is not None:
        result = kill.played.result
        told |= {"verdict": result.verdict.value, "reason": result.reason, "duration_ms": result.duration_ms}
        told["tries"] = kill.played.tries
    return told


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:300]
