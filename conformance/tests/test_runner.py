from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import broker_case, fake_kit, pair_case

from parley_conformance import adapter, runner
from parley_conformance.model import Result, Run, Verdict

ALONE = {"caller": {"agents": {"probe": "probe"}}, "handler": {"late": True}}


def run_of(language: str, **fields: Any) -> Run:
    return Run(pair_case(**{"parties": ALONE, **fields}), language, "good", "json")


@pytest.mark.parametrize(
    ("flaw", "verdict", "text"),
    [
        ("", Verdict.PASS, ""),
        ("wrong-reply", Verdict.FAIL, "c1 got the reply to another"),
        ("poor", Verdict.PASS, ""),
        ("dies-at-once", Verdict.HARNESS_ERROR, "the SDK cannot be loaded"),
        ("dies", Verdict.HARNESS_ERROR, "control connection ended"),
        ("garbage", Verdict.HARNESS_ERROR, "no JSON"),
        ("hangs", Verdict.HARNESS_ERROR, "did not answer 'start'"),
        ("endless", Verdict.HARNESS_ERROR, "did not answer 'start'"),
        ("no-dial", Verdict.HARNESS_ERROR, "did not dial"),
    ],
)
async def test_verdicts(
    tmp_path: Path, flaw: str, verdict: Verdict, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "ANSWER_LIMIT_S", 2.0)
    monkeypatch.setattr(adapter, "DIAL_LIMIT_S", 2.0)
    async with asyncio.timeout(20):
        result = await runner.run_one(fake_kit(tmp_path, flaw=flaw), run_of("bad"))
    assert result.verdict is verdict, result.reason
    assert text in result.reason
    # What did not pass keeps its folder and its trace.
    assert bool(result.logs) == (verdict is not Verdict.PASS)
    assert [p for p in tmp_path.iterdir() if p.is_dir()] == ([] if verdict is Verdict.PASS else [Path(result.logs)])


async def test_what_a_party_lacks_is_unsupported(tmp_path: Path) -> None:
    run = Run(pair_case(parties=ALONE), "bad", "good", "protobuf")
    result = await runner.run_one(fake_kit(tmp_path, flaw="poor"), run)
    assert (result.verdict, result.reason) == (Verdict.UNSUPPORTED, "the bad adapter lacks protobuf")


@pytest.mark.parametrize(
    ("flaw", "covers", "content", "reason", "excused"),
    [
        ("poor", ("RPC-1",), "protobuf", "the bad adapter lacks protobuf", False),
        ("poor-core", ("RPC-1",), "protobuf", "the bad adapter lacks protobuf", False),
        ("poor-nothing", ("RPC-1",), "protobuf", "the bad adapter lacks protobuf", True),
        ("modest-core", ("RPC-1", "SES-9"), "json", "the bad adapter does not claim profile durable", True),
        ("modest-nothing", ("STA-1",), "json", "the bad adapter does not claim profile state", True),
    ],
)
async def test_what_nobody_claims_does_not_count(
    tmp_path: Path, flaw: str, covers: tuple[str, ...], content: str, reason: str, excused: bool
) -> None:
    case = pair_case(parties=ALONE, covers=covers)
    kit = fake_kit(tmp_path, flaw=flaw)
    result = await runner.run_one(kit, Run(case, "bad", "good", content))
    assert (result.verdict, result.reason, result.excused) == (Verdict.UNSUPPORTED, reason, excused)
    result = await runner.run_one(kit, Run(replace(case, claimed=True), "bad", "good", content))
    assert result.verdict is (Verdict.UNSUPPORTED if content == "protobuf" else Verdict.PASS)
    assert not result.excused


async def test_core_is_played_whoever_claims_it(tmp_path: Path) -> None:
    result = await runner.run_one(fake_kit(tmp_path, flaw="modest-nothing"), run_of("bad"))
    assert result.verdict is Verdict.PASS


async def test_an_adapter_that_claims_what_there_is_not_is_a_harness_error(tmp_path: Path) -> None:
    result = await runner.run_one(fake_kit(tmp_path, flaw="modest-gold"), run_of("bad"))
    assert result.verdict is Verdict.HARNESS_ERROR
    assert "the bad adapter claims the profile 'gold'" in result.reason


