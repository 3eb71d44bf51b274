"""ClosureAgent: the policies for what the closure does not take; the rest is in the suite of both runtimes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from parley import (
    AgentId,
    CancellationToken,
    ClosureAgent,
    ClosureContext,
    MessageContext,
    SingleThreadedAgentRuntime,
    TypeSubscription,
)
from parley.exceptions import CantHandleException

CALL = MessageContext(None, None, True, CancellationToken(), "m")


@dataclass
class A:
    pass


@dataclass
class B:
    pass


async def closure(agent: ClosureContext, message: A, ctx: MessageContext) -> str:
    return str(agent.id)


async def made(policy: Any) -> ClosureAgent:
    agent = ClosureAgent("text", closure, unknown_type_policy=policy)
    await agent.bind_id_and_runtime(AgentId("a", "k"), SingleThreadedAgentRuntime())
    return agent


async def test_what_it_takes() -> None:
    assert await (await made("error")).on_message(A(), CALL) == "a/k"


@pytest.mark.parametrize(
    ("policy", "raised", "warned"),
    [("error", TypeError, False), ("warn", CantHandleException, True), ("ignore", CantHandleException, False)],
)
async def test_policies(policy: str, raised: type[Exception], warned: bool, caplog: pytest.LogCaptureFixture) -> None:
    agent = await made(policy)
    with pytest.raises(raised, match="does not take B"):
        await agent.on_message(B(), CALL)
    assert bool(caplog.records) is warned


async def test_any_takes_everything() -> None:
    async def greedy(agent: ClosureContext, message: Any, ctx: MessageContext) -> Any:
        return message

    assert await ClosureAgent("text", greedy).on_message(7, CALL) == 7


async def test_state_and_its_subscriptions() -> None:
    runtime = SingleThreadedAgentRuntime()

    async def subscriptions() -> list[Any]:
        return [TypeSubscription("t", "closure", id="mine")]

    await ClosureAgent.register_closure(runtime, "closure", closure, subscriptions=subscriptions)
    assert not any(s.durable for s in runtime._subscriptions.values())  # type: ignore[attr-defined]
    assert set(runtime._subscriptions) == {"mine", "prefix closure: closure"}
    agent = await made("warn")
    await agent.load_state(await agent.save_state())
