from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import broker_case

from parley_conformance.model import Run, Verdict
from parley_conformance.mutation import earlier

GOOD, BAD, NEW = (Run(broker_case(id=f"rpc/{name}")) for name in ("good", "bad", "new"))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "src" / "obj").mkdir(parents=True)
    for name in ("src/a.py", "src/obj/built.cs", "results.json"):
        (tmp_path / name).touch()
    runs = [(GOOD, "pass"), (BAD, "fail")]
    told = [{"name": run.name, "verdict": verdict, "duration_ms": 7} for run, verdict in runs]
    (tmp_path / "results.json").write_text(json.dumps({"runs": told}))
    os.utime(tmp_path / "results.json", (1000, 1000))
    os.utime(tmp_path / "src" / "a.py", (999, 999))
    return tmp_path / "results.json"


def test_what_passed_need_not_run_again(results: Path) -> None:
    found = earlier.passed(results, [GOOD, BAD, NEW], [results.parent / "src"])
    assert [(run, result.verdict, result.duration_ms) for run, result in found.items()] == [(GOOD, Verdict.PASS, 7)]


def test_after_a_change_everything_runs_again(results: Path) -> None:
    os.utime(results.parent / "src" / "a.py", (1001, 1001))
    assert earlier.passed(results, [GOOD], [results.parent / "src"]) == {}


def test_without_results_everything_runs(tmp_path: Path) -> None:
    assert earlier.passed(tmp_path / "results.json", [GOOD], [tmp_path]) == {}


def test_a_verdict_depends_on_what_is_there() -> None:
    assert all(folder.is_dir() for folder in earlier.SOURCES)
