from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import pair_case

from parley_conformance.cli import holding
from parley_conformance.model import Result, Run, Verdict

RESULT = Result(Run(pair_case(), "python", "python", "json"), Verdict.FAIL, "c1 has no outcome")


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is written here is what the kit reads."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield writing
    os.close(writing)


async def test_everything_stays_up_until_enter(keyboard: int, capsys: pytest.CaptureFixture[str]) -> None:
    held = asyncio.create_task(holding.until_enter(RESULT, "grpc://127.0.0.1:1", Path("/logs")))
    done, _ = await asyncio.wait({held}, timeout=0.2)
    assert not done
    os.write(keyboard, b"\n")
    await asyncio.wait_for(held, 5)
    said = capsys.readouterr().err
    assert "rpc/made-up[python-python-json]: fail: c1 has no outcome" in said
    assert "still up: the broker at grpc://127.0.0.1:1, its parties; logs and data in /logs" in said


@pytest.mark.parametrize("path", ["/dev/null", __file__])
def test_where_nobody_can_press_it_nothing_waits(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(path).open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        asyncio.run(asyncio.wait_for(holding.until_enter(RESULT, "", Path("/logs")), 5))


async def test_without_standard_input_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    await asyncio.wait_for(holding.until_enter(RESULT, "", Path("/logs")), 5)
