"""The agents of the adapter: they do what the message says and report what they see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import probe_pb2
import vocabulary
from probe_messages import Probe, ProbeRefused, ProbeReply, ProbeStranger, ProbeV2, VersionedProbe, is_protobuf, plain

from parley import AgentId, CancellationToken, MessageContext, RoutedAgent, TopicId, message_handler

Observe = Callable[..., None]


class ProbeFailure(Exception):
    """What `fail` raises; its text is exactly the step's."""


class Gates:
    """The gates of this process, by name; open for good once released."""

    def __init__(self) -> None:
        self._gates: dict[str, asyncio.Event] = {}

    def __getitem__(self, name: str) -> asyncio.Event:
        return self._gates.setdefault(name, asyncio.Event())


class ScriptedAgent(RoutedAgent):
    """Runs the script of a Probe."""

    def __init__(self, observe: Observe, gates: Gates) -> None:
        super().__init__("does what the message says")
        self._observe = observe
        self._gates = gates
        self._count = 0

    async def perform(self, probe: Any, wire_name: str, ctx: MessageContext) -> Any:
        """Runs a script between `enter` and `leave`."""
        told = {"label": probe.label, "agent": str(self.id)}
        content_type = "protobuf" if is_protobuf(probe) else "json"
        self._observe("enter", **told, **seen(ctx), type_name=wire_name, content_type=content_type)

        def fired() -> None:
            self._observe("cancelled", **told)

        ctx.cancellation_token.add_callback(fired)
        how = "raised"
        try:
            result = await self._steps(probe, ctx)
            how = "returned"
            return result
        except asyncio.CancelledError:
            how = "cancelled" if ctx.cancellation_token.is_cancelled() else "raised"  # it may have cancelled itself
            raise
        finally:
            ctx.cancellation_token.remove_callback(fired)
            self._observe("leave", **told, how=how)

    async def _steps(self, probe: Any, ctx: MessageContext) -> Any:
        token, last = ctx.cancellation_token, ""
        for step in probe.do:
            if step.op == "reply":
                return self._result(probe, step, last)
            if step.op == "fail":
                raise asyncio.CancelledError if step.how == "cancel" else ProbeFailure(step.text)
            if step.op == "fail_until":
                if ctx.attempt < step.number:
                    raise ProbeFailure(step.text)
            elif step.op == "gate":
                await _unless_cancelled(self._gates[step.text].wait(), token)
            elif step.op == "sleep":
                await _unless_cancelled(asyncio.sleep(step.number / 1000), token)
            elif step.op == "block":
                time.sleep(step.number / 1000)  # noqa: ASYNC251 - that is what it is for
            elif step.op == "add":
                self._count += step.number
            elif step.op == "call":
                last = await self._call(step, token)
            elif step.op == "publish":
                await self._publish(step, token)
            else:
                raise ProbeFailure(f"no such op: {step.op}")
        return self._result(probe, None, last) if ctx.is_rpc else None

    def _result(self, probe: Any, step: Any, last: str) -> Any:
        how, text = (step.how, step.text) if step is not None else ("", "")
        module = probe_pb2 if is_protobuf(probe) else None
        if how == "null":
            return None
        if how == "unencodable":
            return object()
        if how == "stranger":
            return (module.ProbeStranger if module else ProbeStranger)(label=probe.label)
        if how == "refused":
            return (module.ProbeRefused if module else ProbeRefused)(label=probe.label, value=text)
        value = last if how == "last" else text
        reply = module.ProbeReply if module else ProbeReply
        return reply(label=probe.label, value=value, count=self._count, agent=str(self.id))

    async def _call(self, step: Any, token: CancellationToken) -> str:
        timeout = step.timeout_ms / 1000 if step.timeout_ms else None
        call = self.send_message(step.message, AgentId.from_str(step.to), cancellation_token=token, timeout=timeout)
        reply, error = await outcome_of(self._observe, step.message.label, call)
        if error is None:
            return str(getattr(reply, "value", ""))
        if step.catch and isinstance(error, Exception):
            return reason_of(error)
        raise error

    async def _publish(self, step: Any, token: CancellationToken) -> None:
        publish = self.publish_message(
            step.message, TopicId.from_str(step.to), cancellation_token=token, immediate=step.how == "immediate"
        )
        _, error = await outcome_of(self._observe, step.message.label, publish, published=True)
        if error is not None:
            raise error


