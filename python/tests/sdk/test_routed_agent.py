"""RoutedAgent: which method gets a message."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from parley import CancellationToken, MessageContext, RoutedAgent, TopicId, event, message_handler, rpc
from parley.exceptions import CantHandleException


@dataclass
class A:
    pass


@dataclass
class B(A):
    pass


CALL = MessageContext(None, None, True, CancellationToken(), "m")
EVENT = MessageContext(None, TopicId("t", "s"), False, CancellationToken(), "m")


class Agent(RoutedAgent):
    @message_handler
    async def z_last(self, message: A, ctx: MessageContext) -> str:
        return "last"

    @event(timeout=1)
    async def b_event(self, message: A, ctx: MessageContext) -> str:
        return "event"

    @rpc(match=lambda message, ctx: ctx.message_id == "special")
    async def a_special(self, message: A, ctx: MessageContext) -> str:
        return "special"


class Overriding(Agent):
    @event(timeout=5)
    async def b_event(self, message: A, ctx: MessageContext) -> str:
        return "overridden"


async def test_the_first_in_the_order_of_names() -> None:
    agent = Agent()
    assert await agent.on_message(A(), CALL) == "last"
    assert await agent.on_message(A(), EVENT) == "event"
    assert await agent.on_message(A(), MessageContext(None, None, True, CancellationToken(), "special")) == "special"


async def test_overridden_handlers() -> None:
    assert await Overriding().on_message(A(), EVENT) == "overridden"
    assert Overriding.event_timeout(A) == 600  # z_last takes events, too
    assert Overriding.event_timeout(B) == 600


def test_each_class_has_limits_of_its_own() -> None:
    class Patient(RoutedAgent):
        @event(timeout=60)
        async def hear(self, message: A, ctx: MessageContext) -> None:
            """Hears."""

    class Hasty(Patient):
        @event(timeout=5)
        async def hear(self, message: A, ctx: MessageContext) -> None:
            """Hears."""

    for _ in range(2):
        assert Patient.event_timeout(A) == 60
        assert Hasty.event_timeout(A) == 5
        assert Patient.event_timeout(B) == 600


async def test_subclasses_of_a_message_are_other_messages() -> None:
    class Seeing(Agent):
        async def on_unhandled_message(self, message: object, ctx: MessageContext) -> None:
            seen.append(message)

    seen: list[object] = []
    with pytest.raises(CantHandleException, match="Seeing has no handler for B as a call"):
        await Seeing().on_message(B(), CALL)
    assert seen == [B()]


def test_no_handlers_are_legal() -> None:
    assert RoutedAgent.handled_types() == []
    assert Agent.handled_types() == [A, str]
