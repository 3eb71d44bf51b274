"""The launchers of `mutants/` and what catches them fit together; `make test-kit` runs them all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import contract, program

from parley_conformance import suite
from parley_conformance.mutation import catalogue
from parley_conformance.paths import MUTANTS
from parley_conformance.workloads import registry

LOADED = catalogue.load(suite.load(rules=contract().rules, workloads=registry.ALL))


def launched(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(MUTANTS / f"{name}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


@pytest.mark.parametrize("component", ["broker", "python"])
def test_every_bug_is_named(component: str) -> None:
    """A bug without a check that catches it would show nothing."""
    listed = launched(component).stderr
    known = {mutant.name for mutant in LOADED if mutant.component == component}
    assert set(listed.partition(": ")[2].strip().split(", ")) == known


def test_there_are_enough_of_them() -> None:
    assert sum(mutant.component == "wire" for mutant in LOADED) >= 30
    families = {"rpc", "pubsub", "timeout", "versioning", "payload", "placement", "session", "restart", "state"}
    families |= {"ordering", "dead-letter", "flow-control", "drain"}
    for component in ("broker", "python", "dotnet"):
        assert families <= {mutant.family for mutant in LOADED if mutant.component == component}, component


@pytest.fixture
def lines() -> Any:
    return program(MUTANTS / "lines.py")


def test_lines_are_altered_and_numbered(lines: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_MUTANT_REACHED", str(tmp_path / "reached"))
    made = lines.Lines({"do": "duplicate", "obs": "enter", "has": {"label": "c1"}, "nth": 2})
    came = [{"re": 1, "ok": {}}, *({"obs": "enter", "i": i, "label": label} for i, label in enumerate("axb", 1))]
    assert [one for line in came for one in made.pass_on(line)] == came
    assert not (tmp_path / "reached").exists()
    made = lines.Lines({"do": "drop", "obs": "leave"})
    assert made.pass_on({"obs": "leave", "i": 1}) == []
    assert made.pass_on({"obs": "enter", "i": 2}) == [{"obs": "enter", "i": 1}]
    made = lines.Lines({"do": "rewrite", "obs": "enter", "value": {"attempt": 2}})
    assert made.pass_on({"obs": "enter", "i": 1, "attempt": 1}) == [{"obs": "enter", "i": 1, "attempt": 2}]
    assert (tmp_path / "reached").read_text()