class ProbeAgent(ScriptedAgent):
    """Behaviour `probe`."""

    @message_handler
    async def on_probe(self, message: Probe, ctx: MessageContext) -> ProbeReply | ProbeRefused | None:
        """JSON."""
        return await self.perform(message, "probe_v1", ctx)  # type: ignore[no-any-return]

    @message_handler
    async def on_versioned(self, message: VersionedProbe, ctx: MessageContext) -> ProbeReply | ProbeRefused | None:
        """JSON in a custom serializer."""
        return await self.perform(message.probe, "versioned_probe", ctx)  # type: ignore[no-any-return]

    @message_handler
    async def on_protobuf(
        self, message: probe_pb2.Probe, ctx: MessageContext
    ) -> probe_pb2.ProbeReply | probe_pb2.ProbeRefused | None:
        """Protobuf."""
        return await self.perform(message, "parley.conformance.v1.Probe", ctx)  # type: ignore[no-any-return]


class ProbeV2Agent(ProbeAgent):
    """Behaviour `probe_v2`."""

    @message_handler
    async def on_probe_v2(self, message: ProbeV2, ctx: MessageContext) -> ProbeReply | ProbeRefused | None:
        """JSON, version 2."""
        return await self.perform(message, "probe_v2", ctx)  # type: ignore[no-any-return]

    @message_handler
    async def on_protobuf_v2(
        self, message: probe_pb2.ProbeV2, ctx: MessageContext
    ) -> probe_pb2.ProbeReply | probe_pb2.ProbeRefused | None:
        """Protobuf, version 2."""
        return await self.perform(message, "parley.conformance.v1.ProbeV2", ctx)  # type: ignore[no-any-return]


class StatelessAgent(ProbeAgent, mode="stateless"):
    """Behaviour `stateless`."""


class StatefulAgent(ProbeAgent):
    """Behaviour `stateful`: the counter is its state."""

    async def save_state(self) -> Mapping[str, Any]:
        """The counter."""
        state = {"count": self._count}
        self._observe("saved", agent=str(self.id), state=state)
        return state

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what was saved."""
        self._observe("loaded", agent=str(self.id), state=dict(state))
        self._count = state["count"]


class EffectivelyOnceAgent(StatefulAgent, mode="effectively-once"):
    """Behaviour `effectively-once`."""


class TypedAgent(RoutedAgent):
    """Behaviour `typed`: says what came and returns it."""

    def __init__(self, observe: Observe, gates: Gates) -> None:
        super().__init__("returns what came")
        self._observe = observe

    @message_handler
    async def on_typed(self, message: vocabulary.AnyTyped, ctx: MessageContext) -> vocabulary.AnyTyped:
        """Any type of the vocabulary."""
        told = {"label": "", "agent": str(self.id)}
        content_type = "protobuf" if is_protobuf(message) else "json"
        name = vocabulary.name_of(message) or ""
        value = vocabulary.plain(message)
        self._observe("enter", **told, **seen(ctx), type_name=name, content_type=content_type, value=value)
        self._observe("leave", **told, how="returned")
        return message


def seen(ctx: MessageContext) -> dict[str, Any]:
    """What the context says, as the observation `enter` has it."""
    return {
        "kind": "rpc" if ctx.is_rpc else "event",
        "attempt": ctx.attempt,
        "deadline_left_ms": None if ctx.remaining is None else ctx.remaining * 1000,
        "sender": None if ctx.sender is None else str(ctx.sender),
        "topic": None if ctx.topic_id is None else str(ctx.topic_id),
    }


async def outcome_of(
    observe: Observe, label: str, sending: Awaitable[Any], *, published: bool = False
) -> tuple[Any, BaseException | None]:
    """Waits for a call or publish and reports its outcome; returns result and error."""
    try:
        reply = await sending
    except (Exception, asyncio.CancelledError) as error:  # the SDK's cancellation is no Exception
        observe("outcome", label=label, error=told_error(error))
        return None, error
    observe("outcome", label=label, **({"published": True} if published else {"reply": told_reply(reply)}))
    return reply, None


def told_reply(reply: Any) -> dict[str, Any] | None:
    """A result as observed."""
    if reply is None:
        return None
    if (name := vocabulary.name_of(reply)) is not None:
        return {"type": name, "value": vocabulary.plain(reply)}
    name = reply.DESCRIPTOR.full_name if is_protobuf(reply) else type(reply).__name__
    return {"type": name, "value": plain(reply)}


def told_error(error: BaseException) -> dict[str, Any]:
    """An error as observed: the SDK's own by its reason, any other by its type."""
    if not (reason := reason_of(error)):
        text = f"{type(error).__name__}: {error}"
        return {"reason": "", "message": text, "retryable": False, "may_have_run": False, "details": {}}
    return {
        "reason": reason,
        "message": getattr(error, "message", ""),
        "retryable": getattr(error, "retryable", False),
        "may_have_run": getattr(error, "may_have_run", False),
        "details": dict(getattr(error, "details", {})),
    }


def reason_of(error: BaseException) -> str:
    """The wire reason of an error of the SDK; empty for others."""
    return str(getattr(error, "reason", ""))


async def _unless_cancelled(waiting: Awaitable[Any], token: CancellationToken) -> None:
    await token.link_future(asyncio.ensure_future(waiting))
