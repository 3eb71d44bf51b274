"""What the agents have saved: one row each, which the next commit overwrites."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from parley_broker.core.ids import AgentId
from parley_broker.core.records import StateSaved
from parley_broker.store.sqlite.table import Tables, checksum

SCHEMA = """
CREATE TABLE states (
    agent_type TEXT NOT NULL, agent_key TEXT NOT NULL, version INTEGER NOT NULL, content_type TEXT NOT NULL, data BLOB,
    crc INTEGER NOT NULL, PRIMARY KEY (agent_type, agent_key)
);
"""
EPOCHS = "ALTER TABLE states ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0"
"""Since version 2 of the schema."""


def read_state(db: sqlite3.Connection, agent: AgentId) -> StateSaved | None:
    """The agent's; None when nothing was ever committed."""
    row = db.execute(
        "SELECT version, content_type, data, epoch FROM states WHERE agent_type = ? AND agent_key = ?", agent
    ).fetchone()
    return None if row is None else StateSaved(agent, *row)


def read_epochs(db: sqlite3.Connection, agents: Sequence[AgentId]) -> tuple[int, ...]:
    """The epochs of the agents' last commits; 0 for those that never committed."""
    one = "SELECT epoch FROM states WHERE agent_type = ? AND agent_key = ?"
    rows = (db.execute(one, agent).fetchone() for agent in agents)
    return tuple(row[0] if row is not None else 0 for row in rows)


def find_damage(db: sqlite3.Connection) -> str | None:
    """The first agent whose state is not what it saved."""
    for agent_type, key, content_type, data, crc in db.execute(
        "SELECT agent_type, agent_key, content_type, data, crc FROM states"
    ):
        if checksum((content_type, data)) != crc:
            return f"the state of {agent_type}/{key} has changed"
    return None


def _row(record: StateSaved) -> tuple[object, ...]:
    content = ("", None) if record.data is None else (record.content_type, record.data)
    return *record.agent, record.version, *content, checksum(content), record.epoch


def _save(db: sqlite3.Connection, records: Sequence[StateSaved]) -> None:
    db.executemany(
        "INSERT INTO states VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (agent_type, agent_key) DO UPDATE SET"
        " version = excluded.version, epoch = excluded.epoch, data = ifnull(excluded.data, data),"
        " content_type = CASE WHEN excluded.data IS NULL THEN content_type ELSE excluded.content_type END,"
        " crc = CASE WHEN excluded.data IS NULL THEN crc ELSE excluded.crc END",
        map(_row, records),
    )


STATES = Tables(SCHEMA, {}, find_damage, {StateSaved: _save})
