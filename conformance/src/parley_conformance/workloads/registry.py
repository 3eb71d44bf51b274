"""Every workload by kind and name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from parley_conformance.model import Kind
from parley_conformance.workloads import calls, deaths, faults, flood, flow, hostile, pairs, places, sessions

ALL: Mapping[Kind, Mapping[str, Callable[..., Awaitable[None]]]] = {
    Kind.BROKER: {
        **calls.WORKLOADS,
        **flood.WORKLOADS,
        **flow.WORKLOADS,
        **hostile.WORKLOADS,
        **places.WORKLOADS,
        **sessions.WORKLOADS,
    },
    Kind.SDK: {},
    Kind.PAIR: {**pairs.WORKLOADS, **faults.WORKLOADS, **deaths.WORKLOADS},
}
