from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
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
def test_the_command_that_repeats_a_run_has_what_this_one_was_given(tmp_path: Path) -> None:
    run(tmp_path / "out", "--pair", "fake-fake", "--length", "full")
    one, *_ = json.loads((tmp_path / "out" / "results.json").read_text())["runs"]
    given = ["--adapter", f"fake={ADAPTER} ", "--broker", LAUNCHER, "--length", "full"]
    assert shlex.split(one["repeat"]) == ["parley-conformance", "run", "--keep", *given, one["name"]]


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_reports_all_that_was_planned_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "parley_conformance.cli", "run", "--kind", "broker", "--family", "rpc"]
    log = tmp_path / "log"
    with log.open("w") as out:
        kit = subprocess.Popen([*command, "--out", str(tmp_path / "out")], stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("out/logs/*/data/store/*")):
            assert kit.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        kit.send_signal(number)
        # One who is impatient presses it twice.
        kit.send_signal(number)
        code = kit.wait(60)
    finally:
        kit.kill()
    assert code == 2, log.read_text()
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    planned = CliRunner().invoke(main, ["list", "--json", "--kind", "broker", "--family", "rpc"]).output
    assert [run["name"] for run in content["runs"]] == [run["name"] for run in json.loads(planned)]
    reasons = {run["reason"] for run in content["runs"] if run["verdict"] == "not-run"}
    assert f"the kit was interrupted by {number.name} while it ran" in reasons
    assert f"the kit was interrupted by {number.name} before it began" in reasons
    assert content["summary"]["harness-error"] == content["summary"]["fail"] == 0
    assert content["exit_code"] == 2
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in _read(path)]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.usefixtures("suites")
def test_a_baseline_that_cannot_be_used_stops_everything(tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text("- {check: rpc/one}")
    done = run(tmp_path / "out", "--baseline", str(tmp_path / "known.yaml"))
    assert done.exit_code == 2
    assert "the baseline cannot be used:\nknown.yaml: 0: 'reason' is a required property" in done.output
    assert run(tmp_path / "out", "--baseline", str(tmp_path / "gone.yaml")).exit_code == 2
