"""What the agents have saved: one row each, which the next commit overwrites."""

from __future__ import annotations

import sqlite3

from parley_broker.core.ids import AgentId
from parley_broker.core.records import StateSaved
from parley_broker.store.sqlite.table import Tables

SCHEMA = """
CREATE TABLE states (
    agent_type TEXT NOT NULL, agent_key TEXT NOT NULL, version INTEGER NOT NULL, content_type TEXT NOT NULL, data BLOB,
    PRIMARY KEY (agent_type, agent_key)
);
"""


def read_state(db: sqlite3.Connection, agent: AgentId) -> StateSaved | None:
    """The agent's; None when nothing was ever committed."""
    row = db.execute(
        "SELECT version, content_type, data FROM states WHERE agent_type = ? AND agent_key = ?", agent
    ).fetchone()
    return None if row is None else StateSaved(agent, *row)


def _save(db: sqlite3.Connection, record: StateSaved) -> None:
    if record.data is None:
        db.execute(
            "INSERT INTO states VALUES (?, ?, ?, '', NULL)"
            " ON CONFLICT (agent_type, agent_key) DO UPDATE SET version = excluded.version",
            (*record.agent, record.version),
        )
    else:
        db.execute(
            "INSERT INTO states VALUES (?, ?, ?, ?, ?) ON CONFLICT (agent_type, agent_key) DO UPDATE SET"
            " version = excluded.version, content_type = excluded.content_type, data = excluded.data",
            (*record.agent, record.version, record.content_type, record.data),
        )


STATES = Tables(SCHEMA, {StateSaved: _save})
