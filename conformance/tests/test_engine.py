import asyncio

import pytest
from fake_engine import FakeEngine

from parley_conformance.containers import engine
from parley_conformance.model import HarnessError


def test_no_engine_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(HarnessError, match="no container engine answers: "):
        engine.connect()


def test_a_network_leads_nowhere_and_lets_addresses_be_chosen():
    fake = FakeEngine()
    assert engine.make_network(fake, "data", {"k": "v"}) == "172.30.0.0/16"
    first, second = fake.networks.asked
    assert [one["internal"] for one in (first, second)] == [True, True]
    assert second["ipam"]["Config"][0]["Subnet"] == "172.30.0.0/16"
    assert list(fake.networks.things) == ["data"]


def test_addresses_leave_room_for_gateway_and_kit():
    found = engine.addresses("172.30.0.0/24")
    assert (found[0], found[-1]) == ("172.30.0.8", "172.30.0.254")
    assert len(set(found)) == len(found)


async def test_an_end_is_told_to_who_watches_it():
    fake = FakeEngine()
    made = engine.Engine(fake, "r1")
    code = await made.watch("c1")
    fake.api.die("somebody else's", 1)
    fake.api.die("c1", 3)
    assert await asyncio.wait_for(code, 5) == 3


async def test_failures_of_the_engine_are_the_harness_s():
    fake = FakeEngine()
    fake.api.fails = {"start"}
    made = engine.Engine(fake, "r1")
    with pytest.raises(HarnessError, match="the container engine: start does not work"):
        await made.ask(fake.api.start, "c1")
    await made.try_to(fake.api.start, "c1")
