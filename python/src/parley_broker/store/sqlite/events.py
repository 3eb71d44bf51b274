"""Events, and for whom each one waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Trace
from parley_broker.core.records import (
    Backlog,
    BacklogDropped,
    DeliveryFailed,
    DeliverySettled,
    Event,
    EventStored,
    Waiting,
)
from parley_broker.store.sqlite.table import Tables, checksum, set_meta

SCHEMA = """
INSERT INTO meta VALUES ('last_position', 0);
CREATE TABLE events (
    position INTEGER PRIMARY KEY, topic_type TEXT NOT NULL, topic_source TEXT NOT NULL,
    sender_type TEXT, sender_key TEXT, event_id TEXT NOT NULL, traceparent TEXT, tracestate TEXT,
    envelope BLOB NOT NULL, crc INTEGER NOT NULL
);
CREATE TABLE deliveries (
    agent_type TEXT NOT NULL, agent_key TEXT NOT NULL, position INTEGER NOT NULL, bytes INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (agent_type, agent_key, position)
) WITHOUT ROWID;
CREATE INDEX deliveries_by_position ON deliveries (position);
"""

COLUMNS = "topic_type, topic_source, sender_type, sender_key, event_id, traceparent, tracestate, envelope"
"""Of an event, position and checksum apart."""
Row = tuple[int, str, str, str | None, str | None, str, str | None, str | None, bytes]
"""The position, then COLUMNS."""


def load_backlogs(db: sqlite3.Connection) -> tuple[Backlog, ...]:
    """How much waits for each recipient."""
    rows = db.execute(
        "SELECT agent_type, agent_key, count(*), sum(bytes) FROM deliveries GROUP BY agent_type, agent_key"
    )
    return tuple(Backlog(AgentId(agent_type, key), events, size) for agent_type, key, events, size in rows)


def read_events(
    db: sqlite3.Connection, recipient: AgentId, after: int, max_events: int, max_bytes: int
) -> list[Waiting]:
    """As Store.read."""
    page: list[Waiting] = []
    size = 0
    rows = db.execute(
        f"SELECT failures, losses, e.position, {COLUMNS} FROM deliveries d JOIN events e ON e.position = d.position"
        " WHERE agent_type = ? AND agent_key = ? AND d.position > ? ORDER BY d.position LIMIT ?",
        (*recipient, after, max_events),
    )
    for row in rows:
        event = event_of(row[2:])
        page.append(Waiting(event, *row[:2]))
        size += len(event.envelope)
        if size >= max_bytes:
            break
    rows.close()
    return page


def event_of(row: Row) -> Event:
    """The event in the row."""
    position, topic_type, source, sender_type, sender_key, event_id, traceparent, tracestate, envelope = row
    sender = None if sender_type is None or sender_key is None else AgentId(sender_type, sender_key)
    trace = None if traceparent is None or tracestate is None else Trace(traceparent, tracestate)
    return Event(position, TopicId(topic_type, source), envelope, sender, event_id, trace)


def find_damage(db: sqlite3.Connection) -> str | None:
    """The first event whose content is not what was stored."""
    for position, crc, *row in db.execute(f"SELECT position, crc, {COLUMNS} FROM events"):
        if checksum(row) != crc:
            return f"the content of the event at position {position} has changed"
    return None


def _row(event: Event) -> tuple[object, ...]:
    row = (
        *event.topic,
        *(event.sender or (None, None)),
        event.event_id,
        *(event.trace or (None, None)),
        event.envelope,
    )
    return event.position, *row, checksum(row)


def _store_and_settle(db: sqlite3.Connection, records: Sequence[EventStored | DeliverySettled]) -> None:
    """First stores, then settles; but what is settled before it is stored stays, as one after the other it would."""
    stored = [record for record in records if isinstance(record, EventStored)]
    to_come = {record.event.position for record in stored}
    settled: list[DeliverySettled] = []
    for record in records:
        if isinstance(record, EventStored):
            to_come.discard(record.event.position)
        elif record.position not in to_come:
            settled.append(record)
    if stored:
        _store(db, stored)
    if settled:
        settle(db, settled)


def _store(db: sqlite3.Connection, records: Sequence[EventStored]) -> None:
    events = [record.event for record in records]
    db.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, events))
    db.executemany(
        "INSERT INTO deliveries (agent_type, agent_key, position, bytes) VALUES (?, ?, ?, ?)",
        [(*agent, r.event.position, len(r.event.envelope)) for r in records for agent in r.recipients],
    )
    set_meta(db, "last_position", events[-1].position)


def settle(db: sqlite3.Connection, records: Sequence[DeliverySettled]) -> None:
    """The events no longer wait for the recipients; the last one of an event takes it along."""
    db.executemany(
        "DELETE FROM deliveries WHERE agent_type = ? AND agent_key = ? AND position = ?",
        [(*record.recipient, record.position) for record in records],
    )
    db.executemany(
        "DELETE FROM events WHERE position = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE position = ?1)",
        [(record.position,) for record in records],
    )


def _failed(db: sqlite3.Connection, record: DeliveryFailed) -> None:
    db.execute(
        "UPDATE deliveries SET failures = ?, losses = ? WHERE agent_type = ? AND agent_key = ? AND position = ?",
        (record.failures, record.losses, *record.recipient, record.position),
    )


def _drop_backlog(db: sqlite3.Connection, record: BacklogDropped) -> None:
    db.execute(
        "DELETE FROM events WHERE position IN (SELECT position FROM deliveries d WHERE agent_type = ?1 AND NOT EXISTS"
        " (SELECT 1 FROM deliveries o WHERE o.position = d.position AND o.agent_type <> ?1))",
        (record.agent_type,),
    )
    db.execute("DELETE FROM deliveries WHERE agent_type = ?", (record.agent_type,))


EVENTS = Tables(
    SCHEMA,
    {DeliveryFailed: _failed, BacklogDropped: _drop_backlog},
    find_damage,
    {EventStored: _store_and_settle, DeliverySettled: _store_and_settle},
)
