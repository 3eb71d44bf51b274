"""The replies to calls with an idempotency key."""

from __future__ import annotations

import sqlite3

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Trace
from parley_broker.core.records import ReplyDropped, ReplyEntry, ReplyStored
from parley_broker.store.sqlite.table import Tables

SCHEMA = """
CREATE TABLE replies (
    agent_type TEXT NOT NULL, agent_key TEXT NOT NULL, key TEXT NOT NULL,
    payload_hash BLOB NOT NULL, expires REAL NOT NULL, envelope BLOB NOT NULL, traceparent TEXT, tracestate TEXT,
    PRIMARY KEY (agent_type, agent_key, key)
);
"""


def load_replies(db: sqlite3.Connection) -> tuple[ReplyEntry, ...]:
    """All of them, in the order in which they expire."""
    rows = db.execute(
        "SELECT agent_type, agent_key, key, payload_hash, expires, length(envelope)"
        " FROM replies ORDER BY expires, rowid"
    )
    return tuple(ReplyEntry(AgentId(agent_type, agent_key), *rest) for agent_type, agent_key, *rest in rows)


def read_reply(db: sqlite3.Connection, target: AgentId, key: str) -> ReplyStored | None:
    """One of them, if it is there."""
    row = db.execute(
        "SELECT payload_hash, expires, envelope, traceparent, tracestate FROM replies"
        " WHERE agent_type = ? AND agent_key = ? AND key = ?",
        (*target, key),
    ).fetchone()
    if row is None:
        return None
    payload_hash, expires, envelope, traceparent, tracestate = row
    trace = None if traceparent is None else Trace(traceparent, tracestate)
    return ReplyStored(target, key, payload_hash, expires, envelope, trace)


def _store(db: sqlite3.Connection, record: ReplyStored) -> None:
    db.execute(
        "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *record.target,
            record.key,
            record.payload_hash,
            record.expires,
            record.envelope,
            *(record.trace or (None, None)),
        ),
    )


def _drop(db: sqlite3.Connection, record: ReplyDropped) -> None:
    db.execute("DELETE FROM replies WHERE agent_type = ? AND agent_key = ? AND key = ?", (*record.target, record.key))


REPLIES = Tables(SCHEMA, {ReplyStored: _store, ReplyDropped: _drop})
