"""RoutedAgent: messages go to the method that is annotated with their class."""

from __future__ import annotations

import logging
from types import NoneType
from typing import Any

from ._base_agent import BaseAgent
from ._constants import DEFAULT_EVENT_TIMEOUT, ROOT_LOGGER_NAME
from ._handlers import HandlerSpec, spec_of
from ._message_context import MessageContext
from .exceptions import CantHandleException

_log = logging.getLogger(ROOT_LOGGER_NAME)

_Routes = dict[type[Any], list[tuple[str, HandlerSpec]]]


class RoutedAgent(BaseAgent):
    """An agent whose methods handle messages by class: decorate them with `rpc`, `event` or `message_handler`.

    A class without handlers is legal; it can send.
    """

    async def on_message_impl(self, message: Any, ctx: MessageContext) -> Any:
        """Gives the message to the first handler that takes it, in the order of their names."""
        cls = type(self)
        routes: _Routes = cls.__dict__.get("_parley_routes") or cls._routes()
        for name, spec in routes.get(type(message), ()):
            if spec.accepts(message, ctx):
                return spec.check_result(await getattr(self, name)(message, ctx))
        await self.on_unhandled_message(message, ctx)
        raise CantHandleException(
            f"{type(self).__name__} has no handler for {type(message).__name__} as "
            f"{'a call' if ctx.is_rpc else 'an event'}"
        )

    async def on_unhandled_message(self, message: Any, ctx: MessageContext) -> None:
        """Sees what no handler takes: an event is then acknowledged as ignored, a call fails (SPEC DLV-8, RPC-13).

        To override; this one logs it. An event of a type that nobody registered comes as UnknownPayload.
        """
        _log.info("agent %s has no handler for %s", self.id, type(message).__name__)

    @classmethod
    def event_timeout(cls, message_type: type[Any]) -> float:
        """Seconds that a handler of events of this class may run (SPEC DLV-9)."""
        timeouts: dict[type[Any], float] | None = cls.__dict__.get("_parley_event_timeouts")
        if timeouts is None:
            timeouts = cls._parley_event_timeouts = {}  # type: ignore[attr-defined]
        limit = timeouts.get(message_type)
        if limit is None:
            limits = [spec.timeout for _, spec in cls._routes().get(message_type, ()) if spec.kind != "rpc"]
            limit = timeouts[message_type] = max(limits, default=DEFAULT_EVENT_TIMEOUT)
        return limit

    @classmethod
    def understood_types(cls, *, is_rpc: bool) -> list[type[Any]]:
        """The classes of the messages that its handlers take as calls, or as events."""
        kinds = ("rpc", "any") if is_rpc else ("event", "any")
        return [
            received for received, handlers in cls._routes().items() if any(spec.kind in kinds for _, spec in handlers)
        ]

    @classmethod
    def _routes(cls) -> _Routes:
        routes: _Routes | None = cls.__dict__.get("_parley_routes")
        if routes is None:
            routes = {}
            for name in dir(cls):
                spec = spec_of(getattr(cls, name, None))
                if spec is not None:
                    spec.resolve(vars(cls))
                    for received in spec.receives:
                        routes.setdefault(received, []).append((name, spec))
            cls._parley_routes = routes  # type: ignore[attr-defined]
        return routes

    @classmethod
    def handled_types(cls) -> list[type[Any]]:
        """The classes that its handlers take or return, each once."""
        found: dict[type[Any], None] = {}
        for received, handlers in cls._routes().items():
            found[received] = None
            for _, spec in handlers:
                found.update(dict.fromkeys(spec.produces or ()))
        found.pop(NoneType, None)
        return list(found)
