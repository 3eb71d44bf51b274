"""One agent on its way, and the events that wait for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley import AgentId, RoutedAgent, SingleThreadedAgentRuntime
from parley._slot import AgentSlot, Registration
from parley.exceptions import ActivationFailedError

ME = AgentId("a", "k")


def registration(factory: Any, **known: Any) -> Registration:
    return Registration("a", factory=factory, **known)


async def test_an_agent_is_made_and_told_who_it_is() -> None:
    class Careless(RoutedAgent):
        def __init__(self) -> None:
            pass

    slot = AgentSlot(ME, registration(Careless), 7)
    told: list[Any] = []
    slot.when_ready(told.append)
    waiting = asyncio.ensure_future(slot.wait())
    await slot.make(SingleThreadedAgentRuntime())
    agent = await waiting
    assert agent.id == ME
    assert slot.agent is agent
    assert told == [None]
    slot.when_ready(told.append)
    assert told == [None, None]


async def made(factory: Any, **known: Any) -> ActivationFailedError:
    slot = AgentSlot(ME, registration(factory, **known))
    told: list[Any] = []
    slot.when_ready(told.append)
    with pytest.raises(ActivationFailedError):
        await slot.make(SingleThreadedAgentRuntime())
    with pytest.raises(ActivationFailedError):
        await slot.wait()
    await asyncio.sleep(0)
    assert isinstance(told[0], ActivationFailedError)
    assert told[0].details["agent"] == "a/k"
    return told[0]


async def test_factories_that_fail() -> None:
    shared = RoutedAgent()

    async def fails() -> RoutedAgent:
        raise ValueError("no luck")

    error = await made(fails)
    assert isinstance(error.__cause__, ValueError)
    assert error.details["exception_message"] == "no luck"
    assert "made a RoutedAgent, not a Other" in (await made(RoutedAgent, expected_class=type("Other", (), {}))).message
    assert "could not be made" in (await made(lambda: None)).message
    slot = AgentSlot(ME, registration(lambda: shared))
    await slot.make(SingleThreadedAgentRuntime())
    assert "this agent is a/k already" in (await made(lambda: shared)).message


async def test_instances_need_no_factory() -> None:
    agent = RoutedAgent()
    slot = AgentSlot(ME, Registration("a", instances={"k": agent}))
    await slot.make(SingleThreadedAgentRuntime())
    assert await slot.wait() is agent
    other = AgentSlot(AgentId("a", "other"), Registration("a", instances={"k": agent}))
    with pytest.raises(ActivationFailedError, match="only these keys of a are here: k"):
        await other.make(SingleThreadedAgentRuntime())
