from __future__ import annotations

import pytest

from parley_conformance.broker_case import Table
from parley_conformance.model import Failed
from parley_conformance.workloads import flood


def test_memory_is_bounded() -> None:
    flood._bounded(50 * flood.MIB, 60 * flood.MIB, 10)
    with pytest.raises(Failed, match="grew from 50 by 11 MiB"):
        flood._bounded(50 * flood.MIB, 61 * flood.MIB, 10)


async def test_what_is_left_is_noticed(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    await flood._emptied(table, {})
    await table.seat("a")
    assert (await table.tables())["sessions"] == 1
    monkeypatch.setattr(flood, "_FORGOTTEN_MS", 100)
    with pytest.raises(Failed, match=r"still .*'sessions': 1"):
        await flood._emptied(table, {})


async def test_every_table_is_judged(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tables() -> dict[str, int]:
        return {"sessions": 0, "subscriptions": 3, "of a later broker": 2}

    monkeypatch.setattr(table, "tables", tables)
    monkeypatch.setattr(flood, "_FORGOTTEN_MS", 100)
    await flood._emptied(table, {"subscriptions": 3, "of a later broker": 2})
    with pytest.raises(Failed, match=r"still \{'of a later broker': 2\}"):
        await flood._emptied(table, {"subscriptions": 3, "of a later broker": 1})


@pytest.mark.parametrize("table", [{"session_grace_ms": 100}], indirect=True)
async def test_registrations_of_lost_sessions_are_over(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gone", "here"):
        await table.seat(name, {"hosts": {name: {}}})
    await table.peers["gone"].close()
    await flood._left(table, ["gone"])
    monkeypatch.setattr(flood, "_PARTED_MS", 100)
    with pytest.raises(Failed, match="hosted here was lost; registering it in another mode: done: absent") as caught:
        await flood._left(table, ["here"])
    assert caught.value.rule == "SES-13"
