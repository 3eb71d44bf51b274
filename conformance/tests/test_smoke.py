from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from conftest import fake_adapter

from parley_conformance import adapter, languages, smoke
from parley_conformance.broker import BrokerSource
from parley_conformance.languages import Language
from parley_conformance.model import HarnessError
from parley_conformance.paths import ADAPTERS
from parley_conformance.smoke import Finding, Found

# The Python adapter with one thing in it changed.
WRONG = """
import asyncio, sys
sys.path.insert(0, {folder!r})
import adapter, behaviours, parley
{change}
asyncio.run(adapter.main())
"""


async def look(command: tuple[str, ...], folder: Path) -> list[Finding]:
    return await smoke.look(Language("mine", command), BrokerSource(), folder)


def changed(tmp_path: Path, change: str) -> tuple[str, ...]:
    program = tmp_path / "wrong.py"
    program.write_text(WRONG.format(folder=str(ADAPTERS / "python"), change=change))
    return (sys.executable, str(program))


def verdicts(findings: list[Finding]) -> dict[str, Found]:
    return {one.title: one.found for one in findings}


async def test_an_adapter_that_has_everything(tmp_path: Path) -> None:
    findings = await look(languages.discover()["python"].command, tmp_path)
    assert {one.found for one in findings} == {Found.OK}, findings
    assert len(findings) == 18


@pytest.mark.parametrize(
    ("change", "title", "text"),
    [
        (
            "behaviours.ScriptedAgent._result = lambda self, probe, *_: behaviours.ProbeReply(probe.label, 'ho')",
            "call",
            "expected 'hi', got 'ho'; on the wire: .*request down, reply up, (done up, reply down|reply down, done up)",
        ),
        ("adapter.Adapter._send = lambda *a, **k: k and a[3].close()", "call nobody", "within 5000 ms.*welcome down$"),
        (
            "async def refuse(self, command): raise parley.exceptions.InvalidArgumentError('not today')\n"
            "adapter.Adapter.do_register = refuse",
            "register",
            "register was refused: INVALID_ARGUMENT: not today",
        ),
    ],
)
async def test_a_wrong_sdk_is_told_from_a_broken_adapter(tmp_path: Path, change: str, title: str, text: str) -> None:
    findings = await look(changed(tmp_path, change), tmp_path)
    bad = next(one for one in findings if one.found is Found.SDK)
    assert bad.title == title
    assert re.search(text, bad.text), bad.text
    assert bad.todo
    assert Found.BROKEN not in verdicts(findings).values()


@pytest.mark.parametrize(
    ("change", "title", "text"),
    [
        (
            "async def ok(self, command): return {}\nadapter.Adapter.do_start = ok",
            "start",
            "before there was a Welcome",
        ),
        (
            "from unittest import mock\nadapter.Adapter._begin = mock.Mock()",
            "start",
            "did not answer 'start' within 0.5 s",
        ),
        ("async def gone(self, command): sys.exit('no')\nadapter.Adapter.do_ping = gone", "ping", "connection ended"),
        ("async def late(): await asyncio.sleep(600)\nadapter.main = late", "hello", "did not dial within 3 s"),
    ],
)
async def test_a_broken_adapter_is_the_end_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, title: str, text: str
) -> None:
    if "did not dial" in text:
        monkeypatch.setattr(adapter, "DIAL_LIMIT_S", 3.0)
    if "within 0.5" in text:
        monkeypatch.setattr(adapter, "ANSWER_LIMIT_S", 0.5)
    findings = await look(changed(tmp_path, change), tmp_path)
    (bad,) = [one for one in findings if one.found is Found.BROKEN]
    assert bad.title == title
    assert text in bad.text
    after = findings[findings.index(bad) + 1 :]
    assert {one.found for one in after} == {Found.NOT_TRIED}


async def test_one_that_answers_what_it_cannot_know(tmp_path: Path) -> None:
    change = (
        "class Eager(adapter.Adapter):\n    def __getattr__(self, name): return self.do_ping\nadapter.Adapter = Eager"
    )
    findings = await look(changed(tmp_path, change), tmp_path)
    bad = findings[1]
    assert bad.found is Found.BROKEN
    assert "answered the unknown command 'juggle_" in bad.text


async def test_one_that_outlives_the_kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "WITHIN_MS", 1_500)
    change = "import os, time\nos._exit = lambda code: time.sleep(600)"
    findings = await look(changed(tmp_path, change), tmp_path)
    bad = findings[4]
    assert (bad.title, bad.found) == ("the kit hangs up", Found.BROKEN)
    assert "still there 1500 ms after" in bad.text


async def test_without_a_broker_nothing_can_be_said(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="the broker's launcher wrote b''"):
        await smoke.look(Language("mine", fake_adapter()), BrokerSource(command=("false",)), tmp_path)
