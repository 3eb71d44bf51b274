"""Bugs of events: subscriptions, publishes, deliveries, dead letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mark import wrap

from parley_broker import config
from parley_broker.core.effects import NO_COMMIT
from parley_broker.core.gateway.gateway import Gateway
from parley_broker.core.shard import deliveries, pace
from parley_broker.core.shard.catalogue import Catalogue
from parley_broker.core.shard.dead_letters import DeadLetters
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.event_ids import EventIds
from parley_broker.core.shard.expiry import Expiry
from parley_broker.core.shard.hosts import Host
from parley_broker.core.shard.producers import Producers
from parley_broker.core.shard.shard import Shard
from parley_broker.errors import CommandError, Reason


def delivered_twice() -> None:
    """Every event is handed over two times."""

    def make(deliver: Any) -> Any:
        def twice(self: Any, effect: Any, now: float) -> None:
            deliver(self, effect, now)
            deliver(self, effect, now)

        return twice

    wrap(Gateway, "deliver", make)


def event_dropped() -> None:
    """Of a recipient's events only the first is handed over; the others are stored and answered for."""

    def make(deliver: Any) -> Any:
        seen: dict[Any, int] = {}

        def lossy(self: Any, effect: Any, now: float) -> None:
            recipient = effect.delivery.recipient
            seen[recipient] = seen.get(recipient, 0) + 1
            if seen[recipient] == 1:
                deliver(self, effect, now)

        return lossy

    wrap(Gateway, "deliver", make)


def trace_of_events_dropped() -> None:
    """An event goes on without its trace context."""

    def make(publish: Any) -> Any:
        def wrong(self: Any, session: str, re: int, message: Any, *arguments: Any) -> Any:
            return publish(self, session, re, replace(message, trace=None), *arguments)

        return wrong

    wrap(Shard, "publish", make)


def attempts_without_end() -> None:
    """An event that always fails is never given up."""

    def make(policy: Any) -> Any:
        return lambda values: replace(policy(values), max_attempts=1_000_000)

    wrap(config, "make_policy", make)


def lost_sessions_uncounted() -> None:
    """An event may take any number of sessions with it."""
    wrap(Deliveries, "_count_losses", lambda _: lambda self, recipient, returned, started, now: returned)


def pauses_of_one_length() -> None:
    """The pauses between attempts do not grow."""
    wrap(deliveries, "BACKOFF_FACTORS", lambda _: (1,))


def producers_forgotten() -> None:
    """A publish that is sent again is stored again."""
    wrap(Producers, "commit_of", lambda _: lambda self, publish: None)


def event_ids_forgotten() -> None:
    """An event id that was seen says nothing."""
    wrap(EventIds, "commit_of", lambda _: lambda self, publish, now: None)


def dead_letters_without_end() -> None:
    """Dead letters are kept whatever their number."""
    wrap(DeadLetters, "_make_room", lambda _: lambda self: None)


def subscriptions_without_end() -> None:
    """A durable subscription stays, however long nobody hosts its type."""
    wrap(Expiry, "tick", lambda _: lambda self, now: None)
    wrap(Expiry, "next_due", lambda _: lambda self: None)


def concurrency_unheeded() -> None:
    """As many events of a recipient are in flight as there are."""
    wrap(pace, "at_once", lambda _: lambda registration, policy: 1000)


def all_credit_spent_ahead() -> None:
    """Events of one agent are delivered ahead until the session's credit is used up."""
    wrap(Host, "has_spare_credit", lambda _: Host.has_credit)


def last_published_first() -> None:
    """Of two events to a recipient the later one is the first in its queue."""

    def make(enqueue: Any) -> Any:
        earlier: dict[Any, Any] = {}

        def wrong(self: Any, agent: Any, event: Any, commit: int, now: float) -> None:
            first = earlier.pop(agent, None)
            if first is None:
                earlier[agent] = event
                return
            enqueue(self, agent, replace(event, position=first.position), commit, now)
            enqueue(self, agent, replace(first, position=event.position), commit, now)

        return wrong

    wrap(Deliveries, "enqueue", make)


def later_events_wait_for_nothing() -> None:
    """What comes after an event that failed does not wait until the failure is stored, as the event itself does."""

    def make(deliver: Any) -> Any:
        def wrong(self: Any, recipient: Any, *arguments: Any) -> Any:
            recipient.commit = NO_COMMIT
            return deliver(self, recipient, *arguments)

        return wrong

    wrap(Deliveries, "_deliver", make)


def subscriptions_unchecked() -> None:
    """A malformed subscription is answered as done, and is none."""

    def make(add: Any) -> Any:
        def wrong(self: Any, subscription: Any) -> Any:
            try:
                return add(self, subscription)
            except CommandError as failure:
                if failure.reason is Reason.INVALID_ARGUMENT:
                    return False
                raise

        return wrong

    wrap(Catalogue, "add", make)


BUGS: tuple[Callable[[], None], ...] = (
    delivered_twice,
    event_dropped,
    trace_of_events_dropped,
    attempts_without_end,
    lost_sessions_uncounted,
    pauses_of_one_length,
    producers_forgotten,
    event_ids_forgotten,
    dead_letters_without_end,
    subscriptions_without_end,
    concurrency_unheeded,
    all_credit_spent_ahead,
    last_published_first,
    later_events_wait_for_nothing,
    subscriptions_unchecked,
)
