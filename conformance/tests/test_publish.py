from __future__ import annotations

import json
from pathlib import Path

from samples import failing
from test_evidence import left

from parley_conformance.reports.publish import publish


def test_three_files_the_page_first(tmp_path: Path) -> None:
    left(tmp_path)
    _, paths = publish(failing(), tmp_path)
    assert [path.name for path in paths] == ["report.html", "summary.md", "badge.svg"]
    assert all(path.parent == tmp_path and path.stat().st_size for path in paths)
    assert "broker → caller #1 reply c1: {'reply': {'label': 'c1'}}" in (tmp_path / "summary.md").read_text(
        encoding="utf-8"
    )


def test_the_kill_matrix_beside_the_results_is_told(tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    kills = {"rules": [{"checks": [{"check": "rpc/echo#RPC-2", "mutants": ["reply_to_the_wrong_caller"]}]}]}
    (tmp_path / "kill-matrix.json").write_text(json.dumps(kills))
    publish(failing(), tmp_path, out)
    assert "kills reply_to_the_wrong_caller" in (out / "report.html").read_text(encoding="utf-8")


def test_the_same_results_give_the_same_files(tmp_path: Path) -> None:
    left(tmp_path)
    first = [path.read_bytes() for path in publish(failing(), tmp_path)[1]]
    assert [path.read_bytes() for path in publish(failing(), tmp_path)[1]] == first


def test_half_a_character_does_no_harm(tmp_path: Path) -> None:
    content = failing()
    content["runs"][1]["reason"] = "it said \ud800 and \x00"
    publish(content, tmp_path)
    assert "it said \ufffd and \ufffd" in (tmp_path / "summary.md").read_text(encoding="utf-8")
