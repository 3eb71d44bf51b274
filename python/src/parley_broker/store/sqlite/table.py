"""What a module of this package says about its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

Applier = Callable[[sqlite3.Connection, Any], None]
"""Does what one record says. The record is of the type that the applier is kept under."""
Gatherer = Callable[[sqlite3.Connection, Sequence[Any]], None]
"""Does what several records say, in their order. What other gatherers do to their tables does not matter to it."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one concern: the SQL that makes them, and what each of its records does to them."""

    schema: str
    appliers: Mapping[type[object], Applier]
    find_damage: Callable[[sqlite3.Connection], str | None] = lambda _db: None
    """What is wrong with the rows, if SQLite itself would not notice it."""
    gatherers: Mapping[type[object], Gatherer] = field(default_factory=dict)
    """What records do that come in numbers: many are done at once, each by the gatherer of its type."""


def get_meta(db: sqlite3.Connection, name: str) -> int:
    """One of the numbers that the store keeps by name."""
    return int(db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0])


def set_meta(db: sqlite3.Connection, name: str, value: int) -> None:
    """Keeps the number under a name that a schema has inserted."""
    db.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))


def checksum(row: Sequence[object]) -> int:
    """The checksum of a row whose last column is bytes or None: SQLite does not notice when content is damaged."""
    *texts, data = row
    if not isinstance(data, bytes):
        texts.append(data)
        data = b""
    return crc32(data, crc32(repr(texts).encode()))
