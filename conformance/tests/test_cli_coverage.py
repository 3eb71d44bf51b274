from __future__ import annotations

import pytest
from click.testing import CliRunner

from parley_conformance import coverage, spec
from parley_conformance.cli import main


def test_coverage_lists_what_nothing_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "shown", lambda cases: {"SES-1": ["a case"]})
    result = CliRunner().invoke(main, ["coverage"])
    assert result.exit_code == 1
    assert "\nSES-3  core, both: " in result.output
    assert "SES-1 " not in result.output
    monkeypatch.setattr(coverage, "shown", lambda cases: {rule: ["a case"] for rule in spec.read().rules})
    assert CliRunner().invoke(main, ["coverage"]).exit_code == 0
    monkeypatch.setattr(coverage, "shown", lambda cases: {"SES-99": ["a case"]})
    result = CliRunner().invoke(main, ["coverage"])
    assert (result.exit_code, "names SES-99" in result.output) == (2, True)
