from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import FAKES, fake_adapter, fake_kit, pair_case

from parley_conformance import adapter, runner
from parley_conformance.attach import ATTACHED, Attaching, ByHand
from parley_conformance.languages import Language, discover
from parley_conformance.launch import PROCESSES
from parley_conformance.model import Run, Unsupported, Verdict

ALONE = {"caller": {"agents": {"probe": "probe"}}, "handler": {"late": True}}


async def play(tmp_path: Path, flaw: str, **fields: object) -> runner.Result:
    """Plays a case whose adapter the test starts, late, when it is told how."""
    started: list[asyncio.Task[None]] = []

    async def start(address: str) -> None:
        await asyncio.sleep(0.4)
        command = fake_adapter(flaw)
        await (await asyncio.create_subprocess_exec(*command, env={"PARLEY_KIT": address})).wait()

    def told(text: str) -> None:
        found = re.fullmatch(r"waiting for the adapter of caller: start it with PARLEY_KIT=(127\.0\.0\.1:\d+)", text)
        assert found, text
        started.append(asyncio.create_task(start(found[1])))

    kit = fake_kit(tmp_path)
    kit = replace(
        kit, languages={**kit.languages, "mine": Language("mine", ATTACHED)}, launch=Attaching(PROCESSES, told)
    )
    async with asyncio.timeout(30):
        result = await runner.run_one(kit, Run(pair_case(parties=ALONE, **fields), "mine", "good", "json"))
        await asyncio.gather(*started)
    return result


async def test_the_kit_waits_without_a_limit_and_hangs_up_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "DIAL_LIMIT_S", 0.1)
    result = await play(tmp_path, "", limit_ms=200)
    assert result.verdict is Verdict.PASS, result.reason


async def test_an_answer_may_take_as_long_as_it_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "ANSWER_LIMIT_S", 0.1)
    steps = [{"do": {"caller": {"call": {"label": "c1", "to": "probe/k", "do": [{"reply": "hi"}]}}}}]
    steps.append({"see": {"caller": {"outcome": {"label": "c1"}}}, "within_ms": 1})  # type: ignore[dict-item]
    result = await play(tmp_path, "slow", steps=steps)
    assert result.verdict is Verdict.PASS, result.reason


async def test_what_cannot_be_done_to_it_does_not_count(tmp_path: Path) -> None:
    result = await play(tmp_path, "", steps=[{"kill": "caller"}])
    assert (result.verdict, result.excused) == (Verdict.UNSUPPORTED, True)
    assert result.reason == "the adapter of caller was started by hand: it cannot be killed"


async def test_all_that_a_started_program_has() -> None:
    one = ByHand("mine", FAKES / "nothing")
    assert one.alive
    assert one.runs(1)
    assert await one.end() == 0
    for doing in (one.pause(), one.ask_to_end(1), one.resident_bytes(1)):
        with pytest.raises(Unsupported, match="mine was started by hand"):
            await doing
    await one.resume()


def test_a_name_is_enough() -> None:
    assert discover(attached=["mine"])["mine"].command == ATTACHED
    assert discover(["mine=x"], ["mine"])["mine"].command == ATTACHED
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        discover(attached=["my own"])
