"""Kinds of agents and handlers, their state, and what is refused, on both runtimes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from parley import (
    AgentId,
    ClosureAgent,
    ClosureContext,
    MessageContext,
    RoutedAgent,
    TopicId,
    TypeSubscription,
    event,
    message_handler,
    rpc,
)
from parley.exceptions import (
    AlreadyExistsError,
    HandlerFailedError,
    InvalidArgumentError,
    NoRespondersError,
    NotAccessibleError,
)

from .conftest import World
from .echo import PATIENCE, Answer, Ask, Echo, Log, Other, Refusal, Told, hosted


async def test_message_handlers_take_both_and_match(world: World) -> None:
    class Both(RoutedAgent):
        @message_handler(match=lambda message, ctx: message.number > 0)
        async def a_positive(self, message: Ask, ctx: MessageContext) -> Answer:
            return Answer("positive")

        @message_handler
        async def b_any(self, message: Ask | Told, ctx: MessageContext) -> Answer:
            return Answer("any")

    await Both.register(world.host, "both", Both)
    await world.start()
    target = AgentId("both", "k")
    assert await world.caller.send_message(Ask("", 1), target) == Answer("positive")
    assert await world.caller.send_message(Ask("", 0), target) == Answer("any")
    assert await world.caller.send_message(Told(""), target) == Answer("any")


@pytest.mark.parametrize("result", [Other(), "text", object()])
async def test_a_strict_handler_returns_what_it_declares(world: World, result: Any) -> None:
    class Strict(RoutedAgent):
        @rpc
        async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
            return result  # type: ignore[no-any-return]

    await Strict.register(world.host, "strict", Strict)
    await world.start()
    with pytest.raises(HandlerFailedError) as caught:
        await world.caller.send_message(Ask(""), AgentId("strict", "k"))
    assert caught.value.details["exception_type"] == "TypeError"
    assert "it declares Answer" in caught.value.message


async def test_a_lax_handler_may_return_other_messages(world: World) -> None:
    class Lax(RoutedAgent):
        @rpc(strict=False)
        async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
            return Refusal("still")  # type: ignore[return-value]

    await Lax.register(world.host, "lax", Lax)
    await world.start()
    assert await world.caller.send_message(Ask(""), AgentId("lax", "k")) == Refusal("still")


async def test_stateless_agents_overlap(world: World) -> None:
    both = asyncio.Barrier(2)
    log = Log()

    class Free(RoutedAgent, mode="stateless"):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            await asyncio.wait_for(both.wait(), PATIENCE)
            log.add(message.text)

        @rpc
        async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
            return Answer(str(self.id))

    await Free.register(world.host, "free", Free)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "free"))
    for text in ("a", "b"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert sorted(await log.at_least(2)) == ["a", "b"]
    assert await world.caller.send_message(Ask(""), AgentId("free", "x")) == Answer("free/x")


async def test_instances(world: World) -> None:
    echo = Echo()
    await world.start()
    await echo.register_instance(world.host, AgentId("pinned", "one"))
    assert await world.caller.send_message(Ask("a"), AgentId("pinned", "one")) == Answer("a 0")
    assert len(echo.log.entries) == 1
    with pytest.raises(NoRespondersError, match="pinned"):
        await world.caller.send_message(Ask("a"), AgentId("pinned", "two"))
    with pytest.raises(AlreadyExistsError):
        await Echo().register_instance(world.host, AgentId("pinned", "one"))
    await Echo().register_instance(world.host, AgentId("pinned", "two"))
    assert await world.caller.send_message(Ask("a"), AgentId("pinned", "two")) == Answer("a 0")
    with pytest.raises(AlreadyExistsError):
        await Echo.register(world.host, "pinned", Echo)


async def test_a_type_is_registered_once(world: World) -> None:
    await Echo.register(world.host, "echo", Echo)
    with pytest.raises(AlreadyExistsError):
        await Echo.register(world.host, "echo", Echo)


async def test_closures(world: World) -> None:
    log = Log()

    async def closure(agent: ClosureContext, message: Told | Ask, ctx: MessageContext) -> Answer | None:
        log.add((str(agent.id), message))
        return Answer("from a closure") if ctx.is_rpc else None

    await ClosureAgent.register_closure(
        world.host, "closure", closure, subscriptions=lambda: [TypeSubscription("news", "closure")]
    )
    await world.start()
    assert await world.caller.send_message(Ask("a"), AgentId("closure", "k")) == Answer("from a closure")
    await world.caller.publish_message(Told("b"), TopicId("news", "k"))
    assert await log.at_least(2) == [("closure/k", Ask("a")), ("closure/k", Told("b"))]


async def test_the_context_of_a_handler(world: World) -> None:
    log = Log()
    await hosted(world, log)
    await world.caller.send_message(Ask("a"), AgentId("echo", "k"), message_id="my id", timeout=3)
    ((_, _, ctx),) = log.entries
    assert ctx.sender is None
    assert ctx.topic_id is None
    assert ctx.is_rpc
    assert ctx.message_id == "my id"
    assert ctx.attempt == 1
    assert 0 < ctx.remaining <= 3


async def test_the_sender_is_the_calling_agent(world: World) -> None:
    log = Log()
    await hosted(world, log)
    await world.caller.send_message(Ask("nest", 1), AgentId("echo", "k"))
    assert [str(ctx.sender) for _, _, ctx in log.entries] == ["None", "echo/k"]


async def test_reaching_the_agents_of_this_process(world: World) -> None:
    await hosted(world)
    id = AgentId("echo", "k")
    assert await world.host.get("echo") == AgentId("echo", "default")
    assert await world.host.get(id) == id
    await world.caller.send_message(Ask("a"), id)
    assert isinstance(await world.host.try_get_underlying_agent_instance(id, Echo), Echo)
    assert await world.host.agent_metadata(id) == {"type": "echo", "key": "k", "description": "echo"}
    assert await world.host.get(id, lazy=False) == id
    with pytest.raises(TypeError):
        await world.host.try_get_underlying_agent_instance(id, ClosureAgent)
    with pytest.raises(LookupError):
        await world.host.try_get_underlying_agent_instance(AgentId("nobody", "k"))
    if world.distributed:
        with pytest.raises(NotAccessibleError):
            await world.host.try_get_underlying_agent_instance(AgentId("echo", "elsewhere"))


class Keeper(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("keeper")
        self.state = {"count": 0}

    @rpc
    async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
        self.state["count"] += 1
        return Answer(str(self.state["count"]))

    async def save_state(self) -> dict[str, int]:
        return self.state

    async def load_state(self, state: Any) -> None:
        self.state = dict(state)


async def test_saving_and_loading_state(world: World) -> None:
    await Keeper.register(world.host, "keeper", Keeper)
    await world.start()
    id = AgentId("keeper", "k")
    await world.caller.send_message(Ask(""), id)
    saved = await world.host.save_state()
    assert saved == {"keeper/k": {"count": 1}}
    await world.caller.send_message(Ask(""), id)
    await world.host.load_state(saved)
    assert await world.host.agent_save_state(id) == {"count": 1}
    await world.host.agent_load_state(id, {"count": 9})
    assert await world.caller.send_message(Ask(""), id) == Answer("10")


BadUse = Callable[[World], Awaitable[Any]]


@pytest.mark.parametrize(
    "use",
    [
        lambda world: world.caller.send_message(Ask(""), AgentId("echo", "k"), message_id=""),
        lambda world: world.caller.send_message(Ask(""), AgentId("echo", "k"), response_type="Answer"),
        lambda world: world.caller.send_message(Ask(""), AgentId("echo", "k"), idempotency_key=""),
        lambda world: world.caller.send_message(Ask(""), AgentId("echo", "k"), idempotency_key="x" * 256),
        lambda world: world.host.register_factory("two words", Echo),
        lambda world: world.host.register_factory("echo2", "no factory"),
    ],
)
async def test_bad_arguments(world: World, use: BadUse) -> None:
    await hosted(world)
    with pytest.raises(InvalidArgumentError):
        await use(world)
