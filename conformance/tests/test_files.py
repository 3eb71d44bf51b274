from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from conftest import broker_case, contract, pair_case

from parley_conformance import schemas
from parley_conformance.model import HarnessError, Result, Run, Verdict
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
]


def as_json(results: list[Result]) -> dict[str, Any]:
    return files.as_json(results, contract(), exit_code=1, broker="launcher", adapters={"python": "python adapter.py"})


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
    for name, kind in (("rpc/late", "inconclusive"), ("rpc/odd", "harness-error")):
        error = cases[f"{name}[python-python-json]"].find("error")
        assert error is not None
        assert error.get("type") == kind
