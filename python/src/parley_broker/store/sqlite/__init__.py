"""A store in one SQLite file."""

from parley_broker.store.sqlite.store import FILE_NAME, SCHEMA_VERSION, SqliteStore

__all__ = ["FILE_NAME", "SCHEMA_VERSION", "SqliteStore"]
