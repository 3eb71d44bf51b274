"""The scripted broker, with the scripted peer for a client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from conftest import contract

from parley_conformance.journal import Journal
from parley_conformance.model import Failed
from parley_conformance.peer import Habits, Peer
from parley_conformance.scripted import ScriptedBroker

Dial = Callable[..., Awaitable[Peer]]


@pytest_asyncio.fixture
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[ScriptedBroker]:
    made = ScriptedBroker(getattr(request, "param", {}), Journal())
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def dial(broker: ScriptedBroker) -> AsyncIterator[Dial]:
    peers: list[Peer] = []

    async def connect(address: str = "a") -> Peer:
        peer = await Peer.connect(broker.address([address]), "client", Habits(), contract(), Journal())
        peers.append(peer)
        return peer

    yield connect
    for peer in peers:
        await peer.close()


async def test_what_every_broker_does(broker: ScriptedBroker, dial: Dial) -> None:
    peer = await dial()
    assert (await peer.hello())["welcome"]["session_id"] == "session 1"
    await peer.do({"register_agent_type": {"type": "probe", "mode": "STANDARD"}})
    assert (await peer.ask({"publish": {"topic": "t/s", "envelope": "e"}}))["published"] == {"recipients": 1}
    await broker.next([{"hello": {}}, {"seq": 1, "register_agent_type": {}}, {"seq": 2, "publish": {}}])
    identity = await broker.say({"request": {"target": "probe/k", "envelope": "hi"}})
    await peer.get({"activate": {"agent": "probe/k"}})
    assert (await peer.get({"request": {}}))["request"]["epoch"] == (1 << 32) + 1
    await peer.send({"re": identity, "reply": {"envelope": "yes"}})
    await broker.get({"re": identity, "reply": {"envelope": "yes"}})
    await broker.say({"delivery": {"recipient": "probe/k", "topic": "t/k", "envelope": "e"}})
    await broker.say({"delivery": {"recipient": "probe/k", "topic": "t/k", "envelope": "e"}})
    assert [(await peer.get({"delivery": {}}))["delivery"]["position"] for _ in range(2)] == [1, 2]
    assert peer.count({"activate": {}}) == 0
    assert broker.violations == []
    assert peer.violations == []


@pytest.mark.parametrize("broker", [{"manual": ["publish"]}], indirect=True)
async def test_a_session_is_resumed(broker: ScriptedBroker, dial: Dial) -> None:
    first = await dial()
    welcome = (await first.hello())["welcome"]
    await first.start({"publish": {"topic": "t/s", "envelope": "e"}})
    await broker.get({"publish": {}})
    broker.relays["a"].reset()
    await first.ended()
    await broker.say({"drain": {"reason": "kept"}})
    second = await dial()
    resume = {"session_id": welcome["session_id"], "resume_token": welcome["resume_token"], "received": 0}
    answer = (await second.hello(resume=resume))["welcome"]
    assert (answer["resumed"], answer["received"]) == (True, 1)
    await second.get({"drain": {"reason": "kept"}})
    assert broker.connected
    broker.forget()
    broker.relays["a"].reset()
    third = await dial()
    assert "resumed" not in (await third.hello(resume=resume))["welcome"]


@pytest.mark.parametrize("broker", [{"manual": ["hello"], "addresses": ["a", "b"]}], indirect=True)
async def test_what_a_case_does_itself(broker: ScriptedBroker, dial: Dial) -> None:
    peer = await dial("b")
    greeting = await peer.send({"id": 1, "hello": {"producer_id": "p"}})
    assert (await broker.get({"hello": {}}))["address"] == "b"
    assert not peer.has({"re": greeting})
    await broker.greet({"version": 1, "session_id": "mine"})
    await peer.get({"re": greeting, "welcome": {"session_id": "mine"}})
    await broker.grant(2_000_000, 1 << 41)
    await broker.write({"goodbye": {}}, first_seq=9)
    await peer.get({"goodbye": {}})
    assert peer.credit_messages == 2_000_000
    assert [v.rule for v in peer.violations] == ["SES-7"]
    assert {v.rule for v in broker.violations} == {"FLOW-1", "SES-4"}
    broker.end("ABORTED", "enough")
    assert await peer.ended() == ("ABORTED", "enough")


async def test_what_an_older_connection_still_says_is_not_heard(broker: ScriptedBroker, dial: Dial) -> None:
    older = await dial()
    await older.hello()
    newer = await dial()
    await newer.hello()
    await older.start({"publish": {"topic": "t/s", "envelope": "late"}})
    await newer.do({"publish": {"topic": "t/s", "envelope": "heard"}})
    broker.end("UNAVAILABLE", "over", 1)
    assert await older.ended() == ("UNAVAILABLE", "over")
    assert [one["publish"]["envelope"] for one in broker.inbox if "publish" in one] == ["heard"]
    assert broker.violations == []
    await newer.do({"list_subscriptions": {}})


async def test_what_does_not_come_is_a_failure(broker: ScriptedBroker, dial: Dial) -> None:
    await (await dial()).hello()
    with pytest.raises(Failed, match="message 1 of 1: publish"):
        await broker.next([{"publish": {}}])
    with pytest.raises(Failed, match="0 of 1 messages within 50 ms"):
        await broker.next([{"publish": {}}], within_ms=50)
    with pytest.raises(Failed, match=r"expected .*publish.* within 50 ms; there was nothing"):
        await broker.get({"publish": {}}, within_ms=50)


async def test_what_never_reached_it_and_what_it_repeats(broker: ScriptedBroker, dial: Dial) -> None:
    broker.receipts = False
    peer = await dial()
    await peer.hello()
    await peer.do({"list_subscriptions": {}})
    broker.lose(1)
    assert broker.session is not None
    assert broker.session.watch.received == 0
    await broker.repeat(1)
    await peer.fence()
    assert next(v.rule for v in peer.violations) == "SES-7"


async def test_who_does_not_begin_with_hello_is_noticed(broker: ScriptedBroker, dial: Dial) -> None:
    peer: Any = await dial()
    await peer.write({"heartbeat": {}})
    assert await broker.wait(lambda: bool(broker.violations), 5_000)
    assert broker.violations[0].rule == "SES-1"


async def test_a_client_that_asks_whether_somebody_is_there_is_answered_and_no_more(
    broker: ScriptedBroker, dial: Dial
) -> None:
    peer = await dial()
    await peer.hello()
    await peer.ask({"heartbeat": {}})
    await peer.do({"subscribe": {"subscription": {}}})
    await broker.next([{"hello": {}}, {"seq": 1, "subscribe": {}}])
    broker.manual = {"heartbeat"}
    await peer.write({"heartbeat": {}, "id": 7})
    await broker.get({"id": 7, "heartbeat": {}})
