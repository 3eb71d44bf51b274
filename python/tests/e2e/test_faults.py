"""Connections are cut and the broker is killed under load: what was answered is there, once and in order."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parley import AgentId, MessageContext, RoutedAgent, TopicId, TypeSubscription, event, rpc
from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley.exceptions import OutcomeUnknownError, ParleyError
from parley_testing import BrokerProcess

PATIENCE = 20.0  # seconds
KEYS = [f"k{number}" for number in range(4)]


@dataclass
class Add:
    number: int


@dataclass
class Ask:
    pass


@dataclass
class Seen:
    numbers: list[int]


class Ledger(RoutedAgent, mode="effectively-once"):
    """Keeps what it was told, and tells it on."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []

    @event
    async def add(self, message: Add, ctx: MessageContext) -> None:
        self.numbers.append(message.number)
        await asyncio.sleep(0)
        if self.type == "first":
            await self.publish_message(message, TopicId("onward", self.id.key))

    @rpc
    async def seen(self, message: Ask, ctx: MessageContext) -> Seen:
        return Seen(self.numbers)

    async def save_state(self) -> Mapping[str, Any]:
        return {"numbers": self.numbers}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self.numbers = state["numbers"]


class Relay:
    """Passes bytes on to the broker, until it is told to cut."""

    def __init__(self, broker: BrokerProcess) -> None:
        self._port = int(broker.url.rpartition(":")[2])
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"grpc://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream, onward = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:  # the broker is down
            writer.close()
            return
        self._writers |= {writer, onward}
        await asyncio.gather(self._pass(reader, onward), self._pass(upstream, writer))
        self._writers -= {writer, onward}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def stop(self) -> None:
        self.cut()
        self._server.close()


class Load:
    """Publishes numbers and calls, and knows what was answered."""

    def __init__(self, caller: DistributedRuntime) -> None:
        self.caller = caller
        self.published: dict[str, list[int]] = {key: [] for key in KEYS}
        self.outcomes: Counter[str] = Counter()
        self._over = False

    async def run(self, faults: Callable[[], Any]) -> None:
        tasks = [asyncio.ensure_future(work(key)) for key in KEYS for work in (self._publish, self._call)]
        await faults()
        self._over = True
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)

    async def _publish(self, key: str) -> None:
        number = 0
        while not self._over:
            number += 1
            await self.caller.publish_message(Add(number), TopicId("numbers", key))
            self.published[key].append(number)
            await asyncio.sleep(0.002)

    async def _call(self, key: str) -> None:
        while not self._over:
            try:
                await self.caller.send_message(Ask(), AgentId("first", key), response_type=Seen)
                self.outcomes["reply"] += 1
            except OutcomeUnknownError:
                self.outcomes["unknown"] += 1
            await asyncio.sleep(0.002)

    async def seen(self, agent: AgentId) -> list[int]:
        """What an agent has in the end."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            numbers: list[int] = []
            try:
                reply = await self.caller.send_message(Ask(), agent, response_type=Seen, wait_for_ready=True)
                numbers = reply.numbers
            except ParleyError as error:
                if not error.retryable:
                    raise
            if numbers == self.published[agent.key] or asyncio.get_running_loop().time() > deadline:
                return numbers
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("what", ["cuts", "kills"])
async def test_what_was_answered_is_there_once_and_in_order(tmp_path: Path, what: str) -> None:
    chance = random.Random(7)
    with BrokerProcess(data=tmp_path, claim_window_ms=300, session_grace_ms=5000) as broker:
        relays = [Relay(broker) for _ in range(2)]
        worker, caller = [await create_distributed_runtime(await relay.start()) for relay in relays]
        for type, topic in (("first", "numbers"), ("second", "onward")):
            await Ledger.register(worker, type, Ledger)
            await worker.add_subscription(TypeSubscription(topic, type))
        await worker.start()
        await caller.start()
        load = Load(caller)

        async def cuts() -> None:
            for _ in range(20):
                await asyncio.sleep(chance.uniform(0, 0.2))
                chance.choice(relays).cut()

        async def kills() -> None:
            for _ in range(3):
                await asyncio.sleep(chance.uniform(0.2, 0.5))
                broker.kill()
                await asyncio.to_thread(broker.start)

        await load.run(cuts if what == "cuts" else kills)
        for key, numbers in load.published.items():
            assert numbers
            for type in ("first", "second"):
                assert await load.seen(AgentId(type, key)) == numbers
        assert load.outcomes["reply"]
        assert what == "kills" or not load.outcomes["unknown"]
        await caller.stop()
        await worker.stop()
        for relay in relays:
            relay.stop()
