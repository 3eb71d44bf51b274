"""parley.distributed is where AutoGen users look."""

from __future__ import annotations

import parley
from parley import distributed


def test_the_same_objects() -> None:
    assert distributed.create_distributed_runtime is parley.create_distributed_runtime
    assert distributed.DistributedRuntime is parley.DistributedRuntime
