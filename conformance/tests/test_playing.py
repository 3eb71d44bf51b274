from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import fake_kit, pair_case

from parley_conformance import schemas
from parley_conformance.baseline import Baseline, Entry
from parley_conformance.cli import playing
from parley_conformance.model import Run

ALONE = {"caller": {"agents": {"probe": "probe"}}, "handler": {"late": True}}
CHECK = "rpc/made-up#RPC-2@bad-good-json"
PLAN = {"filters": {}, "length": "default", "part": "1/1", "jobs": 2, "required": []}


def played(out: Path, flaw: str, signature: str) -> tuple[int, dict[str, object]]:
    run = Run(pair_case(parties=ALONE, covers=("RPC-2",)), "bad", "good", "json")
    entry = Entry(CHECK, "known", "https://example.org/1", signature, "known.yaml")
    kit = fake_kit(out / "logs", flaw=flaw, baseline=Baseline({CHECK: entry}))
    code = playing.play(playing.Wanted(kit, [run], [run], PLAN), out)
    content = json.loads((out / "results.json").read_text())
    assert schemas.errors("results", content) == ""
    return code, content


@pytest.mark.parametrize(
    ("flaw", "signature", "code", "verdict", "wrong"),
    [
        ("wrong-reply", "got the reply to another", 0, "expected-fail", 0),
        ("wrong-reply", "got no reply", 1, "fail", 0),
        ("", "got the reply to another", 1, "pass", 1),
    ],
)
def test_a_baseline_excuses_one_failure_and_no_other(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flaw: str,
    signature: str,
    code: int,
    verdict: str,
    wrong: int,
) -> None:
    ended, content = played(tmp_path, flaw, signature)
    (run,) = content["runs"]  # type: ignore[misc]
    assert (ended, content["exit_code"], run["verdict"]) == (code, code, verdict)
    assert run["checks"][0]["verdict"] == verdict
    assert len(content["baseline"]) == wrong  # type: ignore[arg-type]
    assert ("baseline: known.yaml: stale: " in capsys.readouterr().out) == bool(wrong)
