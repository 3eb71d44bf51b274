"""What agents save and commit, on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from parley import AgentId, MessageContext, RoutedAgent, TopicId, event, rpc
from parley._distributed import saving
from parley.exceptions import CallCycleError, InvalidArgumentError
from parley_wire.v1 import agent_pb2, errors_pb2, state_pb2

from .conftest import Connected, close, connect
from .scripted import ALL_KINDS, PATIENCE, Message, Peer, ScriptedBroker
from .wire import AGENT, EPOCH, Ping, Pong, delivery, reason, request


class Counter(RoutedAgent, idle_timeout=2.5):
    """Counts what it is asked and told."""

    made: list[Any]

    def __init__(self) -> None:
        super().__init__()
        type(self).made.append(self)
        self.n = 0
        self.closed = False
        self.gate = asyncio.Event()
        self.gate.set()

    @rpc
    async def ping(self, message: Ping, ctx: MessageContext) -> Pong:
        self.n += message.n
        if message.n > 1000:
            await self.publish_message(message, TopicId("t", "k"), message_id="mine")
        await self.gate.wait()
        if message.n < 0:
            raise ValueError("negative")
        return Pong(self.n)

    @event
    async def told(self, message: Ping, ctx: MessageContext) -> None:
        await self.ping(message, ctx)

    async def save_state(self) -> Mapping[str, Any]:
        return {"n": self.n}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self.n = state["n"]

    async def close(self) -> None:
        self.closed = True


def classes(mode: str) -> type[Counter]:
    if mode == "standard":
        return type("Standard", (Counter,), {"made": []})

    class Once(Counter, mode="effectively-once"):
        pass

    Once.made = []
    return Once


def activate(state: bytes = b"", version: int = 0, epoch: int = EPOCH, id: int = 1000) -> Message:
    message = Message(id=id, activate=agent_pb2.Activate(agent=AGENT, epoch=epoch))
    if version:
        message.activate.state.CopyFrom(
            state_pb2.State(data=state, content_type="application/json" if state else "", version=version)
        )
    return message


async def hosting(
    scripted: ScriptedBroker, mode: str = "standard", first: Message | None = None, **options: Any
) -> tuple[Connected, list[Any]]:
    connected = await connect(scripted, **options)
    cls = classes(mode)
    await cls.register(connected.runtime, "a", cls, skip_direct_message_subscription=True)
    starting = asyncio.ensure_future(connected.runtime.start())
    registration = (await connected.peer.expect("register_agent_type")).register_agent_type
    assert registration.keeps_state
    assert registration.idle_timeout_ms == 2500
    connected.peer.send(Message(re=2, done={}))
    await starting
    connected.peer.send(first or activate())
    assert (await connected.peer.expect("done")).re == 1000
    return connected, cls.made


def refuse(peer: Peer, message: Message, reason: str, **details: str) -> None:
    number: Any = errors_pb2.ErrorReason.Value(f"ERROR_REASON_{reason}")
    peer.send(Message(re=message.id, error=errors_pb2.Error(reason=number, message="no", details=details)))


def committed(message: Message) -> tuple[int, bytes | None]:
    commit = (message.reply if message.HasField("reply") else message.ack).commit
    assert (commit.agent, commit.epoch) == (AGENT, EPOCH)
    assert message.id > 0
    return commit.expected_version, commit.state.data if commit.HasField("state") else None


def saved(message: Message) -> tuple[int, bytes]:
    assert (message.save.agent, message.save.epoch) == (AGENT, EPOCH)
    assert message.save.state.content_type == "application/json"
    return message.save.expected_version, message.save.state.data


# ---- standard agents


async def test_a_state_is_loaded_if_there_is_one_and_saved_when_it_changes(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted, first=activate(b'{"n":40}', 7))
    peer = connected.peer
    assert agent.n == 40
    peer.send(request(1, 2), request(2, 0), delivery(1, 0), delivery(2, 8))
    first = await peer.expect("reply")
    assert committed(first) == (7, b'{"n":42}')
    assert first.reply.commit.state.content_type == "application/json"
    plain = await peer.expect("reply")
    assert (plain.id, plain.reply.HasField("commit")) == (0, False)  # nothing has changed
    ack = await peer.expect("ack")
    assert not ack.ack.HasField("commit")
    peer.done(ack)
    assert committed(await peer.expect("ack")) == (8, b'{"n":50}')  # counted on without waiting
    await close(connected)


async def test_what_fails_saves_nothing(scripted: ScriptedBroker) -> None:
    connected, _ = await hosting(scripted)
    connected.peer.send(request(1, -1))
    assert reason(await connected.peer.expect("error")) == "HANDLER_FAILED"
    connected.peer.send(request(2, 2))
    assert committed(await connected.peer.expect("reply")) == (0, b'{"n":1}')
    await close(connected)


async def test_a_state_that_is_none_fails_the_message(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    agent.n = object()
    agent.ping = None
    connected.peer.send(request(1, 1))
    assert reason(await connected.peer.expect("error")) == "HANDLER_FAILED"
    await close(connected)


@pytest.mark.parametrize("state", [b"{}", b"[]", b"{"])
async def test_a_state_that_cannot_be_loaded_fails_the_activation(scripted: ScriptedBroker, state: bytes) -> None:
    connected, _ = await hosting(scripted)
    connected.peer.send(activate(state, 1, EPOCH + 1, 5), request(6, epoch=EPOCH + 1))
    answers = [await connected.peer.expect("error") for _ in range(2)]
    assert {answer.re for answer in answers} == {5, 6}
    assert {reason(answer) for answer in answers} == {"ACTIVATION_FAILED"}
    assert "could not be given its state" in answers[0].error.message
    await close(connected)


async def test_an_agent_that_committed_without_ever_saving_loads_nothing(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted, first=activate(b"", 3))
    connected.peer.send(request(1, 1))
    assert committed(await connected.peer.expect("reply")) == (3, b'{"n":1}')
    assert agent.n == 1
    await close(connected)


async def test_after_a_conflict_it_is_saved_again_under_the_brokers_version(scripted: ScriptedBroker) -> None:
    connected, _ = await hosting(scripted, first=activate(b'{"n":40}', 7))
    peer = connected.peer
    peer.send(request(1, 1), request(2, 1), request(3, 1))
    replies = [await peer.expect("reply") for _ in range(3)]
    assert [committed(reply)[0] for reply in replies] == [7, 8, 9]
    refuse(peer, replies[0], "UNAVAILABLE")
    save = await peer.expect("save")
    assert saved(save) == (10, b'{"n":43}')
    for late in replies[1:]:
        refuse(peer, late, "STATE_CONFLICT", actual="7")  # no news
    refuse(peer, save, "STATE_CONFLICT", expected="10", actual="7")
    save = await peer.expect("save")
    assert saved(save) == (7, b'{"n":43}')
    peer.done(save)
    peer.send(request(4, 1))
    assert committed(await peer.expect("reply")) == (8, b'{"n":44}')
    await close(connected)


async def test_an_agent_that_another_process_has_saved_since_is_dropped(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    connected.peer.send(request(1, 1))
    refuse(connected.peer, await connected.peer.expect("reply"), "STATE_CONFLICT", expected="0", actual="1")
    connected.peer.send(request(2, 1))
    assert reason(await connected.peer.expect("error")) == "ACTIVATION_FAILED"  # the broker then activates it anew
    assert agent.closed
    await close(connected)


async def test_an_agent_whose_place_is_lost_is_dropped(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    connected.peer.send(request(1, 1))
    refuse(connected.peer, await connected.peer.expect("reply"), "STALE_EPOCH", epoch="1", current="2")
    connected.peer.send(request(2, 1))
    assert reason(await connected.peer.expect("error")) == "ACTIVATION_FAILED"
    assert agent.closed
    await close(connected)


async def test_a_refused_ack_is_said_again_with_the_present_state(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    peer = connected.peer
    peer.send(delivery(4, 3))
    refuse(peer, await peer.expect("ack"), "UNAVAILABLE")
    save = await peer.expect("save")
    assert saved(save)[1] == b'{"n":3}'
    peer.done(save)
    agent.n = 5
    peer.send(delivery(4, 3, round=2, attempt=2))
    ack = await peer.expect("ack")
    assert ack.ack.round == 2
    assert committed(ack)[1] == b'{"n":5}'
    assert agent.n == 5  # the handler did not run twice
    await close(connected)


async def test_saving_on_request(scripted: ScriptedBroker) -> None:
    connected, _ = await hosting(scripted)
    peer = connected.peer
    peer.send(Message(id=5, save_request=agent_state_request()))
    save = await peer.expect("save")
    assert saved(save) == (0, b'{"n":0}')
    assert await peer.silent()
    peer.done(save)
    assert (await peer.expect("done")).re == 5
    peer.send(Message(id=6, save_request=agent_state_request(EPOCH + 1)))
    assert reason(await peer.expect("error")) == "NOT_FOUND"
    peer.send(Message(id=7, save_request=agent_state_request()))
    refuse(peer, await peer.expect("save"), "UNAVAILABLE")
    answer = await peer.expect("error")
    assert (answer.re, reason(answer)) == (7, "UNAVAILABLE")
    await close(connected)


def agent_state_request(epoch: int = EPOCH) -> state_pb2.SaveRequest:
    return state_pb2.SaveRequest(agent=AGENT, epoch=epoch)


async def test_saving_from_time_to_time(scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "SAVE_INTERVAL", 0.02)
    connected, (agent,) = await hosting(scripted)
    agent.n = 9
    save = await connected.peer.expect("save")
    assert saved(save) == (0, b'{"n":9}')
    connected.peer.done(save)
    await asyncio.sleep(0.05)
    assert await connected.peer.silent()  # nothing has changed
    await close(connected)


async def test_a_save_without_an_answer_is_sent_again_in_the_next_session(scripted: ScriptedBroker) -> None:
    connected, _ = await hosting(scripted)
    connected.peer.send(Message(id=5, save_request=agent_state_request()))
    await connected.peer.expect("save")
    connected.peer.end()
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    peer.done(await peer.expect("register_agent_type"))
    peer.send(Message(re=(await peer.expect("claim")).id, claim_result=agent_pb2.ClaimResult()))
    save = await peer.expect("save")
    assert saved(save)[1] == b'{"n":0}'
    peer.done(save)
    assert await peer.silent()  # the request was the last session's
    await close(Connected(connected.runtime, peer))


async def test_a_session_that_ends_while_the_state_is_asked_for_is_followed_by_a_save(scripted: ScriptedBroker) -> None:
    """covers: SES-15"""
    connected, (agent,) = await hosting(scripted)
    asked, answer = asyncio.Event(), asyncio.Event()

    async def save_state() -> Mapping[str, Any]:
        asked.set()
        await answer.wait()
        return {"n": 3}

    agent.save_state = save_state
    connected.peer.send(Message(id=5, save_request=agent_state_request()))
    await asyncio.wait_for(asked.wait(), PATIENCE)
    connected.peer.end()
    await asyncio.wait_for(connected.runtime._uplink.lost(), PATIENCE)
    answer.set()
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    peer.done(await peer.expect("register_agent_type"))
    peer.send(Message(re=(await peer.expect("claim")).id, claim_result=agent_pb2.ClaimResult()))
    assert saved(await peer.expect("save"))[1] == b'{"n":3}'
    await close(Connected(connected.runtime, peer))


async def test_a_save_of_a_session_that_went_on_after_all_is_not_waited_for(scripted: ScriptedBroker) -> None:
    """covers: SES-15, AGT-8"""
    connected, _ = await hosting(scripted, welcome={"session_grace_ms": 50})
    connected.peer.send(Message(id=5, save_request=agent_state_request()))
    await connected.peer.expect("save")
    connected.peer.end()
    peer = await scripted.accept()
    await asyncio.wait_for(connected.runtime._uplink.lost(), PATIENCE)
    peer.take_over(connected.peer)
    peer.done(await peer.expect("save"))
    assert (await peer.expect("done")).re == 5
    peer.send(deactivate(timeout_ms=60_000))
    assert (await peer.expect("done")).re == 77
    await close(Connected(connected.runtime, peer))


async def test_saves_from_time_to_time_do_not_pile_up(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "SAVE_INTERVAL", 0.01)
    connected, (agent,) = await hosting(scripted)
    saver = connected.runtime._worker.saver
    connected.peer.end()
    await scripted.accept()  # and never answers
    agent.n = 9
    while not saver._tasks:  # noqa: ASYNC110 - the timer comes by itself
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.1)
    assert len(saver._tasks) == 1
    await connected.runtime.stop()


async def test_after_a_lost_session_the_count_is_made_sure_before_a_result_commits(scripted: ScriptedBroker) -> None:
    connected, _ = await hosting(scripted)
    connected.peer.send(request(1, 1))
    await connected.peer.expect("reply")  # whether it was stored is not known
    connected.peer.end()
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    peer.done(await peer.expect("register_agent_type"))
    peer.send(Message(re=(await peer.expect("claim")).id, claim_result=agent_pb2.ClaimResult()))
    peer.send(request(2, 1))
    save = await peer.expect("save")
    assert saved(save) == (1, b'{"n":2}')
    refuse(peer, save, "STATE_CONFLICT", expected="1", actual="0")
    save = await peer.expect("save")
    assert saved(save) == (0, b'{"n":2}')
    assert await peer.silent()
    peer.done(save)
    reply = await peer.expect("reply")
    assert (reply.re, reply.reply.HasField("commit")) == (2, False)
    await close(Connected(connected.runtime, peer))


# ---- given back


async def test_an_agent_that_is_asked_back_finishes_and_is_saved(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    peer = connected.peer
    agent.gate.clear()
    peer.send(delivery(1, 1), delivery(2, 2), deactivate())
    await peer.fence()
    agent.gate.set()
    acks = [await peer.expect("ack") for _ in range(2)]
    assert [committed(ack)[1] for ack in acks] == [b'{"n":1}', b'{"n":3}']
    assert await peer.silent()  # a commit may still be refused
    for ack in acks:
        peer.done(ack)
    assert (await peer.expect("done")).re == 77
    assert agent.closed
    assert not connected.runtime._host.slots
    await close(connected)


def deactivate(timeout_ms: int = 5000, epoch: int = EPOCH) -> Message:
    return Message(id=77, deactivate=agent_pb2.Deactivate(agent=AGENT, epoch=epoch, timeout_ms=timeout_ms))


async def test_what_changed_by_itself_is_saved_when_it_is_given_back(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    agent.n = 4
    connected.peer.send(deactivate())
    save = await connected.peer.expect("save")
    assert saved(save) == (0, b'{"n":4}')
    connected.peer.done(save)
    assert (await connected.peer.expect("done")).re == 77
    connected.peer.send(deactivate())
    assert reason(await connected.peer.expect("error")) == "NOT_FOUND"
    await close(connected)


async def test_what_does_not_finish_in_time_is_cancelled(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    agent.gate.clear()
    connected.peer.send(request(1, 1), deactivate(timeout_ms=50))
    assert (await connected.peer.expect("done")).re == 77
    assert agent.closed
    assert await connected.peer.silent()
    await close(connected)


async def test_a_broker_that_keeps_no_state_is_told_none(scripted: ScriptedBroker) -> None:
    kinds = [kind for kind in ALL_KINDS if kind != Message.DESCRIPTOR.fields_by_name["save"].number]
    connected, _ = await hosting(scripted, welcome={"kinds": kinds})
    connected.peer.send(request(1, 1))
    reply = await connected.peer.expect("reply")
    assert not reply.reply.HasField("commit")
    await close(connected)


async def test_idle_agents_are_only_let_go_of_if_something_is_left(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)

    class Forgetful(RoutedAgent, idle_timeout=1):
        pass

    with pytest.raises(InvalidArgumentError, match="for agents that override save_state"):
        await Forgetful.register(connected.runtime, "a", Forgetful)
    with pytest.raises(InvalidArgumentError, match="seconds above 0, not 0"):
        type("Bad", (RoutedAgent,), {}, idle_timeout=0)
    await close(connected)


# ---- effectively-once agents


async def test_a_commit_holds_state_and_publishes_and_the_next_message_waits_for_its_answer(
    scripted: ScriptedBroker,
) -> None:
    connected, (agent,) = await hosting(scripted, "effectively-once", activate(b'{"n":1}', 3))
    peer = connected.peer
    peer.send(request(1, 1001), delivery(1, 1), request(2, 0))
    reply = await peer.expect("reply")
    assert committed(reply) == (3, b'{"n":1002}')
    (publish,) = reply.reply.commit.publishes
    assert (publish.sender, publish.sender_epoch, publish.event_id) == (AGENT, EPOCH, "mine")
    assert await peer.silent()
    assert agent.n == 1002
    peer.done(reply)
    ack = await peer.expect("ack")
    assert committed(ack) == (4, b'{"n":1003}')
    peer.done(ack)
    reply = await peer.expect("reply")
    assert committed(reply) == (5, None)  # the version grows all the same
    await close(connected)


async def test_after_a_failure_it_is_made_anew_from_what_was_committed(scripted: ScriptedBroker) -> None:
    connected, agents = await hosting(scripted, "effectively-once", activate(b'{"n":1}', 3))
    peer = connected.peer
    peer.send(request(1, 1))
    peer.done(await peer.expect("reply"))
    peer.send(request(2, -5), request(3, 1))
    assert reason(await peer.expect("error")) == "HANDLER_FAILED"
    assert committed(await peer.expect("reply")) == (4, b'{"n":3}')
    assert [agent.closed for agent in agents] == [True, False]
    await close(connected)


async def test_after_a_refused_commit_the_event_is_handled_anew(scripted: ScriptedBroker) -> None:
    connected, agents = await hosting(scripted, "effectively-once")
    peer = connected.peer
    peer.send(delivery(1, 1))
    refuse(peer, await peer.expect("ack"), "UNAVAILABLE")
    peer.send(delivery(1, 1, round=2, attempt=2))
    ack = await peer.expect("ack")
    assert (ack.ack.round, committed(ack)) == (2, (0, b'{"n":1}'))
    assert len(agents) == 2
    await close(connected)


@pytest.mark.parametrize("why", ["STALE_EPOCH", "STATE_CONFLICT"])
async def test_after_these_it_is_dropped(scripted: ScriptedBroker, why: str) -> None:
    connected, (agent,) = await hosting(scripted, "effectively-once")
    peer = connected.peer
    peer.send(request(1, 1), request(2, 1))
    refuse(peer, await peer.expect("reply"), why, actual="9")
    peer.send(activate(b'{"n":50}', 9, EPOCH + 1, 9), request(3, 1, epoch=EPOCH + 1))
    answers = {message.re: message for message in [await peer.next() for _ in range(2)]}
    assert answers[9].HasField("done")
    reply = answers[3]
    assert (reply.re, reply.reply.commit.expected_version, reply.reply.commit.state.data) == (3, 9, b'{"n":51}')
    assert agent.closed
    await close(connected)


async def test_it_is_dropped_with_its_session(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted, "effectively-once")
    agent.gate.clear()
    connected.peer.send(request(1, 1), request(2, 1))
    await connected.peer.fence()
    connected.peer.end()
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    peer.done(await peer.expect("register_agent_type"))
    assert not peer.hello.hello.resume.agents, "the broker waits for so many claims"
    assert await peer.silent()  # it is not claimed
    assert agent.closed
    await close(Connected(connected.runtime, peer))


async def test_one_that_cannot_be_made_anew_is_tried_again_before_its_next_message(scripted: ScriptedBroker) -> None:
    """covers: STA-5"""
    connected, agents = await hosting(scripted, "effectively-once", activate(b'{"n":1}', 1))
    registration = connected.runtime._host.registrations["a"]
    good = registration.factory
    registration.factory = lambda: 1 / 0
    connected.peer.send(request(1, -1), request(2, 1), delivery(1, 1))
    answers = [await connected.peer.next() for _ in range(3)]
    assert [(answer.re, reason(answer)) for answer in answers[:2]] == [(1, "HANDLER_FAILED"), (2, "ACTIVATION_FAILED")]
    assert answers[2].nack.error.reason == errors_pb2.ERROR_REASON_ACTIVATION_FAILED
    registration.factory = good
    connected.peer.send(request(3, 1))
    assert committed(await connected.peer.expect("reply")) == (1, b'{"n":2}')
    assert [agent.closed for agent in agents] == [True, False]
    await close(connected)


async def test_no_call_is_cancelled_while_its_commit_awaits_its_answer(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """covers: STA-5"""
    monkeypatch.setattr("parley._work.CANCEL_GRACE", 0.02)
    connected, agents = await hosting(scripted, "effectively-once")
    peer = connected.peer
    peer.send(request(1, 5, timeout_ms=60))
    first = await peer.expect("reply")
    await asyncio.sleep(0.2)  # its time, and what it is given to end by itself
    peer.send(request(2, 7))
    assert await peer.silent()
    refuse(peer, first, "UNAVAILABLE")
    assert committed(await peer.expect("reply")) == (0, b'{"n":7}')
    assert len(agents) == 2
    await close(connected)


async def test_no_event_fails_while_its_commit_awaits_its_answer(scripted: ScriptedBroker) -> None:
    """covers: STA-5, DLV-9"""
    connected, (agent,) = await hosting(scripted, "effectively-once")
    agent.event_timeout = lambda message_type: 0.05
    connected.peer.send(delivery(1, 5))
    ack = await connected.peer.expect("ack")
    await asyncio.sleep(0.15)
    assert await connected.peer.silent()
    connected.peer.done(ack)
    await close(connected)


async def test_an_event_whose_limit_passed_while_its_state_was_asked_for_is_made_anew(scripted: ScriptedBroker) -> None:
    """covers: STA-5, DLV-9"""
    connected, agents = await hosting(scripted, "effectively-once")
    (agent,) = agents
    agent.event_timeout = lambda message_type: 0.02
    asked, answer = asyncio.Event(), asyncio.Event()

    async def save_state() -> Mapping[str, Any]:
        asked.set()
        while not answer.is_set():
            with suppress(asyncio.CancelledError):
                await answer.wait()
        return {"n": agent.n}

    agent.save_state = save_state
    connected.peer.send(delivery(1, 5))
    await asyncio.wait_for(asked.wait(), PATIENCE)
    nack = await connected.peer.expect("nack")
    assert nack.nack.error.reason == errors_pb2.ERROR_REASON_DEADLINE_EXCEEDED
    answer.set()
    connected.peer.send(request(1, 2))
    assert committed(await connected.peer.expect("reply")) == (0, b'{"n":2}')
    assert len(agents) == 2
    await close(connected)


async def test_an_ephemeral_event_commits_nothing_by_itself(scripted: ScriptedBroker) -> None:
    connected, _ = await hosting(scripted, "effectively-once")
    connected.peer.send(delivery(0, 5))
    assert await connected.peer.silent()
    connected.peer.send(request(1, 1))
    assert committed(await connected.peer.expect("reply")) == (0, b'{"n":6}')
    await close(connected)


async def test_a_call_cycle_is_told(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(1), AgentId("b", "k")))
    refuse(connected.peer, await connected.peer.expect("request"), "CALL_CYCLE")
    with pytest.raises(CallCycleError):
        await calling
    await close(connected)
