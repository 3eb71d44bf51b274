"""Cases of kind `pair`: two or more adapters and the broker, told as steps or as a workload.

Between each adapter and the broker stands the recorder, unless the case says `direct`. Whatever the case did, it ends
with everything healed, the gates open, and the checks of `judge`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from parley_conformance import admin, blame, party_steps, script, stepping, verdict
from parley_conformance.adapter import Adapter, Refused
from parley_conformance.broker import Broker
from parley_conformance.faults import armed
from parley_conformance.front import Front, nothing
from parley_conformance.history import End
from parley_conformance.journal import Journal
from parley_conformance.labels import in_envelope
from parley_conformance.launch import PROCESSES, Launch
from parley_conformance.model import Case, Failed, Inconclusive, Run, Step, Unsupported
from parley_conformance.party import WITHIN_MS, Party
from parley_conformance.recorder import Recorder
from parley_conformance.run_history import RunHistory, observed, told
from parley_conformance.timing import LagMeter

FENCE = "fence."
_POLLS, _POLL_S = 60, 0.05
BROKER = "broker"
_DEFAULT_ROLES = {"caller": "caller", "handler": "handler"}


class Table:
    """Where a pair case is played: the broker, the parties by name, and the recorder between them."""

    def __init__(
        self,
        broker: Broker,
        run: Run,
        commands: Mapping[str, tuple[str, ...]],
        folder: Path,
        lag: LagMeter,
        launch: Launch = PROCESSES,
        front: Front = nothing,
    ) -> None:
        self.broker = broker
        self.run = run
        self.lag = lag
        self.parties: dict[str, Party] = {}
        self.journal = Journal()
        self.moments: dict[str, float] = {}
        self.recorder = Recorder(lambda: broker.address, self.journal, launch.data_host)
        self.steps: list[Step] = []
        self._end: End | None = None
        self._fenced: set[str] = set()
        self._commands = commands
        self._front = front
        self._folder = folder
        self._launch = launch

    def __getitem__(self, name: str) -> Party:
        return self.parties[name]

    @property
    def disturbed(self) -> bool:
        """True if a session was lost, or may have been: a party or the broker was killed, paused or started again."""
        lost = any(party.seen("session", {"state": "lost"}) for party in self.parties.values())
        return lost or bool(self.moments)

    def since(self, name: str) -> float:
        """When the call or publish with this label was commanded, or the party of this name was killed."""
        for party in self.parties.values():
            if name in party.sent:
                return party.sent[name].at
        return self.moments[name]

    async def launch(self, name: str) -> Party:
        """Starts the adapter of a party; its runtime is not connected yet.

        Raises:
            Unsupported: It lacks a capability that the case requires.
        """
        role = self.run.case.parties[name].get("like") or _DEFAULT_ROLES.get(name, "handler")
        language = self.run.caller if role == "caller" else self.run.handler
        log = self._folder / f"{name}.log"
        adapter = await Adapter.launch(name, self._commands[language], log, self.journal, self._launch)
        party = Party(name, language, self.run.content, adapter)
        self.parties[name] = party
        party.admit(self.run.case)
        return party

    async def connect(self, name: str) -> None:
        """Connects a party's runtime, registers and subscribes."""
        address = self.broker.address if self.run.case.direct else await self.recorder.door(name)
        await self.parties[name].start(await self._front(name, address), self.run.case.parties[name])

    async def fence(self) -> None:
        """Waits until all that was said before now has come through: a call through every living party."""
        callers = [p for p in self.parties.values() if not p.adapter.killed]
        hosts = [p for p in callers if self.run.case.parties[p.name].get("agents")]
        number = sum(len(p.sent) for p in callers)
        for host in hosts:
            if host.name not in self._fenced:
                await host.register(f"{FENCE}{host.name}", "probe")
                self._fenced.add(host.name)
        for host in hosts:
            for caller in callers:
                label = f"fence {number} {caller.name} {host.name}"
                # Who connects again may be there before the other one's agents are.
                target = {"to": f"{FENCE}{host.name}/{caller.name}", "wait_for_ready": True}
                await caller.call({"label": label, **target})
                await caller.see("outcome", {"label": label, "reply": {"value": {"label": label}}})
        for party in callers:
            await party.adapter.command("ping")

    async def finish(self) -> None:
        """Heals, opens all gates, waits until all is done, and judges.

        Raises:
            Failed: What must hold after every case does not.
            Inconclusive: A fault was armed and did not happen.
        """
        await self.recorder.heal_all()
        for party in self.parties.values():
            await party.adapter.child.plug()
            await party.adapter.child.resume()
        living = [p for p in self.parties.values() if not p.adapter.killed]
        gates = {gate for p in self.parties.values() for sent in p.sent.values() for gate in script.gates(sent.value)}
        for party in living:
            for gate in sorted(gates):
                await party.adapter.command("release", gate=gate)
        for party in living:
            await party.rest()
        self.broker.check_alive()
        if not verdict.by_observations(self.history()):
            # What the broker holds is asked first: what goes by meanwhile can only add to what is settled.
            self._end = await self._held()
        if broken := verdict.judge_run(self.history(), {}):
            raise verdict.failed(broken)
        if idle := self.recorder.idle:
            raise Inconclusive(f"{', '.join(idle)} did not happen: nothing was tried", lag=False)

    async def _held(self) -> End | None:
        """What the broker holds when nothing goes on any more; None: it does not tell."""
        if self.broker.down or not self.recorder.record.came:
            return None
        tables: dict[str, Any] = {}
        try:
            for _ in range(_POLLS):
                tables = (await admin.ask(self.broker.address, "GetStatus", {})).get("tables", {})
                if not tables.get("calls") or any(party.adapter.killed for party in self.parties.values()):
                    break
                await asyncio.sleep(_POLL_S)
            letters = (await admin.call(self.broker.address, "ListDeadLetters", {"page_size": 1000})).dead_letters
        except Unsupported:
            return None
        dead = {(in_envelope(one.envelope), f"{one.recipient.type}/{one.recipient.key}") for one in letters}
        return End(tables.get("events", 0), frozenset(dead), tables.get("calls", 0))

    def history(self) -> RunHistory:
        """What went on so far."""
        return RunHistory(
            run=self.run,
            began=self.journal.began,
            record=self.recorder.record,
            parties={name: told(party) for name, party in self.parties.items()},
            observations=observed(self.parties),
            disturbed=self.disturbed,
            end=self._end,
        )

    async def close(self) -> None:
        """Ends every adapter, then the recorder; raises HarnessError if an adapter left something behind."""
        ended = await asyncio.gather(*(p.adapter.close() for p in self.parties.values()), return_exceptions=True)
        await self.recorder.close()
        for error in ended:
            if isinstance(error, BaseException):
                raise error


