"""An adapter in Python: the conformance kit commands, your SDK acts, the adapter reports what it saw and never judges.

It starts, says hello, and answers `unsupported` to all that is not filled in yet. Fill in the methods `do_…` from the
top; after each one `parley-conformance smoke --adapter NAME='python3 adapter.py'` says what comes next. What each one
means is in PROTOCOL.md, see README.md beside this file.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import Coroutine
from typing import Any

# What is implemented, by the names of PROTOCOL.md's table: add "json", "probe", "cancel", ... as you go. A case that
# requires what is not here is not run.
CAPABILITIES: list[str] = []
# The profiles of SPEC.md that your SDK claims, e.g. ["core"]: from then on what is lacking of them counts as a failure.
PROFILES: list[str] = []

LINE_LIMIT = 96 * 1024 * 1024
# These wait for the network: they run beside the reading of commands, which must never block.
SLOW = ("start", "register", "subscribe", "unsubscribe", "stop")


class Unsupported(Exception):
    """This adapter, or its SDK, does not have what was asked for."""


class Adapter:
    """The commands of the protocol; each method `do_…` is one, what it returns is the answer's `ok`."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        # Your SDK's runtimes by name (`rt`), tokens by (`rt`, `label`), gates by name.
        self._runtimes: dict[str, Any] = {}

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Reads commands until the kit hangs up."""
        while line := await reader.readline():
            command = json.loads(line)
            method = getattr(self, f"do_{command['cmd']}", self.unknown)
            if command["cmd"] in SLOW:
                self.begin(self._answer(command["n"], method(command)))
            else:
                await self._answer(command["n"], method(command))

    async def _answer(self, number: int, work: Coroutine[Any, Any, dict[str, Any]]) -> None:
        try:
            self._write({"re": number, "ok": await work})
        except Unsupported as unsupported:
            self._write({"re": number, "unsupported": str(unsupported)})
        except Exception as error:
            # Of your SDK's own errors `reason` is the wire reason without its prefix, e.g. "INVALID_ARGUMENT".
            reason = str(getattr(error, "reason", ""))
            self._write({"re": number, "error": {"reason": reason, "message": f"{type(error).__name__}: {error}"}})

    def observe(self, kind: str, rt: str, **members: Any) -> None:
        """Reports what was just seen: `observe("session", rt, state="connected", reason="")`."""
        now = time.monotonic() * 1000
        self._write({"obs": kind, "i": next(self._numbers), "rt": rt, "t_ms": now, **members})

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Lets something run beside the reading."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _write(self, line: dict[str, Any]) -> None:
        self._writer.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    async def unknown(self, command: dict[str, Any]) -> dict[str, Any]:
        """What nobody knows yet: newer kits say more."""
        raise Unsupported(f"no such command: {command['cmd']}")

    async def do_hello(self, command: dict[str, Any]) -> dict[str, Any]:
        """Who this is."""
        # Fill in: the name and version of your SDK.
        about = {"sdk": "my-sdk", "version": "0", "language": "python", "pid": os.getpid()}
        return {**about, "capabilities": CAPABILITIES, "profiles": PROFILES}

    async def do_ping(self, command: dict[str, Any]) -> dict[str, Any]:
        """A fence: what was observed before is written before."""
        return {}

    async def do_start(self, command: dict[str, Any]) -> dict[str, Any]:
        """Connects a runtime."""
        # Fill in first: connect your SDK to command["url"], keep the runtime in self._runtimes[command["rt"]], then
        #   self.observe("session", command["rt"], state="connected", reason="")
        # and return {}. Add "json" to CAPABILITIES.
        raise Unsupported("start is not filled in")

    async def do_call(self, command: dict[str, Any]) -> dict[str, Any]:
        """Hands a call to the SDK; answers before it has ended."""
        # Fill in second: begin the call beside the reading (self.begin), and return {} at once. When it ends
        #   self.observe("outcome", command["rt"], label=command["label"], reply={"type": "ProbeReply", "value": {…}})
        # or, where it failed, error={"reason", "message", "retryable", "may_have_run", "details"}.
        raise Unsupported("call is not filled in")

    async def do_register(self, command: dict[str, Any]) -> dict[str, Any]:
        """Hosts an agent type."""
        # Fill in third: host command["type"] with agents whose handler takes a Probe, observes `enter`, does the steps
        # of the Probe, observes `leave`, and returns a ProbeReply. Add "probe" to CAPABILITIES. Other values of
        # command["behaviour"] come later: raise Unsupported for them.
        raise Unsupported(f"behaviour {command['behaviour']} is not filled in")

    async def do_release(self, command: dict[str, Any]) -> dict[str, Any]:
        """Opens a gate for good."""
        # Fill in with op `gate`: an asyncio.Event by the name command["gate"].
        raise Unsupported("release is not filled in")

    async def do_cancel(self, command: dict[str, Any]) -> dict[str, Any]:
        """Fires the token of a call or publish."""
        # Fill in: the token that the call or publish of command["label"] was made with. Add "cancel" to CAPABILITIES.
        raise Unsupported("cancel is not filled in")

    async def do_subscribe(self, command: dict[str, Any]) -> dict[str, Any]:
        """Subscribes an agent type."""
        # Fill in: return {"id": …} once the broker has confirmed.
        raise Unsupported("subscribe is not filled in")

    async def do_unsubscribe(self, command: dict[str, Any]) -> dict[str, Any]:
        """Removes a subscription."""
        raise Unsupported("unsubscribe is not filled in")

    async def do_publish(self, command: dict[str, Any]) -> dict[str, Any]:
        """Hands an event to the SDK; answers before it is stored."""
        # Fill in as `call`; the outcome is published=True, or an error.
        raise Unsupported("publish is not filled in")

    async def do_stop(self, command: dict[str, Any]) -> dict[str, Any]:
        """Stops a runtime in order."""
        raise Unsupported("stop is not filled in")

    async def do_encode(self, command: dict[str, Any]) -> dict[str, Any]:
        """Encodes a value of the vocabulary."""
        # Fill in last, with "encode" and "typed" in CAPABILITIES: the vocabulary is in vectors/types.json.
        raise Unsupported("encode is not filled in")

    async def do_decode(self, command: dict[str, Any]) -> dict[str, Any]:
        """Decodes a value of the vocabulary."""
        raise Unsupported("decode is not filled in")


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
