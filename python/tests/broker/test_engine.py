"""The shell around the core: group commit, failed commits, reads, defects."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
import pytest_asyncio

from parley_broker import engine as engine_module
from parley_broker.core.gateway.lives import Identity
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Ack,
    Body,
    Delivery,
    Frame,
    Heartbeat,
    Hello,
    Message,
    Publish,
    Published,
    RegisterAgentType,
    Subscribe,
    Subscription,
    SubscriptionKey,
)
from parley_broker.core.policy import Policy
from parley_broker.core.records import Event, Opened, Record
from parley_broker.engine import Engine
from parley_broker.errors import EndCode, Reason, StaleTermError, StoreError
from parley_broker.store.memory import MemoryStore

from .core.harness import failed

PATIENCE = 10.0


class SlowStore(MemoryStore):
    """A store that waits: `gate` holds commits back, `fails` makes them fail."""

    waits = True

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.fails: type[StoreError] | None = None
        self.commits: list[int] = []

    def commit(self, records: Sequence[Record], term: int) -> None:
        assert self.gate.wait(PATIENCE)
        if self.fails is not None:
            raise self.fails("disk full")
        self.commits.append(len(records))
        super().commit(records, term)

    def load(self, term: int) -> Opened:
        if self.fails is not None:
            raise self.fails("still full")
        return super().load(term)


class Stream:
    """The Link of a connection, and its client."""

    def __init__(self, engine: Engine, says_hello: bool = True) -> None:
        self.engine = engine
        self.wakened = asyncio.Event()
        self.end: tuple[EndCode, str] | None = None
        self.sent = 0
        self.inbox: list[Message] = []
        self.id = engine.connect("peer", self)
        if says_hello:
            engine.receive(self.id, Frame(0, 0, 1 << 40, 1 << 40, [Message(Hello(1, 1, "p"), 1)]))

    def wake(self) -> None:
        self.wakened.set()

    def close(self, code: EndCode, text: str) -> None:
        self.end = code, text
        self.wakened.set()

    def say(self, *messages: Message) -> None:
        self.engine.receive(self.id, Frame(self.sent + 1, 0, 0, 0, list(messages)))
        self.sent += len(messages)

    async def hear(self, wanted: Callable[[Message], Any]) -> Body:
        async with asyncio.timeout(PATIENCE):
            while True:
                while (frame := self.engine.take(self.id)) is not None:
                    self.inbox += frame.messages
                for message in self.inbox:
                    if wanted(message):
                        self.inbox.remove(message)
                        return message.body
                await self.wakened.wait()
                self.wakened.clear()


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest_asyncio.fixture
async def defect() -> asyncio.Future[BaseException]:
    """The error that ends the broker."""
    return asyncio.get_running_loop().create_future()


@pytest_asyncio.fixture
async def engine(
    store: SlowStore, defect: asyncio.Future[BaseException], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    monkeypatch.setattr(engine_module, "RECOVERY_PAUSES", (0.0, 0.01))
    made = Engine(Policy(window_events=2), Identity("inc", "0.1"), store, store.open(), defect.set_result)
    yield made
    if not defect.done():
        await made.stop()


async def subscribed(engine: Engine) -> Stream:
    """A client that hosts `w` and subscribed it to `t`."""
    stream = Stream(engine)
    key = SubscriptionKey("t", 1, "w")
    stream.say(Message(RegisterAgentType("w"), 2), Message(Subscribe(Subscription(key)), 3))
    await stream.hear(lambda m: m.re == 3)
    return stream


def publish(number: int) -> Message:
    return Message(Publish(TopicId("t", "k"), b"%d" % number), 100 + number)


async def test_what_comes_during_a_commit_shares_the_next_one(engine: Engine, store: SlowStore) -> None:
    stream = await subscribed(engine)
    store.gate.clear()
    stream.say(publish(0))
    await asyncio.sleep(0)
    for number in range(1, 50):
        stream.say(publish(number))
    store.gate.set()
    assert await stream.hear(lambda m: m.re == 149) == Published(1)
    assert store.commits[1:] == [1, 49]


async def test_published_comes_after_the_commit(engine: Engine, store: SlowStore) -> None:
    stream = await subscribed(engine)
    store.gate.clear()
    stream.say(publish(0))
    while (frame := engine.take(stream.id)) is not None:
        assert not any(isinstance(m.body, Published | Delivery) for m in frame.messages)
    store.gate.set()
    assert await stream.hear(lambda m: m.re == 100) == Published(1)
    assert isinstance(await stream.hear(lambda m: isinstance(m.body, Delivery)), Delivery)


async def test_a_failing_store_refuses_until_it_works_again(engine: Engine, store: SlowStore) -> None:
    stream = await subscribed(engine)
    store.fails = StoreError
    for number in range(3):
        stream.say(publish(number))
        error = failed(await stream.hear(lambda m, n=number: m.re == 100 + n), Reason.UNAVAILABLE)
        assert "full" in error.message
    store.fails = None

    async def until_it_works() -> Body:
        number = 3
        while True:
            stream.say(publish(number))
            answer = await stream.hear(lambda m, n=number: m.re == 100 + n)
            if isinstance(answer, Published):
                return answer
            number += 1

    assert await asyncio.wait_for(until_it_works(), PATIENCE) == Published(1)
    delivery = await stream.hear(lambda m: isinstance(m.body, Delivery))
    assert isinstance(delivery, Delivery)
    assert delivery.round == 2


async def test_a_failing_store_does_not_hold_up_the_end(engine: Engine, store: SlowStore) -> None:
    stream = await subscribed(engine)
    store.fails = StoreError
    stream.say(publish(0))
    await stream.hear(lambda m: m.re == 100)
    await asyncio.wait_for(engine.stop(), PATIENCE)


async def test_what_was_committed_is_answered_though_reading_fails(engine: Engine, store: SlowStore) -> None:
    stream = await subscribed(engine)

    def broken(*_arguments: object) -> list[Event]:
        del store.read
        raise StoreError("unreadable")

    store.read = broken  # type: ignore[method-assign]
    for number in range(4):
        stream.say(publish(number))
    for number in range(4):
        assert await stream.hear(lambda m, n=number: m.re == 100 + n) == Published(1)
    got: list[tuple[int, bytes]] = []
    while not got or got[-1][1] != b"3":
        delivery = await stream.hear(lambda m: isinstance(m.body, Delivery))
        assert isinstance(delivery, Delivery)
        got.append((delivery.round, delivery.envelope))
        stream.say(Message(Ack(delivery.recipient, delivery.epoch, delivery.position, delivery.round), 200 + len(got)))
    assert [envelope for _, envelope in got] == [b"0", b"1", b"2", b"3"]
    assert got[-1][0] == 2, "the shard began anew"


async def test_a_later_term_ends_the_broker(
    engine: Engine, store: SlowStore, defect: asyncio.Future[BaseException]
) -> None:
    stream = await subscribed(engine)
    store.open()
    stream.say(publish(0))
    assert isinstance(await asyncio.wait_for(defect, PATIENCE), StaleTermError)


async def test_a_backlog_is_read_from_the_store(engine: Engine, store: SlowStore) -> None:
    stream = await subscribed(engine)
    for number in range(10):
        stream.say(publish(number))
    await stream.hear(lambda m: m.re == 109)
    assert engine.status().tables["events"] == 10


async def test_a_defect_ends_its_connection_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, other = await subscribed(engine), await subscribed(engine)
    machine = engine._machine

    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(machine, "receive", broken)
        victim.say(publish(0))
    assert victim.end is not None
    assert victim.end[0] is EndCode.INTERNAL
    other.say(publish(1))
    assert await other.hear(lambda m: m.re == 101) == Published(1)


def looks_of(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[float | None]:
    """What the core answers each time that the engine asks it what is due."""
    looks: asyncio.Queue[float | None] = asyncio.Queue()
    next_due = engine._machine.next_due

    def noted() -> float | None:
        looks.put_nowait(next_due())
        return next_due()

    monkeypatch.setattr(engine._machine, "next_due", noted)
    return looks


async def test_what_is_due_is_not_asked_after_each_step(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = looks_of(engine, monkeypatch)
    stream = Stream(engine)
    for number in range(1000):
        stream.say(Message(Heartbeat(), 100 + number))
    async with asyncio.timeout(PATIENCE):
        await looks.get()
    assert looks.empty(), "it is asked when the slot is over, once for all that happened in it"


async def test_a_deadline_before_the_one_that_is_awaited_passes_in_time(
    store: SlowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = Policy(hello_timeout=0.05, heartbeat_interval=1000 * PATIENCE)
    engine = Engine(policy, Identity("inc", "0.1"), store, store.open(), lambda _: None)
    looks = looks_of(engine, monkeypatch)
    stream = Stream(engine)
    async with asyncio.timeout(PATIENCE):
        beat = await looks.get()
        began = engine.now()
        silent = Stream(engine, says_hello=False)
        assert beat is not None
        assert beat > began + PATIENCE
        await silent.wakened.wait()
    assert silent.end == (EndCode.DEADLINE_EXCEEDED, "no Hello came within 0.05 s")
    assert engine.now() >= began + policy.hello_timeout
    assert stream.end is None
    await engine.stop()


async def test_nothing_is_called_once_it_has_stopped(store: SlowStore) -> None:
    engine = Engine(Policy(), Identity("inc", "0.1"), store, store.open(), lambda _: None)
    stream = await subscribed(engine)
    store.gate.clear()
    stream.say(publish(0))
    while engine._look is not None:  # noqa: ASYNC110 - nothing tells that it has looked
        await asyncio.sleep(0)
    stopping = asyncio.create_task(engine.stop())
    await asyncio.sleep(0)
    store.gate.set()
    async with asyncio.timeout(PATIENCE):
        await stopping
    assert engine._look is None or engine._look.cancelled()
    assert engine._timer is None or engine._timer.cancelled()


async def test_status(engine: Engine) -> None:
    Stream(engine)
    status = engine.status()
    assert (status.version, status.incarnation, status.tables["sessions"]) == ("0.1", "inc", 1)
    assert status.uptime >= 0


async def test_the_end_of_a_connection(engine: Engine) -> None:
    stream = Stream(engine)
    engine.disconnect(stream.id, "gone")
    engine.disconnect(stream.id, "gone")
    engine.reject(stream.id, "nothing there")
    assert engine.take(stream.id) is None
    tables = engine.status().tables
    assert (tables["connections"], tables["sessions"]) == (0, 1), "the session can be resumed"


async def test_goodbye_tells_everybody(engine: Engine) -> None:
    stream = Stream(engine)
    engine.say_goodbye("over")
    assert stream.end == (EndCode.UNAVAILABLE, "over")