@pytest.mark.parametrize(
    ("launcher", "covers", "settings", "reason", "excused"),
    [
        ("poor", ("RPC-1",), {"max_attempts": 1}, "no such setting", False),
        ("poor-core", ("RPC-1",), {"max_attempts": 1}, "no such setting", False),
        ("poor-core", ("SES-9",), {"max_attempts": 1}, "no such setting", True),
        ("core", ("SES-9",), {}, "the broker does not claim profile durable", True),
    ],
)
async def test_what_a_broker_does_not_claim_does_not_count(
    tmp_path: Path, launcher: str, covers: tuple[str, ...], settings: dict[str, Any], reason: str, excused: bool
) -> None:
    case = broker_case(covers=covers, broker=settings)
    result = await runner.run_one(fake_kit(tmp_path, launcher=launcher), Run(case))
    assert (result.verdict, result.excused) == (Verdict.UNSUPPORTED, excused)
    assert reason in result.reason


async def test_a_missing_language_is_not_run_with_the_reason(tmp_path: Path) -> None:
    result = await runner.run_one(fake_kit(tmp_path), run_of("gone"))
    assert (result.verdict, result.reason) == (Verdict.NOT_RUN, "there is no such language here")


async def test_a_broken_launcher_is_a_harness_error(tmp_path: Path) -> None:
    result = await runner.run_one(fake_kit(tmp_path, launcher="dies"), run_of("good"))
    assert result.verdict is Verdict.HARNESS_ERROR
    assert "the port is taken" in result.reason


async def test_a_case_that_does_not_end_is_ended(tmp_path: Path) -> None:
    steps = [{"see": {"caller": {"session": {}}}, "within_ms": 60_000}]
    result = await runner.run_one(fake_kit(tmp_path), run_of("good", steps=steps, limit_ms=1_500))
    assert result.verdict is Verdict.HARNESS_ERROR
    assert "did not end within 1500 ms" in result.reason


async def test_a_defect_of_the_kit_is_told_as_one(tmp_path: Path) -> None:
    result = await runner.run_one(fake_kit(tmp_path), run_of("good", steps=[{"launch": "nobody"}]))
    assert result.verdict is Verdict.HARNESS_ERROR
    assert result.reason == "the kit failed: KeyError: 'nobody'"


async def test_all_planned_are_reported_in_order_and_only_lag_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[str] = []
    running: list[str] = []
    most: list[int] = []

    async def play(kit: runner.Kit, run: Run) -> Result:
        running.append(run.name)
        most.append(len(running))
        played.append(run.case.id)
        await asyncio.sleep(0.01)
        running.remove(run.name)
        late = run.case.id == "rpc/late" and played.count("rpc/late") == 1
        if run.case.id == "rpc/unfired":
            return Result(run, Verdict.INCONCLUSIVE, "a fault did not happen")
        return Result(run, Verdict.INCONCLUSIVE if late else Verdict.PASS, "", lag=late)

    monkeypatch.setattr(runner, "run_one", play)
    ids = ["rpc/serial", "rpc/late", "rpc/a", "rpc/b", "rpc/c", "rpc/idle", "rpc/unfired"]
    lanes = {"rpc/serial": "serial", "rpc/idle": "idle"}
    runs = [Run(broker_case(id=i, lane=lanes.get(i, "parallel"))) for i in ids]
    told: list[tuple[str, bool]] = []
    results = await runner.run_all(
        fake_kit(tmp_path),
        runs,
        begun=lambda run: None,
        ended=lambda result, *, final: told.append((result.run.case.id, final)),
    )
    assert [r.run.case.id for r in results] == ids
    assert {r.verdict for r in results[:-1]} == {Verdict.PASS}
    assert results[-1].verdict is Verdict.INCONCLUSIVE
    assert played.count("rpc/unfired") == 1
    assert played[-2:] == ["rpc/serial", "rpc/late"]
    assert played.count("rpc/late") == 2
    assert told.count(("rpc/late", False)) == 1
    assert sum(final for _, final in told) == len(ids)
    # Two slots, and one idle case beside them.
    assert max(most) == 3


async def test_a_case_is_held_up_before_all_is_ended(tmp_path: Path) -> None:
    held: list[tuple[Verdict, str, bool]] = []

    async def hold(result: Result, broker: str, folder: Path) -> None:
        held.append((result.verdict, broker, folder.is_dir()))

    await runner.run_one(replace(fake_kit(tmp_path), hold=hold), run_of("good"))
    assert held == [(Verdict.PASS, "grpc://127.0.0.1:1", True)]
