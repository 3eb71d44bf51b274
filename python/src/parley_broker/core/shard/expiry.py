"""Agent types that nobody hosts: their durable subscriptions end after a while, and then what waits for them (SUB-4).

hosted ──last host goes──▶ without a host since ──expiry of the last subscription──▶ forgotten, the backlog is given up
   ▲                              │    ▲ │
   └───────────a host comes───────┘    └─┘ a subscription is made anew: counted from then
"""

from __future__ import annotations

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import Effects
from parley_broker.core.messages import Subscription, make_error
from parley_broker.core.policy import Policy
from parley_broker.core.records import SubscriptionRemoved, Summary, TypeHosted, TypeUnhosted
from parley_broker.core.shard.catalogue import Catalogue
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.ledger import Ledger
from parley_broker.errors import Reason

LOOK_AGAIN = 1.0
"""Seconds until it is looked at again whether a backlog that was given up is gone."""


class Expiry:
    """Since when types with durable subscriptions, or with events that wait, have no host.

    Args:
        effects: Takes log lines.
        ledger: Takes the records.
        policy: The expiry of subscriptions that name none.
        catalogue: Loses what expires.
        deliveries: Gives the backlogs up.
        wall_offset: What the wall clock is ahead of `now`, in seconds.
    """

    def __init__(
        self,
        effects: Effects,
        ledger: Ledger,
        policy: Policy,
        catalogue: Catalogue,
        deliveries: Deliveries,
        wall_offset: float,
    ) -> None:
        self._effects = effects
        self._ledger = ledger
        self._default = policy.subscription_expiry
        self._catalogue = catalogue
        self._deliveries = deliveries
        self._wall_offset = wall_offset
        self._since: dict[str, float] = {}
        self._written: set[str] = set()
        """The types whose absence of a host the store knows, or will with the next commit."""
        self._shortest: dict[str, float] = {}
        """At most the shortest expiry of each type's subscriptions, in seconds, while it has no host."""
        self._due: Deadlines[str] = Deadlines()

    def begin(self, summary: Summary, now: float, after_start: bool) -> None:
        """Nobody hosts anything, or not yet: what was hosted to the end counts from now on.

        Args:
            summary: What the store holds.
            now: The moment, in seconds.
            after_start: The broker has started. Else the shard begins anew after a failed commit, and writes nothing:
                the next commit might fail for it.
        """
        self._since = dict(summary.unhosted)
        self._written = set(self._since)
        types = {subscription.key.agent_type for subscription in summary.subscriptions}
        types.update(backlog.recipient.type for backlog in summary.backlogs)
        for agent_type in sorted(types):
            if agent_type not in self._since:
                self._since[agent_type] = now + self._wall_offset
                if after_start:
                    self._write(agent_type)
            self._schedule(agent_type)

    def hosted(self, agent_type: str) -> None:
        """The type has a host."""
        self._due.drop(agent_type)
        self._deliveries.spare(agent_type)
        self._shortest.pop(agent_type, None)
        if self._since.pop(agent_type, None) is not None:
            self._unwrite(agent_type)

    def unhosted(self, agent_type: str, now: float) -> None:
        """The type has no host any more: it counts from now on."""
        if self._catalogue.has_durable(agent_type) or self._deliveries.recipients.of_type(agent_type):
            self._begin_anew(agent_type, now)
            self._schedule(agent_type)

    def subscribed(self, subscription: Subscription, now: float) -> None:
        """A durable subscription was made for a type that nobody hosts: that counts from now on."""
        agent_type, expiry = subscription.key.agent_type, self._expiry(subscription)
        self._begin_anew(agent_type, now)
        # Not looked up among all of them. A shortest one that is gone by then is noticed by `tick`, which looks again.
        self._set_due(agent_type, min(expiry, self._shortest.get(agent_type, expiry)))

    def tick(self, now: float) -> None:
        """Ends the subscriptions whose time is up, and gives up what waits by none."""
        for agent_type in self._due.take(now):
            since, wall = self._since[agent_type], now + self._wall_offset
            for subscription in self._durable(agent_type):
                if since + self._expiry(subscription) <= wall:
                    self._catalogue.remove(subscription.key)
                    self._ledger.write(SubscriptionRemoved(subscription.key))
                    self._effects.log(
                        "warning",
                        "subscription expired",
                        topic_type=subscription.key.topic_type,
                        agent_type=agent_type,
                        without_host_s=round(wall - since),
                    )
            if self._catalogue.has_durable(agent_type):
                self._schedule(agent_type)
                continue
            if self._deliveries.recipients.of_type(agent_type):
                # Takes a while. If it ends half-way, the next start goes on: the type is due at once.
                lonely = f"no session hosted agent type {agent_type} for {round(wall - since)} s"
                why = f"{lonely}: its subscription has expired"
                error = make_error(Reason.NO_RESPONDERS, why, {"agent_type": agent_type})
                self._deliveries.give_up(agent_type, error)
                self._due.set(agent_type, now + LOOK_AGAIN)
            else:
                del self._since[agent_type]
                self._shortest.pop(agent_type, None)
                self._unwrite(agent_type)

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        return self._due.next()

    def _durable(self, agent_type: str) -> list[Subscription]:
        return [subscription for subscription in self._catalogue.of_type(agent_type) if subscription.durable]

    def _expiry(self, subscription: Subscription) -> float:
        return subscription.expiry_ms / 1000 or self._default

    def _write(self, agent_type: str) -> None:
        self._written.add(agent_type)
        self._ledger.write(TypeUnhosted(agent_type, self._since[agent_type]))

    def _unwrite(self, agent_type: str) -> None:
        """What the store does not know needs no record, which might be the one that fails the next commit."""
        if agent_type in self._written:
            self._written.discard(agent_type)
            self._ledger.write(TypeHosted(agent_type))

    def _begin_anew(self, agent_type: str, now: float) -> None:
        self._deliveries.spare(agent_type)
        self._since[agent_type] = now + self._wall_offset
        self._write(agent_type)

    def _schedule(self, agent_type: str) -> None:
        self._set_due(agent_type, min(map(self._expiry, self._durable(agent_type)), default=self._default))

    def _set_due(self, agent_type: str, expiry: float) -> None:
        self._shortest[agent_type] = expiry
        self._due.set(agent_type, self._since[agent_type] + expiry - self._wall_offset)
