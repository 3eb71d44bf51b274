from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import FAKES

from parley_conformance import suite
from parley_conformance.cli import main

ADAPTER = shlex.join([sys.executable, str(FAKES / "adapter.py")])
LAUNCHER = shlex.join([sys.executable, str(FAKES / "launcher.py"), "none"])
SUITE = """
- id: rpc/one
  title: a call is answered
  kind: pair
  covers: [RPC-1]
  contents: [json, protobuf]
  # The fake adapter hosts agents for its own calls.
  parties: {caller: {agents: {probe: probe}}, handler: {late: true}}
  steps:
  - do: {caller: {call: {label: c1, to: probe/k, do: [{reply: hi}]}}}
  - see: {caller: {outcome: {label: c1, reply: {value: {value: hi}}}}}
"""


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "suites"
    folder.mkdir()
    (folder / "rpc.yaml").write_text(SUITE)
    load = suite.load
    monkeypatch.setattr(suite, "load", lambda **known: load(folder, **known))
    return folder


def run(out: Path, *arguments: str, flaw: str = "") -> Result:
    adapter = f"fake={ADAPTER} {flaw}"
    common = ["--adapter", adapter, "--broker", LAUNCHER, "--out", str(out)]
    return CliRunner().invoke(main, ["run", *common, *arguments])


@pytest.mark.usefixtures("suites")
def test_a_run_that_conforms(tmp_path: Path) -> None:
    done = run(tmp_path / "out", "--pair", "fake-fake")
    assert done.exit_code == 0, done.output
    assert "2 planned, 2 reported: 2 pass" in done.output
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert content["exit_code"] == 0
    assert content["environment"]["broker"] == LAUNCHER
    assert (tmp_path / "out" / "junit.xml").exists()


@pytest.mark.usefixtures("suites")
@pytest.mark.parametrize(
    ("flaw", "code", "text"),
    [
        ("wrong-reply", 1, "got the reply to another"),
        ("garbage", 2, "harness-error"),
        ("poor", 1, "lacks protobuf"),
    ],
)
def test_exit_codes(tmp_path: Path, flaw: str, code: int, text: str) -> None:
    done = run(tmp_path / "out", "--pair", "fake-fake", "--content", "protobuf", flaw=flaw)
    assert done.exit_code == code, done.output
    assert text in done.output


@pytest.mark.usefixtures("suites")
def test_a_missing_language_is_reported_and_may_be_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    arguments = ["--pair", "fake-fake", "--pair", "fake-dotnet", "--content", "json"]
    done = run(tmp_path / "out", *arguments)
    assert done.exit_code == 0, done.output
    assert "not run: 1: dotnet is not installed" in done.output
    done = run(tmp_path / "out", *arguments, "--require", "dotnet")
    assert done.exit_code == 2
    assert "required: dotnet: dotnet is not installed" in done.output


@pytest.mark.usefixtures("suites")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["rpc/nothing"], "no case fits"),
        (["--filter", "nothing"], "no case fits"),
        (["--rule", "RPC-99"], "SPEC.md has no such rule"),
        (["--require", "cobol"], "there is no such adapter"),
        (["--address", "grpc://x:1"], "exclude each other"),
        (["--adapter", "nonsense"], "NAME=COMMAND"),
        (["--jobs", "0"], "jobs"),
    ],
)
def test_what_cannot_be_run_is_a_harness_error(tmp_path: Path, arguments: list[str], text: str) -> None:
    done = run(tmp_path / "out", *arguments)
    assert done.exit_code == 2
    assert text in done.output


@pytest.mark.parametrize(("address", "text"), [("grpc://127.0.0.1:1", "no broker answers at grpc://127.0.0.1:1: ")])
def test_an_address_that_nobody_answers_is_a_harness_error(tmp_path: Path, address: str, text: str) -> None:
    arguments = ["run", "hostile/second-hello", "--address", address, "--out", str(tmp_path)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2, done.output
    assert "harness-error" in done.output
    assert text in " ".join(done.output.split())


def test_a_broken_suite_stops_everything(suites: Path, tmp_path: Path) -> None:
    (suites / "rpc.yaml").write_text(SUITE.replace("RPC-1", "RPC-1000"))
    done = run(tmp_path / "out")
    assert done.exit_code == 2
    assert "covers RPC-1000, which SPEC.md does not have" in done.output
