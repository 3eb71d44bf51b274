from __future__ import annotations

import io

import pytest
from rich.console import Console
from samples import WRONG, failing, results, run

from parley_conformance.reports import console, view


def printed(content: dict[str, object], width: int = 120) -> str:
    out = io.StringIO()
    shown = view.make(content, messages={WRONG: "caller → broker #1: [this]"})
    console.conclude(Console(file=out, width=width, highlight=False), shown)
    return out.getvalue()


def test_the_matrix_the_problems_and_last_the_verdict() -> None:
    text = printed(failing())
    lines = [line.split() for line in text.splitlines()]
    assert ["rpc", "1/1", "0/1", "1✗", "0/1", "1–", "1/3", "1✗", "1–"] in lines
    assert "also: ✗ fail, – not-run" in text
    assert (
        """\
✗ fail rpc/echo
  rule RPC-2: Ids of two callers never meet.
  by: caller (the python SDK)
  message: caller → broker #1: [this]
  caller: c1 got the reply to c2 <&>
  again: parley-conformance run --keep 'rpc/echo[python-dotnet-json]'

not run: 1: dotnet is not installed
4 planned, 4 reported: 1 fail, 1 not-run, 2 pass
✗ Does not conform
"""
        in text
    )


def many() -> dict[str, object]:
    families = ["dead-letter", "flow-control", "hostile", "payload", "placement", "pubsub", "rpc", "timeout"]
    pairs = [f"{a}-{b}-protobuf" for a in ("dotnet", "python") for b in ("dotnet", "python")]
    axes = [*pairs, "sdk-dotnet", "sdk-python", "broker"]
    return results(*(run(f"{family}/c[{one}]") for family in families for one in axes))


@pytest.mark.parametrize("width", [40, 100, 120])
def test_no_line_of_the_matrix_is_wider_than_the_terminal(width: int) -> None:
    lines = printed(many(), width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    (row,) = (line.split() for line in lines if line.startswith("dead-letter"))
    assert row[-1] == "7/7"
    assert len(row) == (2 if width == 40 else 9)


def test_many_problems_are_told_in_the_report() -> None:
    bad = [run(f"a/c{at}[broker]", "fail", reason="x" * 900 + " who had it last") for at in range(30)]
    text = printed(results(*bad, exit_code=1))
    assert "and 18 more, in the report" in text
    assert "xx who had it last\n" in text
    assert "  in 2 runs" not in text
    assert max(len(line) for line in text.splitlines()) < 400


def test_without_a_terminal_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.console_for(io.StringIO()).width == 120
    monkeypatch.setenv("COLUMNS", "90")
    assert console.console_for(io.StringIO()).width == 90
