"""The worker of the histories, run as a process of its own: `python keepers.py URL`.

A keeper remembers the labels that it took, and publishes each one on; the one collector remembers what they published.
Both are effectively-once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parley import AgentId, MessageContext, RoutedAgent, TopicId, TypeSubscription, event, rpc
from parley.distributed import create_distributed_runtime

IN, OUT = "labels", "kept"
COLLECTOR = AgentId("collector", "all")


@dataclass
class Label:
    text: str
    fail_until: int = 0
    """Attempts below this one raise."""


@dataclass
class Kept:
    text: str


@dataclass
class Ask:
    pass


@dataclass
class Labels:
    texts: list[str]


class Remembering(RoutedAgent, mode="effectively-once"):
    """Keeps a list of texts as its state."""

    def __init__(self) -> None:
        super().__init__("remembering")
        self.texts: list[str] = []

    async def save_state(self) -> Mapping[str, Any]:
        return {"texts": self.texts}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self.texts = list(state["texts"])

    @rpc
    async def ask(self, message: Ask, ctx: MessageContext) -> Labels:
        return Labels(self.texts)


class Keeper(Remembering, mode="effectively-once"):
    """Takes labels, as events and as calls."""

    @event
    async def told(self, message: Label, ctx: MessageContext) -> None:
        self.texts.append(message.text)
        if ctx.attempt < message.fail_until:
            raise RuntimeError("half-way")
        await asyncio.sleep(0.002)
        await self.publish_message(Kept(f"{self.id.key}/{message.text}"), TopicId(OUT, COLLECTOR.key))

    @rpc
    async def asked(self, message: Label, ctx: MessageContext) -> Labels:
        await self.told(message, ctx)
        return Labels([message.text])


class Collector(Remembering, mode="effectively-once"):
    """Takes what keepers publish."""

    @event
    async def told(self, message: Kept, ctx: MessageContext) -> None:
        self.texts.append(message.text)


async def main(url: str) -> None:
    """Hosts keepers and the collector until it is stopped."""
    runtime = await create_distributed_runtime(url, "keepers")
    await Keeper.register(runtime, "keeper", Keeper)
    await Collector.register(runtime, COLLECTOR.type, Collector)
    await runtime.add_subscription(TypeSubscription(IN, "keeper"))
    await runtime.add_subscription(TypeSubscription(OUT, COLLECTOR.type))
    await runtime.start()
    print("ready", flush=True)  # noqa: T201 - the test reads it
    await runtime.wait_until_stopped()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
