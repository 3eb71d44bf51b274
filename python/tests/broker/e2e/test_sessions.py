"""Sessions that outlive their connections, through a real broker, over TCP that is cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
import pytest_asyncio

from broker.peer import connected, message, request
from broker.process import BrokerProcess, running
from broker.relay import Relay, relayed

from .test_hostile import status


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """A broker in memory with the default grace."""
    with running(tmp_path_factory.mktemp("broker"), "--memory") as process:
        yield process


@pytest_asyncio.fixture
async def relay(broker: BrokerProcess) -> AsyncIterator[Relay]:
    """A relay to the broker."""
    async with relayed(broker.address) as relay:
        yield relay


async def test_a_cut_loses_and_repeats_nothing(broker: BrokerProcess, relay: Relay) -> None:
    async with connected(broker.address) as open_peer, connected(relay.address) as open_relayed:
        caller, worker = open_peer(), open_relayed()
        await caller.hello()
        await worker.hello()
        await worker.register("w")
        await caller.say(message(7, request=request("w/k", b"first")))
        first = await worker.hear_kind("request")
        relay.cut()
        await worker.end()
        await caller.say(message(8, request=request("w/k", b"second")))
        again = open_relayed()
        answer = await again.resume(worker)
        assert answer.welcome.resumed
        assert answer.welcome.session_id == worker.welcome.session_id
        assert answer.welcome.received == worker.sent
        await again.say(message(re=first.id, reply={"envelope": b"1"}))
        second = await again.hear_kind("request")
        assert second.request.envelope == b"second"
        await again.say(message(re=second.id, reply={"envelope": b"2"}))
        assert [(await caller.hear(lambda m, n=n: m.re == n)).reply.envelope for n in (7, 8)] == [b"1", b"2"]


async def test_what_was_written_into_a_dead_connection_comes_again(broker: BrokerProcess, relay: Relay) -> None:
    async with connected(broker.address) as open_peer, connected(relay.address) as open_relayed:
        caller, worker = open_peer(), open_relayed()
        await caller.hello()
        await worker.hello()
        await worker.register("w")
        await caller.say(message(1, request=request("w/k", b"0")))
        await worker.hear_kind("request")
        relay.cut()
        await caller.say(*(message(n, request=request("w/k", b"%d" % n)) for n in range(2, 500)))
        await worker.end()
        again = open_relayed()
        await again.resume(worker)
        got = [(await again.hear_kind("request")).request.envelope for _ in range(2, 500)]
        assert got == [b"%d" % n for n in range(2, 500)]


async def test_a_half_closed_stream_can_be_resumed(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        first, second = open_peer(), open_peer()
        await first.hello()
        await first.register("half")
        await first.half_close()
        await first.end()
        assert (await second.resume(first)).welcome.resumed


async def test_the_newest_connection_wins(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        older, newer = open_peer(), open_peer()
        await older.hello()
        await older.register("w2")
        assert (await newer.resume(older)).welcome.resumed
        end = await older.end()
        assert end.code is grpc.StatusCode.ABORTED
        assert "newer connection" in end.text
        assert (await newer.command(list_subscriptions={})).HasField("subscription_list")


async def test_a_wrong_token_gets_a_session_of_its_own(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        owner, thief = open_peer(), open_peer()
        await owner.hello()
        answer = await thief.resume(owner, resume_token=b"\0" * 32)
        assert not answer.welcome.resumed
        assert answer.welcome.session_id != owner.welcome.session_id
        assert (await owner.command(list_subscriptions={})).HasField("subscription_list")


async def test_a_gap_can_be_healed(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        peer, again = open_peer(), open_peer()
        await peer.hello()
        await peer.register("gap")
        await peer.say(message(9, list_subscriptions={}), first_seq=5)
        assert (await peer.end()).code is grpc.StatusCode.INVALID_ARGUMENT
        peer.sent = 1
        answer = await again.resume(peer)
        assert (answer.welcome.resumed, answer.welcome.received) == (True, 1)


async def test_a_violation_cannot(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        peer, again = open_peer(), open_peer()
        await peer.hello()
        await peer.write(b"\xff" * 9)
        await peer.end()
        assert not (await again.resume(peer)).welcome.resumed


async def test_the_tables_say_what_is_kept(broker: BrokerProcess) -> None:
    async with connected(broker.address) as open_peer:
        peer = open_peer()
        await peer.hello()
        await peer.command(list_subscriptions={})
        assert (await status(broker)).tables["kept_messages"] >= 1
        await peer.say(message(1, heartbeat={}))
        await peer.hear(lambda m: m.re == 1)
        await peer.say(message(goodbye={}))
        await peer.end()
