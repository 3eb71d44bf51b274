import json
import socket

import pytest
from fake_engine import FakeEngine

from parley_conformance.containers import belongings
from parley_conformance.containers.launching import PLACE, Containers, Place
from parley_conformance.model import HarnessError

HERE = Place("r1", "host 1 1", "data", "control", "172.30.0.0/16")
LABELS = belongings.labels("r1", "host 1 1")


@pytest.fixture
def fake():
    engine = FakeEngine()
    networks = {"data": {"IPAddress": "172.30.0.2"}, "control": {"IPAddress": "172.31.0.2"}}
    engine.containers.put(socket.gethostname(), LABELS, NetworkSettings={"Networks": networks})
    return engine


def created(fake):
    return [(image, settings) for call, image, *rest in fake.api.done if call == "create" for settings in rest]


def test_a_place_is_told_by_the_environment(monkeypatch):
    monkeypatch.delenv(PLACE, raising=False)
    assert Place.here() is None
    monkeypatch.setenv(PLACE, HERE.told())
    assert Place.here() == HERE


async def test_an_adapter_is_on_both_networks_and_dials_the_kit_over_control(fake, tmp_path):
    launch = Containers(fake, HERE)
    assert (launch.data_host, launch.control_host) == ("172.30.0.2", "172.31.0.2")
    await launch.adapter(("image", "one"), name="caller", log=tmp_path / "caller.log", port=4711)
    ((image, settings),) = created(fake)
    assert (image, settings["command"], settings["labels"]) == ("image", ["one"], LABELS)
    assert settings["environment"] == {"PARLEY_KIT": "172.31.0.2:4711"}
    assert settings["networking_config"] == {"data": {"ipv4_address": "172.30.0.8"}}
    assert [call[0] for call in fake.api.done] == ["create", "connect", "start"]
    assert fake.api.done[1][2] == "control"


async def test_a_broker_is_on_data_alone_and_finds_its_address_and_data_again(fake, tmp_path):
    launch = Containers(fake, HERE)
    await launch.broker(("launcher",), {"max_attempts": 3}, tmp_path / "a")
    await launch.broker(("launcher",), {"listen": "172.30.0.8:50051"}, tmp_path / "a")
    await launch.broker(("launcher",), {}, tmp_path / "b")
    first, again, other = (settings for _, settings in created(fake))
    told = [json.loads(settings["command"][-1]) for settings in (first, again, other)]
    assert told[0] == {"listen": "172.30.0.8:50051", "max_attempts": 3, "data_dir": "/data/broker"}
    assert [one["listen"] for one in told] == ["172.30.0.8:50051", "172.30.0.8:50051", "172.30.0.9:50051"]
    assert first["networking_config"] == again["networking_config"] == {"data": {"ipv4_address": "172.30.0.8"}}
    assert first["host_config"]["binds"] == again["host_config"]["binds"] != other["host_config"]["binds"]
    assert {name: one.attrs["Labels"] for name, one in fake.volumes.things.items()} == {
        "parley-r1-0": LABELS,
        "parley-r1-1": LABELS,
    }
    assert "connect" not in [call[0] for call in fake.api.done]


async def test_what_cannot_be_started_is_taken_away(fake, tmp_path):
    fake.api.fails = {"start"}
    with pytest.raises(HarnessError, match="start does not work"):
        await Containers(fake, HERE).adapter(("image",), name="caller", log=tmp_path / "log", port=1)
    assert fake.api.done[-1] == ("remove", "c1")
