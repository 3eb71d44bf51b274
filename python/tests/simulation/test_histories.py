"""Random histories in virtual time: whatever breaks, nothing answered is lost, and every effect is there once.

`SEEDS=5000 pytest python/tests/simulation` plays that many of each kind; a failure names its seed, and `SEED=N` plays
that one alone.
"""

from __future__ import annotations

import pytest

from parley_broker.store.memory import MemoryStore

from .play import Faults, Play

KINDS = {
    "calm": Faults(),
    "cuts": Faults(cuts=12),
    "broker deaths": Faults(broker_deaths=2),
    "worker deaths": Faults(worker_deaths=4),
    "freezes": Faults(freezes=4),
    "failed commits": Faults(failed_commits=4),
    "poison": Faults(poison=1),
    "worker drains": Faults(worker_drains=3),
    "broker drains": Faults(broker_drains=2),
    "all at once": Faults(cuts=6, broker_deaths=1, worker_deaths=2, freezes=2, failed_commits=2,
                          worker_drains=1, broker_drains=1),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_and_nothing_happens_twice(kind: str, seeds: range) -> None:
    """Rows 2, 3, 7, 15 and 16 of docs/guarantees.md."""
    for seed in seeds:
        Play(seed, MemoryStore(), KINDS[kind]).run()
