"""Whatever an adapter does, its run ends as a harness error with a clear text, in bounded time, and leaves nothing."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest
from conftest import contract, fake_launcher, pair_case

from parley_conformance import adapter, runner
from parley_conformance.languages import Language
from parley_conformance.model import Run, Verdict

PROGRAM = Path(__file__).parent / "hostile" / "adapter.py"
PHASES = ("hello", "start", "register", "call", "ping")
LIMIT_S = 1.5
BOUND_S = 30.0
GONE = "its control connection ended"

# What it does, in which phases, and what the text says then.
HOSTILE = [
    ("hang", ("dial",), r"did not dial within 1.5 s; its log ends: "),
    ("hang", PHASES[:3] + PHASES[4:], r"did not answer '{phase}' within 1.5 s"),
    ("die", ("dial",), r"ended with exit code 3 before it dialled"),
    ("die", PHASES, GONE),
    ("hang-up", PHASES, GONE),
    ("garbage", PHASES, r"its line \d is no JSON in UTF-8: UnicodeDecodeError.*\\xff\\xfe Traceback"),
    ("half-a-line", ("start",), r"did not answer 'start' within 1.5 s"),
    ("deep", PHASES, r"its line \d is no JSON in UTF-8: RecursionError.*\(200,001 bytes\)"),
    ("half-a-character", ("start",), r"its line 2 is no JSON in UTF-8: UnicodeEncodeError"),
    ("not-a-number", ("start",), r"its line 2 is no JSON in UTF-8: ValueError: JSON has no NaN"),
    ("wrong-number", PHASES, r"its line \d answers what was not asked: command 999 is not open: {{\"re\": 999"),
    # Not at the end: one that answers the last command twice has answered all that was asked, and nobody reads on.
    ("twice", PHASES[1:4], r"its line \d answers what was not asked: command \d is not open"),
    ("huge", PHASES, r"its line \d is longer than 1,048,576 bytes"),
    ("endless-line", ("start", "call"), r"its line \d is longer than 1,048,576 bytes"),
    ("endless-lines", ("hello", "start"), r"did not answer '{phase}' within 1.5 s"),
    ("endless-log", ("start", "call"), r"it wrote more than 2,000,000 bytes to its log"),
    ("child", ("start", "ping"), r"left processes behind that are not of its group: \d+ \(.*{mark}"),
]


def started(mark: str) -> list[Path]:
    """What runs and has this in its command."""

    def has(path: Path) -> bool:
        try:
            return mark.encode() in path.read_bytes()
        except OSError:
            return False

    return [path.parent for path in Path("/proc").glob("[0-9]*/cmdline") if has(path)]


async def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, **fields: object) -> runner.Result:
    monkeypatch.setattr(adapter, "DIAL_LIMIT_S", LIMIT_S)
    monkeypatch.setattr(adapter, "ANSWER_LIMIT_S", LIMIT_S)
    monkeypatch.setattr(adapter, "LINE_LIMIT", 1 << 20)
    monkeypatch.setattr(adapter, "LOG_LIMIT", 2_000_000)
    language = Language("hostile", (sys.executable, str(PROGRAM), how, str(tmp_path)))
    kit = runner.Kit(contract(), fake_launcher(), {"hostile": language}, tmp_path)
    parties = {"caller": {"agents": {"probe": "probe"}}}
    begin = time.monotonic()
    async with asyncio.timeout(BOUND_S):
        result = await runner.run_one(kit, Run(pair_case(parties=parties, **fields), "hostile", "hostile", "json"))
    assert time.monotonic() - begin < BOUND_S
    assert started(str(tmp_path)) == [], f"after {how}"
    return result


@pytest.mark.parametrize(
    ("what", "phase", "text"),
    [(what, phase, text) for what, phases, text in HOSTILE for phase in phases],
    ids=lambda value: value if len(value) < 20 else "",
)
async def test_each_ends_as_a_harness_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, phase: str, text: str
) -> None:
    result = await play(tmp_path, monkeypatch, f"{what}@{phase}")
    assert result.verdict is Verdict.HARNESS_ERROR, result.reason
    with pytest.raises(AssertionError, match=text.format(phase=phase, mark=tmp_path)):
        raise AssertionError(result.reason)
    assert "adapter of caller" in result.reason


async def test_the_same_without_a_phase_conforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = await play(tmp_path, monkeypatch, "well@never")
    assert result.verdict is Verdict.PASS, result.reason


async def test_children_of_its_group_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = await play(tmp_path, monkeypatch, "child-of-the-group@start")
    assert result.verdict is Verdict.PASS, result.reason


async def test_one_that_hangs_in_a_call_is_a_failure_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = await play(tmp_path, monkeypatch, "hang@call")
    assert result.verdict is Verdict.FAIL
    assert "expected outcome" in result.reason


async def test_one_that_reads_nothing_is_a_harness_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    do = {"label": "c1", "to": "probe/k", "do": [{"reply": "hi"}], "pad_bytes": 16 << 20}
    result = await play(tmp_path, monkeypatch, "deaf@register", steps=[{"do": {"caller": {"call": do}}}])
    assert result.verdict is Verdict.HARNESS_ERROR
    assert "it has not read its commands for 1.5 s" in result.reason
