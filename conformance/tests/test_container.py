import asyncio

import pytest
import pytest_asyncio
from fake_engine import FakeEngine

from parley_conformance.containers import container as container_module
from parley_conformance.containers.container import Container
from parley_conformance.containers.engine import Engine
from parley_conformance.model import HarnessError


@pytest.fixture
def fake():
    return FakeEngine()


@pytest_asyncio.fixture
async def made(fake, tmp_path):
    container = Container(Engine(fake, "r1"), "c1", "caller", tmp_path / "caller.log", "data", "172.30.0.9")
    await container.start()
    return container


async def test_it_is_alive_until_the_engine_says_that_it_ended(fake, made):
    assert made.alive
    assert made.runs(7)
    fake.api.die("c1", 3)
    assert await asyncio.wait_for(made.wait(), 5) == 3
    assert not made.alive


async def test_the_end_keeps_the_log_and_removes_the_container_once(fake, made):
    fake.api.output = [b"one\n", b"two\n"]
    assert made.tail() == "one\ntwo"
    assert await made.end() == 137
    assert await made.end() == 137
    assert made.log.read_bytes() == b"one\ntwo\n"
    assert made.tail() == "one\ntwo"
    assert [call for call, *_ in fake.api.done] == ["start", "kill", "remove"]


async def test_the_end_of_one_that_has_ended_before(fake, made):
    fake.api.fails = {"kill"}
    fake.api.die("c1", 0)
    assert await made.end() == 0


async def test_only_what_stands_still_goes_on(fake, made):
    await made.resume()
    await made.pause()
    await made.resume()
    await made.resume()
    assert [call for call, *_ in fake.api.done] == ["start", "pause", "unpause"]


async def test_it_comes_back_to_the_network_where_it_was(fake, made):
    await made.plug()
    await made.unplug()
    await made.plug()
    await made.plug()
    assert fake.api.done[1:] == [("disconnect", "c1", "data"), ("connect", "c1", "data", "172.30.0.9")]


async def test_the_first_line_comes_in_pieces(fake, made):
    fake.api.output = [b'{"address":', b' "x"}\nmore', b"never read"]
    assert await made.first_line() == b'{"address": "x"}\n'
    fake.api.output = [b"no end"]
    assert await made.first_line() == b"no end"


async def test_one_process_in_it_is_asked_to_end_and_measured(fake, made):
    fake.api.answers = {"cat /proc/7/status": b"Name:\tbroker\nVmRSS:\t  2048 kB\n"}
    assert await made.resident_bytes(7) == 2 << 20
    with pytest.raises(HarnessError, match="process 8 in the container of caller"):
        await made.resident_bytes(8)
    await made.ask_to_end(7)
    assert fake.api.done[-1] == ("exec", "c1", "kill -TERM 7")


async def test_a_start_that_fails(fake, tmp_path):
    fake.api.fails = {"start"}
    container = Container(Engine(fake, "r1"), "c1", "caller", tmp_path / "caller.log", "data", "172.30.0.9")
    with pytest.raises(HarnessError, match="start does not work"):
        await container.start()


async def test_it_waits_for_its_address(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(container_module, "_AGAIN_S", 0)
    fake.api.taken = 3
    again = Container(Engine(fake, "r1"), "c1", "broker", tmp_path / "broker.log", "data", "172.30.0.9")
    await again.start()
    assert (fake.api.taken, fake.api.done) == (0, [("start", "c1")])
    monkeypatch.setattr(container_module, "_GONE_S", -1.0)
    fake.api.taken = 3
    with pytest.raises(HarnessError, match="Address already in use"):
        await again.start()
