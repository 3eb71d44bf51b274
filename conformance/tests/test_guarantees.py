"""The rows of docs/guarantees.md name cases, tests and bugs that are there."""

from __future__ import annotations

import re

import pytest
import yaml
from conftest import contract

from parley_conformance import suite
from parley_conformance.paths import CONFORMANCE, MUTANTS
from parley_conformance.workloads import registry

ROOT = CONFORMANCE.parent
ROWS = 16
CASES = {case.id for case in suite.load(rules=contract().rules, workloads=registry.ALL)}
COMMANDS, BUGS = (
    {int(row[1]): row[2] for row in re.finditer(r"^\| (\d+) \| (.*) \|$", part, re.MULTILINE)}
    for part in (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8").split("## How it can fail")
)


def known_bugs() -> set[str]:
    histories = (ROOT / "python" / "tests" / "simulation" / "test_bugs.py").read_text(encoding="utf-8")
    names = set(re.findall(r"^def (\w+)\(patch", histories, re.MULTILINE))
    for path in MUTANTS.glob("*.yaml"):
        names |= {one["mutant"] for one in yaml.safe_load(path.read_text(encoding="utf-8"))}
    return names


def cases_in(text: str) -> set[str]:
    return set(re.findall(r"\b[a-z-]+/[a-z0-9-]+\b", re.sub(r"[\w/.-]+\.(?:py|md)|python/\S+", "", text)))


def test_each_promise_has_a_row_and_a_bug() -> None:
    assert sorted(COMMANDS) == sorted(BUGS) == list(range(1, ROWS + 1))


@pytest.mark.parametrize("row", range(1, ROWS + 1))
def test_what_a_row_names_is_there(row: int) -> None:
    assert cases_in(COMMANDS[row]) <= CASES
    for path in re.findall(r"python/tests/\S+?(?=[` ])", COMMANDS[row]):
        assert (ROOT / path).exists(), path
    bugs, _, red = BUGS[row].split(" | ")
    assert set(re.findall(r"`(\w+)`", bugs)) <= known_bugs()
    assert re.findall(r"`", bugs)
    # What turns red is part of what the row's command runs.
    assert cases_in(red) <= cases_in(COMMANDS[row])
    assert all(name in COMMANDS[row] for name in re.findall(r"`(test_\w+\.py)`", red))
