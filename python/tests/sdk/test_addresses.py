"""Broker addresses and where they come from."""

from __future__ import annotations

import pytest

from parley._distributed.addresses import instance_id_or_default, parse_addresses, url_or_default
from parley.exceptions import InvalidArgumentError


def test_one_and_several() -> None:
    assert parse_addresses("grpc://localhost:50051") == ["localhost:50051"]
    assert parse_addresses("grpc://a:1, grpc://[::1]:65535/") == ["a:1", "[::1]:65535"]


@pytest.mark.parametrize(
    "url", ["", "localhost:50051", "http://a:1", "grpc://a", "grpc://:1", "grpc://a:", "grpc://a:x", "grpc://a:1,,"]
)
def test_malformed(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is no broker address: it must look like grpc://127"):
        parse_addresses(url)


@pytest.mark.parametrize("port", ["0", "65536"])
def test_ports(port: str) -> None:
    with pytest.raises(InvalidArgumentError, match="the port must be 1 to 65535"):
        parse_addresses(f"grpc://a:{port}")


def test_the_environment() -> None:
    environ = {"BROKER_URL": "grpc://b:1", "INSTANCE_ID": "i", "PARLEY_BROKER_PORT": "tcp://10.0.0.1:50051"}
    assert url_or_default(None, {}) == "grpc://127.0.0.1:50051"
    assert url_or_default(None, environ) == "grpc://b:1"
    assert instance_id_or_default(None, environ) == "i"
    environ |= {"PARLEY_BROKER_URL": "grpc://p:1", "PARLEY_INSTANCE_ID": "p"}
    assert url_or_default(None, environ) == "grpc://p:1"
    assert url_or_default("grpc://given:1", environ) == "grpc://given:1"
    assert instance_id_or_default(None, environ) == "p"
    assert instance_id_or_default("given", environ) == "given"
    assert instance_id_or_default(None, {}) == ""
