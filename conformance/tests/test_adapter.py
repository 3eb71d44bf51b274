from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conftest import fake_adapter

from parley_conformance import adapter
from parley_conformance.adapter import Adapter, Refused
from parley_conformance.journal import Journal
from parley_conformance.model import Failed, HarnessError, Unsupported

BOUND_S = 10


async def launched(tmp_path: Path, flaw: str = "") -> Adapter:
    return await Adapter.launch("caller", fake_adapter(flaw), tmp_path / "log", Journal())


async def test_commands_answers_and_observations(tmp_path: Path) -> None:
    made = await launched(tmp_path)
    assert made.capabilities == {"json", "protobuf"}
    await made.command("start", rt="main", url="grpc://x", content_type="json")
    message = {"type": "probe", "value": {"label": "c1", "do": []}}
    await made.command("call", rt="main", label="c1", to="probe/k", message=message)
    assert await made.wait(lambda: len(made.observations) == 3, 1_000)
    assert [o.kind for o in made.observations] == ["enter", "leave", "outcome"]
    assert not await made.wait(lambda: False, 10)
    with pytest.raises(Unsupported, match="no such command: juggle"):
        await made.command("juggle")
    with pytest.raises(Refused) as caught:
        await made.command("register", rt="main", type="refused", behaviour="probe")
    assert caught.value.reason == "INVALID_ARGUMENT"
    await made.close()
    assert not made.child.alive


@pytest.mark.parametrize(
    ("flaw", "text"),
    [
        ("dies", "control connection ended"),
        ("garbage", "its line 2 is no JSON in UTF-8: JSONDecodeError.*: Traceback"),
        ("no-line", "neither an answer nor an observation"),
        ("wrong-number", "its line 2 answers what was not asked: command 999 is not open"),
        ("malformed-answer", "its line 2 is a malformed answer: .*exactly one of ok, unsupported, error"),
        ("hangs", "did not answer 'start' within 0.5 s"),
        ("endless", "did not answer 'start' within 0.5 s"),
    ],
)
async def test_a_hostile_adapter_is_a_harness_error_in_bounded_time(
    tmp_path: Path, flaw: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(BOUND_S):
        made = await launched(tmp_path, flaw)
        monkeypatch.setattr(adapter, "ANSWER_LIMIT_S", 0.5)
        with pytest.raises(HarnessError, match=text):
            await made.command("start", rt="main", url="grpc://x", content_type="json")
        if "not answer" not in text:
            with pytest.raises(HarnessError):
                await made.command("ping")
        await made.close()


async def test_who_stops_has_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await launched(tmp_path, "slow")
    monkeypatch.setattr(adapter, "ANSWER_LIMIT_S", 0.05)
    assert await made.command("stop", rt="main") == {}
    with pytest.raises(HarnessError, match=r"did not answer 'ping' within 0\.05 s"):
        await made.command("ping")
    monkeypatch.setattr(adapter, "STOP_LIMIT_S", 0.05)
    with pytest.raises(HarnessError, match=r"did not answer 'stop' within 0\.05 s"):
        await made.command("stop", rt="main")
    await made.close()


@pytest.mark.parametrize(
    ("flaw", "text"),
    [
        ("dies-at-once", "exit code 1 before it dialled.*the SDK cannot be loaded"),
        ("no-dial", "did not dial within 0.5 s"),
    ],
)
async def test_an_adapter_that_never_comes(
    tmp_path: Path, flaw: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if flaw == "no-dial":
        monkeypatch.setattr(adapter, "DIAL_LIMIT_S", 0.5)
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(HarnessError, match=text):
            await launched(tmp_path, flaw)


async def test_a_gap_in_the_observations_is_noticed(tmp_path: Path) -> None:
    made = await launched(tmp_path, "skips-a-number")
    await made.command("start", rt="main", url="grpc://x", content_type="json")
    message = {"type": "probe", "value": {"label": "c1", "do": []}}
    await made.begin("call", rt="main", label="c1", to="probe/k", message=message)
    with pytest.raises(HarnessError, match="observation 4 came where 3 was due"):
        await made.wait(lambda: False, 2_000)
    await made.close()


async def test_nothing_is_expected_of_what_the_case_killed(tmp_path: Path) -> None:
    made = await launched(tmp_path)
    await made.kill()
    with pytest.raises(Failed, match="killed by the case"):
        await made.command("ping")
    await made.close()


async def test_a_malformed_ok_is_noticed(tmp_path: Path) -> None:
    made = await launched(tmp_path, "no-id")
    with pytest.raises(HarnessError, match="'subscribe' with a malformed ok"):
        await made.command("subscribe", rt="main", topic="t", match="exact", type="probe")
    await made.close()


async def test_the_kit_gives_no_malformed_command(tmp_path: Path) -> None:
    made = await launched(tmp_path)
    with pytest.raises(HarnessError, match=r"gives caller a malformed command 'start'.*'timeout' was unexpected"):
        await made.command("start", rt="main", url="grpc://x", timeout=5)
    await made.command("ping")
    await made.close()
