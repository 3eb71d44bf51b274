from __future__ import annotations

import io

import pytest
from conftest import broker_case, pair_case
from rich.console import Console

from parley_conformance.model import Result, Run, Verdict
from parley_conformance.reports import console

PASS = Result(Run(pair_case(id="rpc/echo"), "python", "python", "json"), Verdict.PASS)
FAIL = Result(
    Run(broker_case(id="hostile/x")), Verdict.FAIL, "expected [this]", "MSG-7", "broker", 5, ("a -> [that]",), ""
)
LEFT = Result(Run(pair_case(id="rpc/echo"), "python", "dotnet", "json"), Verdict.NOT_RUN, "dotnet is not installed")


def printed() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=120, highlight=False), out


def test_failures_are_told_at_once_with_all_that_is_needed() -> None:
    shown, out = printed()
    with console.Progressing(shown, 2) as progress:
        for result in (PASS, FAIL, LEFT):
            progress.begun(result.run)
            progress.ended(result, final=True)
    text = out.getvalue()
    assert "fail hostile/x[broker]  rule MSG-7, by broker" in text
    assert "expected [this]" in text
    assert "a -> [that]" in text
    assert "again: parley-conformance run --keep 'hostile/x[broker]'" in text
    assert "rpc/echo" not in text


def test_what_will_be_run_again_is_not_told_yet() -> None:
    shown, out = printed()
    with console.Progressing(shown, 1) as progress:
        progress.begun(FAIL.run)
        progress.ended(FAIL, final=False)
    assert out.getvalue().strip() == ""


def test_the_matrix() -> None:
    shown, out = printed()
    console.matrix(shown, [PASS, FAIL, LEFT])
    text = out.getvalue()
    assert "python→dotnet json" in text
    assert "0/1 1–" in text
    assert "0/1 1F" in text
    assert "also: F fail, – not-run" in text
    assert "not run: 1: dotnet is not installed" in text
    assert "3 planned, 3 reported: 1 pass, 1 fail, 1 not-run" in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_matrix_fits(width: int) -> None:
    families = ["hostile", "payload", "placement", "pubsub", "rpc", "timeout", "versioning"]
    results = [
        Result(Run(pair_case(id=f"{family}/c{number}"), "dotnet", "python", "protobuf"), Verdict.PASS)
        for family in families
        for number in range(13)
    ]
    out = io.StringIO()
    console.matrix(Console(file=out, width=width, highlight=False), results)
    row = next(line for line in out.getvalue().splitlines() if line.strip().startswith("dotnet"))
    assert row.split() == ["dotnet→python", "protobuf", *["13/13"] * 7, "91/91"]


def test_without_a_terminal_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.console_for(io.StringIO()).width == 120
    monkeypatch.setenv("COLUMNS", "90")
    assert console.console_for(io.StringIO()).width == 90
