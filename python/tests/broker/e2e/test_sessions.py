"""Sessions that outlive their connections, through a real broker, over TCP that is cut."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from random import Random

import grpc
import pytest
import pytest_asyncio

from broker.lasting import Lasting
from broker.peer import PATIENCE, connected, message, request, topic
from broker.process import BrokerProcess, running
from broker.relay import Relay, relayed
from parley_wire.v1 import broker_service_pb2 as wire

from .test_hostile import status, until_tables


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


CALLS = 3000
EVENTS = 1000
KEYS = 10
CUTS = 50
AT_ONCE = 40
GROWTH = 16 << 20
"""Bytes that the broker's memory may have grown by afterwards: what the allocator keeps."""


class Serving:
    """Answers what the worker is asked and told, and keeps it."""

    def __init__(self, worker: Lasting) -> None:
        self._worker = worker
        self.calls: list[bytes] = []
        self.events: dict[str, list[int]] = defaultdict(list)
        self.ready = asyncio.Event()
        self._settled = 0

    async def run(self) -> None:
        """Serves until it is cancelled."""
        say = self._worker.say
        while True:
            heard = await self._worker.heard.get()
            kind = heard.WhichOneof("kind")
            if kind == "activate":
                say(re=heard.id, wants_answer=False, done={})
            elif kind == "request":
                self.calls.append(heard.request.envelope)
                say(re=heard.id, wants_answer=False, reply={"envelope": heard.request.envelope})
            elif kind == "delivery":
                delivery = heard.delivery
                self.events[delivery.recipient.key].append(int(delivery.envelope))
                say(
                    ack={
                        "recipient": delivery.recipient,
                        "epoch": delivery.epoch,
                        "position": delivery.position,
                        "round": delivery.round,
                    }
                )
            else:
                assert kind == "done", heard
                self._settled += 1
                if self._settled == SET_UP:
                    self.ready.set()


SET_UP = 2
"""Commands that the worker begins with."""


async def test_fifty_cuts_under_load(broker: BrokerProcess) -> None:
    await until_tables(broker, sessions=0)
    before = (await status(broker)).memory_bytes
    random = Random(7)
    asked: dict[int, bytes] = {}
    published: dict[int, int] = {}
    outcomes: dict[int, wire.Message] = {}
    cuts = 0
    async with relayed(broker.address) as to_worker, relayed(broker.address) as to_caller:
        worker, caller = Lasting(to_worker.address), Lasting(to_caller.address)
        serving = Serving(worker)
        tasks = [asyncio.create_task(client.run()) for client in (worker, caller, serving)]
        worker.say(register_agent_type={"type": "load"})
        worker.say(subscribe={"subscription": {"topic_type": "load", "match": 1, "agent_type": "load"}})
        async with asyncio.timeout(5 * PATIENCE):
            await serving.ready.wait()
            while len(outcomes) < CALLS + EVENTS:
                while (begun := len(asked) + len(published)) < min(CALLS + EVENTS, len(outcomes) + AT_ONCE):
                    if begun % 4 == 3:
                        number = len(published)
                        kind = {"topic": topic(f"load/{number % KEYS}"), "envelope": b"%d" % number}
                        published[caller.say(publish=kind)] = number
                    else:
                        name = b"%d" % begun
                        asked[caller.say(request=request(f"load/{begun % KEYS}", name))] = name
                answer = await caller.heard.get()
                assert answer.re not in outcomes, "one outcome"
                outcomes[answer.re] = answer
                if len(outcomes) % ((CALLS + EVENTS) // CUTS) == 0:
                    random.choice((to_worker, to_caller)).cut_after(random.randrange(1, 3000))
                    cuts += 1
            await until_tables(broker, calls=0, events=0, deliveries=0)
        for client in (worker, caller):
            client.say(wants_answer=False, goodbye={})
        await until_tables(broker, sessions=0, connections=0, kept_messages=0, outgoing_messages=0, agents=0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert cuts == CUTS
    assert worker.connections + caller.connections > CUTS // 2, "most cuts hit a connection that was up"
    assert {n: outcomes[n].reply.envelope for n in asked} == asked, "each call has its own reply"
    assert all(outcomes[n].published.recipients == 1 for n in published)
    assert Counter(serving.calls) == Counter(asked.values()), "each call ran once"
    for key in range(KEYS):
        assert serving.events[str(key)] == [n for n in range(EVENTS) if n % KEYS == key], "each event once, in order"
    assert (await status(broker)).memory_bytes - before < GROWTH
