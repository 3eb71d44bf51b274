"""Cases of kind `sdk` as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from sdk_cases import ANSWER, CALL, GET, SEE, play

from parley_conformance import sdk_case
from parley_conformance.model import Failed, Unsupported


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


async def test_a_broken_rule_fails_the_case_whatever_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    violation = Failed("the client: a gap", rule="SES-7", party="client")
    monkeypatch.setattr(sdk_case.ScriptedBroker, "violations", [violation])
    with pytest.raises(Failed, match="a gap"):
        await play(tmp_path, CALL, GET, ANSWER, SEE)


async def test_a_lacking_capability_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="lacks levitation"):
        await play(tmp_path, CALL, requires=("levitation",))