async def play(table: Table, case: Case, workload: Callable[..., Awaitable[None]] | None) -> None:
    """Plays a case of kind `pair`.

    Raises:
        Failed: A rule was broken.
        Unsupported: A party lacks what the case needs.
    """
    # Parties that are there from the start are launched together; those with `late` when a step says so.
    early = [name for name, settings in case.parties.items() if not settings.get("late")]
    await _all(table.launch(name) for name in early)
    await _all(table.connect(name) for name in early)
    if workload is not None:
        await workload(table, **case.arguments)
    await stepping.play(case, table.journal, table.steps, lambda step: _STEPS[next(iter(step))](table, step))
    if case.never:
        await table.fence()
        for one in case.never:
            party_steps.expect_nothing(table, one)
    await table.finish()


async def _all(work: Any) -> None:
    # Every one is waited for, so that nothing runs on unseen; then the first error counts.
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, Refused):
            raise Failed(str(result))
        if isinstance(result, BaseException):
            raise result


async def _see(table: Table, step: Mapping[str, Any]) -> None:
    """`see: {party: {kind: expected}}`: observations; the record tells who is to blame for one that did not come."""
    try:
        await party_steps.see(table, step)
    except Failed as failed:
        found = blame.of_see(
            table.recorder.record,
            step["see"],
            lambda name, kind, fields: [o.fields for o in table[name].seen(kind, fields)],
        )
        if found is None:
            raise
        text = f"{failed}; {found.why}" if found.why else str(failed)
        raise Failed(text, rule=failed.rule, party=found.party) from None


async def _kill(table: Table, step: Mapping[str, Any]) -> None:
    """`kill: party` or `kill: broker`: SIGKILL."""
    table.moments[step["kill"]] = asyncio.get_running_loop().time()
    if step["kill"] == BROKER:
        await table.broker.kill()
    else:
        await table[step["kill"]].adapter.kill()


async def _launch(table: Table, step: Mapping[str, Any]) -> None:
    """`launch: party` or `launch: broker`: starts and connects a party that is `late`; starts what was killed again."""
    if step["launch"] == BROKER:
        await table.broker.start()
    else:
        await table.launch(step["launch"])
        await table.connect(step["launch"])


async def _restart(table: Table, step: Mapping[str, Any]) -> None:
    """`restart: broker`, `by: SIGTERM`: ends it and starts it where it was, over the same data."""
    table.moments[step["restart"]] = asyncio.get_running_loop().time()
    await table.broker.restart(step.get("by", ""))


async def _pause(table: Table, step: Mapping[str, Any]) -> None:
    """`pause: party` or `pause: broker`: it stands still."""
    table.moments[step["pause"]] = asyncio.get_running_loop().time()
    if step["pause"] == BROKER:
        await table.broker.pause()
    else:
        await table[step["pause"]].adapter.child.pause()


async def _continue(table: Table, step: Mapping[str, Any]) -> None:
    """`continue: party` or `continue: broker`: it goes on."""
    if step["continue"] == BROKER:
        await table.broker.resume()
    else:
        await table[step["continue"]].adapter.child.resume()


async def _arm(table: Table, step: Mapping[str, Any]) -> None:
    """`arm: {id, at, do, dir, item, label, has, nth, value}`: a fault; one without `item` happens at once."""
    fault = armed(step["arm"])
    await table.recorder.arm(fault)
    if fault.takes_away:
        await table[fault.at].adapter.child.unplug()


async def _fired(table: Table, step: Mapping[str, Any]) -> None:
    """`fired: id`: waits until a fault has happened."""
    await table.recorder.fired(step["fired"], step.get("within_ms", WITHIN_MS))


async def _heal(table: Table, step: Mapping[str, Any]) -> None:
    """`heal: id`: ends what a fault does."""
    fault = table.recorder.record.faults[step["heal"]]
    if fault.takes_away:
        await table[fault.at].adapter.child.plug()
    await table.recorder.heal(fault.id)


async def _fence(table: Table, step: Mapping[str, Any]) -> None:
    """`fence: true`: waits until everything has come through."""
    await table.fence()


_STEPS: Mapping[str, Callable[[Table, Mapping[str, Any]], Awaitable[None]]] = {
    "do": party_steps.do,
    "see": _see,
    "kill": _kill,
    "launch": _launch,
    "restart": _restart,
    "pause": _pause,
    "continue": _continue,
    "arm": _arm,
    "fired": _fired,
    "heal": _heal,
    "fence": _fence,
    "release": party_steps.release,
}
