from __future__ import annotations

from parley_conformance.model import Kind
from parley_conformance.workloads import registry


def test_names_are_unique_and_told() -> None:
    for known in registry.ALL.values():
        assert all(workload.__doc__ for workload in known.values())
    assert set(registry.ALL) == set(Kind)
