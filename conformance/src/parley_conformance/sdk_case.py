"""Cases of kind `sdk`: one adapter and the scripted broker, told as steps.

Whatever the case did, it ends with proof that the SDK still works, a call each way, and with the checks of `judge` on
what the adapter observed and of `client_watch` on what the SDK wrote.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from parley_conformance import matching, party_steps, script, stepping, verdict
from parley_conformance.adapter import Adapter, Refused
from parley_conformance.attach import ATTACHED
from parley_conformance.front import Front, nothing
from parley_conformance.journal import Journal
from parley_conformance.launch import PROCESSES, Launch
from parley_conformance.model import Case, Failed, Run, Step
from parley_conformance.party import RUNTIME, Party
from parley_conformance.run_history import RunHistory, observed, told
from parley_conformance.scripted import WITHIN_MS, ScriptedBroker
from parley_conformance.timing import LagMeter, check_window

CLIENT = "client"
PROOF = "proof"
PAUSE_MS = 5_000
"""A client whose connection broke may take so long before it dials again (SES-18)."""


class Table:
    """Where an SDK's case is played: the scripted broker, the adapter, and what was bookmarked.

    `parted`: the case ended the client's connection, and nothing was heard of it since.
    """

    def __init__(
        self,
        run: Run,
        commands: Mapping[str, tuple[str, ...]],
        folder: Path,
        lag: LagMeter,
        launch: Launch = PROCESSES,
        front: Front = nothing,
    ) -> None:
        self.run = run
        self.lag = lag
        self.journal = Journal()
        self.broker = ScriptedBroker(run.case.broker, self.journal, launch.data_host)
        self.client: Party
        self.bookmarks: dict[str, dict[str, Any]] = {}
        self.begun: list[asyncio.Task[None]] = []
        self.parted = False
        self.steps: list[Step] = []
        self._command = commands[run.handler]
        self._front = front
        self._folder = folder
        self._launch = launch
        self._adapter: Adapter | None = None

    def __getitem__(self, name: str) -> Party:
        return self.client

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the case says about the client."""
        return self.run.case.parties.get(CLIENT, {})

    def since(self, name: str) -> float:
        """When a bookmark was set, or the call or publish with this label was commanded."""
        if name in self.bookmarks:
            return float(self.bookmarks[name]["at"])
        return self.client.sent[name].at

    async def launch(self) -> None:
        """Starts the scripted broker and the adapter; its runtime is not connected yet.

        Raises:
            Unsupported: It lacks a capability that the case requires.
        """
        await self.broker.start()
        self.broker.patient = self._command == ATTACHED
        name = self.run.handler
        log = self._folder / f"{CLIENT}.log"
        self._adapter = await Adapter.launch(CLIENT, self._command, log, self.journal, self._launch)
        self.client = Party(CLIENT, name, "json", self._adapter)
        self.client.admit(self.run.case)

    async def address(self) -> str:
        """What the client dials: the scripted broker's addresses that the case names for it."""
        known = self.broker.address(self.settings.get("addresses", ())).split(",")
        return ",".join([await self._front(CLIENT, one) for one in known])

    async def connect(self) -> None:
        """Connects the runtime, registers and subscribes, and forgets what that said."""
        await self.client.start(await self.address(), self.settings)
        self.broker.inbox.clear()

    async def prove(self) -> None:
        """Proves that the SDK still works: a call from it, and one to it where it hosts the agent `probe`.

        A runtime that has ended is followed by another one.
        """
        self.broker.silent = False
        self.broker.manual = set()
        self.broker.inbox.clear()
        party = self.client
        if "resume" in party.adapter.capabilities:
            # One whose session is lost is about to have the next one.
            await party.adapter.wait(lambda: self._state not in ("reconnecting", "lost"), WITHIN_MS)
        if self._over() or not await self.broker.wait(lambda: self.broker.connected, WITHIN_MS):
            self.broker.forget()
            self.broker.welcome = {}
            settings = {"url": self.broker.address(), "rt": PROOF, "instance": PROOF, "content_type": "json"}
            await party.adapter.command("start", **settings)
        runtime = PROOF if self._over() else RUNTIME
        assert self.broker.session is not None
        watch = self.broker.session.watch
        await self.broker.grant(watch.credit_messages + 100, watch.credit_bytes + (1 << 20))
        await party.adapter.begin(
            "call", rt=runtime, label=PROOF, to="proof/k", message=script.message({"label": PROOF})
        )
        request = await self.broker.get({"request": {"target": "proof/k"}})
        await self.broker.write({"re": request["id"], "reply": {"envelope": _reply(PROOF, {"value": "well"})}})
        await party.see("outcome", {"label": PROOF, "reply": {"value": {"value": "well"}}})
        if runtime == RUNTIME and "probe" in self.settings.get("agents", {}):
            asked = {
                "request": {
                    "target": "probe/proof",
                    "envelope": _probe({"label": "proof in", "do": [{"reply": "well"}]}),
                }
            }
            identity = await self.broker.say(asked)
            answer = await self.broker.get({"re": identity})
            if "reply" not in answer:
                raise Failed(f"a call at the end was answered {answer}", party=CLIENT)

    @property
    def _state(self) -> str:
        states = [o.fields["state"] for o in self.client.seen("session") if o.fields["rt"] == RUNTIME]
        return states[-1] if states else ""

    def _over(self) -> bool:
        return self._state in ("", "closed", "lost")

    async def finish(self) -> None:
        """Opens all gates, waits until all is done, proves, and judges.

        Raises:
            Failed: What must hold after every case does not.
        """
        for task in self.begun:
            await task
        party = self.client
        for gate in sorted({gate for sent in party.sent.values() for gate in script.gates(sent.value)}):
            await party.adapter.command("release", gate=gate)
        await self.prove()
        # The proof's outcome may be told before those of earlier calls.
        await party.rest()
        if violations := self.broker.violations:
            first = violations[0]
            raise Failed(str(first), rule=first.rule, party=first.party, judged=True)
        if broken := verdict.by_observations(self.history()):
            raise verdict.failed(broken)

    def history(self) -> RunHistory:
        """What went on so far."""
        parties = {CLIENT: self.client} if self._adapter is not None else {}
        return RunHistory(
            run=self.run,
            began=self.journal.began,
            tape=self.journal.tape.entries,
            tape_lost=self.journal.tape.lost,
            parties={name: told(party) for name, party in parties.items()},
            observations=observed(parties),
        )

    async def close(self) -> None:
        """Ends the adapter and the scripted broker; raises HarnessError if the adapter left something behind."""
        for task in self.begun:
            task.cancel()
        await asyncio.gather(*self.begun, return_exceptions=True)
        try:
            if self._adapter is not None:
                await self._adapter.close()
        finally:
            await self.broker.close()


