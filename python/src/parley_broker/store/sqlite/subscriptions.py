"""The durable subscriptions, and the types that nobody hosts."""

from __future__ import annotations

import sqlite3

from parley_broker.core.messages import Subscription, SubscriptionKey
from parley_broker.core.records import SubscriptionAdded, SubscriptionRemoved, TypeHosted, TypeUnhosted
from parley_broker.store.sqlite.table import Tables

SCHEMA = """
CREATE TABLE subscriptions (
    topic_type TEXT NOT NULL, match INTEGER NOT NULL, agent_type TEXT NOT NULL, expiry_ms INTEGER NOT NULL,
    PRIMARY KEY (topic_type, match, agent_type)
) WITHOUT ROWID;
CREATE TABLE unhosted_types (agent_type TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID;
"""


def load_subscriptions(db: sqlite3.Connection) -> tuple[Subscription, ...]:
    """All of them."""
    rows = db.execute("SELECT topic_type, match, agent_type, expiry_ms FROM subscriptions")
    return tuple(
        Subscription(SubscriptionKey(topic_type, match, agent_type), True, expiry_ms)
        for topic_type, match, agent_type, expiry_ms in rows
    )


def _add(db: sqlite3.Connection, record: SubscriptionAdded) -> None:
    subscription = record.subscription
    db.execute("INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?)", (*subscription.key, subscription.expiry_ms))


def _remove(db: sqlite3.Connection, record: SubscriptionRemoved) -> None:
    db.execute("DELETE FROM subscriptions WHERE topic_type = ? AND match = ? AND agent_type = ?", record.key)


def load_unhosted(db: sqlite3.Connection) -> tuple[tuple[str, float], ...]:
    """The agent types that nobody hosts, and since when."""
    return tuple(db.execute("SELECT agent_type, since FROM unhosted_types"))


def _unhost(db: sqlite3.Connection, record: TypeUnhosted) -> None:
    db.execute("INSERT OR REPLACE INTO unhosted_types VALUES (?, ?)", (record.agent_type, record.since))


def _host(db: sqlite3.Connection, record: TypeHosted) -> None:
    db.execute("DELETE FROM unhosted_types WHERE agent_type = ?", (record.agent_type,))


SUBSCRIPTIONS = Tables(
    SCHEMA, {SubscriptionAdded: _add, SubscriptionRemoved: _remove, TypeUnhosted: _unhost, TypeHosted: _host}
)
