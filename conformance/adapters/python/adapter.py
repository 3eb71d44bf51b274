"""The Python SDK's adapter: see ../PROTOCOL.md."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import behaviours
import probe_messages
import vocabulary

import parley
from parley import AgentId, CancellationToken, DistributedRuntime, TopicId, TypePrefixSubscription, TypeSubscription

LINE_LIMIT = 96 * 1024 * 1024
CAPABILITIES = [
    "json",
    "protobuf",
    "probe",
    "probe_v2",
    "probe_wide",
    "versioned",
    "stateless",
    "typed",
    "pinned",
    "encode",
    "prefix",
    "ephemeral",
    "wait_for_ready",
    "block",
    "several_runtimes",
    "cancel",
    "resume",
    "state",
    "effectively-once",
    "idempotency",
    "drain",
    "wide_integers",
    "naive_times",
]
BEHAVIOURS: dict[str, Callable[[behaviours.Observe, behaviours.Gates], Any]] = {
    "probe": behaviours.ProbeAgent,
    "probe_v2": behaviours.ProbeV2Agent,
    "stateless": behaviours.StatelessAgent,
    "typed": behaviours.TypedAgent,
    "stateful": behaviours.StatefulAgent,
    "effectively-once": behaviours.EffectivelyOnceAgent,
}


class Unsupported(Exception):
    """This adapter does not have what was asked for."""


class Adapter:
    """The commands of the protocol; each method `do_…` is one, its result is the answer's `ok`."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._numbers = itertools.count(1)
        self._gates = behaviours.Gates()
        self._runtimes: dict[str, DistributedRuntime] = {}
        self._content_types: dict[str, str] = {}
        self._tokens: dict[tuple[str, str], CancellationToken] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Reads commands until the kit hangs up."""
        while line := await reader.readline():
            command = json.loads(line)
            method = getattr(self, f"do_{command['cmd']}", None)
            if method is None:
                self._write({"re": command["n"], "unsupported": f"no such command: {command['cmd']}"})
            elif command["cmd"] in ("start", "register", "subscribe", "unsubscribe", "stop"):
                self._begin(self._answer(command["n"], method(command)))
            else:
                await self._answer(command["n"], method(command))

    async def _answer(self, number: int, work: Coroutine[Any, Any, dict[str, Any]]) -> None:
        try:
            self._write({"re": number, "ok": await work})
        except Unsupported as unsupported:
            self._write({"re": number, "unsupported": str(unsupported)})
        except Exception as error:  # whatever it is, the kit is told
            told = behaviours.told_error(error)
            self._write({"re": number, "error": {"reason": told["reason"], "message": told["message"]}})

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write(self, line: dict[str, Any]) -> None:
        self._writer.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def _observer(self, rt: str) -> behaviours.Observe:
        def observe(kind: str, /, **members: Any) -> None:
            now = time.monotonic() * 1000
            self._write({"obs": kind, "i": next(self._numbers), "rt": rt, "t_ms": now, **members})

        return observe

    async def do_hello(self, command: dict[str, Any]) -> dict[str, Any]:
        """Who this is."""
        about = {"sdk": "parley", "version": parley.__version__, "language": "python", "pid": os.getpid()}
        return {**about, "capabilities": CAPABILITIES}

    async def do_ping(self, command: dict[str, Any]) -> dict[str, Any]:
        """A fence."""
        return {}

    async def do_start(self, command: dict[str, Any]) -> dict[str, Any]:
        """Connects a runtime."""
        rt, options = command["rt"], {}
        for name in ("default_timeout", "connect_timeout"):
            if f"{name}_ms" in command:
                options[name] = command[f"{name}_ms"] / 1000
        instance = command.get("instance") or None
        runtime = await parley.create_distributed_runtime(command["url"], instance, **options)
        observe = self._observer(rt)
        runtime.state_changed(lambda state, reason: observe("session", state=state, reason=reason))
        runtime.add_message_serializer(probe_messages.VersionedProbeSerializer(1))
        await runtime.start()
        self._runtimes[rt], self._content_types[rt] = runtime, command.get("content_type", "json")
        observe("session", state="connected", reason="")
        return {}

    async def do_register(self, command: dict[str, Any]) -> dict[str, Any]:
        """Hosts an agent type, or pinned instances."""
        runtime, observe = self._runtimes[command["rt"]], self._observer(command["rt"])
        behaviour = BEHAVIOURS.get(command["behaviour"])
        if behaviour is None:
            raise Unsupported(f"no such behaviour: {command['behaviour']}")
        if command["behaviour"] == "probe_v2":
            runtime.add_message_serializer(probe_messages.VersionedProbeSerializer(1, 2))
        for key in command.get("keys", ()):
            agent = behaviour(observe, self._gates)
            await agent.register_instance(runtime, AgentId(command["type"], key), skip_direct_message_subscription=True)
        if not command.get("keys"):
            await behaviour.register(  # type: ignore[attr-defined]
                runtime, command["type"], lambda: behaviour(observe, self._gates), skip_direct_message_subscription=True
            )
        return {}

    async def do_subscribe(self, command: dict[str, Any]) -> dict[str, Any]:
        """Subscribes an agent type."""
        cls = TypePrefixSubscription if command["match"] == "prefix" else TypeSubscription
        subscription = cls(command["topic"], command["type"], durable=command.get("durable", True))
        await self._runtimes[command["rt"]].add_subscription(subscription)
        return {"id": subscription.id}

    async def do_unsubscribe(self, command: dict[str, Any]) -> dict[str, Any]:
        """Removes a subscription."""
        await self._runtimes[command["rt"]].remove_subscription(command["id"])
        return {}

    async def do_call(self, command: dict[str, Any]) -> dict[str, Any]:
        """Hands a call to the SDK."""
        message, token = self._message(command), CancellationToken()
        timeout = command["timeout_ms"] / 1000 if "timeout_ms" in command else None

        async def call() -> Any:
            return await self._runtimes[command["rt"]].send_message(
                message,
                AgentId.from_str(command["to"]),
                cancellation_token=token,
                timeout=timeout,
                idempotency_key=command.get("idempotency_key"),
                wait_for_ready=command.get("wait_for_ready", False),
            )

        self._send(command, token, call(), published=False)
        return {}

    async def do_publish(self, command: dict[str, Any]) -> dict[str, Any]:
        """Hands an event to the SDK."""
        message, token = self._message(command), CancellationToken()

        async def publish() -> None:
            await self._runtimes[command["rt"]].publish_message(
                message,
                TopicId.from_str(command["topic"]),
                cancellation_token=token,
                message_id=command.get("event_id"),
                ephemeral=command.get("ephemeral", False),
            )

        self._send(command, token, publish(), published=True)
        return {}

    async def do_cancel(self, command: dict[str, Any]) -> dict[str, Any]:
        """Fires the token of a call or publish."""
        self._tokens[command["rt"], command["label"]].cancel()
        return {}

    async def do_release(self, command: dict[str, Any]) -> dict[str, Any]:
        """Opens a gate for good."""
        self._gates[command["gate"]].set()
        return {}

    async def do_stop(self, command: dict[str, Any]) -> dict[str, Any]:
        """Stops a runtime in order."""
        await self._runtimes[command["rt"]].stop()
        return {}

    async def do_encode(self, command: dict[str, Any]) -> dict[str, Any]:
        """Encodes a value of the vocabulary."""
        message = vocabulary.build(command["type"], command["content_type"], command["value"])
        (serializer,) = self._serializers(command)
        return {"data": base64.b64encode(serializer.serialize(message)).decode()}

    async def do_decode(self, command: dict[str, Any]) -> dict[str, Any]:
        """Decodes a value of the vocabulary."""
        (serializer,) = self._serializers(command)
        return {"value": vocabulary.plain(serializer.deserialize(base64.b64decode(command["data"])))}

    def _serializers(self, command: dict[str, Any]) -> list[parley.MessageSerializer[Any]]:
        cls = vocabulary.class_of(command["type"], command["content_type"])
        if cls is None:
            raise Unsupported(f"no such type as {command['content_type']}: {command['type']}")
        return parley.try_get_known_serializers_for_type(cls)

    def _message(self, command: dict[str, Any]) -> Any:
        kind, value = command["message"]["type"], command["message"]["value"]
        content_type = self._content_types[command["rt"]]
        for module in (probe_messages, vocabulary):
            message = module.build(kind, content_type, value)  # type: ignore[attr-defined]
            if message is not None:
                return message
        raise Unsupported(f"no such message type as {content_type}: {kind}")

    def _send(
        self, command: dict[str, Any], token: CancellationToken, sending: Coroutine[Any, Any, Any], *, published: bool
    ) -> None:
        self._tokens[command["rt"], command["label"]] = token
        observe, label = self._observer(command["rt"]), command["label"]

        async def outcome() -> None:
            await behaviours.outcome_of(observe, label, sending, published=published)
            self._tokens.pop((command["rt"], label), None)

        self._begin(outcome())


async def main() -> None:
    """Dials the kit and serves it."""
    host, _, port = os.environ["PARLEY_KIT"].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=LINE_LIMIT)
    await Adapter(writer).serve(reader)
    # The kit has hung up: nothing is drained, nobody is waited for.
    os._exit(0)


if __name__ == "__main__":
    if "PARLEY_KIT" not in os.environ:
        sys.exit("PARLEY_KIT is not set: it names HOST:PORT of the kit that starts this adapter")
    asyncio.run(main())
