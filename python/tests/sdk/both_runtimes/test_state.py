"""Effectively-once agents and idempotency keys, alike on both runtimes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from parley import AgentId, MessageContext, RoutedAgent, TopicId, TypeSubscription, event, rpc
from parley.exceptions import CallCycleError, HandlerFailedError, InvalidArgumentError

from .conftest import World
from .echo import PATIENCE, Answer, Ask, Echo, Log, Told

ONCE = AgentId("once", "k")


class Once(RoutedAgent, mode="effectively-once"):
    """Adds, publishes, fails half-way, or calls itself, as it is told."""

    def __init__(self, log: Log, gate: asyncio.Event) -> None:
        super().__init__()
        self.log = log
        self.gate = gate
        self.total = 0
        log.add("made")

    @rpc
    async def on_ask(self, message: Ask, ctx: MessageContext) -> Answer:
        self.log.add(f"begin {message.text}")
        before = self.total
        self.total += message.number
        if message.text != "read":
            await self.publish_message(Told(message.text), TopicId("news", "k"))
            await self.publish_message(Told(f"{message.text} now"), TopicId("news", "k"), immediate=True)
        if message.text == "wait":
            await self.gate.wait()
        if message.text == "fail":
            raise ValueError("half-way")
        if message.text == "itself":
            await self.send_message(Ask("read"), self.id, response_type=Answer)
        self.log.add(f"end {message.text}")
        return Answer(f"{before} {self.total}")

    @event
    async def on_told(self, message: Told, ctx: MessageContext) -> None:
        self.total += 100
        if message.text == "fail":
            raise ValueError("half-way")

    async def save_state(self) -> Mapping[str, Any]:
        return {"total": self.total}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self.total = state["total"]

    async def close(self) -> None:
        self.log.add("closed")


class Hearer(RoutedAgent):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    @event
    async def on_told(self, message: Told, ctx: MessageContext) -> None:
        self.log.add(message.text)


class Scene:
    """An effectively-once agent and somebody who hears what it publishes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.log = Log()
        self.heard = Log()
        self.gate = asyncio.Event()

    async def begin(self) -> None:
        await Once.register(self.world.host, "once", lambda: Once(self.log, self.gate))
        await Hearer.register(self.world.caller, "hearer", lambda: Hearer(self.heard))
        await self.world.start()
        await self.world.host.add_subscription(TypeSubscription("news", "hearer"))
        await self.world.host.add_subscription(TypeSubscription("told", "once"))

    async def ask(self, text: str, number: int = 0, **options: Any) -> str:
        answer: Answer = await self.world.caller.send_message(Ask(text, number), ONCE, response_type=Answer, **options)
        return answer.text


async def test_what_a_handler_publishes_is_held_until_it_commits(world: World) -> None:
    scene = Scene(world)
    await scene.begin()
    asking = asyncio.ensure_future(scene.ask("wait", 1))
    assert await scene.heard.at_least(1) == ["wait now"]
    scene.gate.set()
    assert await asking == "0 1"
    assert await scene.heard.at_least(2) == ["wait now", "wait"]


async def test_half_an_effect_never_stays(world: World) -> None:
    scene = Scene(world)
    await scene.begin()
    assert await scene.ask("a", 1) == "0 1"
    with pytest.raises(HandlerFailedError, match="half-way"):
        await scene.ask("fail", 10)
    assert await scene.ask("b", 2) == "1 3"
    heard = await scene.heard.at_least(5)
    assert sorted(heard) == ["a", "a now", "b", "b now", "fail now"]
    assert scene.log.entries.count("made") == 2
    assert scene.log.entries.count("closed") == 1


async def test_one_message_at_a_time(world: World) -> None:
    scene = Scene(world)
    await scene.begin()
    first = asyncio.ensure_future(scene.ask("wait"))
    while "begin wait" not in scene.log.entries:  # noqa: ASYNC110 - the handler says so
        await asyncio.sleep(0.002)
    others = [asyncio.ensure_future(scene.ask(str(number), 1)) for number in range(3)]
    await world.caller.publish_message(Told("told"), TopicId("told", "k"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(others[0]), 0.05)
    scene.gate.set()
    await asyncio.wait_for(asyncio.gather(first, *others), PATIENCE)
    begun = [entry for entry in scene.log.entries if entry != "made"]
    assert begun[::2] == [entry.replace("end", "begin") for entry in begun[1::2]]
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not (await scene.ask("read")).endswith(" 103"):
        assert asyncio.get_running_loop().time() < deadline


async def test_a_failed_event_leaves_nothing(world: World) -> None:
    scene = Scene(world)
    await scene.begin()
    for text in ("a", "fail", "b"):
        await world.caller.publish_message(Told(text), TopicId("told", "k"))
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not (await scene.ask("read")).endswith(" 200"):
        assert asyncio.get_running_loop().time() < deadline
    assert await scene.ask("read") == "200 200"


async def test_a_call_that_would_wait_on_itself(world: World) -> None:
    scene = Scene(world)
    await scene.begin()
    with pytest.raises(HandlerFailedError) as caught:
        await scene.ask("itself")
    assert caught.value.details["exception_type"] == CallCycleError.__name__


async def test_effectively_once_agents_are_made_by_factories(world: World) -> None:
    agent = Once(Log(), asyncio.Event())
    with pytest.raises(InvalidArgumentError, match="register a factory, no instance"):
        await agent.register_instance(world.host, ONCE)

    class Many(Once, mode="effectively-once", concurrency=2):
        pass

    with pytest.raises(InvalidArgumentError, match="one message at a time, not 2"):
        await Many.register(world.host, "many", lambda: Many(Log(), asyncio.Event()))


# ---- idempotency keys


async def test_the_same_key_is_not_run_twice(world: World) -> None:
    log = Log()
    await Echo.register(world.host, "echo", lambda: Echo(log))
    await world.start()
    id = AgentId("echo", "k")
    for _ in range(2):
        assert await world.caller.send_message(Ask("a", 1), id, idempotency_key="x") == Answer("a 1")
    assert await world.caller.send_message(Ask("a", 1), AgentId("echo", "l"), idempotency_key="x") == Answer("a 1")
    with pytest.raises(InvalidArgumentError, match="key"):
        await world.caller.send_message(Ask("b", 1), id, idempotency_key="x")
    assert [entry[1] for entry in log.entries] == ["a", "a"]


async def test_a_call_that_runs_is_joined(world: World) -> None:
    scene = Scene(world)
    await scene.begin()
    calls = [asyncio.ensure_future(scene.ask("wait", 1, idempotency_key="x")) for _ in range(3)]
    while "begin wait" not in scene.log.entries:  # noqa: ASYNC110 - the handler says so
        await asyncio.sleep(0.002)
    scene.gate.set()
    assert await asyncio.wait_for(asyncio.gather(*calls), PATIENCE) == ["0 1"] * 3
    assert scene.log.entries.count("begin wait") == 1


async def test_what_failed_may_be_tried_again_with_its_key(world: World) -> None:
    log = Log()
    await Echo.register(world.host, "echo", lambda: Echo(log))
    await world.start()
    for _ in range(2):
        with pytest.raises(HandlerFailedError):
            await world.caller.send_message(Ask("fail"), AgentId("echo", "k"), idempotency_key="x")
    assert len(log.entries) == 2
