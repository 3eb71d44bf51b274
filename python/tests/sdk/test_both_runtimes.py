"""What both runtimes must do alike: one suite, run on each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from parley import (
    AgentId,
    CancellationToken,
    ClosureAgent,
    ClosureContext,
    DefaultTopicId,
    MessageContext,
    RoutedAgent,
    TopicId,
    TypePrefixSubscription,
    TypeSubscription,
    default_subscription,
    event,
    message_handler,
    rpc,
    type_subscription,
)
from parley.exceptions import (
    ActivationFailedError,
    AlreadyExistsError,
    CallCancelledError,
    CantHandleException,
    DeadlineExceededError,
    HandlerFailedError,
    InvalidArgumentError,
    NoRespondersError,
    NotAccessibleError,
    NotFoundError,
    ResourceExhaustedError,
    UndeliverableException,
    UnhandledMessageError,
    UnknownMessageTypeError,
)

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


# ---- calls


async def test_results(world: World) -> None:
    await hosted(world)
    target = AgentId("echo", "k")
    assert await world.caller.send_message(Ask("a", 1), target) == Answer("a 1")
    assert await world.caller.send_message(Ask("refuse"), target) == Refusal("no")
    assert await world.caller.send_message(Ask("nothing"), target) is None
    typed: Answer = await world.caller.send_message(Ask("a"), target, response_type=Answer)
    assert typed == Answer("a 0")


async def test_another_result_than_expected(world: World) -> None:
    await hosted(world)
    with pytest.raises(UnknownMessageTypeError, match="Refusal; response_type allows Answer") as caught:
        await world.caller.send_message(Ask("refuse"), AgentId("echo", "k"), response_type=Answer)
    assert caught.value.may_have_run
    with pytest.raises(UnknownMessageTypeError, match="NoneType; response_type allows Answer"):
        await world.caller.send_message(Ask("nothing"), AgentId("echo", "k"), response_type=Answer)


@pytest.mark.parametrize(("text", "said"), [("fail", "on purpose"), ("fail empty", "")])
async def test_a_handler_that_raises(world: World, text: str, said: str) -> None:
    await hosted(world)
    with pytest.raises(HandlerFailedError) as caught:
        await world.caller.send_message(Ask(text), AgentId("echo", "k"))
    assert caught.value.details == {
        "agent": "echo/k",
        "exception_type": "RuntimeError",
        "exception_message": said,
    }
    assert caught.value.may_have_run
    assert not caught.value.retryable
    if not world.distributed:
        assert isinstance(caught.value.__cause__, RuntimeError)


async def test_a_handler_that_cancels_itself(world: World) -> None:
    await hosted(world)
    with pytest.raises(HandlerFailedError) as caught:
        await world.caller.send_message(Ask("cancel"), AgentId("echo", "k"))
    assert caught.value.details["exception_type"] == "CancelledError"


async def test_nobody_hosts_the_type(world: World) -> None:
    await hosted(world)
    with pytest.raises(NoRespondersError) as caught:
        await world.caller.send_message(Ask("a"), AgentId("nobody", "k"))
    assert isinstance(caught.value, UndeliverableException)
    assert caught.value.details["agent_type"] == "nobody"
    assert caught.value.retryable


async def test_wait_for_ready(world: World) -> None:
    await hosted(world)
    calling = asyncio.ensure_future(
        world.caller.send_message(Ask("a"), AgentId("late", "k"), wait_for_ready=True, timeout=PATIENCE)
    )
    with pytest.raises(DeadlineExceededError):
        await world.caller.send_message(Ask("a"), AgentId("late", "k"), wait_for_ready=True, timeout=0.05)
    assert not calling.done()
    await Echo.register(world.host, "late", Echo)
    assert await calling == Answer("a 0")


async def test_an_unhandled_message(world: World) -> None:
    await hosted(world)
    world.host.add_message_serializer([], message_type=Other)
    with pytest.raises(CantHandleException) as caught:
        await world.caller.send_message(Told("x"), AgentId("echo", "k"))
    assert isinstance(caught.value, UnhandledMessageError)
    assert caught.value.details["type_name"] == "Told"
    assert caught.value.details["understood"] == "Ask"


async def test_an_activation_that_fails(world: World) -> None:
    def factory() -> Echo:
        raise RuntimeError("no such thing")

    await Echo.register(world.host, "broken", factory)
    await world.start()
    for _ in range(2):
        with pytest.raises(ActivationFailedError) as caught:
            await world.caller.send_message(Ask("a"), AgentId("broken", "k"))
        assert caught.value.details["agent"] == "broken/k"
        assert "no such thing" in caught.value.message


async def test_a_factory_that_makes_another_class(world: World) -> None:
    class Other(Echo):
        pass

    await Other.register(world.host, "other", Echo)  # type: ignore[arg-type]
    await world.start()
    with pytest.raises(ActivationFailedError, match="made a Echo, not a Other"):
        await world.caller.send_message(Ask("a"), AgentId("other", "k"))


async def test_three_first_calls_make_one_agent(world: World) -> None:
    made: list[Echo] = []

    async def factory() -> Echo:
        await asyncio.sleep(0)
        made.append(Echo())
        return made[-1]

    await Echo.register(world.host, "echo", factory)
    await world.start()
    await asyncio.gather(*(world.caller.send_message(Ask("a"), AgentId("echo", "k")) for _ in range(3)))
    assert len(made) == 1


async def test_nested_calls(world: World) -> None:
    await hosted(world)
    assert await world.caller.send_message(Ask("nest", 5), AgentId("echo", "k")) == Answer("nest 0")


async def test_a_chain_that_is_too_deep(world: World) -> None:
    await hosted(world)
    assert await world.caller.send_message(Ask("nest", 31), AgentId("echo", "k")) == Answer("nest 0")
    with pytest.raises(HandlerFailedError) as caught:
        await world.caller.send_message(Ask("nest", 32), AgentId("echo", "k"))
    assert ResourceExhaustedError.__name__ in (caught.value.message + caught.value.details["exception_message"])


async def test_many_at_once(world: World) -> None:
    await hosted(world)
    answers = await asyncio.gather(
        *(world.caller.send_message(Ask("a", n), AgentId("echo", str(n % 7))) for n in range(500))
    )
    assert answers == [Answer(f"a {n}") for n in range(500)]


async def test_calls_start_in_the_order_sent(world: World) -> None:
    log = Log()
    await hosted(world, log)
    await asyncio.gather(*(world.caller.send_message(Ask("a", n), AgentId("echo", "k")) for n in range(50)))
    assert [ctx.message_id for _, _, ctx in log.entries] == sorted(
        (ctx.message_id for _, _, ctx in log.entries), key=lambda id: int(id.rsplit("-")[-1])
    )


# ---- time


async def test_the_timeout_of_the_call(world: World) -> None:
    log = Log()
    await hosted(world, log)
    began = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        await world.caller.send_message(Ask("wait"), AgentId("echo", "k"), timeout=0.1)
    assert 0.1 <= time.monotonic() - began < 0.6
    assert isinstance(caught.value, DeadlineExceededError)
    assert "0.1 s, the timeout of this call" in caught.value.message
    entries = await log.at_least(2)
    assert entries[1] == ("token", True)  # it fired at the deadline


async def test_nested_calls_inherit_what_is_left(world: World) -> None:
    await hosted(world)
    began = time.monotonic()
    with pytest.raises((DeadlineExceededError, HandlerFailedError)):
        await world.caller.send_message(Ask("nest slow"), AgentId("echo", "k"), timeout=0.2)
    assert time.monotonic() - began < 1.0


async def test_the_error_says_that_the_outer_call_decided(world: World) -> None:
    log = Log()

    class Outer(RoutedAgent):
        @rpc
        async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
            assert ctx.remaining is not None
            assert 0 < ctx.remaining <= 0.2
            try:
                await self.send_message(Ask("wait"), AgentId("echo", "k"), timeout=60)
            except DeadlineExceededError as error:
                log.add(error)
                raise
            return Answer("")

    await Outer.register(world.host, "outer", Outer)
    await hosted(world)
    with pytest.raises((DeadlineExceededError, HandlerFailedError)):
        await world.caller.send_message(Ask("a"), AgentId("outer", "k"), timeout=0.2)
    (error,) = await log.at_least(1)
    assert "what was left of the call that this handler serves" in error.message
    assert error.details["timeout_source"] == "outer_call"


async def test_no_time_at_all(world: World) -> None:
    log = Log()
    await hosted(world, log)
    with pytest.raises(DeadlineExceededError):
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), timeout=0)
    await world.caller.send_message(Ask("b"), AgentId("echo", "k"))
    assert [text for _, text, _ in log.entries] == ["b"]


@pytest.mark.parametrize("timeout", [-1, "1", float("nan")])
async def test_a_bad_timeout(world: World, timeout: Any) -> None:
    await hosted(world)
    with pytest.raises(InvalidArgumentError, match="timeout must be a number of seconds"):
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), timeout=timeout)


# ---- cancellation


async def test_the_token_ends_the_call_at_both_ends(world: World) -> None:
    log = Log()
    await hosted(world, log)
    token = CancellationToken()
    calling = asyncio.ensure_future(
        world.caller.send_message(Ask("wait"), AgentId("echo", "k"), cancellation_token=token)
    )
    await log.at_least(1)
    token.cancel()
    with pytest.raises(CallCancelledError) as caught:
        await calling
    assert caught.value.reason == "CANCELLED"
    assert not isinstance(caught.value, Exception)
    assert (await log.at_least(2))[1] == ("token", True)


async def test_cancelling_the_task_ends_the_call_at_both_ends(world: World) -> None:
    log = Log()
    await hosted(world, log)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.caller.send_message(Ask("wait"), AgentId("echo", "k")), 0.1)
    assert (await log.at_least(2))[1] == ("token", True)


async def test_a_token_that_is_cancelled_already(world: World) -> None:
    log = Log()
    await hosted(world, log)
    token = CancellationToken()
    token.cancel()
    with pytest.raises(CallCancelledError) as caught:
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), cancellation_token=token)
    assert not caught.value.may_have_run
    assert log.entries == []


async def test_a_token_outlives_the_call(world: World) -> None:
    await hosted(world)
    token = CancellationToken()
    for _ in range(3):
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), cancellation_token=token)
    token.cancel()


# ---- events


async def subscribed(world: World, log: Log) -> None:
    await hosted(world, log)
    await world.host.add_subscription(TypeSubscription("news", "echo"))


async def test_an_event_reaches_the_agent_of_its_source(world: World) -> None:
    log = Log()
    await subscribed(world, log)
    await world.caller.publish_message(Told("hello"), TopicId("news", "k"))
    assert await log.at_least(1) == [("echo/k", "hello", "news/k", None, False)]


async def test_events_of_one_agent_come_one_at_a_time_in_order(world: World) -> None:
    running = 0
    log = Log()

    class Slow(RoutedAgent):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            nonlocal running
            running += 1
            await asyncio.sleep(0)
            log.add((running, message.text))
            running -= 1

    await Slow.register(world.host, "slow", Slow)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "slow"))
    for number in range(30):
        await world.caller.publish_message(Told(str(number)), TopicId("news", "k"))
    assert await log.at_least(30) == [(1, str(number)) for number in range(30)]


async def test_concurrency_lets_events_overlap(world: World) -> None:
    both = asyncio.Barrier(2)

    class Wide(RoutedAgent, concurrency=2):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            await asyncio.wait_for(both.wait(), PATIENCE)
            log.add(message.text)

    log = Log()
    await Wide.register(world.host, "wide", Wide)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "wide"))
    for text in ("a", "b"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert sorted(await log.at_least(2)) == ["a", "b"]


async def test_several_matching_subscriptions_deliver_once(world: World) -> None:
    log = Log()
    await subscribed(world, log)
    await world.host.add_subscription(TypePrefixSubscription("ne", "echo"))
    await world.host.add_subscription(TypePrefixSubscription("new", "echo"))
    for text in ("a", "b"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert [entry[1] for entry in await log.at_least(2)] == ["a", "b"]


async def test_an_agent_does_not_receive_its_own_event(world: World) -> None:
    log = Log()

    class Speaker(RoutedAgent):
        @rpc
        async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
            await self.publish_message(Told(message.text), TopicId("news", self.id.key))
            return Answer("said")

        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            log.add((str(self.id), message.text, str(ctx.sender)))

    await Speaker.register(world.host, "speaker", Speaker)
    await Speaker.register(world.host, "listener", Speaker)
    await world.start()
    for agent_type in ("speaker", "listener"):
        await world.host.add_subscription(TypeSubscription("news", agent_type))
    await world.caller.send_message(Ask("a"), AgentId("speaker", "k"))
    await world.caller.publish_message(Told("b"), TopicId("news", "k"))
    entries = await log.at_least(3)
    assert sorted(entries) == [
        ("listener/k", "a", "speaker/k"),
        ("listener/k", "b", "None"),
        ("speaker/k", "b", "None"),
    ]


async def test_removed_subscriptions(world: World) -> None:
    log = Log()
    await subscribed(world, log)
    other = TypeSubscription("other", "echo", id="mine")
    await world.host.add_subscription(other)
    await world.host.remove_subscription(TypeSubscription("news", "echo").id)
    with pytest.raises(NotFoundError):
        await world.host.remove_subscription("nonsense")
    await world.caller.publish_message(Told("a"), TopicId("news", "k"))
    await world.caller.publish_message(Told("b"), TopicId("other", "k"))
    assert [entry[1] for entry in await log.at_least(1)] == ["b"]


async def test_a_handler_that_fails_does_not_hold_up_later_events(world: World) -> None:
    log = Log()

    class Picky(RoutedAgent):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            if message.text == "bad":
                raise ValueError("bad")
            log.add(message.text)

    await Picky.register(world.host, "picky", Picky)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "picky"))
    for text in ("a", "bad", "b"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert await log.at_least(2) == ["a", "b"]


async def test_events_that_nobody_handles_are_seen_by_the_hook(world: World) -> None:
    log = Log()

    class Curious(RoutedAgent):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            log.add(message)

        async def on_unhandled_message(self, message: Any, ctx: MessageContext) -> None:
            log.add(type(message).__name__)

    await Curious.register(world.host, "curious", Curious)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "curious"))
    await world.caller.publish_message(Other(), TopicId("news", "k"))
    await world.caller.publish_message(Told("a"), TopicId("news", "k"))
    assert await log.at_least(2) == ["UnknownPayload" if world.distributed else "Other", Told("a")]


async def test_the_limit_of_an_event_handler(world: World) -> None:
    log = Log()

    class Stuck(RoutedAgent):
        @event(timeout=0.05)
        async def told(self, message: Told, ctx: MessageContext) -> None:
            if message.text == "stay":
                try:
                    await asyncio.get_running_loop().create_future()
                except asyncio.CancelledError:
                    log.add(("cancelled", ctx.cancellation_token.is_cancelled()))
                    raise
            log.add(message.text)

    await Stuck.register(world.host, "stuck", Stuck)
    await world.start()
    await world.host.add_subscription(TypeSubscription("news", "stuck"))
    for text in ("stay", "next"):
        await world.caller.publish_message(Told(text), TopicId("news", "k"))
    assert await log.at_least(2) == [("cancelled", True), "next"]


async def test_subscriptions_that_classes_declare(world: World) -> None:
    log = Log()

    @default_subscription
    @type_subscription("special")
    class Declared(RoutedAgent):
        @event
        async def told(self, message: Told, ctx: MessageContext) -> None:
            log.add((str(ctx.topic_id), message.text))

    await Declared.register(world.host, "declared", Declared)
    await world.start()
    await world.caller.publish_message(Told("a"), DefaultTopicId())
    await world.caller.publish_message(Told("b"), TopicId("special", "default"))
    await world.caller.publish_message(Told("c"), TopicId("declared:", "default"))
    assert sorted(await log.at_least(3)) == [
        ("declared:/default", "c"),
        ("default/default", "a"),
        ("special/default", "b"),
    ]


# ---- agents


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


# ---- what this version refuses


async def test_what_is_not_supported_says_so(world: World) -> None:
    class Once(Echo, mode="effectively-once"):
        pass

    with pytest.raises(InvalidArgumentError, match="effectively-once is not supported by this version"):
        await Once.register(world.host, "once", Once)
    await hosted(world)
    with pytest.raises(InvalidArgumentError, match="idempotency_key is not supported by this version"):
        await world.caller.send_message(Ask(""), AgentId("echo", "k"), idempotency_key="x")


BadUse = Callable[[World], Awaitable[Any]]


@pytest.mark.parametrize(
    "use",
    [
        lambda world: world.caller.send_message(Ask(""), AgentId("echo", "k"), message_id=""),
        lambda world: world.caller.send_message(Ask(""), AgentId("echo", "k"), response_type="Answer"),
        lambda world: world.host.register_factory("two words", Echo),
        lambda world: world.host.register_factory("echo2", "no factory"),
    ],
)
async def test_bad_arguments(world: World, use: BadUse) -> None:
    await hosted(world)
    with pytest.raises(InvalidArgumentError):
        await use(world)
