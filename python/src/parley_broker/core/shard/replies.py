"""Idempotency keys: the same key is not run twice, and has the same reply for a while (RPC-8).

first call ──▶ running ──reply──▶ stored ──time is up, or too many──▶ forgotten
                  │ error, or nobody waits any more
                  └──▶ forgotten
"""

from __future__ import annotations

from dataclasses import dataclass

from parley_broker.core.effects import NO_COMMIT, Concluded, Effects, Joined, ReadReply, Refused, ShardEffect
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Reply, make_error
from parley_broker.core.orders import Ticket
from parley_broker.core.policy import Policy
from parley_broker.core.records import ReplyDropped, ReplyEntry, ReplyStored
from parley_broker.core.shard.ledger import Ledger
from parley_broker.errors import Reason

Key = tuple[AgentId, str]


@dataclass(slots=True)
class _Run:
    call: int
    payload_hash: bytes


class Replies:
    """The keys of one shard.

    Args:
        effects: Takes the reads.
        ledger: Takes the records.
        policy: How long and how many replies are kept.
        wall_offset: As for Machine.
        stored: What the store holds, in the order in which it expires.
        out: Takes what is decided.
    """

    def __init__(
        self,
        effects: Effects,
        ledger: Ledger,
        policy: Policy,
        wall_offset: float,
        stored: tuple[ReplyEntry, ...],
        out: list[ShardEffect],
    ) -> None:
        self._effects = effects
        self._ledger = ledger
        self._policy = policy
        self._wall_offset = wall_offset
        self._out = out
        self._stored: dict[Key, ReplyEntry] = {(entry.target, entry.key): entry for entry in stored}
        self._bytes = sum(entry.bytes for entry in stored)
        self._running: dict[Key, _Run] = {}
        self._key_of: dict[int, Key] = {}
        self._reading: dict[int, Ticket] = {}

    def __len__(self) -> int:
        return len(self._stored)

    def admit(self, ticket: Ticket) -> bool:
        """Whether the call is to run: no other one has its key. Otherwise it joins that, or gets the stored reply."""
        key = (ticket.agent, ticket.key)
        run, entry = self._running.get(key), self._stored.get(key)
        known = run or entry
        if known is None:
            self.lead(ticket)
            return True
        if run is not None and run.call == ticket.call:
            return True
        if known.payload_hash != ticket.payload_hash:
            why = f"the idempotency key was used for a call to {ticket.agent} with another payload"
            error = make_error(Reason.INVALID_ARGUMENT, why, {"field": "idempotency_key"})
            self._out.append(Refused(ticket.call, error))
        elif run is not None:
            self._out.append(Joined(ticket.call, run.call))
        else:
            self._reading[ticket.call] = ticket
            self._effects.reads.append(ReadReply(ticket.call, ticket.agent, ticket.key))
        return False

    def lead(self, ticket: Ticket) -> None:
        """The call runs; others with its key join it."""
        key = (ticket.agent, ticket.key)
        self._running[key] = _Run(ticket.call, ticket.payload_hash)
        self._key_of[ticket.call] = key

    def found(self, read: ReadReply, stored: ReplyStored | None) -> Ticket | None:
        """The stored reply is the call's outcome; if it is not there any more, the ticket of the call that now runs."""
        ticket = self._reading.pop(read.call, None)
        if ticket is None:
            return None
        if stored is None:
            return ticket
        self._out.append(Concluded(read.call, Reply(stored.envelope, stored.trace), NO_COMMIT))
        return None

    def store(self, call: int, reply: Reply, now: float) -> None:
        """The running call has this reply: if it has a key, that is kept for the window."""
        key = self._key_of.get(call)
        if key is None:
            return
        run = self._running[key]
        self.end(call)
        expires = now + self._wall_offset + self._policy.idempotency_window
        entry = ReplyEntry(*key, run.payload_hash, expires, len(reply.envelope))
        self._stored[key] = entry
        self._bytes += entry.bytes
        self._ledger.write(ReplyStored(*key, run.payload_hash, expires, reply.envelope, reply.trace))
        while len(self._stored) > self._policy.max_stored_replies or self._bytes > self._policy.max_stored_reply_bytes:
            self._drop_oldest()

    def end(self, call: int) -> None:
        """The call is over, whatever became of it."""
        self._reading.pop(call, None)
        key = self._key_of.pop(call, None)
        if key is not None:
            del self._running[key]

    def tick(self, now: float) -> None:
        """Drops the replies whose time is up."""
        while self._stored and self._next_expiry() <= now:
            self._drop_oldest()

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        return self._next_expiry() if self._stored else None

    def _next_expiry(self) -> float:
        return next(iter(self._stored.values())).expires - self._wall_offset

    def _drop_oldest(self) -> None:
        key = next(iter(self._stored))
        self._bytes -= self._stored.pop(key).bytes
        self._ledger.write(ReplyDropped(*key))
