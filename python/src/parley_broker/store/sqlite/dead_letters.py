"""Dead letters. Each has its event with it, so that nobody else has to know of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Error
from parley_broker.core.records import (
    DeadLetter,
    DeadLettered,
    DeadLetterEntry,
    DeadLetterReplayed,
    DeadLettersDropped,
    DeliverySettled,
)
from parley_broker.store.sqlite.events import COLUMNS, event_of, settle
from parley_broker.store.sqlite.table import Tables, checksum, set_meta

SCHEMA = """
INSERT INTO meta VALUES ('last_dead_letter', 0);
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY, agent_type TEXT NOT NULL, agent_key TEXT NOT NULL, died REAL NOT NULL,
    attempts INTEGER NOT NULL, reason INTEGER NOT NULL, message TEXT NOT NULL, retryable INTEGER NOT NULL,
    may_have_run INTEGER NOT NULL, retry_after_ms INTEGER NOT NULL, details TEXT NOT NULL, bytes INTEGER NOT NULL,
    position INTEGER NOT NULL, topic_type TEXT NOT NULL, topic_source TEXT NOT NULL,
    sender_type TEXT, sender_key TEXT, event_id TEXT NOT NULL, traceparent TEXT, tracestate TEXT,
    envelope BLOB NOT NULL, crc INTEGER NOT NULL
);
"""

_PAGE = 500
"""Ids in one query: SQLite bounds the number of its parameters."""


def load_dead_letters(db: sqlite3.Connection) -> tuple[DeadLetterEntry, ...]:
    """What a shard remembers of each, by id."""
    rows = db.execute("SELECT id, agent_type, agent_key, topic_type, reason, died, bytes FROM dead_letters ORDER BY id")
    return tuple(
        DeadLetterEntry(number, AgentId(agent_type, key), topic_type, reason, died, size)
        for number, agent_type, key, topic_type, reason, died, size in rows
    )


def read_dead_letters(db: sqlite3.Connection, ids: Sequence[int]) -> list[DeadLetter]:
    """As Store.read_dead_letters."""
    wanted = sorted(ids)
    letters: list[DeadLetter] = []
    for start in range(0, len(wanted), _PAGE):
        page = wanted[start : start + _PAGE]
        rows = db.execute(
            "SELECT id, agent_type, agent_key, died, attempts, reason, message, retryable, may_have_run,"
            f" retry_after_ms, details, position, {COLUMNS} FROM dead_letters"
            f" WHERE id IN ({', '.join('?' * len(page))}) ORDER BY id",
            page,
        )
        for number, agent_type, key, died, attempts, reason, message, retryable, ran, after, details, *event in rows:
            error = Error(reason, message, bool(retryable), bool(ran), after, json.loads(details))
            letters.append(DeadLetter(number, AgentId(agent_type, key), event_of(tuple(event)), died, attempts, error))
    return letters


def find_damage(db: sqlite3.Connection) -> str | None:
    """The first dead letter whose event is not what was stored."""
    for number, crc, *row in db.execute(f"SELECT id, crc, {COLUMNS} FROM dead_letters"):
        if checksum(row) != crc:
            return f"the content of the dead letter {number} has changed"
    return None


def _add(db: sqlite3.Connection, record: DeadLettered) -> None:
    error = record.error
    db.execute(
        "INSERT INTO dead_letters SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, length(envelope), position,"
        f" {COLUMNS}, crc FROM events WHERE position = ?",
        (
            record.id,
            *record.recipient,
            record.died,
            record.attempts,
            error.reason,
            error.message,
            error.retryable,
            error.may_have_run,
            error.retry_after_ms,
            json.dumps(error.details),
            record.position,
        ),
    )
    settle(db, [DeliverySettled(record.recipient, record.position)])
    set_meta(db, "last_dead_letter", record.id)


def _replay(db: sqlite3.Connection, record: DeadLetterReplayed) -> None:
    db.execute(
        f"INSERT INTO events SELECT ?, {COLUMNS}, crc FROM dead_letters WHERE id = ?", (record.position, record.id)
    )
    db.execute(
        "INSERT INTO deliveries (agent_type, agent_key, position, bytes)"
        " SELECT agent_type, agent_key, ?, bytes FROM dead_letters WHERE id = ?",
        (record.position, record.id),
    )
    db.execute("DELETE FROM dead_letters WHERE id = ?", (record.id,))
    set_meta(db, "last_position", record.position)


def _drop(db: sqlite3.Connection, record: DeadLettersDropped) -> None:
    db.executemany("DELETE FROM dead_letters WHERE id = ?", [(number,) for number in record.ids])


DEAD_LETTERS = Tables(SCHEMA, {DeadLettered: _add, DeadLetterReplayed: _replay, DeadLettersDropped: _drop}, find_damage)
