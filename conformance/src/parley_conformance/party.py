"""A party of a pair case: an adapter with one runtime, and what the case did with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parley_conformance import matching, profiles, script
from parley_conformance.adapter import Adapter, Observation
from parley_conformance.model import Case, Failed, Unsupported

RUNTIME = "main"
WITHIN_MS = 5_000


@dataclass
class Sent:
    """A call or publish that the kit commanded."""

    cmd: str
    label: str
    value: Mapping[str, Any]
    at: float


@dataclass
class Party:
    """One adapter at the table of a case.

    `never_from`: how many observations there were when the case judged what must never be seen; None: not yet.
    """

    name: str
    language: str
    content: str
    adapter: Adapter
    sent: dict[str, Sent] = field(default_factory=dict)
    declined: list[str] = field(default_factory=list)
    never_from: int | None = None

    def admit(self, case: Case) -> None:
        """Makes sure that a case is for this party.

        Raises:
            Unsupported: It is of a profile that the adapter does not claim, or it lacks a capability.
            HarnessError: The adapter claims what is no profile.
        """
        frozen, who = profiles.current(), f"the {self.language} adapter"
        if untried := frozen.untried(case, frozen.claimed(self.adapter.claims, who)):
            raise Unsupported(f"{who} does not claim profile {', '.join(untried)}", excused=True)
        if lacking := sorted({*case.requires, self.content} - self.adapter.capabilities):
            raise Unsupported(f"{who} lacks {', '.join(lacking)}", claims=self.adapter.claims)

    async def start(self, address: str, settings: Mapping[str, Any]) -> None:
        """Connects the runtime and registers and subscribes as the case says.

        Args:
            address: The broker's.
            settings: `agents` (type → behaviour, or → {behaviour, keys}), `subscribes` (list of {topic, type, match,
                durable}), and members of the command `start`.
        """
        options = {key: settings[key] for key in ("default_timeout_ms", "connect_timeout_ms") if key in settings}
        instance = settings.get("instance", self.name)
        await self.adapter.command(
            "start", rt=RUNTIME, url=address, instance=instance, content_type=self.content, **options
        )
        for agent_type, behaviour in settings.get("agents", {}).items():
            await self.register(agent_type, behaviour)
        for subscription in settings.get("subscribes", ()):
            await self.adapter.command("subscribe", rt=RUNTIME, **{"match": "exact", **subscription})

    async def register(self, agent_type: str, behaviour: str | Mapping[str, Any]) -> None:
        """Registers an agent type; `behaviour` is its name, or an object with `behaviour` and `keys`."""
        members = {"behaviour": behaviour} if isinstance(behaviour, str) else behaviour
        await self.adapter.command("register", rt=RUNTIME, type=agent_type, **members)

    async def call(self, short: Mapping[str, Any]) -> Sent:
        """Makes a call; `short` has `label`, `to`, the message in short form, and options of the command."""
        return await self._send("call", short, ("to", "timeout_ms", "wait_for_ready", "idempotency_key"))

    async def publish(self, short: Mapping[str, Any]) -> Sent:
        """Publishes; `short` has `label`, `topic`, the message in short form, and options of the command."""
        return await self._send("publish", short, ("topic", "ephemeral", "event_id"))

    async def command(self, cmd: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Gives any other command."""
        runtime = {} if cmd in ("hello", "ping", "release", "encode", "decode") else {"rt": RUNTIME}
        return await self.adapter.command(cmd, **runtime, **members)

    async def _send(self, cmd: str, short: Mapping[str, Any], options: Sequence[str]) -> Sent:
        message = script.message(short)
        sent = Sent(cmd, short["label"], message["value"], asyncio.get_running_loop().time())
        self.sent[sent.label] = sent
        members = {key: short[key] for key in options if key in short}
        answer = await self.adapter.begin(cmd, rt=RUNTIME, label=sent.label, message=message, **members)
        answer.add_done_callback(self._handed_over)
        return sent

    def _handed_over(self, answer: asyncio.Future[dict[str, Any]]) -> None:
        # Nobody waits for this answer: the outcome says the rest. One that is no `ok` explains a missing outcome.
        if not answer.cancelled() and answer.exception() is None and "unsupported" in answer.result():
            self.declined.append(str(answer.result()["unsupported"]))

    # -- what it saw ----------------------------------------------------------------------------------------------

    def seen(self, kind: str, expected: Mapping[str, Any] | None = None) -> list[Observation]:
        """The observations of a kind that have what is expected."""
        return [o for o in self.adapter.observations if _fits(o, kind, expected or {})]

    async def see(
        self, kind: str, expected: Mapping[str, Any], *, count: int = 1, after: int = 0, within_ms: float = WITHIN_MS
    ) -> list[Observation]:
        """Waits for at least `count` observations that have what is expected, later than number `after`; returns them.

        Raises:
            Failed: They did not come in time; the text says how the nearest one differs.
            Unsupported: The adapter declined a call or publish.
        """
        found: list[Observation] = []
        looked_at = 0

        def enough() -> bool:
            # Asked after each observation: what was looked at before is not looked at again.
            nonlocal looked_at
            seen = self.adapter.observations
            new = (seen[at] for at in range(looked_at, len(seen)))
            found.extend(o for o in new if _fits(o, kind, expected) and o.fields["i"] > after)
            looked_at = len(seen)
            return len(found) >= count

        if not await self.adapter.wait(enough, within_ms):
            if self.declined:
                raise Unsupported(f"{self.name}: {self.declined[0]}", claims=self.adapter.claims)
            if len(self.seen(kind, expected)) >= count:
                text = f"{self.name}: {kind} {dict(expected)!r} came before what should precede it, and not again"
                raise Failed(f"{text} within {within_ms:.0f} ms", party=self.name)
            raise Failed(self._missing(kind, expected, count, within_ms), party=self.name)
        return found

    async def rest(self, within_ms: float = WITHIN_MS) -> None:
        """Waits, but not for ever, until all that was sent has an outcome and no handler runs; then for its word."""

        def resting() -> bool:
            kinds = [o.kind for o in self.adapter.observations]
            ended = {o.label for o in self.adapter.observations if o.kind == "outcome"}
            return ended >= set(self.sent) and kinds.count("enter") == kinds.count("leave")

        await self.adapter.wait(resting, within_ms)
        await self.adapter.command("ping")

    async def outcome(self, label: str, within_ms: float = WITHIN_MS) -> Mapping[str, Any]:
        """Waits for the outcome of a call or publish; returns the observation's members."""
        return (await self.see("outcome", {"label": label}, within_ms=within_ms))[0].fields

    def _missing(self, kind: str, expected: Mapping[str, Any], count: int, within_ms: float) -> str:
        what = f"{self.name} ({self.language}): expected {kind} {dict(expected)!r}"
        number = f" ×{count}" if count > 1 else ""
        have = self.seen(kind, expected)
        near = self.seen(kind, {"label": expected["label"]}) if "label" in expected else []
        if have:
            tail = f"; there were {len(have)}"
        elif near:
            tail = f"; it saw: {'; '.join(matching.differences(expected, near[0].fields))}"
        else:
            others = ", ".join(f"{o.kind} {o.label}".strip() for o in self.adapter.observations[-8:])
            tail = f"; it saw last: {others or 'nothing'}"
        return f"{what}{number} within {within_ms:.0f} ms{tail}"


def _fits(observation: Observation, kind: str, expected: Mapping[str, Any]) -> bool:
    return observation.kind == kind and matching.matches(expected, observation.fields)
