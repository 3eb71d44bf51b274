"""The workload of dying workers, with the Python SDK: that it plays, and what it must notice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_workloads_faults import play

from parley_conformance.model import Failed
from parley_conformance.party import Party


async def test_one_point_after_the_other(tmp_path: Path) -> None:
    await play(tmp_path, "state/workers-killed", kills=5)


async def test_an_effect_that_is_missing_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Party.outcome

    async def less(self: Party, label: str, within_ms: float = 5_000) -> Mapping[str, Any]:
        told = await outcome(self, label, within_ms)
        return {"reply": {"value": {"count": 1}}} if label == "count 1" else told

    monkeypatch.setattr(Party, "outcome", less)
    with pytest.raises(Failed, match=r"2 events, after the worker was killed .*expected 2, got 1"):
        await play(tmp_path, "state/workers-killed", kills=1)
