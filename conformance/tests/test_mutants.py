"""The kit catches a broken broker: each bug of `mutants/broker.py` turns the runs red that are named for it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from parley_conformance import schemas
from parley_conformance.paths import CONFORMANCE

MUTANTS = CONFORMANCE / "mutants" / "broker.py"


def run_of(check: str) -> str:
    """The name of the run that makes a check, which is written as CASE#RULE or CASE#RULE@AXES."""
    case, _, rule = check.partition("#")
    return f"{case}[{rule.partition('@')[2] or 'broker'}]"


CAUGHT_BY = {
    one["mutant"]: list(dict.fromkeys(run_of(check) for check in one["kills"]))
    for one in yaml.safe_load(MUTANTS.with_suffix(".yaml").read_text(encoding="utf-8"))
}


def verdicts(names: list[str], out: Path, broker: list[str]) -> dict[str, str]:
    """Does these runs over a broker that this command starts; the verdict of each."""
    ended = subprocess.run(
        [sys.executable, "-m", "parley_conformance.cli", "run", "--out", str(out), *names],
        env={**os.environ, "PARLEY_BROKER_COMMAND": shlex.join(broker)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    runs = json.loads((out / "results.json").read_text())["runs"]
    return {run["name"]: run["verdict"] for run in runs}


def test_what_catches_them_is_well_formed() -> None:
    assert schemas.errors("mutants", yaml.safe_load(MUTANTS.with_suffix(".yaml").read_text(encoding="utf-8"))) == ""


def test_every_bug_is_named() -> None:
    """A bug without a case that catches it would show nothing."""
    listed = subprocess.run([sys.executable, str(MUTANTS)], capture_output=True, text=True, timeout=60).stderr
    assert set(listed.partition(": ")[2].strip().split(", ")) == set(CAUGHT_BY)


def test_the_unbroken_broker_passes(tmp_path: Path) -> None:
    """The control: without it a red case would prove nothing."""
    names = sorted({name for named in CAUGHT_BY.values() for name in named})
    assert verdicts(names, tmp_path, [sys.executable, "-m", "parley_broker"]) == dict.fromkeys(names, "pass")


@pytest.mark.parametrize("bug", CAUGHT_BY)
def test_bug_turns_its_cases_red(bug: str, tmp_path: Path) -> None:
    names = CAUGHT_BY[bug]
    assert verdicts(names, tmp_path, [sys.executable, str(MUTANTS), bug]) == dict.fromkeys(names, "fail")
