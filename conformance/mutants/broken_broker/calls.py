"""Bugs of calls: outcomes, deadlines, cancels, idempotency keys."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mark import wrap

from parley_broker.core.gateway.callers import Callers
from parley_broker.core.gateway.commands import Commands
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.messages import Message, Publish, Reply, Request
from parley_broker.core.shard.replies import Replies
from parley_broker.frontends.grpc_v1 import servicer


def reply_to_the_wrong_caller() -> None:
    """An outcome goes to another caller whose call has the same id."""

    def make(conclude: Any) -> Any:
        def wrong(self: Any, call: Any, outcome: Any) -> None:
            for mine in call.waiting:
                for other in self._calls.values():
                    if other.caller is not mine.caller and other.caller_id == mine.caller_id:
                        mine.caller, other.caller = other.caller, mine.caller
                        mine.caller.calls[mine.caller_id] = mine.id
                        other.caller.calls[other.caller_id] = other.id
                        break
            conclude(self, call, outcome)

        return wrong

    wrap(Callers, "_conclude", make)


def lost_worker_hangs_its_calls() -> None:
    """Nobody is told when the session that runs a call is lost."""
    wrap(Callers, "lose_worker", lambda _: lambda self, session, agent_type=None: None)


def deadline_ignored() -> None:
    """Nothing happens when the time of a call is up."""
    wrap(Callers, "tick", lambda _: lambda self, now: None)
    wrap(Callers, "next_due", lambda _: lambda self: None)


def cancel_swallowed() -> None:
    """Cancel does nothing."""
    wrap(Callers, "cancel", lambda _: lambda self, session, cancel, now: None)


def cancel_kept_from_the_worker() -> None:
    """The caller's outcome is CANCELLED, and the handler runs on."""
    wrap(Callers, "_tell_worker", lambda _: lambda self, call: None)


def calls_remembered() -> None:
    """A call that has ended stays in the table."""

    def make(drop: Any) -> Any:
        def wrong(self: Any, call: Any) -> None:
            drop(self, call)
            self._calls[-call.id] = call

        return wrong

    wrap(Callers, "_drop", make)


def idempotency_keys_ignored() -> None:
    """A duplicate of a call runs beside it, or again."""
    wrap(Replies, "admit", lambda _: lambda self, ticket: True)


def versions_mistaken() -> None:
    """What is of the second version of a message goes on as the first one."""

    def make(decode: Any) -> Any:
        def wrong(data: bytes, now: float) -> Any:
            frame = decode(data, now)
            for message in frame.messages:
                if isinstance(message.body, Request | Publish):
                    message.body = replace(message.body, envelope=message.body.envelope.replace(b"_v2", b"_v1"))
            return frame

        return wrong

    wrap(servicer, "decode_frame", make)


def outstanding_ids_ignored() -> None:
    """A request under an id that is outstanding is dropped without a word."""

    def make(carry_out: Any) -> Any:
        def wrong(self: Any, session: Any, message: Any, now: float) -> None:
            if message.id not in session.calls:
                carry_out(self, session, message, now)

        return wrong

    wrap(Commands, "carry_out", make)


def outcomes_lost_now_and_then() -> None:
    """Of a thousand replies one does not reach its caller."""

    def make(push: Any) -> Any:
        told = itertools.count(1)

        def wrong(self: Any, session: Any, message: Any) -> None:
            if not isinstance(message.body, Reply) or next(told) % 1000:
                push(self, session, message)

        return wrong

    wrap(Sessions, "push", make)


def outcomes_told_twice() -> None:
    """A caller gets the outcome of its call two times."""

    def make(conclude: Any) -> Any:
        def twice(self: Any, call: Any, outcome: Any) -> None:
            waiting = list(call.waiting)
            conclude(self, call, outcome)
            for one in waiting:
                self._sessions.push(one.caller, Message(outcome, re=one.caller_id))

        return twice

    wrap(Callers, "_conclude", make)


BUGS: tuple[Callable[[], None], ...] = (
    reply_to_the_wrong_caller,
    lost_worker_hangs_its_calls,
    deadline_ignored,
    cancel_swallowed,
    cancel_kept_from_the_worker,
    calls_remembered,
    idempotency_keys_ignored,
    versions_mistaken,
    outstanding_ids_ignored,
    outcomes_lost_now_and_then,
    outcomes_told_twice,
)
