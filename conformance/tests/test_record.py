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


def test_what_the_broker_said_and_what_was_said_to_it() -> None:
    record = Record()
    down = replace(CALL, direction="down", at=2.0)
    dropped = replace(CALL, at=1.0)
    record.came += [dropped, down]
    record.went += [replace(CALL, at=3.0), replace(down, label="rewritten")]
    assert [(one.direction, one.at, one.label) for one in record.heard_and_said()] == [
        ("down", 2.0, "c1"),
        ("up", 3.0, "c1"),
    ]
