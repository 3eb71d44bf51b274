"""Events and subscriptions, on both runtimes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley import (
    AgentId,
    DefaultTopicId,
    MessageContext,
    RoutedAgent,
    TopicId,
    TypePrefixSubscription,
    TypeSubscription,
    default_subscription,
    event,
    rpc,
    type_subscription,
)
from parley.exceptions import NotFoundError

from .conftest import World
from .echo import PATIENCE, Answer, Ask, Log, Other, Told, hosted


async def subscribed(world: World, log: Log) -> None:
    await hosted(world, log)
    await world.host.add_subscription(TypeSubscription("news", "echo"))


async def test_an_event_reaches_the_agent_of_its_source(world: World) -> None:
    log = Log()
    await subscribed(world, log)
    await world.caller.publish_message(Told("hello"), TopicId("news", "k"))
    assert await log.at_least(1) == [("echo/k", "hello", "news/k", None, False)]


async def test_events_of_one_agent_come_one_at_a_time_in_order(world: World) -> None:
    running = 0
    log = Log()

    class Slow(RoutedAgent):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            nonlocal running
            running += 1
            await asyncio.sleep(0)
            log.add((running, message.text))
            running -= 1

    await Slow.register(world.host, "slow", Slow)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "slow"))
    for number in range(30):
        await world.caller.publish_message(Told(str(number)), TopicId("news", "k"))
    assert await log.at_least(30) == [(1, str(number)) for number in range(30)]


async def test_concurrency_lets_events_overlap(world: World) -> None:
    both = asyncio.Barrier(2)

    class Wide(RoutedAgent, concurrency=2):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            await asyncio.wait_for(both.wait(), PATIENCE)
            log.add(message.text)

    log = Log()
    await Wide.register(world.host, "wide", Wide)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "wide"))
    for text in ("a", "b"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert sorted(await log.at_least(2)) == ["a", "b"]


async def test_several_matching_subscriptions_deliver_once(world: World) -> None:
    log = Log()
    await subscribed(world, log)
    await world.host.add_subscription(TypePrefixSubscription("ne", "echo"))
    await world.host.add_subscription(TypePrefixSubscription("new", "echo"))
    for text in ("a", "b"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert [entry[1] for entry in await log.at_least(2)] == ["a", "b"]


async def test_an_agent_does_not_receive_its_own_event(world: World) -> None:
    log = Log()

    class Speaker(RoutedAgent):
        @rpc
        async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
            await self.publish_message(Told(message.text), TopicId("news", self.id.key))
            return Answer("said")

        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            log.add((str(self.id), message.text, str(ctx.sender)))

    await Speaker.register(world.host, "speaker", Speaker)
    await Speaker.register(world.host, "listener", Speaker)
    await world.start()
    for agent_type in ("speaker", "listener"):
        await world.host.add_subscription(TypeSubscription("news", agent_type))
    await world.caller.send_message(Ask("a"), AgentId("speaker", "k"))
    await world.caller.publish_message(Told("b"), TopicId("news", "k"))
    entries = await log.at_least(3)
    assert sorted(entries) == [
        ("listener/k", "a", "speaker/k"),
        ("listener/k", "b", "None"),
        ("speaker/k", "b", "None"),
    ]


async def test_removed_subscriptions(world: World) -> None:
    log = Log()
    await subscribed(world, log)
    other = TypeSubscription("other", "echo", id="mine")
    await world.host.add_subscription(other)
    await world.host.remove_subscription(TypeSubscription("news", "echo").id)
    with pytest.raises(NotFoundError):
        await world.host.remove_subscription("nonsense")
    await world.caller.publish_message(Told("a"), TopicId("news", "k"))
    await world.caller.publish_message(Told("b"), TopicId("other", "k"))
    assert [entry[1] for entry in await log.at_least(1)] == ["b"]


async def test_a_handler_that_fails_does_not_hold_up_later_events(world: World) -> None:
    log = Log()

    class Picky(RoutedAgent):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            if message.text == "bad":
                raise ValueError("bad")
            log.add(message.text)

    await Picky.register(world.host, "picky", Picky)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "picky"))
    for text in ("a", "bad", "b"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert await log.at_least(2) == ["a", "b"]


async def test_events_that_nobody_handles_are_seen_by_the_hook(world: World) -> None:
    log = Log()

    class Curious(RoutedAgent):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            log.add(message)

        async def on_unhandled_message(self, message: Any, ctx: MessageContext) -> None:
            log.add(type(message).__name__)

    await Curious.register(world.host, "curious", Curious)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "curious"))
    await world.caller.publish_message(Other(), TopicId("news", "k"))
    await world.caller.publish_message(Told("a"), TopicId("news", "k"))
    assert await log.at_least(2) == ["UnknownPayload" if world.distributed else "Other", Told("a")]


async def test_the_limit_of_an_event_handler(world: World) -> None:
    log = Log()

    class Stuck(RoutedAgent):
        @event(timeout=0.05)
        async def told(self, message: Told, ctx: MessageContext) -> None:
            if message.text == "stay":
                try:
                    await asyncio.get_running_loop().create_future()
                except asyncio.CancelledError:
                    log.add(("cancelled", ctx.cancellation_token.is_cancelled()))
                    raise
            log.add(message.text)

    await Stuck.register(world.host, "stuck", Stuck)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "stuck"))
    for text in ("stay", "next"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert await log.at_least(2) == [("cancelled", True), "next"]


async def test_subscriptions_that_classes_declare(world: World) -> None:
    log = Log()

    @default_subscription
    @type_subscription("special")
    class Declared(RoutedAgent):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            log.add((str(ctx.topic_id), message.text))

    await Declared.register(world.host, "declared", Declared)
    await world.start()
    await world.caller.publish_message(Told("a"), DefaultTopicId())
    await world.caller.publish_message(Told("b"), TopicId("special", "default"))
    await world.caller.publish_message(Told("c"), TopicId("declared:", "default"))
    assert sorted(await log.at_least(3)) == [
        ("declared:/default", "c"),
        ("default/default", "a"),
        ("special/default", "b"),
    ]
