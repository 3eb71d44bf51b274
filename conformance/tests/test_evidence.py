from __future__ import annotations

import gzip
import json
from pathlib import Path

from samples import WRONG, failing, history

from parley_conformance.reports import evidence


def left(folder: Path) -> dict[str, object]:
    """A folder with what the run of `samples.WRONG` left behind; returns that run."""
    (folder / "histories").mkdir()
    (folder / "histories/wrong.json.gz").write_bytes(gzip.compress(json.dumps(history()).encode()))
    (folder / "logs/wrong").mkdir(parents=True)
    (folder / "logs/wrong/broker.log").write_bytes(b"first\n" + b"x" * 99 + b"\n" + b"\xff<last>\n" * 2_000)
    (folder / "logs/wrong/caller.log").write_text("\n")
    return next(run for run in failing()["runs"] if run["name"] == WRONG)


def test_what_failed_has_everything(tmp_path: Path) -> None:
    found = evidence.of_run(left(tmp_path), tmp_path, brief=False)
    assert "<svg" in found.diagram
    assert "✗ Reply c1" in found.diagram
    assert found.said.startswith("    14.5 handler !! cut")
    assert [name for name, _ in found.logs] == ["broker.log"]
    text = found.logs[0][1]
    assert text.startswith("… (the last 8000 of ")
    assert text.endswith("\ufffd<last>\n")
    assert "first" not in text
    assert found.party == "caller (the python SDK)"
    assert found.message == "broker → caller #1 reply c1: {'reply': {'label': 'c1'}}"


def test_what_passed_has_a_diagram_alone(tmp_path: Path) -> None:
    found = evidence.of_run(left(tmp_path), tmp_path, brief=True)
    assert "<svg" in found.diagram
    assert (found.said, found.logs, found.message) == ("", (), "")


def test_without_a_history_there_is_what_results_json_has(tmp_path: Path) -> None:
    (tmp_path / "histories").mkdir()
    (tmp_path / "histories/wrong.json.gz").write_bytes(b"no gzip")
    run = next(run for run in failing()["runs"] if run["name"] == WRONG)
    found = evidence.of_run(run, tmp_path, brief=False)
    assert found.diagram == ""
    assert found.said == "    10.0 caller => #1 {'request': …}"
    assert len(found.steps) == 2
