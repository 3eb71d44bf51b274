"""The records of one shard, and which commit takes them."""

from __future__ import annotations

from parley_broker.core.effects import NO_COMMIT
from parley_broker.core.records import Record


class Ledger:
    """Takes records as they are decided.

    Args:
        records: Where they wait for the engine.
    """

    def __init__(self, records: list[Record]) -> None:
        self._records = records
        self.commit = NO_COMMIT + 1
        """Number of the commit that takes the records written now."""
        self.durable = NO_COMMIT
        """Number of the last commit that is done."""

    def write(self, record: Record) -> int:
        """The record is part of the next commit, after those before it: the number of that commit."""
        self._records.append(record)
        return self.commit

    def seal(self) -> int:
        """The records written so far are one commit: its number. Later ones belong to the next."""
        self.commit += 1
        return self.commit - 1

    def waits_for(self, commit: int) -> int:
        """What a send that depends on the commit waits for: nothing once that is durable."""
        return commit if commit > self.durable else NO_COMMIT
