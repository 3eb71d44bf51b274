"""What the bench compares: Parley and its alternatives, a module each, told apart by name."""

from collections.abc import Mapping

from parley_bench.systems.autogen import AUTOGEN, AUTOGEN_IN_PROCESS
from parley_bench.systems.base import System
from parley_bench.systems.grpc_stream import GRPC_STREAM
from parley_bench.systems.jetstream import JETSTREAM, JETSTREAM_SYNC
from parley_bench.systems.nats import NATS
from parley_bench.systems.parley import PARLEY, PARLEY_IN_PROCESS
from parley_bench.systems.rabbitmq import RABBITMQ
from parley_bench.systems.redis_streams import REDIS_STREAMS

SYSTEMS: Mapping[str, System] = {
    system.name: system
    for system in (
        PARLEY, PARLEY_IN_PROCESS, AUTOGEN, AUTOGEN_IN_PROCESS, NATS, JETSTREAM, JETSTREAM_SYNC,
        REDIS_STREAMS, RABBITMQ, GRPC_STREAM,
    )
}  # fmt: skip
"""Every system that a scenario may name."""
