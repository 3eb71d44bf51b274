"""The messages, the log and the agent that the tests of both runtimes share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from parley import AgentId, MessageContext, RoutedAgent, event, rpc

from .conftest import World

PATIENCE = 5.0  # seconds


@dataclass
class Ask:
    text: str
    number: int = 0


@dataclass
class Answer:
    text: str


@dataclass
class Refusal:
    why: str


@dataclass
class Told:
    text: str


@dataclass
class Other:
    pass


@dataclass
class Log:
    """What the agents of a test saw."""

    entries: list[Any] = field(default_factory=list)
    waiters: list[tuple[int, asyncio.Event]] = field(default_factory=list)

    def add(self, entry: Any) -> None:
        self.entries.append(entry)
        for count, reached in self.waiters:
            if len(self.entries) >= count:
                reached.set()

    async def at_least(self, count: int) -> list[Any]:
        reached = asyncio.Event()
        self.waiters.append((count, reached))
        if len(self.entries) < count:
            await asyncio.wait_for(reached.wait(), PATIENCE)
        return self.entries


class Echo(RoutedAgent):
    """Answers, refuses, fails or waits, as it is told."""

    def __init__(self, log: Log | None = None) -> None:
        super().__init__("echo")
        self.log = log or Log()

    @rpc
    async def on_ask(self, message: Ask, ctx: MessageContext) -> Answer | Refusal | None:
        self.log.add(("enter", message.text, ctx))
        match message.text:
            case "refuse":
                return Refusal("no")
            case "nothing":
                return None
            case "fail":
                raise RuntimeError("on purpose")
            case "fail empty":
                raise RuntimeError
            case "cancel":
                raise asyncio.CancelledError
            case "wait":
                waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                ctx.cancellation_token.link_future(waiting)
                try:
                    await waiting
                finally:
                    self.log.add(("token", ctx.cancellation_token.is_cancelled()))
            case "nest":
                if message.number:
                    nested = Ask("nest", message.number - 1)
                    return await self.send_message(nested, AgentId("echo", str(message.number)), response_type=Answer)
            case "nest slow":
                return await self.send_message(Ask("wait"), AgentId("echo", "slow"), response_type=Answer)
        return Answer(f"{message.text} {message.number}")

    @event
    async def on_told(self, message: Told, ctx: MessageContext) -> None:
        self.log.add((str(self.id), message.text, str(ctx.topic_id), ctx.sender, ctx.is_rpc))


async def hosted(world: World, log: Log | None = None) -> None:
    await Echo.register(world.host, "echo", lambda: Echo(log))
    await world.start()
