from __future__ import annotations

from pathlib import Path

from conftest import broker_case

from parley_conformance import coverage
from parley_conformance.spec import Rule

RULES = {
    name: Rule(name, level, "core", "both", "Holds.")
    for name, level in (("SES-1", "MUST"), ("SES-2", "MUST"), ("SES-3", "MUST"), ("SES-4", "SHOULD"), ("SES-5", "MUST"))
}


def test_cases_and_tests_that_name_rules(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    # Put together, so that this file names nothing.
    marker = "covers" + ": "
    (tmp_path / "deep" / "test_one.py").write_text(f"# {marker}SES-2, SES-3\n")
    (tmp_path / "OneTests.cs").write_text(f"// C{marker[1:]}SES-9.\n")
    (tmp_path / "notes.txt").write_text(f"{marker}SES-5\n")
    known = coverage.shown([broker_case(covers=("SES-1",))], [tmp_path])
    assert known == {
        "SES-1": ["rpc/made-up"],
        "SES-2": ["test_one.py"],
        "SES-3": ["test_one.py"],
        "SES-9": ["OneTests.cs"],
    }
    assert [rule.id for rule in coverage.missing(RULES, known)] == ["SES-5"]
    assert coverage.unheard_of(RULES, known) == ["OneTests.cs names SES-9, which SPEC.md does not have"]
