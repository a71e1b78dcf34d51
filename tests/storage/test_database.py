"""A database keeps what was committed, and says in a sentence why it cannot."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from storytui.storage.database import DamagedError, Database, StorageError

FIRST = "CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT); CREATE INDEX words ON word (word);"
SECOND = "ALTER TABLE word ADD COLUMN tongue TEXT NOT NULL DEFAULT 'de;en';"


def opened(path: Path, *migrations: object, wait_seconds: float = 5.0) -> Database:
    steps = migrations or (FIRST,)
    return Database(path, steps, called="The list of words", wait_seconds=wait_seconds)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "words.sqlite3"


def words_in(database: Database) -> list[str]:
    with database.reading() as connection:
        return [row[0] for row in connection.execute("SELECT word FROM word ORDER BY id")]


def add(database: Database, word: str) -> None:
    with database.writing() as connection:
        connection.execute("INSERT INTO word (word) VALUES (?)", (word,))


def test_what_was_committed_is_there_when_it_is_opened_again(path: Path) -> None:
    database = opened(path)
    add(database, "lamp")
    database.close()

    assert words_in(opened(path)) == ["lamp"]


def test_a_transaction_that_fails_changes_nothing(path: Path) -> None:
    database = opened(path)

    def half_done() -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO word (word) VALUES ('lamp')")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        half_done()
    assert words_in(database) == []


def test_it_is_written_through_a_log_and_reaches_the_disk(path: Path) -> None:
    with opened(path).reading() as connection:
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }

    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_file_and_those_beside_it_are_the_owners_only(path: Path) -> None:
    before = os.umask(0)
    try:
        database = opened(path)
        add(database, "lamp")
    finally:
        os.umask(before)

    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == dict.fromkeys((path.name, f"{path.name}-wal", f"{path.name}-shm"), 0o600)


def test_a_schema_grows_step_by_step_and_keeps_what_is_there(path: Path) -> None:
    old = opened(path, FIRST)
    add(old, "lamp")
    old.close()

    def third(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE word SET tongue = 'en' WHERE word = 'lamp'")

    new = opened(path, FIRST, SECOND, third)

    with new.reading() as connection:
        assert connection.execute("SELECT word, tongue FROM word").fetchall() == [("lamp", "en")]
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


def test_a_step_that_fails_leaves_the_schema_before_it(path: Path) -> None:
    opened(path, FIRST).close()

    with pytest.raises(StorageError, match="The list of words"):
        opened(path, FIRST, SECOND + "INSERT INTO nowhere VALUES (1);")

    with opened(path, FIRST).reading() as connection:
        columns = connection.execute("SELECT name FROM pragma_table_info('word')").fetchall()
    assert columns == [("id",), ("word",)]


def test_what_a_newer_version_wrote_is_refused_and_left_as_it_is(path: Path) -> None:
    opened(path, FIRST, SECOND).close()
    before = path.read_bytes()

    with pytest.raises(StorageError, match=r"newer storytui .*use the newer one"):
        opened(path, FIRST)

    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_left_as_it_is(path: Path) -> None:
    foreign = sqlite3.connect(path)
    foreign.execute("PRAGMA application_id=7")
    foreign.close()
    before = path.read_bytes()

    with pytest.raises(StorageError, match="belongs to another program"):
        opened(path)

    assert path.read_bytes() == before


def damage(path: Path, begin: int) -> bytes:
    data = bytearray(path.read_bytes())
    data[begin : begin + 3000] = b"\xa5" * len(data[begin : begin + 3000])
    path.write_bytes(data)
    return bytes(data)


@pytest.mark.parametrize("begin", [0, 4096, 8192], ids=["header", "a table", "an index"])
def test_a_damaged_file_is_moved_aside_whole_and_a_new_one_begun(path: Path, begin: int) -> None:
    database = opened(path)
    for number in range(100):
        add(database, f"word {number}")
    database.close()
    damaged = damage(path, begin)

    database = opened(path)

    assert words_in(database) == []
    assert database.moved_aside is not None
    assert database.moved_aside.read_bytes() == damaged
    assert database.moved_aside.name.startswith("words.sqlite3.damaged-")


def test_a_file_cut_short_is_moved_aside(path: Path) -> None:
    database = opened(path)
    for number in range(1000):
        add(database, f"word {number}")
    database.close()
    os.truncate(path, path.stat().st_size // 2)

    assert opened(path).moved_aside is not None


def test_two_damaged_files_of_one_second_are_both_kept(path: Path) -> None:
    kept = set()
    for content in (b"one, and no database" * 90, b"two, and no database" * 90):
        path.write_bytes(content)
        database = opened(path)
        database.close()
        assert database.moved_aside is not None
        kept.add(database.moved_aside.read_bytes()[:3])

    assert kept == {b"one", b"two"}


def test_a_sound_file_is_not_moved(path: Path) -> None:
    opened(path).close()

    assert opened(path).moved_aside is None


def test_a_log_that_a_crash_left_behind_is_played(path: Path, tmp_path: Path) -> None:
    database = opened(path)
    add(database, "lamp")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for suffix in ("", "-wal"):
        name = f"{path.name}{suffix}"
        (crashed / name).write_bytes((path.parent / name).read_bytes())

    assert words_in(opened(crashed / path.name)) == ["lamp"]


def test_damage_found_while_reading_says_so(path: Path) -> None:
    database = opened(path)
    for number in range(500):
        add(database, f"word {number}")
    database.shrink()
    for begin in range(8192, path.stat().st_size, 4096):
        damage(path, begin)

    with database.reading() as connection:
        connection.execute("PRAGMA shrink_memory")
    with pytest.raises(DamagedError, match=r"is damaged\. It is moved aside"):
        words_in(database)


def test_a_full_disk_is_named_and_nothing_is_lost(path: Path) -> None:
    database = opened(path)
    add(database, "lamp")
    with database.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    with pytest.raises(StorageError, match=r"the disk is full\. Make room"):
        add(database, "x" * 100_000)

    assert words_in(database) == ["lamp"]


def test_a_database_that_another_program_writes_is_named(path: Path) -> None:
    first, second = opened(path), opened(path, wait_seconds=0)

    with first.writing(), pytest.raises(StorageError, match="in use by another program"):
        add(second, "lamp")


def test_a_database_that_is_read_only_is_named(path: Path) -> None:
    database = opened(path)
    with database.reading() as connection:
        connection.execute("PRAGMA query_only=ON")

    with pytest.raises(StorageError, match="is read-only"):
        add(database, "lamp")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"The list of words cannot be kept in .*no such file"):
        opened(tmp_path / "nowhere" / "words.sqlite3")


def test_a_closed_database_says_so(path: Path) -> None:
    database = opened(path)
    database.close()
    database.close()

    with pytest.raises(StorageError, match="closed"):
        words_in(database)


def test_what_was_deleted_is_gone_from_the_disk(path: Path) -> None:
    database = opened(path)
    add(database, "the lighthouse " * 5000)
    add(database, "stays")
    used = database.used_bytes()
    with database.writing() as connection:
        connection.execute("DELETE FROM word WHERE word != 'stays'")
    database.shrink()

    assert database.used_bytes() < used / 2
    assert path.stat().st_size < used / 2
    assert all(b"lighthouse" not in each.read_bytes() for each in path.parent.iterdir())
