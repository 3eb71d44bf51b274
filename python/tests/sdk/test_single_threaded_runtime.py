"""What only the in-process runtime has: its life, and messages that wait for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from parley import (
    AgentId,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    event,
    rpc,
)


@dataclass
class Say:
    text: str


class Hearing(RoutedAgent):
    def __init__(self) -> None:
        self.heard: list[str] = []

    @event
    async def hear(self, message: Say, ctx: MessageContext) -> None:
        if message.text == "bad":
            raise ValueError("bad")
        self.heard.append(message.text)

    @rpc
    async def ask(self, message: Say, ctx: MessageContext) -> Say:
        self.heard.append(message.text)
        return message


async def make(**settings: bool) -> SingleThreadedAgentRuntime:
    runtime = SingleThreadedAgentRuntime(**settings)  # type: ignore[arg-type]
    await Hearing.register(runtime, "hearing", Hearing)
    await runtime.add_subscription(TypeSubscription("t", "hearing"))
    return runtime


async def heard(runtime: SingleThreadedAgentRuntime) -> list[str]:
    return (await runtime.try_get_underlying_agent_instance(AgentId("hearing", "k"), Hearing)).heard


async def test_messages_wait_for_the_start() -> None:
    runtime = await make()
    for text in ("a", "b", "c"):
        await runtime.publish_message(Say(text), TopicId("t", "k"))
    assert runtime.unprocessed_messages_count == 3
    await runtime.process_next()
    assert runtime.unprocessed_messages_count == 2
    runtime.start()
    await runtime.stop_when_idle()
    assert await heard(runtime) == ["a", "b", "c"]
    await runtime.publish_message(Say("d"), TopicId("t", "k"))
    assert runtime.unprocessed_messages_count == 1
    await runtime.process_next()
    await runtime.process_next()
    assert await heard(runtime) == ["a", "b", "c", "d"]
    await runtime.close()


async def test_start_and_stop_in_the_wrong_order() -> None:
    runtime = await make()
    with pytest.raises(RuntimeError, match="not started"):
        await runtime.stop()
    await runtime.start()
    with pytest.raises(RuntimeError, match="already"):
        runtime.start()
    await runtime.close()


async def test_stopping_on_a_condition() -> None:
    runtime = await make()
    await runtime.start()
    asked: list[bool] = []

    def enough() -> bool:
        asked.append(len(asked) == 2)
        return asked[-1]

    await asyncio.wait_for(runtime.stop_when(enough), 5)
    assert asked == [False, False, True]
    await runtime.publish_message(Say("a"), TopicId("t", "k"))
    assert runtime.unprocessed_messages_count == 1, "it has stopped"
    await runtime.close()


@pytest.mark.parametrize("ignore", [True, False])
async def test_exceptions_of_event_handlers(ignore: bool) -> None:
    runtime = await make(ignore_unhandled_exceptions=ignore)
    await runtime.start()
    await runtime.publish_message(Say("bad"), TopicId("t", "k"))
    if ignore:
        await runtime.stop_when_idle()
    else:
        with pytest.raises(ValueError, match="bad"):
            await runtime.stop_when_idle()
    await runtime.close()


async def test_objects_are_handed_over_as_they_are() -> None:
    runtime = await make()
    await runtime.start()
    message = Say("a")
    assert await runtime.send_message(message, AgentId("hearing", "k")) is message
    await runtime.close()


async def test_agents_are_made_when_they_are_asked_for() -> None:
    runtime = await make()
    assert await runtime.get("hearing", "k", lazy=False) == AgentId("hearing", "k")
    assert await heard(runtime) == []
    await runtime.close()


async def test_closing_ends_calls() -> None:
    runtime = await make()
    calling = asyncio.ensure_future(runtime.send_message(Say("a"), AgentId("hearing", "k"), timeout=0.05))
    await asyncio.sleep(0)
    await runtime.close()
    with pytest.raises(TimeoutError):
        await calling
