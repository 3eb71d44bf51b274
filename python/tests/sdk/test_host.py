"""AgentHost: which handlers run when."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from parley import AgentId, MessageContext, RoutedAgent, SingleThreadedAgentRuntime, TopicId, UnknownPayload, event, rpc
from parley import _host as host_module
from parley._host import AgentHost
from parley._slot import AgentSlot, Registration
from parley._state import Commit
from parley._work import Work
from parley.exceptions import CallCancelledError, DeadlineExceededError, ParleyError

PATIENCE = 5.0


@dataclass
class Say:
    text: str


class Gated(RoutedAgent):
    def __init__(self, gate: asyncio.Event) -> None:
        self.gate = gate
        self.closed = False

    @rpc
    async def call(self, message: Say, ctx: MessageContext) -> Say:
        await self.gate.wait()
        return message

    @event
    async def told(self, message: Say, ctx: MessageContext) -> None:
        await self.gate.wait()

    async def close(self) -> None:
        self.closed = True


class FakeWork(Work):
    __slots__ = ("log", "message")

    def __init__(self, log: list[Any], text: str = "", **known: Any) -> None:
        super().__init__(known.pop("recipient", AgentId("a", "k")), sender=None, message_id="m", **known)
        self.log = log
        self.message = Say(text)

    def started(self) -> None:
        self.log.append(("started", self.message.text))

    def open(self) -> Any:
        return self.message

    def unknown(self) -> UnknownPayload:
        return UnknownPayload("", "", b"")

    def withdrawn(self) -> None:
        self.log.append(("withdrawn", self.message.text))

    def succeeded(self, result: Any, commit: Commit | None = None) -> None:
        self.log.append(("succeeded", self.message.text))

    def ignored(self) -> None:
        self.log.append(("ignored", self.message.text))

    def failed(self, error: ParleyError | CallCancelledError) -> None:
        self.log.append((type(error).__name__, self.message.text))


class Bench:
    """A host with one agent behind a gate."""

    def __init__(self, max_concurrency: int = 10) -> None:
        self.gate = asyncio.Event()
        self.log: list[Any] = []
        self.host = AgentHost(SingleThreadedAgentRuntime(), max_concurrency=max_concurrency)
        self.registration = Registration("a", factory=lambda: Gated(self.gate))
        self.host.registrations["a"] = self.registration

    def slot(self, key: str = "k") -> AgentSlot:
        id = AgentId("a", key)
        return self.host.slots.get(id) or self.host.activate(id, self.registration)

    def call(self, text: str, **known: Any) -> FakeWork:
        work = FakeWork(self.log, text, topic=None, **known)
        self.host.submit(self.slot(), work)
        return work

    def tell(self, text: str) -> FakeWork:
        work = FakeWork(self.log, text, topic=TopicId("t", "k"))
        self.host.submit(self.slot(), work)
        return work

    async def idle(self) -> list[Any]:
        self.gate.set()
        await asyncio.wait_for(self.host.idle(), PATIENCE)
        return self.log


async def test_max_concurrency_holds_up_all_but_nested_calls() -> None:
    bench = Bench(max_concurrency=2)
    for text in ("1", "2", "3", "4"):
        bench.call(text)
    bench.call("nested", chain=(AgentId("b", "k"),))
    assert bench.log == [("started", "1"), ("started", "2"), ("started", "nested")]
    assert bench.host.busy == 5
    log = await bench.idle()
    assert [text for what, text in log if what == "started"] == ["1", "2", "nested", "3", "4"]
    assert sum(what == "succeeded" for what, _ in log) == 5
    assert bench.host.busy == 0


async def test_events_wait_for_each_other_and_calls_do_not() -> None:
    bench = Bench()
    bench.tell("1")
    bench.tell("2")
    bench.call("3")
    assert [text for _, text in bench.log] == ["1", "3"]
    assert [entry for entry in await bench.idle() if entry[0] == "started"][-1] == ("started", "2")


async def test_work_that_ended_while_it_waited_never_starts() -> None:
    bench = Bench(max_concurrency=1)
    bench.call("1")
    bench.call("cancelled").end("cancel")
    bench.call("late", deadline=time.monotonic() - 1)
    await asyncio.sleep(0.05)
    log = await bench.idle()
    assert ("CallCancelledError", "cancelled") in log
    assert ("DeadlineExceededError", "late") in log


async def test_handlers_are_held_until_released() -> None:
    bench = Bench()
    allowed = False
    bench.host.may_start = lambda: allowed
    bench.call("1")
    bench.tell("2")
    await asyncio.sleep(0)
    assert bench.log == []
    allowed = True
    bench.host.release()
    assert [text for _, text in bench.log] == ["1", "2"]
    await bench.idle()


async def test_stopping_fires_tokens_cancels_handlers_and_closes_agents() -> None:
    bench = Bench()
    work = bench.call("1")
    bench.tell("2")
    agent = await bench.slot().wait()
    await bench.host.stop()
    assert isinstance(agent, Gated)
    assert agent.closed
    assert work.token.is_cancelled()
    assert ("CallCancelledError", "1") in bench.log
    assert bench.host.slots == {}
    assert bench.host.busy == 0


async def test_stateless_agents_are_let_go_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "MAX_IDLE_STATELESS", 2)
    bench = Bench()
    bench.gate.set()
    bench.registration.mode = "stateless"
    first = bench.slot("1")
    for key in ("1", "2", "1", "3"):
        bench.host.submit(bench.slot(key), FakeWork(bench.log, key, topic=None))
        await bench.idle()
    assert [slot.id.key for slot in bench.host.slots.values()] == ["1", "3"]
    assert bench.slot("1") is first


async def test_an_agent_that_is_made_anew_is_closed_first() -> None:
    bench = Bench()
    first = await bench.slot().wait()
    second = await bench.host.activate(AgentId("a", "k"), bench.registration, 2).wait()
    await bench.idle()
    assert isinstance(first, Gated)
    assert isinstance(second, Gated)
    assert (first.closed, second.closed) == (True, False)


async def test_a_handler_that_keeps_its_agent_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parley._work.BLOCKED_WARNING_INTERVAL", 0.02)
    bench = Bench()
    work = bench.tell("1")
    await bench.slot().wait()
    while len(caplog.records) < 2:  # noqa: ASYNC110 - the warnings come by themselves
        await asyncio.sleep(0.005)
    assert "a handler of a/k has been running for 0 s and keeps the agent's other events waiting" in caplog.text
    assert not work.token.is_cancelled()
    await bench.idle()


@pytest.mark.parametrize("why", ["deadline", "cancel"])
async def test_a_call_that_nobody_waits_for_holds_up_no_other(why: str) -> None:
    bench = Bench(max_concurrency=1)
    first = bench.call("1")
    bench.call("2")
    bench.call("3")
    first.end(why)
    assert [text for _, text in bench.log] == ["1", "2"], "the third waits for the second"
    assert bench.host.busy == 3, "the first still runs"
    log = await bench.idle()
    assert [text for what, text in log if what == "started"] == ["1", "2", "3"]
    assert bench.host.busy == 0


async def test_a_handler_that_does_not_heed_its_token_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley._work.CANCEL_GRACE", 0.02)
    bench = Bench()
    bench.call("1", deadline=time.monotonic() + 0.01)
    await asyncio.wait_for(bench.host.idle(), PATIENCE)
    assert bench.log[-1] == ("DeadlineExceededError", "1")


async def test_a_call_whose_agent_is_not_made_in_time_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley._work.CANCEL_GRACE", 0.02)
    bench = Bench()
    made: asyncio.Future[Gated] = asyncio.get_running_loop().create_future()
    bench.registration.factory = lambda: made
    work = bench.call("1", deadline=time.monotonic() + 0.01)
    assert work.task is not None
    await asyncio.wait_for(asyncio.wait([work.task]), PATIENCE)
    assert bench.log[-1] == ("DeadlineExceededError", "1")
    made.set_result(Gated(bench.gate))
    await bench.idle()


class Stubborn(RoutedAgent):
    """Its events end when the gate opens, whoever cancels them."""

    def __init__(self, gate: asyncio.Event) -> None:
        self.gate = gate

    @event(timeout=0.02)
    async def told(self, message: Say, ctx: MessageContext) -> None:
        while not self.gate.is_set():
            with suppress(asyncio.CancelledError):
                await self.gate.wait()
        if message.text == "raises":
            raise ValueError


@pytest.mark.parametrize("text", ["returns", "raises"])
async def test_an_event_whose_limit_has_passed_fails_at_once_and_keeps_its_agent(text: str) -> None:
    """covers: DLV-9"""
    bench = Bench(max_concurrency=1)
    bench.registration.factory = lambda: Stubborn(bench.gate)
    fired = asyncio.Event()
    bench.tell(text).token.add_callback(fired.set)
    bench.tell("next")
    elsewhere = FakeWork(bench.log, "elsewhere", topic=TopicId("t", "other"), recipient=AgentId("a", "other"))
    bench.host.submit(bench.slot("other"), elsewhere)
    await asyncio.wait_for(fired.wait(), PATIENCE)
    started = [("started", text), ("DeadlineExceededError", text), ("started", "elsewhere")]
    assert bench.log[:3] == started, "the agent's next event waits for the handler, another agent's does not"
    bench.gate.set()
    log = await bench.idle()
    assert [entry for entry in log if entry[1] == text] == started[:2], "that attempt is settled"
    assert ("succeeded", "next") in log


async def test_time_is_up_is_an_error_of_the_call() -> None:
    bench = Bench()
    work = bench.call("1", deadline=time.monotonic() + 0.01)
    fired = asyncio.Event()
    work.token.add_callback(fired.set)
    await asyncio.wait_for(fired.wait(), PATIENCE)
    assert work.ended_by == "deadline"
    assert DeadlineExceededError.__name__ not in str(bench.log)  # the handler has a while to end by itself
    assert (await bench.idle())[-1] == ("succeeded", "1")
