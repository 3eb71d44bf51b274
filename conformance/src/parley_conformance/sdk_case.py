"""Cases of kind `sdk`: one adapter and the scripted broker, told as steps.

Whatever the case did, it ends with proof that the SDK still works, a call each way, and with the checks of `judge` on
what the adapter observed and of `client_watch` on what the SDK wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parley_conformance import party_steps, script, sdk_steps, stepping, verdict
from parley_conformance.adapter import Adapter
from parley_conformance.attach import ATTACHED
from parley_conformance.front import Front, nothing
from parley_conformance.journal import Journal
from parley_conformance.launch import PROCESSES, Launch
from parley_conformance.model import Case, Failed, Run, Step
from parley_conformance.party import RUNTIME, Party
from parley_conformance.run_history import RunHistory, observed, told
from parley_conformance.scripted import WITHIN_MS, ScriptedBroker
from parley_conformance.sdk_steps import CLIENT
from parley_conformance.timing import LagMeter

PROOF = "proof"


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
        await self.broker.write(
            {"re": request["id"], "reply": {"envelope": script.reply_payload(PROOF, {"value": "well"})}}
        )
        await party.see("outcome", {"label": PROOF, "reply": {"value": {"value": "well"}}})
        if runtime == RUNTIME and "probe" in self.settings.get("agents", {}):
            asked = {
                "request": {
                    "target": "probe/proof",
                    "envelope": script.probe_payload({"label": "proof in", "do": [{"reply": "well"}]}),
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
    await stepping.play(case, table.journal, table.steps, lambda step: sdk_steps.STEPS[next(iter(step))](table, step))
    if case.never:
        await sdk_steps.fence(table, {})
        for one in case.never:
            party_steps.expect_nothing(table, one)
    await table.finish()
