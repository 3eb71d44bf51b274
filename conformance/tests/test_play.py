"""Mutants are played with the real runner: one is caught, one survives, one is not reached, one is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import contract

from parley_conformance import languages, runner, suite
from parley_conformance.broker import BrokerSource
from parley_conformance.model import HarnessError, Result, Run, Verdict
from parley_conformance.mutation import play
from parley_conformance.mutation.catalogue import Check, Mutant
from parley_conformance.mutation.kills import Fate, Played, judge
from parley_conformance.workloads import registry

CASES = {case.id: case for case in suite.load(rules=contract().rules, workloads=registry.ALL)}
DROP = {"do": "drop", "dir": "down", "item": "Error"}


def mutant(name: str, component: str, run: Run, signature: str, **members: Any) -> Mutant:
    check = Check(run.case.covers[0], run, signature)
    return Mutant(name, component, "It is wrong.", run.case.family, (check,), **members)


async def fate(folder: Path, one: Mutant) -> Fate:
    kit = runner.Kit(contract(), BrokerSource(), languages.discover(), folder)
    stable = await play.stable(kit, [])
    (run,) = one.runs
    played = (await play.play(stable, [one], lambda mutant, played: None))[one, run]
    return judge(one, one.checks[0], played, Result(run, Verdict.PASS)).fate


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (("any_version_accepted", "broker", "versioning/protocol-unsupported", "the answer to Hello"), Fate.KILLED),
        (("any_version_accepted", "broker", "versioning/protocol-unsupported", "another text"), Fate.SURVIVED),
        (("claims_ignored", "broker", "versioning/protocol-unsupported", "whatever"), Fate.UNREACHED),
        (("no_such_bug", "broker", "versioning/protocol-unsupported", "whatever"), Fate.UNREACHED),
    ],
)
async def test_a_broken_broker(tmp_path: Path, one: tuple[str, str, str, str], expected: Fate) -> None:
    name, component, case, signature = one
    assert await fate(tmp_path, mutant(name, component, Run(CASES[case]), signature)) is expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"at": "broker", "alter": DROP}, Fate.KILLED),
        ({"at": "broker", "alter": {**DROP, "item": "Delivery"}}, Fate.UNREACHED),
        ({"at": "somebody", "alter": DROP}, Fate.UNREACHED),
    ],
)
async def test_a_wire_mutant(tmp_path: Path, members: dict[str, Any], expected: Fate) -> None:
    one = mutant("lost_error", "wire", Run(CASES["rpc/no-responders"]), "expected {'re': 2}", **members)
    assert await fate(tmp_path, one) is expected


async def test_a_broken_adapter(tmp_path: Path) -> None:
    run = Run(CASES["rpc/echo-direct"], "python", "python", "json")
    line = {"do": "duplicate", "obs": "outcome", "nth": 1}
    assert await fate(tmp_path, mutant("twice", "wire", run, "2 outcomes", line=line)) is Fate.KILLED


@pytest.mark.parametrize("reasons", [["by the check"], ["by chance", "by the check"], ["1", "2", "3"]])
async def test_what_was_not_caught_is_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reasons: list[str]
) -> None:
    run = Run(CASES["rpc/no-responders"])
    one = mutant("a_bug", "wire", run, "whatever")
    left = iter(reasons)

    async def play_one(stable: Any, mutant: Mutant, run: Run) -> Played:
        return Played(Result(run, Verdict.FAIL, next(left)), True)

    monkeypatch.setattr(play, "play_one", play_one)
    kit = runner.Kit(contract(), BrokerSource(), languages.discover(), tmp_path)
    told: list[Played] = []
    played = await play.play(
        await play.stable(kit, []),
        [one],
        told=lambda mutant, played: told.append(played),
        caught=lambda mutant, played: played.result.reason == "by the check",
    )
    assert next(left, None) is None
    assert told == [played[one, run]] == [Played(Result(run, Verdict.FAIL, reasons[-1]), True, tries=len(reasons))]


async def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    known = {"dotnet": languages.Language("dotnet", (), "dotnet is not installed")}
    kit = runner.Kit(contract(), BrokerSource(), known, tmp_path)
    one = mutant("a_bug", "dotnet", Run(CASES["rpc/echo"], "dotnet", "dotnet", "json"), "whatever")
    stable = await play.stable(kit, [one])
    (played,) = (await play.play(stable, [one], lambda mutant, played: None)).values()
    assert (played.result.verdict, played.result.reason) == (Verdict.NOT_RUN, "dotnet is not installed")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('print(\'building\'); print(\'{"command": ["a", "b"]}\')', ""),
        ("print('done')", "told no command"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
async def test_a_launcher_tells_its_command(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "dotnet.py").write_text(text)
    if told:
        with pytest.raises(HarnessError, match=told):
            await play.told_command(tmp_path / "dotnet.py")
    else:
        assert await play.told_command(tmp_path / "dotnet.py") == ("a", "b")
