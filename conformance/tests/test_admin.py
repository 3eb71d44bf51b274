from __future__ import annotations

import pytest

from parley_conformance import admin
from parley_conformance.broker_case import Table
from parley_conformance.model import Failed, HarnessError


async def test_it_answers_in_plain_data(table: Table) -> None:
    assert (await admin.ask(table.broker.address, "GetStatus", {}))["tables"]["sessions"] == 0
    with pytest.raises(HarnessError, match="no method 'GetRich'"):
        await admin.ask(table.broker.address, "GetRich", {})
    await table.broker.kill()
    with pytest.raises(Failed, match="GetStatus: UNAVAILABLE"):
        await admin.ask(table.broker.address, "GetStatus", {})
