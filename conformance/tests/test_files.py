from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import broker_case, contract, pair_case

from parley_conformance import schemas
from parley_conformance.model import HarnessError, Result, Run, Step, Verdict
from parley_conformance.reports import files

PAIR = Run(pair_case(id="rpc/echo"), "python", "dotnet", "json")
RESULTS = [
    Result(PAIR, Verdict.PASS, duration_ms=1234),
    Result(
        Run(broker_case(id="hostile/no-frame")),
        Verdict.FAIL,
        "it said \x00 and \ud800",
        "MSG-7",
        "broker",
        5,
        ("a -> \x1b",),
        "logs",
    ),
    Result(Run(pair_case(id="rpc/echo"), "dotnet", "python", "protobuf"), Verdict.NOT_RUN, "dotnet is not installed"),
    Result(Run(pair_case(id="rpc/late"), "python", "python", "json"), Verdict.INCONCLUSIVE, "too late"),
    Result(Run(pair_case(id="rpc/odd"), "python", "python", "json"), Verdict.HARNESS_ERROR, "the adapter hangs"),
    Result(Run(pair_case(id="rpc/new"), "python", "python", "json"), Verdict.UNSUPPORTED, "lacks new"),
    Result(
        Run(pair_case(id="rpc/known"), "python", "python", "json"),
        Verdict.EXPECTED_FAIL,
        "as ever",
        "RPC-1",
        expected=frozenset({"rpc/known#RPC-1@python-python-json"}),
    ),
]


def as_json(results: list[Result]) -> dict[str, Any]:
    plan = {"filters": {"families": ["rpc"]}, "length": "default", "part": "1/4", "jobs": 2, "required": []}
    return files.as_json(results, contract(), files.Occasion(1, 5_000, "launcher", {"python": "p adapter.py"}, plan))


def test_results_are_valid_and_complete(tmp_path: Path) -> None:
    content = as_json(RESULTS)
    files.write_json(content, tmp_path / "results.json")
    read = json.loads((tmp_path / "results.json").read_text(encoding="ascii"))
    assert schemas.errors("results", read) == ""
    assert sum(read["summary"].values()) == len(read["runs"]) == len(RESULTS)
    assert read["summary"]["fail"] == 1
    first = read["runs"][0]
    assert (first["name"], first["caller"], first["handler"]) == ("rpc/echo[python-dotnet-json]", "python", "dotnet")
    assert "reason" not in first
    assert read["runs"][1]["repeat"] == "parley-conformance run --keep 'hostile/no-frame[broker]'"
    assert read["spec"]["covered"] == ["RPC-1"]
    assert [rule["id"] for rule in read["spec"]["rules"]] == list(contract().rules)
    assert (read["format"], read["plan"]["part"], read["machine"]["system"]) == (2, "1/4", "Linux")


def test_each_check_has_a_verdict_of_its_own() -> None:
    content = as_json(RESULTS)
    # hostile/no-frame covers RPC-1 and broke MSG-7.
    assert content["runs"][1]["checks"] == [
        {
            "check": "hostile/no-frame#RPC-1@broker",
            "rule": "RPC-1",
            "verdict": "not-run",
            "reason": "the case ended early: MSG-7 was broken",
        },
        {
            "check": "hostile/no-frame#MSG-7@broker",
            "rule": "MSG-7",
            "verdict": "fail",
            "reason": "it said \x00 and \ud800",
        },
    ]
    assert sum(content["checks"].values()) == len(RESULTS) + 1
    assert content["checks"]["fail"] == 1
    assert content["checks"]["not-run"] == 2


def test_steps_and_history_are_told() -> None:
    played = replace(RESULTS[0], steps=(Step(1, "{fence: true}", 12.34, Verdict.PASS),), history="histories/a.json.gz")
    (told,) = as_json([played])["runs"]
    assert told["steps"] == [{"n": 1, "text": "{fence: true}", "at_ms": 12.3, "verdict": "pass"}]
    assert told["history"] == "histories/a.json.gz"


def test_no_run_at_all_breaks_the_schema() -> None:
    with pytest.raises(HarnessError, match="runs"):
        as_json([])


def test_junit_names_classes_and_kinds(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    files.write_junit(RESULTS, path)
    cases = {case.get("name"): case for case in ET.parse(path).getroot().iter("testcase")}
    assert len(cases) == len(RESULTS)
    assert cases["rpc/echo[python-dotnet-json]"].get("classname") == "rpc"
    assert cases["rpc/echo[python-dotnet-json]"].get("time") == "1.234"
    assert len(cases["rpc/echo[python-dotnet-json]"]) == 0
    failure = cases["hostile/no-frame[broker]"].find("failure")
    assert failure is not None
    assert failure.get("type") == "MSG-7"
    assert cases["rpc/echo[dotnet-python-protobuf]"].find("skipped") is not None
    assert cases["rpc/new[python-python-json]"].find("skipped") is not None
    assert cases["rpc/known[python-python-json]"].find("skipped") is not None
    for name, kind in (("rpc/late", "inconclusive"), ("rpc/odd", "harness-error")):
        error = cases[f"{name}[python-python-json]"].find("error")
        assert error is not None
        assert error.get("type") == kind
