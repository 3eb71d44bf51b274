"""A store in one SQLite file: records are rows, a commit is one transaction with an fsync."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from parley_broker.core.ids import AgentId
from parley_broker.core.records import DeadLetter, Opened, Record, ReplyStored, StateSaved, Summary, Waiting
from parley_broker.errors import StaleTermError, StoreError, StoreUnusableError
from parley_broker.store.sqlite.dead_letters import DEAD_LETTERS, load_dead_letters, read_dead_letters
from parley_broker.store.sqlite.events import EVENTS, load_backlogs, read_events
from parley_broker.store.sqlite.mark import Mark
from parley_broker.store.sqlite.producers import PRODUCERS, load_event_ids, load_producers
from parley_broker.store.sqlite.replies import REPLIES, load_replies, read_reply
from parley_broker.store.sqlite.states import EPOCHS, STATES, read_epochs, read_state
from parley_broker.store.sqlite.subscriptions import SUBSCRIPTIONS, load_subscriptions, load_unhosted
from parley_broker.store.sqlite.table import Gatherer, Tables, get_meta

FILE_NAME = "broker.db"
APPLICATION_ID = 0x5041524C
"""Marks the file as this broker's: "PARL"."""
SCHEMA_VERSION = 2
MARK_NAME = "broker.commits"
LOG_BYTES = 16 * 1024 * 1024
"""What the write-ahead log is cut back to."""

_META = Tables(
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('term', 0), ('commits', 0);",
    {},
)
_ALL = (_META, SUBSCRIPTIONS, EVENTS, DEAD_LETTERS, PRODUCERS, STATES, REPLIES)
"""The tables in the order in which they are made; the modules beside this one have one concern each."""
_UPGRADES = {2: EPOCHS}
"""What brings a database from the version before to this one."""
_APPLIERS = {record: applier for tables in _ALL for record, applier in tables.appliers.items()}
_GATHERERS = {record: gatherer for tables in _ALL for record, gatherer in tables.gatherers.items()}


