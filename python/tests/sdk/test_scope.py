"""Whose code is running."""

from __future__ import annotations

import asyncio

import pytest

from parley import (
    AgentId,
    AgentInstantiationContext,
    AgentType,
    MessageHandlerContext,
    SingleThreadedAgentRuntime,
    SubscriptionInstantiationContext,
)
from parley._scope import HandlerScope, current_agent, current_scope, enter_scope

ME = AgentId("a", "k")


def test_contexts_are_empty_outside() -> None:
    for ask in (
        MessageHandlerContext.agent_id,
        AgentInstantiationContext.current_agent_id,
        AgentInstantiationContext.current_runtime,
        SubscriptionInstantiationContext.agent_type,
    ):
        with pytest.raises(RuntimeError):
            ask()
    assert not AgentInstantiationContext.is_in_factory_call()


def test_contexts_hold_for_their_block() -> None:
    runtime = SingleThreadedAgentRuntime()
    with MessageHandlerContext.populate_context(ME):
        assert MessageHandlerContext.agent_id() == ME
    with AgentInstantiationContext.populate_context((runtime, ME)):
        assert AgentInstantiationContext.is_in_factory_call()
        assert AgentInstantiationContext.current_agent_id() == ME
        assert AgentInstantiationContext.current_runtime() is runtime
    with SubscriptionInstantiationContext.populate_context(AgentType("a")):
        assert SubscriptionInstantiationContext.agent_type() == AgentType("a")
    test_contexts_are_empty_outside()


@pytest.mark.parametrize("cls", [MessageHandlerContext, AgentInstantiationContext, SubscriptionInstantiationContext])
def test_they_are_not_instantiated(cls: type) -> None:
    with pytest.raises(RuntimeError, match="not instantiated"):
        cls()


async def test_tasks_left_behind_by_a_handler_are_outside_of_it() -> None:
    scope = HandlerScope(ME, 3, (ME,), None)
    seen: list[HandlerScope | None] = []

    async def left_behind() -> None:
        seen.append(current_scope())

    async def handler() -> asyncio.Task[None]:
        enter_scope(scope)
        assert current_scope() is scope
        assert current_agent() == ME
        scope.active = False
        return asyncio.ensure_future(left_behind())

    await (await asyncio.ensure_future(handler()))
    assert seen == [None]
    assert current_scope() is None
