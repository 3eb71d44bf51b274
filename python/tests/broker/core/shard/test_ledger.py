"""Which commit takes a record."""

from __future__ import annotations

from parley_broker.core.effects import NO_COMMIT
from parley_broker.core.records import BacklogDropped, Record
from parley_broker.core.shard.ledger import Ledger


def test_records_between_two_seals_share_a_commit() -> None:
    records: list[Record] = []
    ledger = Ledger(records)
    first = ledger.write(BacklogDropped("a"))
    assert ledger.write(BacklogDropped("b")) == first
    assert ledger.seal() == first
    assert ledger.write(BacklogDropped("c")) == first + 1
    assert records == [BacklogDropped("a"), BacklogDropped("b"), BacklogDropped("c")]


def test_what_is_durable_is_not_waited_for() -> None:
    ledger = Ledger([])
    first, second = ledger.seal(), ledger.seal()
    assert ledger.waits_for(first) == first
    ledger.durable = first
    assert (ledger.waits_for(first), ledger.waits_for(second)) == (NO_COMMIT, second)
