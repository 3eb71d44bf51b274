"""Calls, on both runtimes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley import AgentId, TopicId
from parley.exceptions import (
    ActivationFailedError,
    CantHandleException,
    DeadlineExceededError,
    HandlerFailedError,
    InvalidArgumentError,
    NoRespondersError,
    ResourceExhaustedError,
    UndeliverableException,
    UnhandledMessageError,
    UnknownMessageTypeError,
)

from .conftest import World
from .echo import PATIENCE, Answer, Ask, Echo, Log, Other, Refusal, Told, hosted


async def test_results(world: World) -> None:
    await hosted(world)
    target = AgentId("echo", "k")
    assert await world.caller.send_message(Ask("a", 1), target) == Answer("a 1")
    assert await world.caller.send_message(Ask("refuse"), target) == Refusal("no")
    assert await world.caller.send_message(Ask("nothing"), target) is None
    typed: Answer = await world.caller.send_message(Ask("a"), target, response_type=Answer)
    assert typed == Answer("a 0")


@pytest.mark.parametrize("recipient", ["echo/k", TopicId("echo", "k"), None, b"echo/k"])
async def test_a_recipient_that_is_no_agent_id(world: World, recipient: Any) -> None:
    await hosted(world)
    with pytest.raises(InvalidArgumentError, match="recipient must be of the class AgentId, not ") as caught:
        await world.caller.send_message(Ask("a"), recipient)
    assert caught.value.details == {"field": "recipient"}


@pytest.mark.parametrize("topic", ["news/k", AgentId("echo", "k"), None])
async def test_a_topic_that_is_no_topic_id(world: World, topic: Any) -> None:
    await hosted(world)
    with pytest.raises(InvalidArgumentError, match="topic_id must be of the class TopicId, not ") as caught:
        await world.caller.publish_message(Told("a"), topic)
    assert caught.value.details == {"field": "topic_id"}


async def test_a_sender_that_is_no_agent_id(world: World) -> None:
    await hosted(world)
    sender: Any = "echo/k"
    text = "sender must be of the class AgentId, not str: AgentId.from_str makes one of a text"
    with pytest.raises(InvalidArgumentError, match=text):
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), sender=sender)
    with pytest.raises(InvalidArgumentError, match=text):
        await world.caller.publish_message(Told("a"), TopicId("t", "k"), sender=sender)


@pytest.mark.parametrize(("message_id", "text"), [("", "not empty"), (5, "must be a str"), ("\ud800", "surrogate")])
async def test_message_ids_that_cannot_be_sent(world: World, message_id: Any, text: str) -> None:
    await hosted(world)
    for sending in (
        world.caller.send_message(Ask("a"), AgentId("echo", "k"), message_id=message_id),
        world.caller.publish_message(Told("a"), TopicId("t", "k"), message_id=message_id),
    ):
        with pytest.raises(InvalidArgumentError, match=text) as caught:
            await sending
        assert caught.value.details == {"field": "message_id"}


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
