from __future__ import annotations

from click.testing import CliRunner

from parley_conformance.cli import main


def test_runs_are_listed_with_their_rules() -> None:
    listed = CliRunner().invoke(main, ["list", "--family", "hostile", "--kind", "broker"])
    assert listed.exit_code == 0
    assert "hostile/no-frame[broker]  MSG-7" in listed.output


def test_an_empty_list_is_an_error() -> None:
    listed = CliRunner().invoke(main, ["list", "--filter", "no such run"])
    assert (listed.exit_code, "no case fits" in listed.output) == (2, True)
