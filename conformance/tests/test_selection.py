from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from parley_conformance.cli.selection import Selected, select, selecting


@click.command()
@selecting
def told(**selection: object) -> None:
    for run in select(selection).runs:
        click.echo(run.name)


def test_every_option_restricts_and_together_they_all_must_fit() -> None:
    arguments = ["rpc/*", "--family", "rpc", "--pair", "python-python", "--content", "json", "--kind", "pair"]
    runs = CliRunner().invoke(told, [*arguments, "--rule", "RPC-1", "--filter", "echo["]).output.split()
    assert runs == ["rpc/echo[python-python-json]"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--rule", "RPC-99"], "SPEC.md has no such rule"),
        (["--adapter", "nonsense"], "NAME=COMMAND"),
        (["--content", "xml"], "xml"),
        (["--kind", "triple"], "triple"),
        (["--level", "OUGHT"], "OUGHT"),
        (["--profile", "gold"], "gold"),
    ],
)
def test_what_there_is_not_is_named(arguments: list[str], text: str) -> None:
    done = CliRunner().invoke(told, arguments)
    assert (done.exit_code, text in done.output) == (2, True), done.output


def test_a_selection_has_the_adapters_and_the_contract() -> None:
    options = {"added": ["rust=a b"], "text": "", "cases": ["rpc/echo"], "families": [], "pairs": ["rust-rust"]}
    selected = select({**options, "contents": [], "kinds": [], "rules": [], "part": "1/1"})
    assert isinstance(selected, Selected)
    assert selected.languages["rust"].command == ("a", "b")
    assert {run.name for run in selected.runs} >= {"rpc/echo[rust-rust-json]"}
    assert "RPC-1" in selected.contract.rules


def test_a_profile_is_claimed_for_all() -> None:
    @click.command()
    @selecting
    def claimed(**selection: object) -> None:
        click.echo(" ".join(str(run.case.claimed) for run in select(selection).runs))

    assert "False" not in CliRunner().invoke(claimed, ["rpc/echo", "--profile", "core"]).output
    assert "True" not in CliRunner().invoke(claimed, ["rpc/echo"]).output
