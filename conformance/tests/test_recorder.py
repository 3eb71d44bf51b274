from __future__ import annotations

from parley_conformance.broker_case import Table
from parley_conformance.faults import armed
from parley_conformance.journal import Journal
from parley_conformance.recorder import Recorder


async def test_doors_and_faults(table: Table) -> None:
    recorder = Recorder(lambda: table.broker.address, Journal())
    first, second = await recorder.door("a"), await recorder.door("b")
    assert first != second
    assert await recorder.door("a") == first
    await recorder.arm(armed({"id": "later", "at": "a", "do": "hold", "dir": "up", "item": "Reply"}))
    await recorder.arm(armed({"id": "now", "at": "b", "do": "refuse"}))
    assert recorder.idle == ["later"]
    await recorder.heal_all()
    assert all(fault.healed.is_set() for fault in recorder.record.faults.values())
    await recorder.close()
