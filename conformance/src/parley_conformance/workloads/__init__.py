"""Cases that need loops or conditions: named Python code, which a suite refers to by `workload`.

A workload of kind `broker` is given the `broker_case.Table`, one of kind `pair` the `pair_case.Table`, and the case's
`arguments` by name. It raises `Failed`; returning means that its part held.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from parley_conformance.model import Kind
from parley_conformance.workloads import calls, flood, hostile, pairs, places

ALL: Mapping[Kind, Mapping[str, Callable[..., Awaitable[None]]]] = {
    Kind.BROKER: {**calls.WORKLOADS, **flood.WORKLOADS, **hostile.WORKLOADS, **places.WORKLOADS},
    Kind.PAIR: pairs.WORKLOADS,
}
