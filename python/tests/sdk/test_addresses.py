"""Broker addresses and where they come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parley._distributed.addresses import instance_id_or_default, parse_addresses, url_or_default
from parley.exceptions import InvalidArgumentError

VECTORS = json.loads((Path(__file__).parents[3] / "conformance/vectors/addresses.json").read_text(encoding="utf-8"))
PROBLEMS = {
    "scheme": "it must begin with grpc://",
    "host": "the host must be a name, an IPv4 address or an IPv6 address in brackets, not ",
    "port": "the port must be 1 to 65535, not ",
}


def test_one_and_several() -> None:
    for vector in VECTORS["parsed"]:
        assert parse_addresses(vector["url"]) == [vector["address"]]
    addresses = [vector["address"] for vector in VECTORS["parsed"]]
    assert parse_addresses(",".join(vector["url"] for vector in VECTORS["parsed"])) == addresses


@pytest.mark.parametrize(("part", "url"), [(part, url) for part in PROBLEMS for url in VECTORS["malformed"][part]])
def test_malformed(part: str, url: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        parse_addresses(url)
    assert f"is no broker address: {PROBLEMS[part]}" in str(raised.value)
    assert "; it looks like grpc://127.0.0.1:50051, several are separated by commas" in str(raised.value)
    assert raised.value.reason == VECTORS["error"]["reason"]
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
