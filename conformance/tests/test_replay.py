from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import FAKES, fake_adapter, pair_case
from stories import pair_history

from parley_conformance import history_file
from parley_conformance.cli import main
from parley_conformance.history_file import Played
from parley_conformance.model import Result as Judged
from parley_conformance.model import Run, Verdict

LAUNCHER = (sys.executable, str(FAKES / "launcher.py"), "none")
# No suite has this case: a replay needs none.
CASE = pair_case(
    id="rpc/gone-since",
    parties={"caller": {"agents": {"probe": "probe"}}, "handler": {"late": True}},
    limit_ms=600_000,
)


def stored(path: Path, *, broker: tuple[str, ...] = LAUNCHER, flaw: str = "") -> Path:
    run = Run(CASE, "fake", "fake", "json")
    played = Played(broker, "", {"fake": fake_adapter(flaw)})
    content = history_file.as_json(pair_history(run=run), Judged(run, Verdict.FAIL, "once"), played)
    history_file.write(content, path)
    return path


def replay(out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["replay", "--out", str(out), *arguments])


@pytest.mark.parametrize(("flaw", "code", "verdict"), [("", 0, "pass"), ("wrong-reply", 1, "fail")])
def test_the_plan_is_played_again(tmp_path: Path, flaw: str, code: int, verdict: str) -> None:
    done = replay(tmp_path / "out", str(stored(tmp_path / "a.json.gz", flaw=flaw)))
    assert done.exit_code == code, done.output
    (run,) = json.loads((tmp_path / "out" / "results.json").read_text())["runs"]
    assert (run["name"], run["verdict"]) == ("rpc/gone-since[fake-fake-json]", verdict)
    # A replay has a history, and can be replayed.
    again = replay(tmp_path / "again", str(tmp_path / "out" / run["history"]))
    assert again.exit_code == code, again.output
    plans = [
        json.loads(json.dumps(history_file.read(path).history.run.case.steps))
        for path in (
            tmp_path / "a.json.gz",
            tmp_path / "out" / run["history"],
        )
    ]
    assert plans[0] == plans[1] == CASE.steps


def test_an_adapter_or_a_broker_may_be_another_one(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.json.gz", broker=("gone",), flaw="wrong-reply")
    fake = f"fake={shlex.join(fake_adapter())}"
    done = replay(tmp_path / "out", str(path), "--broker", shlex.join(LAUNCHER), "--adapter", fake)
    assert done.exit_code == 0, done.output
    assert replay(tmp_path / "out", str(path)).exit_code == 2, "the launcher is not there"


def test_what_cannot_be_played_is_said(tmp_path: Path) -> None:
    one, other = stored(tmp_path / "a.json.gz"), stored(tmp_path / "b.json.gz", broker=("another",))
    for arguments, text in (
        ([str(one), str(other)], "several brokers"),
        ([str(one), "--adapter", "nonsense"], "NAME=COMMAND"),
        ([str(one), "--broker", "x", "--address", "grpc://h:1"], "exclude each other"),
        ([str(tmp_path / "gone")], "does not exist"),
    ):
        done = replay(tmp_path / "out", *arguments)
        assert (done.exit_code, text in done.output) == (2, True), done.output
    run = Run(replace(CASE, steps=[{"dance": True}]), "fake", "fake", "json")
    content = history_file.as_json(pair_history(run=run), Judged(run, Verdict.PASS), Played())
    history_file.write(content, tmp_path / "c.json.gz")
    done = replay(tmp_path / "out", str(tmp_path / "c.json.gz"))
    assert (done.exit_code, "this kit cannot play the case" in done.output) == (2, True), done.output
