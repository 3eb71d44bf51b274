from __future__ import annotations

from click.testing import CliRunner

from parley_conformance.cli import main


def test_a_case_is_told_and_near_ones_are_named() -> None:
    told = CliRunner().invoke(main, ["explain", "rpc/echo[python-dotnet-json]"])
    assert told.exit_code == 0
    assert "RPC-1" in told.output
    unknown = CliRunner().invoke(main, ["explain", "rpc/no-frame"])
    assert unknown.exit_code == 2
    assert "hostile/no-frame" in unknown.output
