"""Cases of kind `sdk`, with the adapter of the Python SDK."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import broker_case

from parley_conformance import sdk_case
from parley_conformance.languages import PYTHON_ADAPTER
from parley_conformance.model import Failed, Kind, Run, Unsupported
from parley_conformance.timing import LagMeter

CALL = {"do": {"client": {"call": {"label": "c1", "to": "other/k"}}}}
GET = {"get": {"label": "c1", "request": {"target": "other/k"}}, "as": "c1"}
ANSWER = {"answer": {"reply": {"envelope": {"answer": {"value": "hi"}}}}, "to": "c1"}
SEE = {"see": {"client": {"outcome": {"label": "c1", "reply": {"value": {"value": "hi"}}}}}}


async def play(folder: Path, *steps: dict[str, Any], **fields: Any) -> None:
    parties = fields.pop("parties", {"client": {"agents": {"probe": "probe"}}})
    case = broker_case(kind=Kind.SDK, steps=steps, parties=parties, **fields)
    commands = {"python": (sys.executable, str(PYTHON_ADAPTER))}
    table = sdk_case.Table(Run(case, handler="python"), commands, folder, LagMeter())
    try:
        await sdk_case.play(table, case)
    finally:
        await table.close()


async def test_a_case_that_holds(tmp_path: Path) -> None:
    asked = {"target": "probe/k", "envelope": {"probe": {"label": "in", "do": [{"gate": "g"}, {"reply": "yes"}]}}}
    await play(
        tmp_path,
        CALL,
        {**GET, "took_ms": {"since": "c1", "max": 5_000}},
        {"nothing": {"publish": {}}},
        ANSWER,
        SEE,
        {"say": {"request": asked}, "as": "in"},
        {"see": {"client": {"enter": {"label": "in"}}}},
        {"release": {"client": "g"}},
        {"outcome": {"reply": {"envelope": {"value": {"value": "yes"}}}}, "of": "in"},
        {"begin": {"subscribe": {"topic": "news", "match": "exact", "type": "probe"}}},
        {"next": [{"subscribe": {"subscription": {"topic_type": "news"}}}], "as": ["s"]},
        {"grant": {"messages": 2_000_000, "bytes": 1 << 41}},
        {"set": {"silent": False, "manual": ["publish"], "receipts": True}},
        {"fence": True},
        never=[{"client": {"cancelled": {}}}],
    )


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([{"get": {"publish": {}}, "within_ms": 50}], "step 1: expected .*publish"),
        ([CALL, GET, {"nothing": {"list_subscriptions": {}}}, {"outcome": {}, "of": "c1", "within_ms": 50}], "step 4"),
        ([CALL, {"nothing": {"request": {}}}], "step 2: .*must not come"),
        ([CALL, GET, {"answer": {"error": {"reason": "INTERNAL", "message": "no"}}, "to": "c1"}, SEE], "step 4: .*c1"),
        ([{"frame": [{"drain": {}}], "first_seq": 9}, {"see": {"client": {"session": {"state": "no"}}}}], "step 2"),
    ],
)
async def test_a_case_that_does_not_hold(
    tmp_path: Path, steps: list[dict[str, Any]], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley_conformance.party_steps.WITHIN_MS", 300)
    with pytest.raises(Failed, match=text):
        await play(tmp_path, *steps)


async def test_a_runtime_that_is_refused_is_followed_by_one_that_works(tmp_path: Path) -> None:
    error = {"reason": "PROTOCOL_VERSION_UNSUPPORTED", "message": "no"}
    await play(
        tmp_path,
        {"connect": "client", "wait": False, "refused": {"reason": "PROTOCOL_VERSION_UNSUPPORTED"}},
        {"get": {"hello": {}}, "as": "h"},
        {"answer": {"error": error}, "to": "h"},
        {"end": {"code": "FAILED_PRECONDITION", "text": "no"}},
        broker={"manual": ["hello"]},
        parties={"client": {"late": True}},
    )
    with pytest.raises(Failed, match="the client started"):
        await play(tmp_path, {"connect": "client", "refused": {}}, parties={"client": {"late": True}})


async def test_a_broken_rule_fails_the_case_whatever_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    violation = Failed("the client: a gap", rule="SES-7", party="client")
    monkeypatch.setattr(sdk_case.ScriptedBroker, "violations", [violation])
    with pytest.raises(Failed, match="a gap"):
        await play(tmp_path, CALL, GET, ANSWER, SEE)


async def test_a_lacking_capability_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="lacks levitation"):
        await play(tmp_path, CALL, requires=("levitation",))


async def test_who_was_cut_off_may_pause_before_it_dials_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_case, "WITHIN_MS", 3_000)
    monkeypatch.setattr(sdk_case, "PAUSE_MS", 4_000)
    back = {"get": {"hello": {"resume": {}}}}
    with pytest.raises(Failed, match=r"step 3: expected .*publish.* within 3000 ms"):
        await play(tmp_path, {"cut": "a"}, back, {"get": {"publish": {}}})
    with pytest.raises(Failed, match=r"step 2: expected .*publish.* within 7000 ms"):
        await play(tmp_path, {"cut": "a"}, {"get": {"publish": {}}})
