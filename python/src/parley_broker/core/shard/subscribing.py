"""Which subscriptions are there, and what ends them."""

from __future__ import annotations

from parley_broker.core.effects import NO_COMMIT, Answer
from parley_broker.core.messages import Done, Subscription, SubscriptionKey
from parley_broker.core.records import SubscriptionAdded, SubscriptionRemoved
from parley_broker.core.shard.catalogue import Catalogue
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.expiry import Expiry
from parley_broker.core.shard.ledger import Ledger


class Subscribing:
    """Adds and removes the subscriptions of one shard.

    Args:
        desk: Knows who hosts what, and takes the answers.
        ledger: Takes the records.
        catalogue: Holds the subscriptions.
        deliveries: Holds what waits because of them.
        expiry: Ends durable ones that nobody hosts (SUB-4).
    """

    def __init__(
        self, desk: Desk, ledger: Ledger, catalogue: Catalogue, deliveries: Deliveries, expiry: Expiry
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._catalogue = catalogue
        self._deliveries = deliveries
        self._expiry = expiry

    def add(self, session: str, re: int, subscription: Subscription, now: float) -> None:
        """The subscription is there from its answer on (SUB-6).

        Raises:
            CommandError: INVALID_ARGUMENT or RESOURCE_EXHAUSTED (SUB-5).
        """
        before = self._catalogue.get(subscription.key)
        commit = NO_COMMIT
        changed = self._catalogue.add(subscription)
        if not subscription.durable:
            self._desk.hosts.get(session).transient.add(subscription.key.agent_type)
        if changed:
            if subscription.durable:
                self._ledger.write(SubscriptionAdded(subscription))
                commit = self._ledger.commit
                if not self._desk.hosts.hosts_type(subscription.key.agent_type):
                    self._expiry.subscribed(subscription, now)
                if before is not None:
                    self._forget_transient(subscription.key.agent_type)
            elif before is not None and before.durable:
                self._ledger.write(SubscriptionRemoved(subscription.key))
                commit = self._ledger.commit
        self._desk.out.append(Answer(session, re, Done(), commit))

    def remove(self, session: str, re: int, key: SubscriptionKey) -> None:
        """The subscription is gone, for every session (SUB-2).

        Raises:
            CommandError: NOT_FOUND.
        """
        commit = NO_COMMIT
        if self._catalogue.remove(key).durable:
            self._ledger.write(SubscriptionRemoved(key))
            commit = self._ledger.commit
        else:
            self._forget_transient(key.agent_type)
        self._desk.out.append(Answer(session, re, Done(), commit))

    def hosted(self, agent_type: str) -> None:
        """A session hosts the type."""
        self._expiry.hosted(agent_type)

    def unhosted(self, agent_type: str, now: float) -> None:
        """Nobody hosts the type any more."""
        self.end_transient(agent_type)
        self._expiry.unhosted(agent_type, now)

    def end_transient(self, agent_type: str) -> None:
        """Nobody hosts the type: what is not durable ends, and with the last subscription what waits (SUB-3)."""
        ended = [s for s in self._catalogue.of_type(agent_type) if not s.durable]
        for subscription in ended:
            self._catalogue.remove(subscription.key)
        self._forget_transient(agent_type)
        if ended and not self._catalogue.of_type(agent_type):
            self._deliveries.drop_backlog(agent_type)

    def _forget_transient(self, agent_type: str) -> None:
        """No session needs to remember that it subscribed for the type, once nothing of that is left."""
        if not self._catalogue.has_transient(agent_type):
            for host in self._desk.hosts.by_session.values():
                host.transient.discard(agent_type)
