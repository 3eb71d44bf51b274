from __future__ import annotations

from pathlib import Path

import pytest
from conftest import broker_case, pair_case

from parley_conformance.model import Kind
from parley_conformance.mutation import catalogue

CASES = [
    broker_case(id="rpc/alone", covers=("RPC-1", "RPC-2")),
    pair_case(id="rpc/two"),
    pair_case(id="rpc/sdk", kind=Kind.SDK),
]
GOOD = """
- mutant: a_bug
  what: Something is wrong.
  family: rpc
  kills: [rpc/alone#RPC-2, rpc/two#RPC-1, rpc/sdk#RPC-1]
  signature: expected
"""


def load(folder: Path, text: str, component: str = "broker") -> list[catalogue.Mutant]:
    (folder / f"{component}.yaml").write_text(text)
    return catalogue.load(CASES, folder)


@pytest.mark.parametrize(
    ("component", "axes"),
    [
        ("broker", ["broker", "python-python-json", "sdk-python"]),
        ("dotnet", ["broker", "dotnet-dotnet-json", "sdk-dotnet"]),
    ],
)
def test_checks_are_runs(tmp_path: Path, component: str, axes: list[str]) -> None:
    (mutant,) = load(tmp_path, GOOD, component)
    assert [check.run.axes for check in mutant.checks] == axes
    assert mutant.checks[0].name == "rpc/alone#RPC-2@broker"
    assert {check.signature for check in mutant.checks} == {"expected"}


def test_axes_and_signatures_of_one_check(tmp_path: Path) -> None:
    text = GOOD.replace("rpc/two#RPC-1", "rpc/two#RPC-1@dotnet-python-json").replace(
        "signature: expected",
        "signature: {rpc/alone#RPC-2: one text, rpc/two#RPC-1@dotnet-python-json: two texts, rpc/sdk#RPC-1: three}",
    )
    (mutant,) = load(tmp_path, text)
    assert mutant.checks[1].run.axes == "dotnet-python-json"
    assert [check.signature for check in mutant.checks] == ["one text", "two texts", "three"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rpc/alone#", "rpc/none#", "rpc/none#RPC-2: there is no such case"),
        ("alone#RPC-2", "alone#RPC-3", "the case does not cover RPC-3, but RPC-1, RPC-2"),
        ("two#RPC-1", "two#RPC-1@broker", "the case has no such axes"),
        ("signature: expected", "signature: {rpc/alone#RPC-2: expected}", "not of its checks, one each"),
        ("a_bug", "a bug", "does not match"),
        ("signature: expected", "signature: expected\n  at: broker\n  extra: 1", "'extra' was unexpected"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(catalogue.CatalogueError, match=told):
        load(tmp_path, GOOD.replace(old, new))


def test_a_name_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(catalogue.CatalogueError, match="a_bug is there twice"):
        load(tmp_path, GOOD + GOOD)


@pytest.mark.parametrize(
    ("members", "good"),
    [
        ("at: broker\n  alter: {do: drop, dir: down, item: Reply}", True),
        ("line: {do: drop, obs: leave}", True),
        ("alter: {do: drop, dir: down, item: Reply}", False),
        ("at: broker", False),
        ("at: broker\n  line: {do: drop, obs: leave}", False),
    ],
)
def test_what_a_wire_mutant_has(tmp_path: Path, members: str, good: bool) -> None:
    text = GOOD + "  " + members + "\n"
    if good:
        (mutant,) = load(tmp_path, text, "wire")
        assert bool(mutant.alter) != bool(mutant.line)
    else:
        with pytest.raises(catalogue.CatalogueError, match="has `at` and `alter`, or `line`"):
            load(tmp_path, text, "wire")


def test_what_need_not_be_caught_has_a_reason(tmp_path: Path) -> None:
    assert catalogue.uncaught(tmp_path) == {}
    file = tmp_path / "uncaught.yaml"
    file.write_text("- {check: rpc/alone#RPC-1, why: Nobody can break it.}\n")
    assert catalogue.uncaught(tmp_path) == {"rpc/alone#RPC-1": "Nobody can break it."}
    file.write_text("- {check: rpc/alone#RPC-1}\n")
    with pytest.raises(catalogue.CatalogueError, match=r"uncaught.yaml: 0: 'why' is a required property"):
        catalogue.uncaught(tmp_path)
