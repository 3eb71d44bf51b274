"""Broker addresses and where they come from."""

from __future__ import annotations

import pytest

from parley._distributed.addresses import instance_id_or_default, parse_addresses, url_or_default
from parley.exceptions import InvalidArgumentError

# The same tables are in the tests of the .NET SDK.
GOOD = {
    "grpc://localhost:50051": "localhost:50051",
    "grpc://127.0.0.1:1": "127.0.0.1:1",
    "grpc://[::1]:65535/": "[::1]:65535",
    "grpc://broker-1.my_space.svc.:080": "broker-1.my_space.svc.:80",
    " grpc://h:1 ": "h:1",
}
BAD_SCHEME = [
    "",
    "localhost:50051",
    "h",
    "http://h:1",
    "grpcs://h:1",
    "GRPC://h:1",
    "grpc:/h:1",
    "grpc://h:1,",
    "grpc://h:1,,grpc://h:2",
]
BAD_HOST = [
    "grpc://",
    "grpc://:1",
    "grpc://user@h:1",
    "grpc://h:1:2",
    "grpc://::1:50051",
    "grpc://[h]:1",
    "grpc://[::1:1",
    "grpc://[]:1",
    "grpc://[127.0.0.1]:1",
    "grpc://a b:1",
    "grpc://a..b:1",
    "grpc://.:1",
    "grpc://a/b:1",
    "grpc://h?x:1",
    "grpc://é:1",
]
BAD_PORT = [
    "grpc://h",
    "grpc://h/",
    "grpc://h:",
    "grpc://h:x",
    "grpc://h:0",
    "grpc://h:65536",
    "grpc://h:-1",
    "grpc://h:+1",
    "grpc://h:1.5",
    "grpc://h:000001",
    "grpc://h:1/path",
    "grpc://h:1//",
    "grpc://h:1?x",
    "grpc://h:1#x",
    "grpc://h:1 2",
    "grpc://h:١",
]


def test_one_and_several() -> None:
    for url, address in GOOD.items():
        assert parse_addresses(url) == [address]
    assert parse_addresses(",".join(GOOD)) == list(GOOD.values())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        *((url, "it must begin with grpc://") for url in BAD_SCHEME),
        *((url, "the host must be a name, an IPv4 address or an IPv6 address in brackets, not ") for url in BAD_HOST),
        *((url, "the port must be 1 to 65535, not ") for url in BAD_PORT),
    ],
)
def test_malformed(url: str, problem: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        parse_addresses(url)
    assert f"is no broker address: {problem}" in str(raised.value)
    assert "; it looks like grpc://127.0.0.1:50051, several are separated by commas" in str(raised.value)
    assert raised.value.details == {"field": "broker_url"}


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
