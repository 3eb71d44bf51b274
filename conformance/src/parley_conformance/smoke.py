"""A first look at an adapter: does it speak the protocol, and does its SDK do the least that is asked of it?

The adapter is alone with a broker; it calls itself. What breaks the protocol is the adapter's defect, and nothing can
be said beyond it. What is said in good order and is wrong all the same is the SDK's, or what the adapter makes of it:
the text then tells how far it came on the wire.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from parley_conformance.adapter import Adapter, Refused
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.journal import Journal
from parley_conformance.languages import Language
from parley_conformance.model import Failed, HarnessError, Unsupported
from parley_conformance.party import RUNTIME, Party
from parley_conformance.recorder import Recorder

WITHIN_MS = 5_000
_NAME = "smoke"
_SAMPLE = {"type": "Texts", "content_type": "json", "value": {"text": "a"}}


class Found(StrEnum):
    """What came of one check."""

    OK = "ok"
    LACKS = "lacks"
    SDK = "SDK"
    BROKEN = "BROKEN"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Finding:
    """One check as the report has it. `todo`: what its author does next, if it is not ok."""

    title: str
    found: Found
    text: str
    todo: str


@dataclass(frozen=True)
class _Check:
    title: str
    play: Callable[[_Look], Awaitable[str]]
    todo: str
    needs: tuple[str, ...] = ()


async def look(language: Language, source: BrokerSource, folder: Path) -> list[Finding]:
    """Looks at an adapter.

    Args:
        language: Its name and command.
        source: Where the broker comes from.
        folder: For logs and data.

    Returns:
        The findings in the order of the checks; after one that is `BROKEN` nothing more is tried.

    Raises:
        HarnessError: The broker cannot be started: nothing can be said of the adapter.
    """
    broker = await Broker.launch(source, {}, folder)
    one = _Look(language, broker, folder)
    findings: list[Finding] = []
    fine: set[str] = set()
    try:
        for check in _CHECKS:
            finding = await _found(one, check, findings, fine)
            findings.append(finding)
            if finding.found is Found.OK:
                fine.add(check.title)
    finally:
        await one.close()
        await broker.close()
    return findings


async def _found(one: _Look, check: _Check, before: list[Finding], fine: set[str]) -> Finding:
    if any(finding.found is Found.BROKEN for finding in before):
        return Finding(check.title, Found.NOT_TRIED, "the adapter is broken", "")
    if missing := [need for need in check.needs if need not in fine]:
        return Finding(check.title, Found.NOT_TRIED, f"it needs {', '.join(missing)}", "")
    try:
        return Finding(check.title, Found.OK, await check.play(one), "")
    except Unsupported as unsupported:
        return Finding(check.title, Found.LACKS, str(unsupported), check.todo)
    except (Failed, Refused) as failed:
        return Finding(check.title, Found.SDK, f"{failed}; {one.wire()}", check.todo)
    except HarnessError as error:
        return Finding(check.title, Found.BROKEN, str(error), check.todo)


class _Look:
    """The adapter that is looked at, with one runtime; each method is a check and returns what it has to tell."""

    def __init__(self, language: Language, broker: Broker, folder: Path) -> None:
        self._language = language
        self._folder = folder
        self._journal = Journal()
        self._recorder = Recorder(lambda: broker.address, self._journal)
        self._adapters: list[Adapter] = []
        self._party: Party
        self._subscription = ""

    @property
    def adapter(self) -> Adapter:
        """The one that has the runtime."""
        return self._adapters[0]

    def wire(self) -> str:
        """What went by between the SDK and the broker, by kind."""
        said = [f"{one.kind} {one.direction}" for one in self._recorder.record.came if one.kind != "heartbeat"]
        return f"on the wire: {', '.join(said[-12:]) or 'nothing'}"

    async def _launch(self) -> Adapter:
        log = self._folder / f"adapter-{len(self._adapters)}.log"
        adapter = await Adapter.launch(self._language.name, self._language.command, log, self._journal)
        self._adapters.append(adapter)
        return adapter

    async def hello(self) -> str:
        """It starts, dials, and says who it is."""
        about = (await self._launch()).about
        self._party = Party(self._language.name, self._language.name, "json", self.adapter)
        capabilities = ", ".join(about["capabilities"]) or "none"
        claims = ", ".join(about["profiles"]) or "no profile" if "profiles" in about else "every profile"
        return f"{about['sdk']} {about['version']} ({about['language']}); capabilities: {capabilities}; claims {claims}"

    async def unknown(self) -> str:
        """What it does not know is `unsupported`."""
        cmd = f"juggle_{secrets.token_hex(4)}"
        answer = await self._answer(cmd)
        if "unsupported" not in answer:
            raise HarnessError(f"it answered the unknown command {cmd!r} with {answer}, not with unsupported")
        return str(answer["unsupported"])

    async def ping(self) -> str:
        """A fence is answered."""
        await self.adapter.command("ping")
        return ""

    async def start(self) -> str:
        """A runtime connects, and its session is observed."""
        url = await self._recorder.door(_NAME)
        await self.adapter.command("start", rt=RUNTIME, url=url, instance=_NAME, content_type="json")
        if not any(one.kind == "welcome" for one in self._recorder.record.went):
            raise HarnessError(f"it answered start before there was a Welcome; {self.wire()}")
        await self._party.see("session", {"state": "connected"}, within_ms=WITHIN_MS)
        return ""

    async def register(self) -> str:
        """It hosts an agent type."""
        await self._party.register("probe", "probe")
        return ""

    async def call_nobody(self) -> str:
        """A call has an outcome, one that nobody takes an error."""
        await self._party.call({"label": "nobody", "to": "nobody/k", "do": []})
        await self._party.see("outcome", {"label": "nobody", "error": {"reason": "NO_RESPONDERS", "retryable": True}})
        return "NO_RESPONDERS, as it must be"

    async def call(self) -> str:
        """A call to its own agent: handled, seen, answered."""
        await self._party.call({"label": "c1", "to": "probe/k", "do": [{"reply": "hi"}]})
        await self._party.see("enter", {"label": "c1", "agent": "probe/k", "kind": "rpc", "attempt": 1})
        await self._party.see("leave", {"label": "c1", "how": "returned"})
        await self._party.see("outcome", {"label": "c1", "reply": {"value": {"label": "c1", "value": "hi"}}})
        return ""

    async def handler_fails(self) -> str:
        """A handler that raises is an error with its text."""
        await self._party.call({"label": "c2", "to": "probe/k", "do": [{"fail": "on purpose"}]})
        error = {"reason": "HANDLER_FAILED", "details": {"exception_message": "on purpose"}}
        await self._party.see("outcome", {"label": "c2", "error": error})
        return ""

    async def release(self) -> str:
        """A handler waits at a gate until that is opened."""
        await self._party.call({"label": "c3", "to": "probe/k", "do": [{"gate": "g"}, {"reply": "through"}]})
        await self._party.see("enter", {"label": "c3"})
        await self.adapter.command("ping")
        if self._party.seen("leave", {"label": "c3"}):
            raise HarnessError("the handler went through a gate that was closed (op `gate`)")
        await self.adapter.command("release", gate="g")
        await self._party.see("outcome", {"label": "c3", "reply": {"value": {"value": "through"}}})
        return ""

    async def cancel(self) -> str:
        """A call that is cancelled ends at once, and its handler hears of it."""
        await self._party.call({"label": "c4", "to": "probe/k", "do": [{"gate": "never"}]})
        await self._party.see("enter", {"label": "c4"})
        await self.adapter.command("cancel", rt=RUNTIME, label="c4")
        await self._party.see("outcome", {"label": "c4", "error": {"reason": "CANCELLED"}})
        await self._party.see("cancelled", {"label": "c4"})
        return ""

    async def subscribe(self) -> str:
        """An agent type subscribes."""
        members = {"rt": RUNTIME, "topic": "news", "match": "exact", "type": "probe"}
        self._subscription = (await self.adapter.command("subscribe", **members))["id"]
        return ""

    async def publish(self) -> str:
        """An event is answered and reaches the agent."""
        await self._party.publish({"label": "e1", "topic": "news/k", "do": [{"add": 1}]})
        await self._party.see("outcome", {"label": "e1", "published": True})
        await self._party.see("enter", {"label": "e1", "agent": "probe/k", "kind": "event", "topic": "news/k"})
        return ""

    async def unsubscribe(self) -> str:
        """The subscription is removed."""
        await self.adapter.command("unsubscribe", rt=RUNTIME, id=self._subscription)
        return ""

    async def encode(self) -> str:
        """A value of the vocabulary becomes bytes."""
        await self.adapter.command("encode", **_SAMPLE)
        return ""

    async def decode(self) -> str:
        """Bytes become a value of the vocabulary."""
        about = {key: _SAMPLE[key] for key in ("type", "content_type")}
        read = await self.adapter.command("decode", **about, data="eyJ0ZXh0IjoiYSJ9")
        if read["value"] != _SAMPLE["value"]:
            raise Failed(f"{{'text': 'a'}} was decoded as {read['value']!r}")
        return ""

    async def stop(self) -> str:
        """A runtime stops in order."""
        await self.adapter.command("stop", rt=RUNTIME)
        return ""

    async def garbage(self) -> str:
        """A line that is no command neither stops it silently nor makes it answer."""
        adapter = await self._launch()
        await adapter.write_bytes(b"this is no JSON\n")
        ended = asyncio.create_task(adapter.child.wait())
        answered = asyncio.create_task(self._pinged(adapter))
        done, _ = await asyncio.wait({ended, answered}, timeout=WITHIN_MS / 1000, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, answered):
            task.cancel()
        if not done:
            raise HarnessError("after a line that is no JSON it neither went on nor ended")
        return "it ends" if ended in done or not answered.result() else "it goes on"

    async def hang_up(self) -> str:
        """It ends when the kit hangs up."""
        adapter = await self._launch()
        adapter.hang_up()
        try:
            async with asyncio.timeout(WITHIN_MS / 1000):
                code = await adapter.child.wait()
        except TimeoutError:
            text = f"it was still there {WITHIN_MS} ms after the kit had hung up; it must end its process at once"
            raise HarnessError(text) from None
        if code != 0:
            raise HarnessError(
                f"it ended with exit code {code} when the kit hung up; its log ends: {adapter.child.tail()}"
            )
        return ""

    @staticmethod
    async def _pinged(adapter: Adapter) -> bool:
        try:
            await adapter.command("ping")
        except HarnessError:
            return False
        return True

    async def _answer(self, cmd: str) -> Mapping[str, Any]:
        """The raw answer to a command."""
        answer = await self.adapter.begin(cmd)
        try:
            async with asyncio.timeout(WITHIN_MS / 1000):
                return await answer
        except TimeoutError:
            raise HarnessError(f"it did not answer {cmd!r} within {WITHIN_MS} ms") from None

    async def close(self) -> None:
        """Ends what was started."""
        for adapter in self._adapters:
            await adapter.close()
        await self._recorder.close()


_CHECKS = (
    _Check(
        "hello", _Look.hello, "dial the TCP address in PARLEY_KIT and answer `hello`: sections The connection, hello"
    ),
    _Check("an unknown command", _Look.unknown, "answer whatever you do not know with `unsupported` and its number"),
    _Check("ping", _Look.ping, "answer `ping` with {}"),
    _Check("a malformed line", _Look.garbage, "end, or ignore a line that is no command"),
    _Check("the kit hangs up", _Look.hang_up, "end the process with exit code 0 when the connection ends"),
    _Check("start", _Look.start, "connect the SDK to `url`; observe `session` connected; then answer"),
    _Check("call nobody", _Look.call_nobody, "hand `call` to the SDK; observe `outcome` when it ends", ("start",)),
    _Check("register", _Look.register, "host an agent type with behaviour `probe`", ("start",)),
    _Check("call", _Look.call, "run a Probe's steps between `enter` and `leave`, e.g. op `reply`", ("register",)),
    _Check("a handler fails", _Look.handler_fails, "raise in op `fail`, with its text", ("call",)),
    _Check("release", _Look.release, "wait in op `gate` until `release` opens the gate", ("call",)),
    _Check("cancel", _Look.cancel, "fire the token that the call was made with; observe `cancelled`", ("release",)),
    _Check("subscribe", _Look.subscribe, "add the subscription, answer with an `id`", ("register",)),
    _Check("publish", _Look.publish, "hand `publish` to the SDK; observe `outcome` published", ("subscribe", "call")),
    _Check("unsubscribe", _Look.unsubscribe, "remove the subscription with that `id`", ("subscribe",)),
    _Check("encode", _Look.encode, "encode the vocabulary of vectors/types.json with the SDK's serializer"),
    _Check("decode", _Look.decode, "decode the vocabulary likewise"),
    _Check("stop", _Look.stop, "stop the runtime in order", ("start",)),
)
