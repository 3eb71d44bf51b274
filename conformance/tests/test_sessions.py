from __future__ import annotations

import pytest

from parley_conformance.broker_case import Table
from parley_conformance.model import Failed
from parley_conformance.watch import Watch
from parley_conformance.workloads import sessions

FAST = {"heartbeat_interval_ms": 100}
pytestmark = pytest.mark.parametrize("table", [FAST], indirect=True)


async def test_receipts_that_do_not_come(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    await sessions.receipts(table, 2)
    monkeypatch.setattr(sessions, "WITHIN_MS", 100)
    monkeypatch.setattr(Watch, "acknowledged", property(lambda self: 0, lambda self, value: None), raising=False)
    with pytest.raises(Failed, match="0 of 1 messages are acknowledged"):
        await sessions.receipts(table, 2)


async def test_heartbeats_that_do_not_come(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    await sessions.heartbeats(table, 2)
    monkeypatch.setattr(sessions, "WITHIN_MS", 100)
    monkeypatch.setattr(Watch, "heartbeats", property(lambda self: 0, lambda self, value: None), raising=False)
    with pytest.raises(Failed, match="no heartbeat came for 200 ms"):
        await sessions.heartbeats(table, 2)
