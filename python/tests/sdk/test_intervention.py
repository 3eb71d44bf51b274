"""Intervention handlers: on both runtimes, in the process that sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from parley import (
    AgentId,
    DefaultInterventionHandler,
    DropMessage,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    event,
    rpc,
)
from parley.distributed import create_distributed_runtime
from parley.exceptions import HandlerFailedError, MessageDroppedException
from parley_testing import InProcessBroker


@dataclass
class Say:
    text: str


class Censor(DefaultInterventionHandler):
    def __init__(self, where: str, change: Any) -> None:
        self.where = where
        self.change = change

    async def on_send(self, message: Any, *, message_context: MessageContext, recipient: AgentId) -> Any:
        assert message_context.is_rpc
        return (
            self.change
            if self.where == "send"
            else await super().on_send(message, message_context=message_context, recipient=recipient)
        )

    async def on_publish(self, message: Any, *, message_context: MessageContext) -> Any:
        assert message_context.topic_id is not None
        return (
            self.change
            if self.where == "publish"
            else await super().on_publish(message, message_context=message_context)
        )

    async def on_response(self, message: Any, *, sender: AgentId, recipient: AgentId | None) -> Any:
        return (
            self.change
            if self.where == "response"
            else await super().on_response(message, sender=sender, recipient=recipient)
        )


class Parrot(RoutedAgent):
    def __init__(self, heard: asyncio.Queue[str]) -> None:
        super().__init__()
        self.heard = heard

    @rpc
    async def say(self, message: Say, ctx: MessageContext) -> Say:
        return message

    @event
    async def hear(self, message: Say, ctx: MessageContext) -> None:
        self.heard.put_nowait(message.text)


async def talk(runtime: Any, where: str, change: Any) -> Any:
    heard: asyncio.Queue[str] = asyncio.Queue()
    await Parrot.register(runtime, "parrot", lambda: Parrot(heard))
    await runtime.start()
    await runtime.add_subscription(TypeSubscription("t", "parrot"))
    if where == "publish":
        await runtime.publish_message(Say("a"), TopicId("t", "k"))
        if change is DropMessage:
            await runtime.send_message(Say("fence"), AgentId("parrot", "k"))
            return heard.empty()
        return await asyncio.wait_for(heard.get(), 5)
    return (await runtime.send_message(Say("a"), AgentId("parrot", "k"))).text


@pytest.mark.parametrize("distributed", [False, True])
@pytest.mark.parametrize(
    ("where", "change", "expected"),
    [
        ("none", None, "a"),
        ("send", Say("changed"), "changed"),
        ("response", Say("changed"), "changed"),
        ("publish", Say("changed"), "changed"),
        ("send", DropMessage, MessageDroppedException),
        ("response", DropMessage, HandlerFailedError),
        ("publish", DropMessage, True),
    ],
)
async def test_interventions(distributed: bool, where: str, change: Any, expected: Any) -> None:
    handlers = [DefaultInterventionHandler(), Censor(where, change)]
    async with InProcessBroker() as broker:
        if distributed:
            runtime: Any = await create_distributed_runtime(broker.url, intervention_handlers=handlers)
        else:
            runtime = SingleThreadedAgentRuntime(intervention_handlers=handlers)
        try:
            if isinstance(expected, type):
                with pytest.raises(expected):
                    await talk(runtime, where, change)
            else:
                assert await talk(runtime, where, change) == expected
        finally:
            await runtime.stop()
