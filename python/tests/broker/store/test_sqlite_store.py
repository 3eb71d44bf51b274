"""The SQLite store keeps the contract, and what else a file needs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from parley_broker.core.records import DeliverySettled, EventStored, StateSaved, Waiting
from parley_broker.errors import StoreError, StoreUnusableError
from parley_broker.store.base import Store
from parley_broker.store.sqlite import FILE_NAME, SCHEMA_VERSION, SqliteStore

from .contract import ANN, BEN, NO_LIMIT, StoreContract, event


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return SqliteStore(tmp_path / "data")

    def test_what_was_committed_is_there_after_closing(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path)
        store.commit([EventStored(event(1), (ANN,))], store.open().term)
        store.close()
        again = SqliteStore(tmp_path)
        assert again.open().summary.last_position == 1
        assert again.read(ANN, 0, 10, NO_LIMIT) == [Waiting(event(1))]

    def test_what_was_committed_is_there_when_nobody_closed(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "live")
        store.commit([EventStored(event(1), (ANN,))], store.open().term)
        copy = tmp_path / "copy"
        copy.mkdir()
        for file in (tmp_path / "live").iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        again = SqliteStore(copy)
        again.open()
        assert again.read(ANN, 0, 10, NO_LIMIT) == [Waiting(event(1))]

    def test_a_commit_that_fails_half_way_stores_nothing(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path)
        term = store.open().term
        store.commit([EventStored(event(1), (ANN,))], term)
        with pytest.raises(StoreError):
            store.commit([EventStored(event(2), (ANN,)), EventStored(event(1), (BEN,))], term)
        assert [w.event.position for w in store.read(ANN, 0, 10, NO_LIMIT)] == [1]
        store.commit([EventStored(event(2), (ANN,))], term)
        assert [w.event.position for w in store.read(ANN, 0, 10, NO_LIMIT)] == [1, 2]

    def test_settled_events_leave_no_rows(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path)
        term = store.open().term
        store.commit([EventStored(event(1), (ANN, BEN)), DeliverySettled(ANN, 1), DeliverySettled(BEN, 1)], term)
        store.close()
        db = sqlite3.connect(tmp_path / FILE_NAME)
        assert db.execute("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM deliveries)").fetchone() == (
            0,
            0,
        )
        db.close()

    def test_a_directory_belongs_to_one_broker(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path)
        term = store.open().term
        with pytest.raises(StoreUnusableError, match="in use by another broker"):
            SqliteStore(tmp_path).open()
        store.commit([EventStored(event(1), (ANN,))], term)

    def test_a_database_of_version_1_is_opened_with_all_that_it_has(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path)
        term = store.open().term
        store.commit([EventStored(event(1), (ANN,)), StateSaved(ANN, 3, "a", b"1", epoch=4)], term)
        store.close()
        db = sqlite3.connect(tmp_path / FILE_NAME)
        # What version 2 added.
        db.execute("ALTER TABLE states DROP COLUMN epoch")
        db.execute("PRAGMA user_version = 1")
        db.close()
        again = SqliteStore(tmp_path)
        opened = again.open()
        assert (opened.term, opened.fresh, opened.summary.last_position) == (term + 1, False, 1)
        assert again.read_state(ANN) == StateSaved(ANN, 3, "a", b"1")
        assert again.read_epochs([ANN]) == (0,)
        again.commit([StateSaved(ANN, 4, epoch=term << 32)], opened.term)
        again.close()
        assert SqliteStore(tmp_path).open().term == term + 2

    def test_a_database_of_a_newer_version_is_left_as_it_is(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path)
        store.open()
        store.close()
        db = sqlite3.connect(tmp_path / FILE_NAME)
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        db.close()
        before = (tmp_path / FILE_NAME).read_bytes()
        with pytest.raises(StoreUnusableError, match="newer broker"):
            SqliteStore(tmp_path).open()
        assert (tmp_path / FILE_NAME).read_bytes() == before

    def test_another_programs_database_is_left_as_it_is(self, tmp_path: Path) -> None:
        db = sqlite3.connect(tmp_path / FILE_NAME)
        db.execute("CREATE TABLE theirs (x)")
        db.close()
        before = (tmp_path / FILE_NAME).read_bytes()
        with pytest.raises(StoreUnusableError, match="not a Parley broker's"):
            SqliteStore(tmp_path).open()
        assert (tmp_path / FILE_NAME).read_bytes() == before

    def test_a_file_that_is_no_database_is_left_as_it_is(self, tmp_path: Path) -> None:
        (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 100)
        with pytest.raises(StoreUnusableError, match="not a database"):
            SqliteStore(tmp_path).open()
        assert (tmp_path / FILE_NAME).read_bytes() == b"not a database at all" * 100

    def test_a_directory_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreUnusableError, match="cannot make the data directory"):
            SqliteStore(tmp_path / "file" / "data").open()
