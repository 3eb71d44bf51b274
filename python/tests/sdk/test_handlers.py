"""What the decorators find out, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from parley import CancellationToken, MessageContext, RoutedAgent, TopicId, event, message_handler, rpc
from parley._handlers import HandlerSpec, message_classes, spec_of


@dataclass
class A:
    n: int = 0


@dataclass
class B:
    pass


def ctx(*, is_rpc: bool) -> MessageContext:
    return MessageContext(None, None if is_rpc else TopicId("t", "s"), is_rpc, CancellationToken(), "m")


def found(method: Any) -> HandlerSpec:
    spec = spec_of(method)
    assert spec is not None
    return spec


def test_annotations_are_read() -> None:
    class Agent(RoutedAgent):
        @rpc
        async def call(self, message: A | B, ctx: MessageContext) -> A | None:
            return None

        @event(timeout=3)
        async def told(self, message: B, ctx: MessageContext) -> None: ...

        @message_handler(strict=False)
        async def both(self, message: list[int], ctx: MessageContext) -> Any: ...

    assert found(Agent.call).receives == (A, B)
    assert found(Agent.call).produces == (A, type(None))
    assert (found(Agent.told).receives, found(Agent.told).timeout) == ((B,), 3)
    assert (found(Agent.both).receives, found(Agent.both).produces) == ((list,), None)
    assert not found(Agent.both).strict
    assert spec_of(print) is None
    assert Agent.call.__name__ == "call"


def test_classes_of_the_enclosing_function_and_later_ones_are_found() -> None:
    @dataclass
    class Local:
        pass

    class Agent(RoutedAgent):
        @rpc
        async def local(self, message: Local, ctx: MessageContext) -> Local:
            return message

        @rpc
        async def later(self, message: Later, ctx: MessageContext) -> Later:
            return message

    assert set(Agent.handled_types()) == {Local, Later}


@dataclass
class Later:
    pass


@pytest.mark.parametrize(
    ("kind", "is_rpc"), [(rpc, True), (event, False), (message_handler, True), (message_handler, False)]
)
def test_what_a_kind_accepts(kind: Callable[..., Any], is_rpc: bool) -> None:
    async def handler(self: Any, message: A, ctx: MessageContext) -> None: ...

    assert found(kind(handler)).accepts(A(), ctx(is_rpc=is_rpc))
    matching = found(kind(match=lambda message, ctx: message.n > 0)(handler))
    assert matching.accepts(A(1), ctx(is_rpc=is_rpc))
    assert not matching.accepts(A(0), ctx(is_rpc=is_rpc))
    if kind is not message_handler:
        assert not found(kind(handler)).accepts(A(), ctx(is_rpc=not is_rpc))


def test_results() -> None:
    @rpc
    async def handler(self: Any, message: A, ctx: MessageContext) -> A | None: ...

    spec = found(handler)
    assert spec.check_result(None) is None
    assert spec.check_result(A()) == A()
    with pytest.raises(TypeError, match="returned a B; it declares A, None"):
        spec.check_result(B())


def bad_handlers() -> list[Any]:
    def not_async(self: Any, message: A, ctx: MessageContext) -> None: ...

    async def no_message(self: Any, message, ctx: MessageContext) -> None: ...  # type: ignore[no-untyped-def]

    async def no_return(self: Any, message: A, ctx: MessageContext): ...  # type: ignore[no-untyped-def]

    async def too_few(self: Any, message: A) -> None: ...

    async def no_class(self: Any, message: 3, ctx: MessageContext) -> None: ...  # type: ignore[valid-type]

    return [not_async, no_message, no_return, too_few, no_class]


@pytest.mark.parametrize("handler", bad_handlers(), ids=lambda handler: handler.__name__)
def test_bad_handlers(handler: Any) -> None:
    with pytest.raises(TypeError):
        rpc(handler)


def test_a_timeout_is_above_zero() -> None:
    with pytest.raises(TypeError, match="timeout must be above 0"):
        event(timeout=0)


def test_a_name_that_is_never_defined_is_an_error_when_registered() -> None:
    class Agent(RoutedAgent):
        @rpc
        async def call(self, message: Nowhere, ctx: MessageContext) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError, match="Nowhere"):
        Agent.handled_types()


def test_closures() -> None:
    async def closure(agent: Any, message: A | B, ctx: MessageContext) -> None: ...

    async def anything(agent: Any, message: Any, ctx: MessageContext) -> None: ...

    class Handling:
        async def __call__(self, agent: Any, message: B, ctx: MessageContext) -> None: ...

    assert message_classes(closure) == [A, B]
    assert message_classes(anything) == [object]
    assert message_classes(Handling()) == [B]
    with pytest.raises(TypeError):
        message_classes(lambda agent, message, ctx: None)
    with pytest.raises(TypeError):
        message_classes(lambda: None)
