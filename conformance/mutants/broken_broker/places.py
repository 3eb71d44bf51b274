"""Bugs of places: where agents are, claims, drain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mark import wrap

from parley_broker.core.gateway.farewell import Farewell
from parley_broker.core.machine import Machine
from parley_broker.core.shard import shard
from parley_broker.core.shard.claims import Claims
from parley_broker.core.shard.places import Places
from parley_broker.core.shard.shard import Shard
from parley_broker.errors import CommandError, Reason


def place_forgotten() -> None:
    """Each message may go to another session."""

    def make(resolve: Any) -> Any:
        def fickle(self: Any, agent: Any, nested: bool) -> Any:
            if (place := self.get(agent)) is not None:
                self.end(place)
            return resolve(self, agent, nested)

        return fickle

    wrap(Places, "resolve", make)


def drain_ignored() -> None:
    """A session that drains gets new agents like any other."""

    def make(drain: Any) -> Any:
        def wrong(self: Any, session: str, *arguments: Any) -> Any:
            done = drain(self, session, *arguments)
            self._desk.hosts.get(session).draining = False
            return done

        return wrong

    wrap(Shard, "drain", make)


def claims_ignored() -> None:
    """A restarted broker answers claims, and places the agents anew."""

    def make(decide: Any) -> Any:
        def wrong(self: Any, claims: Any, desk: Any) -> Any:
            return [replace(verdict, granted=()) for verdict in decide(self, claims, desk)]

        return wrong

    wrap(Claims, "decide", make)


def claims_not_waited_for() -> None:
    """A restarted broker places agents at once, and grants every claim at once."""
    wrap(shard, "_beginning", lambda begin: lambda policy, opened, now: begin(policy, replace(opened, fresh=True), now))


def first_claim_wins() -> None:
    """Of two claims the one that came first is granted, whatever its epoch."""

    def make(decide: Any) -> Any:
        def wrong(self: Any, claims: Any, desk: Any) -> Any:
            verdicts: list[Any] = []
            for claim in claims:
                taken = {agent for verdict in verdicts for agent, _ in verdict.granted}
                (verdict,) = decide(self, [claim], desk)
                lost = tuple(agent for agent, _ in verdict.granted if agent in taken)
                granted = tuple(held for held in verdict.granted if held[0] not in taken)
                verdicts.append(replace(verdict, granted=granted, refused=verdict.refused + lost))
            return verdicts

        return wrong

    wrap(Claims, "decide", make)


def overtaken_claims_granted() -> None:
    """A claim is granted although another session has committed for the agent since, before a restart."""
    wrap(Claims, "seek", lambda _: lambda self, claim, host: None)


def every_claim_granted() -> None:
    """A claim is granted although the agent has another place, or had one since."""
    wrap(Claims, "_is_valid", lambda _: lambda self, claim, agent, epoch, desk: True)


def states_left_behind() -> None:
    """A draining broker does not have agents saved."""
    wrap(Farewell, "save", lambda _: lambda self, session_id, agent, epoch: None)


def drained_at_once() -> None:
    """A broker that drains waits for nothing that is under way."""
    wrap(Machine, "drain_is_over", lambda _: lambda self, now: "nobody looked")


def one_session_per_type() -> None:
    """A type that one session hosts is refused to all others."""

    def make(host: Any) -> Any:
        def wrong(self: Any, session: str, registration: Any, now: float) -> None:
            others = [one for one in self._desk.hosts.by_session.values() if one.session != session]
            if any(registration.type in one.registrations for one in others):
                raise CommandError(Reason.ALREADY_EXISTS, f"another session hosts {registration.type}")
            host(self, session, registration, now)

        return wrong

    wrap(Shard, "host", make)


def registrations_outlive_their_session() -> None:
    """What a lost session registered stays."""
    wrap(Shard, "lose", lambda _: lambda self, session, now: None)


BUGS: tuple[Callable[[], None], ...] = (
    place_forgotten,
    drain_ignored,
    claims_ignored,
    claims_not_waited_for,
    first_claim_wins,
    overtaken_claims_granted,
    every_claim_granted,
    states_left_behind,
    drained_at_once,
    one_session_per_type,
    registrations_outlive_their_session,
)
