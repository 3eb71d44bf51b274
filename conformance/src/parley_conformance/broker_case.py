"""Cases of kind `broker`: scripted peers and the broker, told as steps or as a workload.

Whatever the case did, it ends with proof that the broker still works: every peer that is still connected gets a command
answered, and two newcomers exchange a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from parley_conformance import admin, broker_steps, matching, spec, stepping
from parley_conformance.broker import Broker
from parley_conformance.journal import Journal
from parley_conformance.model import Case, Failed, Run, Step, Unsupported
from parley_conformance.peer import Habits, Peer
from parley_conformance.run_history import PartyTold, RunHistory
from parley_conformance.timing import LagMeter

_HABITS = ("heartbeats", "activates", "credit_messages", "credit_bytes", "greedy", "any_reason", "receipts")


class Table:
    """Where a broker case is played: the broker, the peers by name, and what was bookmarked."""

    def __init__(self, broker: Broker, run: Run, contract: spec.Spec, lag: LagMeter) -> None:
        self.broker = broker
        self.run = run
        self.lag = lag
        self.peers: dict[str, Peer] = {}
        self.bookmarks: dict[str, dict[str, Any]] = {}
        self.journal = Journal()
        self.steps: list[Step] = []
        self._contract = contract

    async def seat(self, name: str, settings: Mapping[str, Any] | None = None) -> Peer:
        """Connects a peer as a suite describes it: greets, registers, subscribes.

        Args:
            name: Of the peer; a second one of that name takes its place in the steps.
            settings: `hello` (fields of Hello, or false: say nothing), habits, `hosts` (agent type → fields of the
                registration), `subscribes` (list of subscriptions).

        Raises:
            Failed: The broker refused one of these.
        """
        settings = settings or {}
        habits = Habits(**{key: settings[key] for key in _HABITS if key in settings})
        peer = await Peer.connect(self.broker.address, name, habits, self._contract, self.journal)
        if name in self.peers:
            self.peers[f"{name} (earlier, {len(self.peers)})"] = self.peers[name]
        self.peers[name] = peer
        hello = settings.get("hello", {})
        if hello is False:
            return peer
        answer = await peer.hello(**hello)
        if "welcome" not in answer:
            raise Failed(f"{name}: Hello was refused: {answer}", rule="SES-1", party="broker")
        for agent_type, fields in settings.get("hosts", {}).items():
            await peer.do({"register_agent_type": {"type": agent_type, "mode": "STANDARD", **(fields or {})}})
        for subscription in settings.get("subscribes", ()):
            await peer.do({"subscribe": {"subscription": {"match": "EXACT", **subscription}}})
        return peer

    async def fence(self) -> None:
        """Waits until all that was said before now has come through, at every peer that greeted."""
        greeted = [p for p in self.peers.values() if p.answering]
        # Twice: the first round is through the broker, the second brings what it wrote to the others meanwhile.
        for _ in range(2):
            await asyncio.gather(*(p.fence() for p in greeted))

    async def prove(self) -> None:
        """Proves that broker and peers still work; raises the first violation that a peer noticed."""
        self.broker.check_alive()
        for peer in list(self.peers.values()):
            if peer.answering:
                await peer.prove()
        await self.prove_newcomers()
        for peer in self.peers.values():
            if peer.violations:
                first = peer.violations[0]
                raise Failed(str(first), rule=first.rule, party=first.party, judged=True)

    async def prove_newcomers(self) -> None:
        """Proves that a new worker and a new caller are served: a call with its reply."""
        worker = await self.seat("newcomer-worker", {"hosts": {"newcomer": {}}})
        caller = await self.seat("newcomer-caller")
        identity = await caller.start({"request": {"target": "newcomer/k", "envelope": "are you there?"}})
        request = await worker.get({"request": {"target": "newcomer/k"}})
        await worker.send({"re": request["id"], "reply": {"envelope": "yes"}})
        answer = await caller.answer_to(identity)
        if wrong := matching.differences({"reply": {"envelope": "yes"}}, answer):
            raise Failed(f"a newcomer's call did not work: {'; '.join(wrong)}")
        await worker.close()
        await caller.close()
        del self.peers["newcomer-worker"], self.peers["newcomer-caller"]

    async def admin(self, method: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Asks the broker's AdminService; request and answer are plain data.

        Raises:
            Unsupported: The broker has no such method, or would be ended by it and is not the kit's own.
            Failed: It refused.
        """
        if method == "DrainBroker":
            self.broker.check_owned()
        return await admin.ask(self.broker.address, method, members)

    async def tables(self) -> dict[str, int]:
        """Entries by table as the broker's AdminService tells them; empty if it has no such method."""
        try:
            return dict((await self.admin("GetStatus", {})).get("tables", {}))
        except Unsupported:
            return {}

    def history(self) -> RunHistory:
        """What went on so far."""
        names = dict.fromkeys(one.party for one in self.journal.tape.entries)
        return RunHistory(
            run=self.run,
            began=self.journal.began,
            tape=self.journal.tape.entries,
            tape_lost=self.journal.tape.lost,
            parties={name: PartyTold("raw") for name in names},
        )

    async def close(self) -> None:
        """Cuts every connection."""
        await asyncio.gather(*(p.close() for p in self.peers.values()))


async def play(table: Table, case: Case, workload: Callable[..., Awaitable[None]] | None) -> None:
    """Plays a case of kind `broker`.

    Raises:
        Failed: A rule was broken.
    """
    for name, settings in case.parties.items():
        await table.seat(name, settings)
    if workload is not None:
        await workload(table, **case.arguments)
    await stepping.play(
        case, table.journal, table.steps, lambda step: broker_steps.STEPS[next(iter(step))](table, step)
    )
    if case.never:
        await table.fence()
        for one in case.never:
            broker_steps.expect_nothing(table, one)
    await table.prove()