async def play(table: Table, case: Case) -> None:
    """Plays a case of kind `sdk`.

    Raises:
        Failed: A rule was broken.
        Unsupported: The adapter lacks what the case needs.
    """
    await table.launch()
    if not table.settings.get("late"):
        await table.connect()
    await stepping.play(case, table.journal, table.steps, lambda step: _STEPS[next(iter(step))](table, step))
    if case.never:
        await _fence(table, {})
        for one in case.never:
            party_steps.expect_nothing(table, one)
    await table.finish()


def _probe(short: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "probe_v1", "data": json.dumps(script.probe(short), ensure_ascii=False)}


def _reply(label: str, short: Mapping[str, Any]) -> dict[str, Any]:
    value = {"label": label, "value": "", "count": 0, "agent": "", **short}
    return {"type": "ProbeReply", "data": json.dumps(value, ensure_ascii=False)}


def _with_envelope(message: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Makes envelopes of `{probe: short}` and `{answer: members of ProbeReply}`."""
    made: dict[str, Any] = {}
    for kind, fields in message.items():
        envelope = fields.get("envelope") if isinstance(fields, Mapping) else None
        if isinstance(envelope, Mapping) and "probe" in envelope:
            fields = {**fields, "envelope": _probe(envelope["probe"])}
        elif isinstance(envelope, Mapping) and "answer" in envelope:
            fields = {**fields, "envelope": _reply(label, envelope["answer"])}
        made[kind] = fields
    return made


def _bookmark(table: Table, step: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    if "as" in step:
        table.bookmarks[step["as"]] = {"at": asyncio.get_running_loop().time(), **value}


def _bound(table: Table, step: Mapping[str, Any]) -> float:
    """Within how many ms something is to come."""
    return float(step.get("within_ms", WITHIN_MS + (PAUSE_MS if table.parted else 0)))


def _check_time(table: Table, step: Mapping[str, Any], what: str) -> None:
    if window := step.get("took_ms"):
        since = table.since(window["since"])
        elapsed = (asyncio.get_running_loop().time() - since) * 1000
        excuse = table.lag.excuse(since)
        check_window(what, elapsed, at_least=window.get("min", 0), at_most=window.get("max"), excuse=excuse)


async def _connect(table: Table, step: Mapping[str, Any]) -> None:
    """`connect: client`: starts a client that is `late`; `wait: false` goes on at once, `refused:` it must fail so."""

    async def connecting() -> None:
        try:
            await table.client.start(await table.address(), table.settings)
        except Refused as refused:
            told = {"reason": refused.reason, "message": refused.message}
            wrong = matching.differences(step.get("refused", {"reason": "nothing"}), told)
            if wrong:
                raise Failed(f"start: {'; '.join(wrong)}", party=CLIENT) from None
            return
        if "refused" in step:
            raise Failed(f"the client started; expected a refusal with {step['refused']}", party=CLIENT)

    if step.get("wait", True):
        await connecting()
    else:
        table.begun.append(asyncio.create_task(connecting()))


async def _begin(table: Table, step: Mapping[str, Any]) -> None:
    """`begin: {command: members}`: gives the client a command without waiting for its end."""
    ((cmd, members),) = step["begin"].items()

    async def commanded() -> None:
        try:
            await table.client.command(cmd, members)
        except Refused as refused:
            raise Failed(str(refused), party=CLIENT) from None

    table.begun.append(asyncio.create_task(commanded()))


async def _get(table: Table, step: Mapping[str, Any]) -> None:
    """`get: expected`, `as:` a bookmark: takes the first message of the client that has it."""
    got = await table.broker.get(step["get"], _bound(table, step))
    table.parted = False
    _check_time(table, step, f"the client: {next(iter(step['get']))}")
    _bookmark(table, step, got)


async def _next(table: Table, step: Mapping[str, Any]) -> None:
    """`next: [expected, …]`: the next messages of the client are these, in this order."""
    got = await table.broker.next(step["next"], _bound(table, step))
    table.parted = False
    for name, one in zip(step.get("as", ()), got, strict=False):
        _bookmark(table, {"as": name}, one)


async def _nothing(table: Table, step: Mapping[str, Any]) -> None:
    """`nothing: expected`, `of: bookmark`: after a fence no such message is there, or no such answer to that."""
    await _fence(table, step)
    answer = {"re": table.bookmarks[step["of"]]["id"]} if "of" in step else {}
    if table.broker.has({**step["nothing"], **answer}):
        raise Failed(f"the client said {step['nothing']!r}, which must not come", party=CLIENT)


async def _say(table: Table, step: Mapping[str, Any]) -> None:
    """`say: message`, `as:` a bookmark: the broker says it; what is absent is filled in."""
    identity = await table.broker.say(_with_envelope(step["say"], ""))
    assert table.broker.session is not None
    _bookmark(table, step, {"id": identity, "seq": table.broker.session.watch.sent})


async def _answer(table: Table, step: Mapping[str, Any]) -> None:
    """`answer: message, to: bookmark`: the broker answers what the client said; `{welcome: fields}` answers Hello."""
    if "welcome" in step["answer"]:
        await table.broker.greet(step["answer"]["welcome"] or {})
        return
    to = table.bookmarks[step["to"]]
    await table.broker.write({"re": to["id"], **_with_envelope(step["answer"], to["label"])})


async def _outcome(table: Table, step: Mapping[str, Any]) -> None:
    """`outcome: expected, of: bookmark`: the client's answer to what was said."""
    got = await table.broker.get({"re": table.bookmarks[step["of"]]["id"]}, step.get("within_ms", WITHIN_MS))
    if wrong := matching.differences(step["outcome"], got):
        raise Failed(f"the answer to {step['of']}: {'; '.join(wrong)}", party=CLIENT)
    _check_time(table, step, f"the answer to {step['of']}")


async def _frame(table: Table, step: Mapping[str, Any]) -> None:
    """`frame: [messages]`, `first_seq: n`: the broker writes them as one frame."""
    messages: Sequence[Mapping[str, Any]] = [_with_envelope(one, "") for one in step["frame"]]
    await table.broker.write(*messages, first_seq=step.get("first_seq"))


async def _repeat(table: Table, step: Mapping[str, Any]) -> None:
    """`repeat: bookmark`: the broker writes what it said as that once more, under the same number."""
    await table.broker.repeat(table.bookmarks[step["repeat"]]["seq"])


async def _lose(table: Table, step: Mapping[str, Any]) -> None:
    """`lose: n`: the last n messages of the client never reached the broker."""
    table.broker.lose(step["lose"])


async def _pause(table: Table, step: Mapping[str, Any]) -> None:
    """`pause: client`: SIGSTOP."""
    await table.client.adapter.child.pause()


async def _continue(table: Table, step: Mapping[str, Any]) -> None:
    """`continue: client`: SIGCONT."""
    await table.client.adapter.child.resume()


async def _pass(table: Table, step: Mapping[str, Any]) -> None:
    """`pass_ms: n`: time goes by, where it is the subject."""
    await asyncio.sleep(step["pass_ms"] / 1000)


async def _bytes(table: Table, step: Mapping[str, Any]) -> None:
    """`bytes: hex`: the broker writes them where a frame belongs."""
    await table.broker.write_bytes(bytes.fromhex(step["bytes"]))


async def _end(table: Table, step: Mapping[str, Any]) -> None:
    """`end: {code, text}`: the broker ends the connection with this gRPC status; `connection: n`: an older one."""
    _bookmark(table, step, {})
    table.parted = True
    table.broker.end(step["end"]["code"], step["end"].get("text", ""), step["end"].get("connection", 0))


async def _cut(table: Table, step: Mapping[str, Any]) -> None:
    """`cut: address`: its connections break off; `refuse: true`: and no other is taken until `accept`."""
    _bookmark(table, step, {})
    table.parted = True
    if step.get("refuse"):
        table.broker.relays[step["cut"]].refuse()
    table.broker.relays[step["cut"]].reset()


async def _accept(table: Table, step: Mapping[str, Any]) -> None:
    """`accept: address`: connections are taken again."""
    _bookmark(table, step, {})
    await table.broker.relays[step["accept"]].accept()


async def _forget(table: Table, step: Mapping[str, Any]) -> None:
    """`forget: true`: the broker forgets the session, as one does that was started again."""
    table.broker.forget()


async def _set(table: Table, step: Mapping[str, Any]) -> None:
    """`set: {manual, welcome, silent, receipts}`: from now on."""
    if "manual" in step["set"]:
        table.broker.manual = set(step["set"]["manual"])
    table.broker.welcome = dict(step["set"].get("welcome", table.broker.welcome))
    table.broker.silent = step["set"].get("silent", table.broker.silent)
    table.broker.receipts = step["set"].get("receipts", table.broker.receipts)


async def _grant(table: Table, step: Mapping[str, Any]) -> None:
    """`grant: {messages, bytes}`: what the client may have sent in all."""
    await table.broker.grant(step["grant"]["messages"], step["grant"]["bytes"])


async def _fence(table: Table, step: Mapping[str, Any]) -> None:
    """`fence: true`: waits until all that was said before now has come through."""
    # To a broker that is silent the client's words take another way than its adapter's: that one is asked more often.
    for _ in range(20 if table.broker.silent else 2):
        await table.client.adapter.command("ping")
        if table.broker.connected and not table.broker.silent:
            identity = await table.broker.say({"id": table.broker.fresh(), "heartbeat": {}})
            await table.broker.get({"re": identity})


_STEPS: Mapping[str, Callable[[Table, Mapping[str, Any]], Awaitable[None]]] = {
    "do": party_steps.do,
    "see": party_steps.see,
    "release": party_steps.release,
    "connect": _connect,
    "begin": _begin,
    "get": _get,
    "next": _next,
    "nothing": _nothing,
    "say": _say,
    "answer": _answer,
    "outcome": _outcome,
    "frame": _frame,
    "repeat": _repeat,
    "lose": _lose,
    "pause": _pause,
    "continue": _continue,
    "pass_ms": _pass,
    "bytes": _bytes,
    "end": _end,
    "cut": _cut,
    "accept": _accept,
    "forget": _forget,
    "set": _set,
    "grant": _grant,
    "fence": _fence,
}
