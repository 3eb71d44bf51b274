from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from parley_conformance import process
from parley_conformance.model import HarnessError
from parley_conformance.process import Child, resident_bytes, runs

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


async def test_the_whole_group_is_ended(tmp_path: Path) -> None:
    child = await Child.start([sys.executable, "-c", PARENT], name="parent", log=tmp_path / "log", lines_out=True)
    grandchild = int(await child.first_line())
    assert child.alive
    await child.end()
    assert not child.alive
    async with asyncio.timeout(5):
        # An orphan is a zombie until init has seen it; it runs no more.
        while runs(grandchild):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


async def test_what_is_of_its_group_may_end_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = await Child.start([sys.executable, "-c", PARENT], name="parent", log=tmp_path / "log", lines_out=True)
    grandchild = int(await child.first_line())
    looks = iter([{grandchild: "still there"}, {2**22 + 1: "gone since"}])
    monkeypatch.setattr(process, "_marked", lambda mark: next(looks, {}))
    assert await child.end() == -9
    assert next(looks, None) is None


async def test_its_log_has_what_it_said(tmp_path: Path) -> None:
    child = await Child.start([sys.executable, "-c", "print('a'); exit('b')"], name="it", log=tmp_path / "log")
    assert await child.wait() == 1
    assert set(child.tail().split()) == {"a", "b"}


async def test_what_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="it cannot be started: /no/such/program"):
        await Child.start(["/no/such/program"], name="it", log=tmp_path / "log")


def test_memory() -> None:
    assert runs(os.getpid())
    assert resident_bytes(os.getpid()) > 1_000_000
    with pytest.raises(HarnessError, match="cannot be read"):
        resident_bytes(2**22 + 1)
