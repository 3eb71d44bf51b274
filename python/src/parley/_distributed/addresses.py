"""Broker addresses: `grpc://host:port`, several separated by commas."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import IPv6Address

from parley.exceptions import InvalidArgumentError

DEFAULT_URL = "grpc://127.0.0.1:50051"
_SCHEME = "grpc://"
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_DIGITS = re.compile(r"[0-9]{1,5}")


def parse_addresses(broker_url: str) -> list[str]:
    """The `host:port` of each address, in order. Raises InvalidArgumentError naming the one that is wrong, and how."""
    return [_parse(url.strip()) for url in broker_url.split(",")]


def _parse(url: str) -> str:
    if not url.startswith(_SCHEME):
        raise _malformed(url, f"it must begin with {_SCHEME}")
    host, colon, port = url[len(_SCHEME) :].removesuffix("/").rpartition(":")
    if not colon:
        host, port = port, ""
    if not _is_host(host):
        raise _malformed(url, f"the host must be a name, an IPv4 address or an IPv6 address in brackets, not {host!r}")
    if not _DIGITS.fullmatch(port) or not 0 < int(port) < 65536:
        raise _malformed(url, f"the port must be 1 to 65535, not {port!r}")
    return f"{host}:{int(port)}"


def _is_host(host: str) -> bool:
    if _NAME.fullmatch(host):
        return True
    try:
        return host.startswith("[") and host.endswith("]") and IPv6Address(host[1:-1]).version == 6
    except ValueError:
        return False


def _malformed(url: str, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{url!r} is no broker address: {problem}; it looks like {DEFAULT_URL}, several are separated by commas",
        details={"field": "broker_url"},
    )


def url_or_default(broker_url: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The URL given, else PARLEY_BROKER_URL, else BROKER_URL, else the default."""
    return broker_url or environ.get("PARLEY_BROKER_URL") or environ.get("BROKER_URL") or DEFAULT_URL


def instance_id_or_default(instance_id: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The instance id given, else PARLEY_INSTANCE_ID, else INSTANCE_ID, else none."""
    return instance_id or environ.get("PARLEY_INSTANCE_ID") or environ.get("INSTANCE_ID") or ""
