from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import broker_case, contract

from parley_conformance.cli import main
from parley_conformance.model import Result, Run, Verdict
from parley_conformance.reports import files

PLAN: dict[str, Any] = {"filters": {}, "length": "default", "part": "1/1", "jobs": 1, "required": []}


def written(folder: Path, *results: Result) -> Path:
    folder.mkdir()
    files.write_json(files.as_json(results, contract(), files.Occasion(0, 1, "b", {}, PLAN)), folder / "results.json")
    return folder


def result(name: str, verdict: Verdict, ms: int = 10) -> Result:
    return Result(
        Run(broker_case(id=f"rpc/{name}")), verdict, "" if verdict is Verdict.PASS else "it broke", "", "", ms
    )


def test_a_regression_is_told_and_is_exit_code_1(tmp_path: Path) -> None:
    old = written(tmp_path / "a", result("a", Verdict.PASS), result("b", Verdict.FAIL), result("c", Verdict.PASS))
    new = written(tmp_path / "b", result("a", Verdict.FAIL), result("b", Verdict.PASS, 2_000))
    done = CliRunner().invoke(main, ["diff", str(old), str(new / "results.json")])
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "worse: 1",
        "  rpc/a#RPC-1@broker  pass → fail",
        "    it broke",
        "fixed: 1",
        "  rpc/b#RPC-1@broker  fail → pass",
        "gone: 1",
        "  rpc/c#RPC-1@broker  pass → (is not there)",
        "slower: 1",
        "  rpc/b[broker]  10 ms → 2000 ms",
    ]
    assert CliRunner().invoke(main, ["diff", str(old), str(old)]).output == "no difference\n"
    better = CliRunner().invoke(main, ["diff", str(new), str(old)])
    assert (better.exit_code, "rpc/b" in better.output) == (1, True), "the other way round b is worse"


def test_what_is_only_fixed_is_no_regression(tmp_path: Path) -> None:
    old = written(tmp_path / "a", result("a", Verdict.FAIL))
    new = written(tmp_path / "b", result("a", Verdict.PASS))
    assert CliRunner().invoke(main, ["diff", str(old), str(new)]).exit_code == 0


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"format": 1})])
def test_what_is_no_result_is_said_so(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    done = CliRunner().invoke(main, ["diff", str(tmp_path), str(tmp_path)])
    assert (done.exit_code, "results.json" in done.output) == (2, True)
