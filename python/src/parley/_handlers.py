"""The decorators that make a method a message handler, and what they find out about it."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, overload

from ._constants import DEFAULT_EVENT_TIMEOUT
from ._message_context import MessageContext

Handler = TypeVar("Handler", bound=Callable[..., Coroutine[Any, Any, Any]])
Match = Callable[[Any, MessageContext], bool]
Kind = Literal["rpc", "event", "any"]

_ATTRIBUTE = "__parley_handler__"


@dataclass(slots=True)
class HandlerSpec:
    """What is known of one handler.

    Attributes:
        func: The method as it was written.
        kind: Which messages it takes: calls, events or both.
        match: Takes only the messages for which this is true.
        strict: Its results must be of the classes that it declares.
        timeout: Seconds that it may run on an event.
        receives: The classes of the messages that it takes.
        produces: The classes of its results; None: any.
    """

    func: Callable[..., Coroutine[Any, Any, Any]]
    kind: Kind
    match: Match | None
    strict: bool
    timeout: float
    receives: tuple[type[Any], ...] = ()
    produces: tuple[type[Any], ...] | None = None
    resolved: bool = field(default=False, repr=False)

    def accepts(self, message: Any, ctx: MessageContext) -> bool:
        """True if this handler takes a message of a class that it receives."""
        if self.kind != "any" and (self.kind == "rpc") is not ctx.is_rpc:
            return False
        return self.match is None or bool(self.match(message, ctx))

    def check_result(self, result: Any) -> Any:
        """The result. Raises TypeError if the handler is strict and does not declare its class."""
        if not self.strict or self.produces is None or isinstance(result, self.produces):
            return result
        allowed = ", ".join("None" if cls is types.NoneType else cls.__name__ for cls in self.produces)
        raise TypeError(f"{self.func.__qualname__} returned a {type(result).__name__}; it declares {allowed}")

    def resolve(self, namespace: Mapping[str, Any] | None = None) -> None:
        """Reads the annotations. Raises NameError if a name in them is not defined yet, TypeError if one is missing."""
        if self.resolved:
            return
        name = self.func.__qualname__
        parameters = list(inspect.signature(self.func).parameters.values())
        if len(parameters) != 3:
            raise TypeError(f"{name} must take self, message and ctx")
        hints = typing.get_type_hints(self.func, localns=namespace)
        message = parameters[1].name
        if message not in hints:
            raise TypeError(
                f"{name}: the parameter {message} needs a type annotation, it says which messages are handled"
            )
        if "return" not in hints:
            raise TypeError(f"{name} needs a return annotation, None if it returns nothing")
        self.receives = tuple(_classes(hints[message], f"{name}: the annotation of {message}"))
        produced = hints["return"]
        self.produces = None if produced is Any else tuple(_classes(produced, f"{name}: the return annotation"))
        self.resolved = True


def _classes(annotation: Any, what: str) -> list[type[Any]]:
    """The classes that an annotation names: one, or the members of a union."""
    members = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    classes = []
    for member in members:
        if member is None:
            member = types.NoneType
        member = get_origin(member) or member
        if not isinstance(member, type):
            raise TypeError(f"{what} must be a class or a union of classes, not {annotation}")
        classes.append(member)
    return classes


def spec_of(method: Any) -> HandlerSpec | None:
    """What a decorator found out about a method; None if it is no handler."""
    return getattr(method, _ATTRIBUTE, None)


def _decorator(kind: Kind, func: Any, match: Match | None, strict: bool, timeout: float) -> Any:
    def decorate(func: Any) -> Any:
        if not inspect.iscoroutinefunction(func):
            raise TypeError(f"{getattr(func, '__qualname__', func)} must be an async method to be a handler")
        spec = HandlerSpec(func, kind, match, strict, timeout)
        with suppress(NameError):  # a class that is defined further down: found when the agent is registered
            spec.resolve(_visible_names())
        setattr(func, _ATTRIBUTE, spec)
        return func

    return decorate if func is None else decorate(func)


def _visible_names() -> dict[str, Any]:
    """The local names around the decorated method, so that classes defined in a function are found."""
    names: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    outer: list[dict[str, Any]] = []
    while frame is not None and frame.f_locals is not frame.f_globals:
        outer.append(dict(frame.f_locals))
        frame = frame.f_back
    for local in reversed(outer):
        names.update(local)
    return names


@overload
def message_handler(func: Handler) -> Handler: ...


@overload
def message_handler(
    func: None = None, *, strict: bool = True, match: Match | None = None
) -> Callable[[Handler], Handler]: ...


def message_handler(func: Any = None, *, strict: bool = True, match: Match | None = None) -> Any:
    """Makes a method handle the messages of the classes that its annotation names, as calls and as events.

    A call has the caller's time. An event has 600 s (SPEC DLV-9); a handler that needs another limit is an `event`.

    Args:
        func: The method: `async def name(self, message: A | B, ctx: MessageContext) -> Result`.
        strict: Results must be of the classes that the return annotation names; otherwise the call fails.
        match: Takes only messages for which `match(message, ctx)` is true. Handlers are tried in the order of their
            names; the first that takes the message gets it.

    Raises:
        TypeError: The method is not async, or an annotation is missing or is no class.
    """
    return _decorator("any", func, match, strict, DEFAULT_EVENT_TIMEOUT)


@overload
def rpc(func: Handler) -> Handler: ...


@overload
def rpc(func: None = None, *, strict: bool = True, match: Match | None = None) -> Callable[[Handler], Handler]: ...


def rpc(func: Any = None, *, strict: bool = True, match: Match | None = None) -> Any:
    """As `message_handler`, for calls only."""
    return _decorator("rpc", func, match, strict, DEFAULT_EVENT_TIMEOUT)


@overload
def event(func: Handler) -> Handler: ...


@overload
def event(
    func: None = None, *, strict: bool = True, match: Match | None = None, timeout: float = DEFAULT_EVENT_TIMEOUT
) -> Callable[[Handler], Handler]: ...


def event(
    func: Any = None, *, strict: bool = True, match: Match | None = None, timeout: float = DEFAULT_EVENT_TIMEOUT
) -> Any:
    """As `message_handler`, for events only.

    Args:
        func: As there.
        strict: As there.
        match: As there.
        timeout: Seconds that the handler may run; then it is cancelled and the attempt has failed (SPEC DLV-9).
    """
    if not timeout > 0:
        raise TypeError(f"timeout must be above 0 seconds, not {timeout!r}")
    return _decorator("event", func, match, strict, timeout)


def message_classes(closure: Callable[..., Any]) -> list[type[Any]]:
    """The classes that the second parameter of a closure is annotated with. Raises TypeError without an annotation."""
    name = getattr(closure, "__qualname__", type(closure).__qualname__)
    function = closure if inspect.isroutine(closure) else type(closure).__call__
    parameters = list(inspect.signature(closure).parameters.values())
    if len(parameters) != 3:
        raise TypeError(f"{name} must take agent, message and ctx")
    annotation = typing.get_type_hints(function).get(parameters[1].name)
    if annotation is None:
        raise TypeError(f"{name}: the parameter {parameters[1].name} needs a type annotation")
    return [object] if annotation is Any else _classes(annotation, f"{name}: the annotation of {parameters[1].name}")
