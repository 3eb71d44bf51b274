"""Agents in many processes: the distributed runtime and how to make one."""

from __future__ import annotations

from ._distributed.create import create_distributed_runtime
from ._distributed.runtime import DistributedRuntime

__all__ = ["DistributedRuntime", "create_distributed_runtime"]
