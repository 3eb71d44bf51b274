from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from programs import EXAMPLES, NPM

FOLDER = EXAMPLES / "node-adapter"
PAIRS = ("node-python", "python-node")
CASES = ("rpc/echo", "rpc/cancel-reaches-handler", "pubsub/unsubscribe")


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    assert NPM is not None
    install = [NPM, "ci", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    ended = subprocess.run(install, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=200)
    assert ended.returncode == 0, ended.stderr


def kit(command: str, *arguments: str) -> str:
    program = [sys.executable, "-c", "from parley_conformance.cli import main; main()"]
    whole = [*program, command, *arguments, "--adapter", f"node=node '{FOLDER / 'adapter.js'}'"]
    ended = subprocess.run(whole, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def verdicts(out: Path) -> dict[str, str]:
    return {run["name"]: run["verdict"] for run in json.loads((out / "results.json").read_text())["runs"]}


# Installs from a registry.
@pytest.mark.timeout(300)
def test_smoke_names_what_it_lacks() -> None:
    lines = kit("smoke").splitlines()
    marks = dict(re.findall(r"^ *\d+ (\w+) +(\w+)", line)[0][::-1] for line in lines if re.match(r" *\d+ ", line))
    assert {name for name, mark in marks.items() if mark != "ok"} == {"encode", "decode"}
    assert {marks["encode"], marks["decode"]} == {"lacks"}


@pytest.mark.timeout(300)
def test_cases_with_the_other_language_on_either_side(tmp_path: Path) -> None:
    kit("run", *CASES, *(option for pair in PAIRS for option in ("--pair", pair)), "--out", str(tmp_path))
    told = verdicts(tmp_path)
    assert {name: verdict for name, verdict in told.items() if name.endswith("-json]")} == {
        f"{case}[{pair}-json]": "pass" for case in CASES for pair in PAIRS
    }
    # What the adapter does not announce is not run, and told apart from what passed.
    assert {name: verdict for name, verdict in told.items() if name.endswith("-protobuf]")} == {
        f"rpc/echo[{pair}-protobuf]": "unsupported" for pair in PAIRS
    }


@pytest.mark.timeout(300)
def test_a_case_against_the_broker_that_the_kit_plays(tmp_path: Path) -> None:
    kit("run", "session/greeting", "--kind", "sdk", "--filter", "sdk-node", "--out", str(tmp_path))
    assert verdicts(tmp_path) == {"session/greeting[sdk-node]": "pass"}


def test_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (FOLDER / "package-lock.json").read_text()
