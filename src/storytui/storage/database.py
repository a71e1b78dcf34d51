"""The one module that opens SQLite: safe settings, a schema that grows, faults in plain words.

A database is a file of 0600. It is written through a write-ahead log, and what is committed has
reached the disk. A damaged file is never written to and never thrown away: it is moved aside, and
a new one is begun.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

Migration = str | Callable[[sqlite3.Connection], None]
"""One step of a schema: SQL statements, or a function that is called inside a transaction."""

APPLICATION_ID = 0x53545459
"""`STTY`: tells our databases from others'."""

_WAL_LIMIT = 4 * 1024 * 1024
"""Bytes that the write-ahead log keeps between two checkpoints."""
_COMPANIONS = ("-wal", "-shm", "-journal")
"""The files that SQLite keeps beside a database."""


class StorageError(Exception):
    """Something cannot be kept, or read again; the message says why and what can be done."""


class DamagedError(StorageError):
    """A database's file is damaged; it is moved aside when it is opened the next time."""


class Database:
    """One open database.

    It may be made in one thread and used in others: a lock lets one at a time use it.
    """

    def __init__(
        self, path: Path, migrations: Sequence[Migration], *, called: str, wait_seconds: float = 5.0
    ) -> None:
        """Open the database at `path`, made where there is none.

        Args:
            path: the file; its folder is there.
            migrations: the schema's steps, oldest first; a published one never changes.
            called: what messages call it, as a sentence begins: `The local history`.
            wait_seconds: how long another process may hold it before that is an error.

        Raises:
            StorageError: it cannot be opened, or was written by a newer version; the file is as
                it was.
        """
        self.path = path
        self.moved_aside: Path | None = None
        """Where the file went that was damaged; None where nothing was."""
        self._called = called
        self._wait = wait_seconds
        self._lock = threading.RLock()
        with self._translated():
            try:
                self._connection = self._open(migrations)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self.moved_aside = self._move_aside()
                self._connection = self._open(migrations)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, to read all of a moment's state from.

        Raises:
            StorageError: it cannot be read, or was closed.
        """
        with self._lock, self._translated():
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._roll_back()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction; all of it is on the disk afterwards, or nothing.

        Raises:
            StorageError: it cannot be written, or was closed; it is as it was before.
        """
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def used_bytes(self) -> int:
        """How much of the file is in use, in bytes; what was deleted counts no more.

        Raises:
            StorageError: it cannot be read.
        """
        with self.reading() as connection:
            pages = _number(connection, "page_count") - _number(connection, "freelist_count")
            return pages * _number(connection, "page_size")

    def shrink(self) -> None:
        """Give the disk back what was deleted, and empty the write-ahead log.

        Raises:
            StorageError: it cannot be written.
        """
        with self._lock, self._translated():
            # The pragma frees one page a step; `execute` would take only the first.
            self._connection.executescript("PRAGMA incremental_vacuum")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close it; the write-ahead log goes into the file. Closing twice is no error."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _open(self, migrations: Sequence[Migration]) -> sqlite3.Connection:
        # Made here, not by SQLite, so that it is nobody else's to read for a moment either. The
        # files that SQLite puts beside it get the same mode.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=self._wait, isolation_level=None, check_same_thread=False
        )
        try:
            self._refuse_foreign(connection, len(migrations))
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise _damage(str(found))
            if _number(connection, "page_count") == 0:
                # Before the first table: it cannot be changed afterwards.
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            # Where the file system has no shared memory, SQLite keeps its older journal instead,
            # which is as safe.
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            for setting in (
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",  # what is forgotten is overwritten
                "trusted_schema=OFF",
                f"journal_size_limit={_WAL_LIMIT}",
            ):
                connection.execute(f"PRAGMA {setting}").fetchall()
            for number in range(_number(connection, "user_version"), len(migrations)):
                _migrate(connection, number, migrations[number])
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_foreign(self, connection: sqlite3.Connection, known: int) -> None:
        """Refuse what is not ours to write, before anything is written."""
        application = _number(connection, "application_id")
        version = _number(connection, "user_version")
        if application not in (0, APPLICATION_ID) or (application == 0 and version):
            raise StorageError(
                f"{self._called} cannot be kept in {self.path}: the file belongs to another "
                "program. Move it elsewhere and start again."
            )
        if version > known:
            raise StorageError(
                f"{self._called} in {self.path} was written by a newer storytui (its schema is "
                f"{version}, this one knows {known}). Nothing was changed; use the newer one."
            )

    def _move_aside(self) -> Path:
        """Move the damaged file, and what SQLite kept beside it, out of the way."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        count = 1
        while aside.exists():
            count += 1
            aside = self.path.with_name(f"{self.path.name}.damaged-{stamp}-{count}")
        # The companions first: a log that stayed behind would be played into the new file.
        for suffix in (*_COMPANIONS, ""):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self.path}{suffix}", f"{aside}{suffix}")
        return aside

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself where the disk was full or failed.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            kind = DamagedError if _is_damage(error) else StorageError
            raise kind(f"{self._called} in {self.path} {_reason(error)}") from error
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise StorageError(
                f"{self._called} cannot be kept in {self.path}: {why}. The story itself can be "
                "edited and saved."
            ) from error


def _migrate(connection: sqlite3.Connection, number: int, migration: Migration) -> None:
    """Take one step of the schema, whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        if _number(connection, "user_version") == number:
            if isinstance(migration, str):
                for statement in _statements(migration):
                    connection.execute(statement)
            else:
                migration(connection)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={number + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; `executescript` would commit in between."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement) and statement.strip(" \n;"):
            yield statement
            statement = ""


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _damage(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _is_damage(error: sqlite3.Error) -> bool:
    return _primary(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _primary(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _reason(error: sqlite3.Error) -> str:
    known = {
        sqlite3.SQLITE_FULL: "cannot be written: the disk is full. Make room and try again.",
        sqlite3.SQLITE_READONLY: "cannot be written: the file or its disk is read-only. Change "
        "its permissions and start again.",
        sqlite3.SQLITE_BUSY: "is in use by another program. Close that and try again.",
        sqlite3.SQLITE_LOCKED: "is in use by another program. Close that and try again.",
        sqlite3.SQLITE_PERM: "may not be opened. Change its permissions and start again.",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened. Look whether its folder is there, and its "
        "permissions, and start again.",
        sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports a fault. Look after "
        "the disk, and save the story elsewhere too.",
        sqlite3.SQLITE_CORRUPT: "is damaged. It is moved aside the next time storytui starts.",
        sqlite3.SQLITE_NOTADB: "is damaged. It is moved aside the next time storytui starts.",
    }
    return known.get(_primary(error), f"cannot be used: {error}. Start storytui again.")
