"""Bugs of what is stored: commits, state, what was answered for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mark import wrap

from parley_broker.core.records import DeliverySettled, StateSaved
from parley_broker.core.shard.commits import Commits
from parley_broker.core.shard.states import States
from parley_broker.engine import Engine


def fence_skipped() -> None:
    """What an agent's older placement commits is taken."""

    def make(_: Any) -> Any:
        def anybody(self: Any, session: str, agent: Any, epoch: int) -> Any:
            place = self._desk.places.get(agent)
            return place, place.kept

        return anybody

    wrap(States, "holder", make)


def versions_unchecked() -> None:
    """A commit may replace any version."""
    wrap(States, "check_version", lambda _: lambda self, agent, kept, expected: None)


def publishes_of_commits_dropped() -> None:
    """What a handler published is not stored with its commit."""

    def make(write: Any) -> Any:
        return lambda self, commit, kept, plan, now: write(self, commit, kept, [], now)

    wrap(Commits, "_write", make)


def answered_before_stored() -> None:
    """What is to be stored waits for more, and is answered as if it were."""

    def make(store: Any) -> Any:
        late: list[Any] = []

        def wrong(self: Any, batch: Any) -> Any:
            late.extend(batch.records)
            ready = late.copy() if batch.reads or len(late) > 1000 else []
            del late[: len(ready)]
            return store(self, replace(batch, records=ready))

        return wrong

    wrap(Engine, "_store_batch", make)


def settlements_forgotten() -> None:
    """What commits with an acknowledgement is stored, and that the event is settled is not."""

    def make(store: Any) -> Any:
        def wrong(self: Any, batch: Any) -> Any:
            committed = {record.agent for record in batch.records if isinstance(record, StateSaved)}
            kept = [
                record
                for record in batch.records
                if not (isinstance(record, DeliverySettled) and record.recipient in committed)
            ]
            return store(self, replace(batch, records=kept))

        return wrong

    wrap(Engine, "_store_batch", make)


BUGS: tuple[Callable[[], None], ...] = (
    fence_skipped,
    versions_unchecked,
    publishes_of_commits_dropped,
    answered_before_stored,
    settlements_forgotten,
)
