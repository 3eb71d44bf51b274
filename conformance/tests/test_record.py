from __future__ import annotations

from dataclasses import replace

from parley_conformance import wire
from parley_conformance.faults import armed
from parley_conformance.record import Record, Said

CALL = Said(0.0, "a", 1, "up", 4, False, "c1", wire.message({"id": 9, "request": {"target": "probe/k"}}))


def test_a_message_and_the_fault_that_waits_for_it() -> None:
    record = Record()
    record.faults["f"] = fault = armed({"id": "f", "at": "a", "do": "hold", "dir": "up", "item": "Request", "nth": 2})
    assert record.fault_for(CALL) is None
    assert record.fault_for(replace(CALL, again=True)) is None
    assert record.fault_for(replace(CALL, party="b")) is None
    assert record.fault_for(CALL) is fault


def test_as_text() -> None:
    assert str(CALL) == "#4 {'id': 9, 'request': {'target': 'probe/k'}}"
    assert str(replace(CALL, again=True)).startswith("#4 again")
    assert CALL.kind == "request"
