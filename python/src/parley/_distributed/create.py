"""Making a DistributedRuntime: settings, connection, Hello."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from parley._constants import DEFAULT_TIMEOUT, ROOT_LOGGER_NAME
from parley._intervention import InterventionHandler
from parley._runtime_base import DEFAULT_MAX_CONCURRENCY
from parley._version import __version__
from parley.exceptions import InvalidArgumentError
from parley_wire.v1 import session_pb2

from .addresses import instance_id_or_default, parse_addresses, url_or_default
from .runtime import DistributedRuntime
from .uplink import Uplink

_log = logging.getLogger(ROOT_LOGGER_NAME)


async def create_distributed_runtime(
    broker_url: str | None = None,
    instance_id: str | None = None,
    *,
    tracer_provider: Any = None,
    tls: Any = None,
    token: str | None = None,
    default_timeout: float = DEFAULT_TIMEOUT,
    connect_timeout: float = 30.0,
    max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
    intervention_handlers: Sequence[InterventionHandler] | None = None,
) -> DistributedRuntime:
    """Connects to a broker. The runtime takes calls and events for its agents once it is started.

    Args:
        broker_url: `grpc://host:port`, several separated by commas; default: PARLEY_BROKER_URL, BROKER_URL, or
            `grpc://127.0.0.1:50051`.
        instance_id: A label for logs, not necessarily unique; default: PARLEY_INSTANCE_ID, INSTANCE_ID, or none.
        tracer_provider: Not supported by this version.
        tls: Not supported by this version.
        token: Not supported by this version.
        default_timeout: Seconds that a call may take when it does not say.
        connect_timeout: Seconds to try for.
        max_concurrency: Handlers that run at once, nested calls not counted.
        intervention_handlers: They see what this runtime sends, in this order.

    Raises:
        InvalidArgumentError: An argument is malformed.
        UnavailableError: No broker answered in time; the text says which addresses failed and how.
        ParleyError: The broker refused.
    """
    for name, value in (("tracer_provider", tracer_provider), ("tls", tls), ("token", token)):
        if value is not None:
            raise InvalidArgumentError(f"{name} is not supported by this version", details={"field": name})
    if not connect_timeout > 0:
        raise InvalidArgumentError(f"connect_timeout must be above 0 seconds, not {connect_timeout!r}")
    hello = session_pb2.Hello(
        instance_id=instance_id_or_default(instance_id),
        producer_id=uuid.uuid4().hex,
        sdk_name="parley-python",
        sdk_language="python",
        sdk_version=__version__,
    )
    uplink = Uplink(parse_addresses(url_or_default(broker_url)), hello)
    await uplink.open(connect_timeout)
    try:
        runtime = DistributedRuntime(
            uplink,
            intervention_handlers=intervention_handlers,
            max_concurrency=max_concurrency,
            default_timeout=default_timeout,
        )
    except InvalidArgumentError:
        await uplink.close("not started")
        raise
    _log.info("connected address=%s session=%s", uplink.address, uplink.session.session_id)
    return runtime
