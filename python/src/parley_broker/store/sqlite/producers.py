"""What was seen of each producer, and the event ids of late."""

from __future__ import annotations

import json
import sqlite3

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.records import EventIdSeen, EventIdsForgotten, ProducerSeen, ProducersForgotten
from parley_broker.store.sqlite.table import Tables

SCHEMA = """
CREATE TABLE producers (producer TEXT PRIMARY KEY, seen TEXT NOT NULL, last_seen REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE event_ids (
    number INTEGER PRIMARY KEY, scope_type TEXT NOT NULL, scope_key TEXT NOT NULL,
    topic_type TEXT NOT NULL, topic_source TEXT NOT NULL, event_id TEXT NOT NULL, at REAL NOT NULL
);
"""


def load_producers(db: sqlite3.Connection) -> tuple[ProducerSeen, ...]:
    """All of them, the one that was seen last at the end."""
    rows = db.execute("SELECT producer, seen, last_seen FROM producers ORDER BY last_seen")
    return tuple(
        ProducerSeen(producer, tuple((first, last) for first, last in json.loads(seen)), last_seen)
        for producer, seen, last_seen in rows
    )


def load_event_ids(db: sqlite3.Connection) -> tuple[EventIdSeen, ...]:
    """All of them, by number."""
    rows = db.execute(
        "SELECT number, scope_type, scope_key, topic_type, topic_source, event_id, at FROM event_ids ORDER BY number"
    )
    return tuple(
        EventIdSeen(number, AgentId(scope_type, scope_key), TopicId(topic_type, source), event_id, at)
        for number, scope_type, scope_key, topic_type, source, event_id, at in rows
    )


def _see(db: sqlite3.Connection, record: ProducerSeen) -> None:
    db.execute(
        "INSERT INTO producers VALUES (?, ?, ?) ON CONFLICT (producer) DO UPDATE SET"
        " seen = excluded.seen, last_seen = excluded.last_seen",
        (record.producer, json.dumps(record.seen), record.last_seen),
    )


def _forget(db: sqlite3.Connection, record: ProducersForgotten) -> None:
    db.executemany("DELETE FROM producers WHERE producer = ?", [(producer,) for producer in record.producers])


def _see_id(db: sqlite3.Connection, record: EventIdSeen) -> None:
    db.execute(
        "INSERT INTO event_ids VALUES (?, ?, ?, ?, ?, ?, ?)",
        (record.number, *record.scope, *record.topic, record.event_id, record.at),
    )


def _forget_ids(db: sqlite3.Connection, record: EventIdsForgotten) -> None:
    db.execute("DELETE FROM event_ids WHERE number <= ?", (record.number,))


PRODUCERS = Tables(
    SCHEMA,
    {ProducerSeen: _see, ProducersForgotten: _forget, EventIdSeen: _see_id, EventIdsForgotten: _forget_ids},
)
