"""The whole core: one gateway and one shard, and the sends that wait for a commit."""

from __future__ import annotations

from dataclasses import dataclass

from parley_broker.core.effects import NO_COMMIT, Concluded, Deliver, Effects, Found, Read, ShardEffect, Told
from parley_broker.core.gateway.gateway import Gateway
from parley_broker.core.gateway.lives import Identity
from parley_broker.core.gateway.session import Connection
from parley_broker.core.held import SENDS, Held
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import DeadLetterFilter, Frame, Subscription, make_error
from parley_broker.core.policy import DRAIN_NOTICE, DRAIN_REPORT, Policy
from parley_broker.core.records import Opened
from parley_broker.core.shard.shard import Shard
from parley_broker.core.views import AgentView, SessionView
from parley_broker.errors import EndCode, ProtocolViolation, Reason


@dataclass(slots=True)
class Drain:
    """That the broker is about to go (DRN-1); moments."""

    begun: float
    deadline: float
    next_report: float
    over: bool = False


class Machine:
    """What the engine drives: inputs are methods with the time as argument, outputs are in `effects`.

    Args:
        policy: Every number it goes by.
        identity: What Welcome says of the broker.
        opened: The term of this start, and what the store holds.
        wall_offset: What the wall clock is ahead of the clock that inputs are timed by, in seconds: times that outlive
            a restart are kept by the wall clock.
        now: The moment of the start.
    """

    def __init__(self, policy: Policy, identity: Identity, opened: Opened, wall_offset: float, now: float) -> None:
        self.effects = Effects()
        self._policy = policy
        self._wall_offset = wall_offset
        self._shard = Shard(policy, opened, self.effects, wall_offset, now)
        self._gateway = Gateway(policy, identity, self._shard, self.effects, self._pump)
        self._held = Held()
        self._drain: Drain | None = None

    def connect(self, connection_id: int, peer: str, session_id: str, resume_token: bytes, now: float) -> None:
        """A client opened a connection; its session will have this id and token, both new (SES-6)."""
        self._gateway.connect(Connection(connection_id, peer, session_id, resume_token), now)

    def receive(self, connection_id: int, frame: Frame, now: float) -> None:
        """The connection said this."""
        self._gateway.receive(connection_id, frame, now)
        self._pump(now)

    def reject(self, connection_id: int, why: str, now: float) -> None:
        """The connection said something that is no frame (MSG-7)."""
        self._gateway.end(connection_id, ProtocolViolation(EndCode.INVALID_ARGUMENT, why), now)
        self._pump(now)

    def fail(self, connection_id: int, why: str, now: float) -> None:
        """What the connection said met a defect: it cannot go on, others can."""
        self._gateway.end(connection_id, ProtocolViolation(EndCode.INTERNAL, why), now)
        self._pump(now)

    def disconnect(self, connection_id: int, why: str, now: float) -> None:
        """The connection is gone."""
        self._gateway.disconnect(connection_id, why, now)
        self._pump(now)

    def take(self, connection_id: int, now: float) -> Frame | None:
        """The next frame to write to the connection; None when there is nothing to say."""
        frame = self._gateway.take(connection_id, now)
        if self._shard.has_decided or self._gateway.is_unsettled:
            # A request that nobody waits for any more was left out: its credit lets another one go.
            self._pump(now)
        return frame

    def tick(self, now: float) -> None:
        """Time has passed."""
        self._gateway.tick(now)
        self._shard.tick(now)
        self._pump(now)
        drain = self._drain
        if drain is not None and now >= drain.deadline:
            drain.over = True
        elif drain is not None and now >= drain.next_report and not drain.over:
            drain.next_report = now + DRAIN_REPORT
            left = round(drain.deadline - now, 1)
            self.effects.log("info", "drain waits", left_s=left, unaware=self._gateway.unaware, **self._under_way())

    def next_due(self) -> float | None:
        """The moment before which `tick` has nothing to do; None: nothing known."""
        drain = self._drain
        report = min(drain.next_report, drain.deadline) if drain is not None and not drain.over else None
        dues = (self._gateway.next_due(), self._shard.next_due(), report)
        return min((due for due in dues if due is not None), default=None)

    def seal(self) -> int:
        """The records made so far leave as one commit: its number."""
        return self._shard.sealed()

    def committed(self, commit: int, now: float) -> None:
        """The commit of this number is durable: what waited for it is sent."""
        self._shard.committed(commit)
        for send in self._held.release(commit):
            self._apply(send, now)
        self._pump(now)

    def found(self, read: Read, what: Found, now: float) -> None:
        """What was read from the store."""
        self._shard.found(read, what, now)
        self._pump(now)

    def reload(self, opened: Opened, why: str, now: float) -> None:
        """A commit failed: its commands are answered UNAVAILABLE, and the shard begins anew from the store."""
        for effect in self._shard.abandon(why):
            self._apply(effect, now)
        self.refuse_held(why, now)
        self._shard = Shard(self._policy, opened, self.effects, self._wall_offset, now, self._shard.memory())
        self._gateway.replace_shard(self._shard, now)
        self._pump(now)

    def refuse_held(self, why: str, now: float) -> None:
        """What waits for a commit will not get it: commands are answered UNAVAILABLE, records are dropped."""
        held = self._held.release_all()
        self.effects.records.clear()
        self.effects.reads.clear()
        for send in held:
            if isinstance(send, Deliver):
                continue
            # Who asked for a call hears that its handler has run all the same.
            ran = isinstance(send, Concluded)
            error = make_error(Reason.UNAVAILABLE, f"nothing was stored: {why}", may_have_run=ran)
            if isinstance(send, Told):
                send.result = error
            else:
                send.body = error
            self._apply(send, now)

    def dead_letters(
        self, wanted: DeadLetterFilter, after: int, count: int, size: int
    ) -> tuple[dict[int, Subscription | None], bool]:
        """As Shard.dead_letters."""
        return self._shard.dead_letters(wanted, after, count, size)

    def replay_dead_letters(self, ask: int, wanted: DeadLetterFilter, now: float) -> None:
        """Puts dead letters back into the queues; `Told` with this number says how many (DLV-6)."""
        self._shard.replay(ask, wanted, now)
        self._pump(now)

    def purge_dead_letters(self, ask: int, wanted: DeadLetterFilter, now: float) -> None:
        """Deletes dead letters; `Told` with this number says how many (DLV-6)."""
        self._shard.purge(ask, wanted)
        self._pump(now)

    def drain(self, timeout: float, reason: str, now: float) -> None:
        """Takes no new work, and lets what is under way end within `timeout` seconds (DRN-1).

        A drain that is under way already ends at the earlier of both moments.
        """
        if self._drain is not None:
            self._drain.deadline = min(self._drain.deadline, now + timeout)
            return
        self._drain = Drain(begun=now, deadline=now + timeout, next_report=now + DRAIN_REPORT)
        self._gateway.drain(timeout, reason, now)
        self._pump(now)
        self.effects.log("info", "draining", why=reason, timeout_s=timeout, **self._under_way())

    def drain_is_over(self, now: float) -> str:
        """Why the drain is over; empty: it is not, or there is none."""
        drain = self._drain
        if drain is None:
            return ""
        why = ""
        if not self._gateway.has_clients:
            why = "nobody is connected"
        elif self._is_idle() and (now >= drain.begun + DRAIN_NOTICE or not self._gateway.unaware):
            why = "nothing is under way"
        elif now >= drain.deadline:
            why = "its time is up"
        drain.over = bool(why)
        return why

    def say_goodbye(self, reason: str) -> None:
        """Tells every client that its session is over."""
        self._gateway.say_goodbye(reason)

    def sessions(self, after: str, limit: int) -> list[SessionView]:
        """The sessions above this id in their order, at most `limit`."""
        return self._gateway.views(after, limit)

    def agents(self, after: AgentId | None, agent_type: str, limit: int) -> list[AgentView]:
        """The placed agents above this one in their order, at most `limit`; `agent_type` empty: of all types."""
        return self._shard.views(after, agent_type, limit)

    def tables(self) -> dict[str, int]:
        """Entries by table, for GetStatus."""
        return {**self._gateway.tables(), **self._shard.tables(), "held_sends": len(self._held)}

    def _is_idle(self) -> bool:
        """Whether a drain has nothing to wait for; asked after every step, so what is cheap to know comes first."""
        gateway = self._gateway
        return not (gateway.calls or self._held or self.effects.records or self._shard.in_hand or gateway.unsaved)

    def _under_way(self) -> dict[str, int]:
        """What a drain waits for."""
        return {
            "calls": self._gateway.calls,
            "in_hand": self._shard.in_hand,
            "unsaved": self._gateway.unsaved,
            "commits": len(self._held),
        }

    def _pump(self, now: float) -> None:
        shard, gateway = self._shard, self._gateway
        while True:
            if shard.has_decided:
                for effect in shard.take(now):
                    if isinstance(effect, SENDS) and effect.commit != NO_COMMIT:
                        self._held.add(effect)
                    else:
                        self._apply(effect, now)
            elif gateway.is_unsettled:
                gateway.settle(now)
            else:
                return

    def _apply(self, effect: ShardEffect, now: float) -> None:
        if isinstance(effect, Told):
            self.effects.told.append(effect)
        else:
            self._gateway.apply(effect, now)
