from __future__ import annotations

import pytest
from conftest import contract

from parley_conformance import profiles, suite
from parley_conformance.explain import explain
from parley_conformance.model import Case
from parley_conformance.workloads import registry

CASES = suite.load(rules=contract().rules, workloads=registry.ALL)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_case_can_be_told(case: Case) -> None:
    text = explain(case, contract())
    assert case.title in text
    assert f", profile {' and '.join(profiles.current().of(case))}, kind {case.kind.value}" in text
    for rule in case.covers:
        assert contract().rules[rule].text[:40] in text.replace("\n         ", " ")
    assert "steps" in text or f"workload  {case.workload}" in text
