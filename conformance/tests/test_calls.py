from __future__ import annotations

import pytest

from parley_conformance.broker_case import Table
from parley_conformance.model import Failed
from parley_conformance.workloads import calls


@pytest.mark.parametrize("table", [{"max_envelope_bytes": 5000, "max_outstanding_calls": 3}], indirect=True)
async def test_limits_are_compared_with_what_was_set(table: Table) -> None:
    await table.seat("a")
    await table.seat("w", {"hosts": {"probe": {}}, "subscribes": [{"topic_type": "news", "agent_type": "probe"}]})
    await calls.envelope_limit(table, limit=5000)
    with pytest.raises(Failed, match="names 5000 bytes, 6000 were set"):
        await calls.envelope_limit(table, limit=6000)
    with pytest.raises(Failed, match="names 3 outstanding calls, 4 were set"):
        await calls.outstanding_limit(table, limit=4)
    await calls.outstanding_limit(table, limit=3)


@pytest.mark.parametrize(("number", "data"), [(0, b"\x00"), (127, b"\x7f"), (300, b"\xac\x02")])
def test_varints(number: int, data: bytes) -> None:
    assert calls._varint(number) == data
