"""Broker addresses: `grpc://host:port`, several separated by commas."""

from __future__ import annotations

import os
from collections.abc import Mapping

from parley.exceptions import InvalidArgumentError

DEFAULT_URL = "grpc://127.0.0.1:50051"
_SCHEME = "grpc://"


def parse_addresses(broker_url: str) -> list[str]:
    """The `host:port` of each address, in order. Raises InvalidArgumentError naming the one that is wrong."""
    addresses = []
    for url in broker_url.split(","):
        url = url.strip()
        address = url.removeprefix(_SCHEME).rstrip("/")
        host, _, port = address.rpartition(":")
        if not url.startswith(_SCHEME) or not host or not port.isascii() or not port.isdigit():
            raise InvalidArgumentError(
                f"{url!r} is no broker address: it must look like {DEFAULT_URL}, several separated by commas",
                details={"field": "broker_url"},
            )
        if not 0 < int(port) < 65536:
            raise InvalidArgumentError(f"{url!r}: the port must be 1 to 65535", details={"field": "broker_url"})
        addresses.append(address)
    return addresses


def url_or_default(broker_url: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The URL given, else PARLEY_BROKER_URL, else BROKER_URL, else the default."""
    return broker_url or environ.get("PARLEY_BROKER_URL") or environ.get("BROKER_URL") or DEFAULT_URL


def instance_id_or_default(instance_id: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The instance id given, else PARLEY_INSTANCE_ID, else INSTANCE_ID, else none."""
    return instance_id or environ.get("PARLEY_INSTANCE_ID") or environ.get("INSTANCE_ID") or ""
