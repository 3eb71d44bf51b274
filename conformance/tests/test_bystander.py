from __future__ import annotations

import pytest

from parley_conformance.broker_case import Table
from parley_conformance.model import Failed
from parley_conformance.workloads.bystander import Bystander


async def test_it_notices(table: Table) -> None:
    with pytest.raises(Failed, match="somebody else noticed"):
        async with Bystander(table) as bystander:
            await bystander._caller.close()


async def test_it_goes_on_while_nothing_happens(table: Table) -> None:
    async with Bystander(table) as bystander:
        pass
    assert bystander.calls >= 3
