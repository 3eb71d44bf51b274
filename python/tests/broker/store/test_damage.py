"""A database that is damaged, cut off, full or read-only: it is noticed and named, and no answered row dropped."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from parley_broker.core.messages import make_error
from parley_broker.core.records import DeadLettered, DeliverySettled, EventStored, StateSaved
from parley_broker.errors import Reason, StoreError, StoreUnusableError
from parley_broker.store.sqlite import FILE_NAME, SqliteStore
from parley_broker.store.sqlite.store import MARK_NAME

from .contract import ANN, BEN, NO_LIMIT, event

WAL = FILE_NAME + "-wal"
COMMITS = 12


def contents(position: int) -> bytes:
    return random.Random(position).randbytes(700)


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A directory as a broker leaves it that was killed after some answered commits."""
    store = SqliteStore(tmp_path / "live")
    term = store.open().term
    for position in range(1, COMMITS + 1):
        store.commit([EventStored(event(position, contents(position)), (ANN,))], term)
    copy = tmp_path / "killed"
    shutil.copytree(tmp_path / "live", copy)
    store.close()
    return copy


@pytest.fixture
def closed(killed: Path) -> Path:
    """The same after a clean end: all of it is in the database, and there is no log."""
    store = SqliteStore(killed)
    term = store.open().term
    store.commit([DeadLettered(1, ANN, 1, 1.0, 5, make_error(Reason.HANDLER_FAILED, "no"))], term)
    store.close()
    assert not (killed / WAL).exists()
    return killed


def bytes_of(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def refusal(directory: Path) -> str:
    """The store is not opened, and nothing is changed: the text."""
    before = bytes_of(directory)
    with pytest.raises(StoreUnusableError) as caught:
        SqliteStore(directory).open()
    assert bytes_of(directory) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def positions(directory: Path) -> list[int]:
    store = SqliteStore(directory)
    store.open()
    found = store.read(ANN, 0, 1000, NO_LIMIT)
    assert all(w.event.envelope == contents(w.event.position) for w in found)
    store.close()
    return [w.event.position for w in found]


def flip(file: Path, offset: int) -> None:
    data = bytearray(file.read_bytes())
    data[offset] ^= 0x55
    file.write_bytes(data)


def cut(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])


class TestLog:
    def test_what_a_killed_broker_left_is_all_there(self, killed: Path) -> None:
        assert positions(killed) == list(range(1, COMMITS + 1))
        assert positions(killed) == list(range(1, COMMITS + 1))

    @pytest.mark.parametrize("where", [0.0, 0.001, 0.3, 0.6, 0.9, 0.9999])
    def test_a_damaged_log_is_noticed_and_left_as_it_is(self, killed: Path, where: float) -> None:
        flip(killed / WAL, offset := int((killed / WAL).stat().st_size * where))
        assert f"{WAL} is damaged" in refusal(killed)
        flip(killed / WAL, offset)
        assert positions(killed) == list(range(1, COMMITS + 1))

    def test_every_answered_commit_counts(self, killed: Path) -> None:
        size = (killed / WAL).stat().st_size
        for share in (0.1, 0.5, 0.9):
            original = bytes_of(killed)
            cut(killed / WAL, int(size * share))
            assert f"{COMMITS + 1} were answered" in refusal(killed)
            for name, data in original.items():
                (killed / name).write_bytes(data)
        cut(killed / WAL, size - 1)
        refusal(killed)

    def test_a_log_that_was_removed_is_missed(self, killed: Path) -> None:
        (killed / WAL).unlink()
        text = refusal(killed)
        assert str(killed / FILE_NAME) in text
        assert MARK_NAME in text

    def test_an_unfinished_end_is_no_damage(self, killed: Path) -> None:
        log = killed / WAL
        whole = log.read_bytes()
        log.write_bytes(whole + whole[-4120:-1])
        assert positions(killed) == list(range(1, COMMITS + 1))

    def test_a_commit_that_was_stored_but_not_answered_is_no_damage(self, killed: Path) -> None:
        mark = killed / MARK_NAME
        mark.write_bytes(b"%020d\n" % (int(mark.read_bytes()) - 1))
        assert positions(killed) == list(range(1, COMMITS + 1))

    def test_the_operator_may_go_on_with_what_is_left(self, killed: Path) -> None:
        cut(killed / WAL, int((killed / WAL).stat().st_size * 0.6))
        refusal(killed)
        (killed / MARK_NAME).unlink()
        left = positions(killed)
        assert left == list(range(1, len(left) + 1))
        assert 0 < len(left) < COMMITS
        assert positions(killed) == left, "from now on that is what there is"

    def test_a_damaged_mark_is_named(self, killed: Path) -> None:
        (killed / MARK_NAME).write_bytes(b"?")
        assert MARK_NAME in refusal(killed)


