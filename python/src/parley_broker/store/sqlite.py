"""A store in one SQLite file: records are rows, a commit is one transaction with an fsync."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Subscription, SubscriptionKey, Trace
from parley_broker.core.records import (
    Backlog,
    BacklogDropped,
    DeliverySettled,
    Event,
    EventStored,
    Opened,
    Record,
    SubscriptionAdded,
    SubscriptionRemoved,
    Summary,
)
from parley_broker.errors import StaleTermError, StoreError, StoreUnusableError

FILE_NAME = "broker.db"
APPLICATION_ID = 0x5041524C
"""Marks the file as this broker's: "PARL"."""
SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('term', 0), ('last_position', 0);
CREATE TABLE subscriptions (
    topic_type TEXT NOT NULL, match INTEGER NOT NULL, agent_type TEXT NOT NULL, expiry_ms INTEGER NOT NULL,
    PRIMARY KEY (topic_type, match, agent_type)
) WITHOUT ROWID;
CREATE TABLE events (
    position INTEGER PRIMARY KEY, topic_type TEXT NOT NULL, topic_source TEXT NOT NULL,
    sender_type TEXT, sender_key TEXT, event_id TEXT NOT NULL, traceparent TEXT, tracestate TEXT, envelope BLOB NOT NULL
);
CREATE TABLE deliveries (
    agent_type TEXT NOT NULL, agent_key TEXT NOT NULL, position INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (agent_type, agent_key, position)
) WITHOUT ROWID;
CREATE INDEX deliveries_by_position ON deliveries (position);
"""

_EVENT_COLUMNS = (
    "e.position, topic_type, topic_source, sender_type, sender_key, event_id, traceparent, tracestate, envelope"
)


class SqliteStore:
    """Store in a directory. The file is locked while it is open, so a directory belongs to one broker at a time.

    Args:
        directory: Is made when it is not there.
    """

    waits = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / FILE_NAME
        self.name = f"sqlite:{directory}"
        self._db: sqlite3.Connection | None = None
        self._appliers: dict[type[object], Callable[[sqlite3.Connection, Record], None]] = {
            EventStored: _store_event,
            DeliverySettled: _settle,
            SubscriptionAdded: _add_subscription,
            SubscriptionRemoved: _remove_subscription,
            BacklogDropped: _drop_backlog,
        }

    def open(self) -> Opened:
        """As Store.open."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            why = failure.strerror
            raise StoreUnusableError(f"cannot make the data directory {self._directory}: {why}") from failure
        try:
            db = self._db = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._check_file(db)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            with self._transaction() as db:
                if not _pragma(db, "user_version"):
                    for statement in _SCHEMA.split(";"):
                        db.execute(statement)
                    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                db.execute("UPDATE meta SET value = value + 1 WHERE name = 'term'")
            return self.load(_meta(db, "term"))
        except (sqlite3.Error, StoreError) as failure:
            self._abandon()
            if isinstance(failure, StoreUnusableError):
                raise
            raise StoreUnusableError(self._explain(failure)) from failure

    def load(self, term: int) -> Opened:
        """As Store.load."""
        db = self._database
        try:
            subscriptions = tuple(
                Subscription(SubscriptionKey(topic_type, match, agent_type), True, expiry_ms)
                for topic_type, match, agent_type, expiry_ms in db.execute(
                    "SELECT topic_type, match, agent_type, expiry_ms FROM subscriptions"
                )
            )
            backlogs = tuple(
                Backlog(AgentId(agent_type, key), events, size, last)
                for agent_type, key, events, size, last in db.execute(
                    "SELECT agent_type, agent_key, count(*), sum(bytes), max(position)"
                    " FROM deliveries GROUP BY agent_type, agent_key"
                )
            )
            return Opened(term, Summary(subscriptions, backlogs, _meta(db, "last_position")))
        except sqlite3.Error as failure:
            raise StoreError(self._explain(failure)) from failure

    def commit(self, records: Sequence[Record], term: int) -> None:
        """As Store.commit."""
        last_position = 0
        with self._transaction() as db:
            current = _meta(db, "term")
            if current != term:
                raise StaleTermError(f"term {term} is over; the store is at term {current}")
            for record in records:
                self._appliers[type(record)](db, record)
                if isinstance(record, EventStored):
                    last_position = record.event.position
            if last_position:
                db.execute("UPDATE meta SET value = ? WHERE name = 'last_position'", (last_position,))

    def read(self, recipient: AgentId, after: int, max_events: int, max_bytes: int) -> list[Event]:
        """As Store.read."""
        page: list[Event] = []
        size = 0
        try:
            rows = self._database.execute(
                f"SELECT {_EVENT_COLUMNS} FROM deliveries d JOIN events e ON e.position = d.position"
                " WHERE agent_type = ? AND agent_key = ? AND d.position > ? ORDER BY d.position LIMIT ?",
                (*recipient, after, max_events),
            )
            for row in rows:
                page.append(_event(row))
                size += len(page[-1].envelope)
                if size >= max_bytes:
                    break
            rows.close()
        except sqlite3.Error as failure:
            raise StoreError(self._explain(failure)) from failure
        return page

    def close(self) -> None:
        """As Store.close."""
        self._abandon()

    @property
    def _database(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(f"{self.name} is not open")
        return self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is done inside, durably, or nothing."""
        db = self._database
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.Error as failure:
            raise StoreError(self._explain(failure)) from failure

    def _check_file(self, db: sqlite3.Connection) -> None:
        application, version = _pragma(db, "application_id"), _pragma(db, "user_version")
        if version > SCHEMA_VERSION and application == APPLICATION_ID:
            raise StoreUnusableError(
                f"{self._path} has schema version {version}, made by a newer broker;"
                f" this one reads up to version {SCHEMA_VERSION}"
            )
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION_ID and (tables or application or version):
            raise StoreUnusableError(f"{self._path} is a database, but not a Parley broker's")

    def _explain(self, failure: Exception) -> str:
        if isinstance(failure, sqlite3.OperationalError) and "locked" in str(failure):
            return f"{self._path} is in use by another broker"
        return f"{self._path}: {failure}"

    def _abandon(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _meta(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0])


def _event(row: tuple[int, str, str, str | None, str | None, str, str | None, str | None, bytes]) -> Event:
    position, topic_type, source, sender_type, sender_key, event_id, traceparent, tracestate, envelope = row
    sender = None if sender_type is None or sender_key is None else AgentId(sender_type, sender_key)
    trace = None if traceparent is None or tracestate is None else Trace(traceparent, tracestate)
    return Event(position, TopicId(topic_type, source), envelope, sender, event_id, trace)


def _store_event(db: sqlite3.Connection, record: Record) -> None:
    assert isinstance(record, EventStored)
    event = record.event
    db.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event.position,
            *event.topic,
            *(event.sender or (None, None)),
            event.event_id,
            *(event.trace or (None, None)),
            event.envelope,
        ),
    )
    size = len(event.envelope)
    db.executemany(
        "INSERT INTO deliveries VALUES (?, ?, ?, ?)",
        [(agent.type, agent.key, event.position, size) for agent in record.recipients],
    )


def _settle(db: sqlite3.Connection, record: Record) -> None:
    assert isinstance(record, DeliverySettled)
    db.execute(
        "DELETE FROM deliveries WHERE agent_type = ? AND agent_key = ? AND position = ?",
        (*record.recipient, record.position),
    )
    db.execute(
        "DELETE FROM events WHERE position = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE position = ?1)",
        (record.position,),
    )


def _add_subscription(db: sqlite3.Connection, record: Record) -> None:
    assert isinstance(record, SubscriptionAdded)
    db.execute(
        "INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?)",
        (*record.subscription.key, record.subscription.expiry_ms),
    )


def _remove_subscription(db: sqlite3.Connection, record: Record) -> None:
    assert isinstance(record, SubscriptionRemoved)
    db.execute("DELETE FROM subscriptions WHERE topic_type = ? AND match = ? AND agent_type = ?", record.key)


def _drop_backlog(db: sqlite3.Connection, record: Record) -> None:
    assert isinstance(record, BacklogDropped)
    db.execute(
        "DELETE FROM events WHERE position IN (SELECT position FROM deliveries d WHERE agent_type = ?1 AND NOT EXISTS"
        " (SELECT 1 FROM deliveries o WHERE o.position = d.position AND o.agent_type <> ?1))",
        (record.agent_type,),
    )
    db.execute("DELETE FROM deliveries WHERE agent_type = ?", (record.agent_type,))
