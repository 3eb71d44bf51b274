from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import contract
from stories import pair_history

from parley_conformance import history_file, schemas, spec, suite, verdict
from parley_conformance.faults import armed
from parley_conformance.history import End
from parley_conformance.history_file import HistoryError, Played
from parley_conformance.model import Kind, Result, Run, Step, Verdict
from parley_conformance.record import Record
from parley_conformance.run_history import RunHistory
from parley_conformance.workloads import registry

PLAYED = Played(("launcher", "-x"), "", {"python": ("p",), "dotnet": ("d",), "rust": ("r",)})


def content(history: RunHistory | None = None, **more: Any) -> dict[str, Any]:
    history = history or pair_history()
    result = Result(history.run, Verdict.FAIL, "bad", "RPC-1", "caller", 7, judged=True)
    steps = (Step(1, "{fence: true}", 1.5, Verdict.PASS),)
    return history_file.as_json(history, replace(result, steps=steps, **more), PLAYED, {"caller": "logs/caller.log"})


def test_a_file_has_what_its_schema_says_and_comes_back(tmp_path: Path) -> None:
    fault = armed({"id": "cut", "at": "caller", "do": "hold", "dir": "up", "item": "Request", "label": "c1"})
    fault.fired.set()
    history = pair_history()
    history = replace(history, record=Record(history.record.came, history.record.went, {"cut": fault}))
    history = replace(history, end=End(2, frozenset({("e1", "probe/k")}), 1), disturbed=True)
    made = content(history)
    assert schemas.errors("history", made) == ""
    path = tmp_path / "deep" / "a.json.gz"
    history_file.write(made, path)
    stored = history_file.read(path)
    assert stored.result.run.name == history.run.name
    assert (stored.result.verdict, stored.result.rule, stored.result.judged) == (Verdict.FAIL, "RPC-1", True)
    assert stored.result.steps == (Step(1, "{fence: true}", 1.5, Verdict.PASS),)
    assert (stored.played, stored.cut) == (
        Played(("launcher", "-x"), "", {"python": ("p",), "dotnet": ("d",)}),
        {},
    ), "the adapters of its own languages"
    back = stored.history
    assert (back.parties, back.end, back.disturbed) == (history.parties, history.end, True)
    assert [(p, o.fields) for p, o in back.observations] == [(p, o.fields) for p, o in history.observations]
    assert back.record.faults["cut"].fired.is_set()
    # What is judged is the same.
    reasons = contract().reasons
    assert verdict.judge_run(back, reasons) == verdict.judge_run(history, reasons) != []
    assert made["logs"] == {"caller": "logs/caller.log"}


def test_one_history_gives_one_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        history_file.write(content(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_plain_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content()))
    assert history_file.read(tmp_path / "a.json").result.rule == "RPC-1"


def test_what_finds_no_room_is_cut_with_a_mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(history_file, "KEPT_OBSERVATIONS", 2)
    made = content(replace(pair_history(), tape_lost=0))
    assert (made["cut"], len(made["observations"])) == ({"observations": 4}, 2)
    history_file.write(made, tmp_path / "a")
    assert history_file.read(tmp_path / "a").cut == {"observations": 4}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "Expecting value"),
        (gzip.compress(b"{", mtime=0)[:-3], "ended before"),
        (b"\x1f\x8bgarbage", "ended before"),
        (gzip.compress(b"{}", mtime=0)[:10] + b"\xff" * 20, "invalid block"),
        (b"\xff\xfe", "Expecting value"),
        (b"\xc3\x28{}", "codec"),
        (b"{}", "it is no history of format 1"),
    ],
    ids=["empty", "cut", "garbage", "bad block", "no text", "bad UTF-8", "no history"],
)
def test_what_is_no_history_is_said_so(tmp_path: Path, raw: bytes, text: str) -> None:
    (tmp_path / "bad.json.gz").write_bytes(raw)
    with pytest.raises(HistoryError, match=f"bad.json.gz: .*({text})"):
        history_file.read(tmp_path / "bad.json.gz")
    with pytest.raises(HistoryError, match="No such file"):
        history_file.read(tmp_path / "gone")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("messages", 0, "bytes"), "AAAA"),
        (("plan", "case", "kind"), "quartet"),
        (("plan", "case", "colour"), "red"),
        (("run", "verdict"), "perhaps"),
    ],
)
def test_a_damaged_history_is_said_so(tmp_path: Path, path: tuple[Any, ...], value: str) -> None:
    made = json.loads(json.dumps(content()))
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    history_file.write(made, tmp_path / "bad")
    with pytest.raises(HistoryError, match="bad: "):
        history_file.read(tmp_path / "bad")


def test_every_case_there_is_comes_back_as_it_was(tmp_path: Path) -> None:
    for case in suite.load(rules=spec.read().rules, workloads=registry.ALL):
        axes = {} if case.kind is Kind.BROKER else {"handler": "python"}
        run = Run(case, **axes)
        made = json.loads(json.dumps(history_file.as_json(RunHistory(run), Result(run, Verdict.PASS), Played())))
        assert suite.case_of(made["plan"]["case"], made["plan"]["source"]) != case, "cases are compared by identity"
        again = suite.case_of(made["plan"]["case"], made["plan"]["source"])
        assert suite.plain(again) == json.loads(json.dumps(suite.plain(case)))
        assert (again.source, again.limit_ms, again.lane) == (case.source, case.limit_ms, case.lane)
        assert made["plan"]["seed"] == case.arguments.get("seed")