class SqliteStore:
    """Store in a directory. The file is locked while it is open, so a directory belongs to one broker at a time.

    Args:
        directory: Is made when it is not there.
    """

    waits = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / FILE_NAME
        self.name = f"sqlite:{directory}"
        self._db: sqlite3.Connection | None = None
        self._mark = Mark(directory / MARK_NAME)

    def open(self) -> Opened:
        """As Store.open."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            why = failure.strerror
            raise StoreUnusableError(f"cannot make the data directory {self._directory}: {why}") from failure
        try:
            self._inspect()
            self._mark.open()
            db = self._db = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
            db.execute("PRAGMA synchronous = FULL")
            with self._transaction() as db:
                version = _pragma(db, "user_version")
                fresh = not version
                if fresh:
                    for tables in _ALL:
                        for statement in tables.schema.split(";"):
                            db.execute(statement)
                    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    version = 1
                for newer in range(version + 1, SCHEMA_VERSION + 1):
                    db.execute(_UPGRADES[newer])
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                db.execute("UPDATE meta SET value = value + 1 WHERE name = 'term'")
            return replace(self.load(get_meta(db, "term")), fresh=fresh)
        except (sqlite3.Error, StoreError) as failure:
            self._abandon()
            if isinstance(failure, StoreUnusableError):
                raise
            raise StoreUnusableError(self._explain(failure)) from failure

    def load(self, term: int) -> Opened:
        """As Store.load."""
        with self._reading() as db:
            return Opened(
                term,
                Summary(
                    subscriptions=load_subscriptions(db),
                    unhosted=load_unhosted(db),
                    backlogs=load_backlogs(db),
                    last_position=get_meta(db, "last_position"),
                    dead_letters=load_dead_letters(db),
                    last_dead_letter=get_meta(db, "last_dead_letter"),
                    replies=load_replies(db),
                    producers=load_producers(db),
                    event_ids=load_event_ids(db),
                ),
            )

    def commit(self, records: Sequence[Record], term: int) -> None:
        """As Store.commit."""
        with self._transaction() as db:
            current = get_meta(db, "term")
            if current != term:
                raise StaleTermError(f"term {term} is over; the store is at term {current}")
            _apply(db, records)

    def read(self, recipient: AgentId, after: int, max_events: int, max_bytes: int) -> list[Waiting]:
        """As Store.read."""
        with self._reading() as db:
            return read_events(db, recipient, after, max_events, max_bytes)

    def read_state(self, agent: AgentId) -> StateSaved | None:
        """As Store.read_state."""
        with self._reading() as db:
            return read_state(db, agent)

    def read_epochs(self, agents: Sequence[AgentId]) -> tuple[int, ...]:
        """As Store.read_epochs."""
        with self._reading() as db:
            return read_epochs(db, agents)

    def read_reply(self, target: AgentId, key: str) -> ReplyStored | None:
        """As Store.read_reply."""
        with self._reading() as db:
            return read_reply(db, target, key)

    def read_dead_letters(self, ids: Sequence[int]) -> list[DeadLetter]:
        """As Store.read_dead_letters."""
        with self._reading() as db:
            return read_dead_letters(db, ids)

    def close(self) -> None:
        """As Store.close."""
        self._abandon()

    @property
    def _database(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(f"{self.name} is not open")
        return self._db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        db = self._database
        try:
            yield db
        except (sqlite3.Error, OverflowError) as failure:
            # OverflowError: a number that no column holds; the commit fails, and not the broker.
            raise StoreError(self._explain(failure)) from failure

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is done inside, durably, or nothing."""
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("UPDATE meta SET value = value + 1 WHERE name = 'commits'")
                commits = get_meta(db, "commits")
                db.execute("COMMIT")
                self._mark.write(commits)
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _inspect(self) -> None:
        """Looks at what is there, and changes nothing.

        Raises:
            StoreUnusableError: It is not this broker's, or damaged, or something is lost.
        """
        answered = self._mark.read()
        if not self._path.exists():
            if answered:
                raise StoreUnusableError(
                    f"{self._path} is gone, but {answered} commits were stored there; restore it from a copy,"
                    f" or delete {self._mark.path} to begin anew"
                )
            return
        if not self._path.is_file():
            raise StoreUnusableError(f"{self._path} is no file")
        beside = [Path(f"{self._path}{suffix}") for suffix in ("-shm", "-wal")]
        made = [path for path in beside if not path.exists()]
        # Not opened for writing: closing it would fold what is left of the write-ahead log into the database.
        db = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", timeout=0, isolation_level=None, uri=True)
        try:
            self._check_file(db)
            self._check_content(db, answered or 0)
        except sqlite3.OperationalError:
            # Another broker may have it, and these files may be its own by now.
            made.clear()
            raise
        except sqlite3.DatabaseError as failure:
            raise self._damaged(str(failure)) from failure
        finally:
            # Before it is closed: as long as it is open, no other broker can open the file and make these anew.
            for path in made:
                with suppress(OSError):
                    path.unlink()
            db.close()

    def _check_content(self, db: sqlite3.Connection, answered: int) -> None:
        commits = 0
        if _pragma(db, "user_version"):
            found = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
            wrong = [found] if found != "ok" else [what for t in _ALL if (what := t.find_damage(db)) is not None]
            if wrong:
                raise self._damaged(wrong[0])
            commits = get_meta(db, "commits")
        if commits < answered:
            raise StoreUnusableError(
                f"{self._path} has {commits} commits, but {answered} were answered: {self._path.name}-wal is damaged,"
                f" cut off or was removed; {self._restore}, or delete {self._mark.path} to go on without what is lost"
            )

    def _damaged(self, what: str) -> StoreUnusableError:
        away = f"move {self._directory} away to begin anew"
        return StoreUnusableError(f"{self._path} is damaged: {what}; {self._restore}, or {away}")

    @property
    def _restore(self) -> str:
        return f"restore {self._path.name} and {self._path.name}-wal from a copy"

    def _check_file(self, db: sqlite3.Connection) -> None:
        application, version = _pragma(db, "application_id"), _pragma(db, "user_version")
        if version > SCHEMA_VERSION and application == APPLICATION_ID:
            raise StoreUnusableError(
                f"{self._path} has schema version {version}, made by a newer broker;"
                f" this one reads up to version {SCHEMA_VERSION}"
            )
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION_ID and (tables or application or version):
            raise StoreUnusableError(f"{self._path} is a database, but not a Parley broker's")

    def _explain(self, failure: Exception) -> str:
        if isinstance(failure, sqlite3.OperationalError) and "locked" in str(failure):
            return f"{self._path} is in use by another broker"
        if isinstance(failure, sqlite3.OperationalError) and "unable to open" in str(failure):
            return f"{self._path}: {failure}: is {self._directory} writable?"
        return f"{self._path}: {failure}"

    def _abandon(self) -> None:
        self._mark.close()
        if self._db is not None:
            self._db.close()
            self._db = None


def _apply(db: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Does what the records say, in order; what gatherers do, for as long as no other record comes in between."""
    gathered: dict[Gatherer, list[Record]] = {}
    for record in records:
        gatherer = _GATHERERS.get(type(record))
        if gatherer is not None:
            gathered.setdefault(gatherer, []).append(record)
        else:
            _apply_gathered(db, gathered)
            _APPLIERS[type(record)](db, record)
    _apply_gathered(db, gathered)


def _apply_gathered(db: sqlite3.Connection, gathered: dict[Gatherer, list[Record]]) -> None:
    for gatherer, run in gathered.items():
        gatherer(db, run)
    gathered.clear()


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