class TestDatabase:
    def test_a_database_that_is_gone_is_missed(self, closed: Path) -> None:
        (closed / FILE_NAME).unlink()
        assert f"{closed / FILE_NAME} is gone" in refusal(closed)

    def test_a_database_that_was_cut_off(self, closed: Path) -> None:
        cut(closed / FILE_NAME, 5 * 4096)
        assert "is damaged" in refusal(closed)

    def test_an_older_copy_is_noticed(self, closed: Path) -> None:
        older = bytes_of(closed)[FILE_NAME]
        store = SqliteStore(closed)
        store.commit([EventStored(event(50), (BEN,))], store.open().term)
        store.close()
        (closed / FILE_NAME).write_bytes(older)
        assert "were answered" in refusal(closed)

    def test_wherever_an_event_is_damaged_it_is_noticed(self, closed: Path) -> None:
        file = closed / FILE_NAME
        whole = file.read_bytes()
        for position in range(1, COMMITS + 1):
            at = whole.index(contents(position))
            for offset in (at, at + 350, at + 699):
                flip(file, offset)
                assert f"{file} is damaged" in refusal(closed)
                flip(file, offset)
        assert positions(closed) == list(range(2, COMMITS + 1))

    def test_a_damaged_state_is_noticed(self, closed: Path) -> None:
        store = SqliteStore(closed)
        term = store.open().term
        store.commit([StateSaved(ANN, 1, "text/plain", b"the state of ann")], term)
        store.commit([StateSaved(ANN, 2), StateSaved(BEN, 1)], term)
        store.close()
        file = closed / FILE_NAME
        flip(file, at := file.read_bytes().index(b"the state of ann"))
        assert "the state of worker/ann has changed" in refusal(closed)
        flip(file, at)
        assert positions(closed) == list(range(2, COMMITS + 1))

    def test_flips_anywhere_are_noticed_or_harmless(self, closed: Path) -> None:
        file = closed / FILE_NAME
        whole = file.read_bytes()
        mark = (closed / MARK_NAME).read_bytes()
        noticed = 0
        for offset in random.Random(1).sample(range(len(whole)), 60):
            flip(file, offset)
            try:
                found = positions(closed)
            except StoreUnusableError:
                noticed += 1
            else:
                assert found == list(range(2, COMMITS + 1)), f"offset {offset}"
            file.write_bytes(whole)
            (closed / MARK_NAME).write_bytes(mark)
        assert noticed > 10


class TestFailing:
    @pytest.mark.parametrize(
        ("pragma", "back", "text"),
        [
            ("max_page_count = 1", "max_page_count = 1000000", "database or disk is full"),
            ("query_only = 1", "query_only = 0", "readonly database"),
        ],
    )
    def test_a_full_disk_and_a_read_only_database_store_nothing_and_recover(
        self, tmp_path: Path, pragma: str, back: str, text: str
    ) -> None:
        store = SqliteStore(tmp_path)
        term = store.open().term
        store.commit([EventStored(event(1), (ANN,))], term)
        store._database.execute(f"PRAGMA {pragma}")
        for _ in range(3):
            with pytest.raises(StoreError, match=text) as caught:
                store.commit([EventStored(event(2, b"x" * 100_000), (ANN, BEN))], term)
            assert str(tmp_path / FILE_NAME) in str(caught.value)
            assert store.load(term).summary.last_position == 1
        store._database.execute(f"PRAGMA {back}")
        store.commit([EventStored(event(2), (ANN,))], term)
        store.close()
        again = SqliteStore(tmp_path)
        again.open()
        assert [w.event.position for w in again.read(ANN, 0, 10, NO_LIMIT)] == [1, 2]


def test_what_is_settled_leaves_room_for_what_comes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    term = store.open().term

    def pass_through(first: int, count: int) -> tuple[int, int]:
        """Events come and go, 100 at a time are stored: the sizes of database and log afterwards, in bytes."""
        for start in range(first, first + count, 100):
            batch = range(start, start + 100)
            store.commit([EventStored(event(n, b"x" * 256), (ANN, BEN)) for n in batch], term)
            store.commit([DeliverySettled(agent, n) for n in batch for agent in (ANN, BEN)], term)
        return (tmp_path / FILE_NAME).stat().st_size, (tmp_path / WAL).stat().st_size

    size, _ = pass_through(1, 4000)
    later, log = pass_through(4001, 8000)
    assert later <= size + 32 * 4096
    assert later < 1024 * 1024
    assert log < 6 * 1024 * 1024


class TestAnotherBroker:
    """It opens the directory while this one looks at what is there: what it has answered stays."""

    @staticmethod
    def commits(other: SqliteStore) -> bool:
        """Whether the other one could open it; then it has committed an event."""
        try:
            term = other.open().term
        except StoreUnusableError:
            return False
        other.commit([EventStored(event(COMMITS + 1, b"other"), (ANN,))], term)
        return True

    @staticmethod
    def check(closed: Path, other: SqliteStore, committed: bool) -> None:
        """What the other one has committed is there, though it is killed now."""
        copy = closed.parent / "copy"
        shutil.copytree(closed, copy)
        other.close()
        store = SqliteStore(copy)
        store.open()
        assert len(store.read(ANN, COMMITS, 9, NO_LIMIT)) == committed
        store.close()

    def test_as_this_one_tidies_up(self, closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        other = SqliteStore(closed)
        results: list[bool] = []
        unlink = Path.unlink

        def slowly(path: Path, missing_ok: bool = False) -> None:
            if not results:
                results.append(False)
                results[0] = self.commits(other)
            unlink(path, missing_ok)

        monkeypatch.setattr(Path, "unlink", slowly)
        store = SqliteStore(closed)
        with contextlib.suppress(StoreUnusableError):
            store.open()
        store.close()
        monkeypatch.undo()
        assert results, "it tidies up"
        self.check(closed, other, results[0])

    def test_before_this_one_opens_the_file(self, closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        other = SqliteStore(closed)
        results: list[bool] = []
        connect = sqlite3.connect

        def late(*arguments: object, **options: object) -> sqlite3.Connection:
            if not results:
                results.append(False)
                results[0] = self.commits(other)
            return connect(*arguments, **options)  # type: ignore[call-overload, no-any-return]

        monkeypatch.setattr(sqlite3, "connect", late)
        with pytest.raises(StoreUnusableError, match="in use by another broker"):
            SqliteStore(closed).open()
        monkeypatch.undo()
        assert results == [True]
        self.check(closed, other, True)
