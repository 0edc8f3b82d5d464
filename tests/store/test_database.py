from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tasky.errors import NotFound, StoreBusy, StoreDamaged, StoreError, StoreFull, TaskyError
from tasky.model.states import State
from tasky.store import Reader, Writer
from tasky.store.database import _must_have_wal, open_database
from tasky.store.failures import explain
from tasky.store.queries import MIGRATIONS
from tests.disks import Disk, fill_disk, mount
from tests.store.parts import descriptors, put, stuff
from tests.store.test_paging import fill

FIRST = "CREATE TABLE first (x)"
SECOND = "CREATE TABLE second (x); INSERT INTO second SELECT x * 2 FROM first"
BROKEN = "CREATE TABLE second (x); INSERT INTO second VALUES (1); SELECT broken FROM first"


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


def schema(path: Path) -> tuple[int, set[str]]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    return version, {name for (name,) in names}


def make(path: Path, *migrations: str) -> None:
    with closing(open_database(path, migrations)) as connection:
        connection.execute("INSERT INTO first VALUES (21)")


def test_a_new_database(database: Path) -> None:
    with closing(open_database(database)) as connection:
        pragma = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "user_version")
        }
    assert pragma == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "user_version": len(MIGRATIONS),
    }
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert [path.name for path in database.parent.iterdir()] == [database.name]


# Migrations


@pytest.mark.case("S15")
def test_an_older_schema_is_brought_up_to_date(database: Path) -> None:
    make(database, FIRST)
    with closing(open_database(database, (FIRST, SECOND))) as connection:
        assert connection.execute("SELECT x FROM second").fetchone() == (42,)
    assert schema(database) == (2, {"first", "second"})


@pytest.mark.case("S15")
def test_a_migration_makes_a_backup_first(database: Path) -> None:
    make(database, FIRST)
    open_database(database, (FIRST, SECOND)).close()
    backup = database.with_name("tasky.db.schema-1")
    assert schema(backup) == (1, {"first"})
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT x FROM first").fetchone() == (21,)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_a_schema_that_is_the_newest_is_left_alone(database: Path) -> None:
    make(database, FIRST)
    open_database(database, (FIRST,)).close()
    assert [path.name for path in database.parent.iterdir()] == [database.name]


@pytest.mark.case("S15")
def test_a_newer_schema_is_refused(database: Path) -> None:
    make(database, FIRST, SECOND)
    before = database.read_bytes()
    with pytest.raises(StoreError, match="newer Tasky") as caught:
        open_database(database, (FIRST,))
    assert str(database) in caught.value.message
    assert database.read_bytes() == before


@pytest.mark.case("S15")
def test_a_migration_that_fails_changes_nothing(database: Path) -> None:
    make(database, FIRST)
    with pytest.raises(StoreError, match="no such column: broken") as caught:
        open_database(database, (FIRST, BROKEN))
    assert str(database) in caught.value.message
    assert schema(database) == (1, {"first"})
    open_database(database, (FIRST, SECOND)).close()  # the backup of before is in nobody's way
    assert schema(database) == (2, {"first", "second"})


def test_of_several_migrations_those_before_the_failing_one_stay(database: Path) -> None:
    make(database, FIRST)
    with pytest.raises(StoreError):
        open_database(database, (FIRST, SECOND, "nonsense"))
    assert schema(database) == (2, {"first", "second"})


@pytest.mark.case("S15")
@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_the_tasks_of_every_former_schema_are_there(database: Path, version: int) -> None:
    with closing(open_database(database, MIGRATIONS[:version])) as connection:
        connection.execute(
            "INSERT INTO tasks (id, worker, state, created, priority, attempt, params)"
            " VALUES (?, 'w', 'Queued', 7, 0, 0, '{}')",
            ("0" * 32,),
        )
    open_database(database).close()
    reader = Reader(database)
    task = reader.get("0" * 32)
    reader.close()
    assert task is not None
    assert (task.worker, task.state, task.created) == ("w", State.QUEUED, 7)
    copies = [path.name for path in database.parent.glob("*.schema-*")]
    assert copies == ([f"tasky.db.schema-{version}"] if version < len(MIGRATIONS) else [])


# What cannot be used


def refusal(path: Path) -> str:
    """What is said when it is opened; the file is left as it is."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError) as caught:
        open_database(path)
    if before is not None:
        assert path.read_bytes() == before
    assert str(path) in caught.value.message
    return caught.value.message


@pytest.mark.case("S4")
@pytest.mark.damages_store
def test_a_file_that_is_no_database(database: Path) -> None:
    database.write_bytes(b"Dear diary, " * 1000)
    assert "not a database" in refusal(database)


@pytest.mark.case("S4")
@pytest.mark.damages_store
def test_a_damaged_header(database: Path) -> None:
    open_database(database).close()
    with database.open("r+b") as file:
        file.write(os.urandom(16))
    assert "not a database, or its header is damaged" in refusal(database)


@pytest.mark.case("S5")
@pytest.mark.damages_store
def test_a_damaged_page(database: Path) -> None:
    writer = Writer(open_database(database), database)
    writer.start()
    fill(writer, 300)
    writer.close()
    with database.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"\xff" * 4096 * 4)
    assert "the database is damaged" in refusal(database)


@pytest.mark.case("S5")
@pytest.mark.damages_store
def test_a_database_that_was_cut_off(database: Path) -> None:
    writer = Writer(open_database(database), database)
    writer.start()
    fill(writer, 300)
    writer.close()
    os.truncate(database, 5 * 4096)
    assert "the database is damaged" in refusal(database)


@pytest.mark.damages_store
def test_a_folder_in_its_place(database: Path) -> None:
    database.mkdir()
    assert "no regular file" in refusal(database)


@pytest.mark.case("S7")
@pytest.mark.damages_store
def test_a_folder_in_the_place_of_its_log(database: Path) -> None:
    open_database(database).close()
    database.with_name("tasky.db-wal").mkdir()
    refusal(database)


@pytest.mark.case("S4")
def test_a_database_of_another_program(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE tasks (x)")
    with pytest.raises(StoreError, match="none of Tasky's"):
        open_database(database)


@pytest.mark.case("S6")
def test_a_filesystem_that_may_not_be_written(disk: Disk) -> None:
    path = disk() / "tasky.db"
    open_database(path).close()
    mount("-o", "remount,ro", path.parent)
    refusal(path)
    assert "Read-only" in refusal(path.with_name("other.db"))


def test_a_filesystem_without_a_write_ahead_log(database: Path) -> None:
    """SQLite says nothing then, and uses another journal: as for a database in memory."""
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(StoreError, match="use a local one"),
    ):
        _must_have_wal(connection, database)


@pytest.mark.case("S1")
def test_a_disk_that_is_full_from_the_start(disk: Disk) -> None:
    path = disk() / "tasky.db"
    fill_disk(path.parent)
    with pytest.raises(StoreFull):
        open_database(path)


@pytest.mark.case("S1")
def test_a_disk_that_becomes_full(disk: Disk) -> None:
    """As in `test_writer`, but with a real one."""
    path = disk(4 << 20) / "tasky.db"
    writer = Writer(open_database(path), path)
    writer.start()
    try:
        first = put(writer)
        stuff(writer)
        count = "SELECT count(*) FROM tasks WHERE id = ?"
        assert writer.call(lambda c: c.execute(count, (first,)).fetchone()) == (1,)
    finally:
        writer.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.case("S5")
def test_a_big_database_is_looked_at_for_a_moment_only(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(open_database(database), database)
    writer.start()
    fill(writer, 3000)
    writer.close()
    monkeypatch.setattr("tasky.store.soundness.CHECK_SECONDS", 0)
    open_database(database).close()


# What SQLite's errors mean


def failed(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite says")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (failed(sqlite3.SQLITE_FULL), StoreFull, "disk is full"),
        (failed(sqlite3.SQLITE_BUSY), StoreBusy, "locked"),
        (failed(sqlite3.SQLITE_BUSY_SNAPSHOT), StoreBusy, "locked"),
        (failed(sqlite3.SQLITE_IOERR_FSYNC), StoreError, "as SQLite says"),
        (failed(sqlite3.SQLITE_CORRUPT_INDEX), StoreDamaged, "damaged"),
        (failed(sqlite3.SQLITE_READONLY_DBMOVED), StoreError, "cannot be written"),
        (failed(sqlite3.SQLITE_PERM), StoreError, "cannot be opened"),
        (failed(sqlite3.SQLITE_CONSTRAINT), StoreError, "as SQLite says"),
        (sqlite3.ProgrammingError("of the module"), StoreError, "of the module"),
        (OSError(errno.ENOSPC, "No space", "/x"), StoreFull, "No space"),
        (OSError(errno.EDQUOT, "Quota", "/x"), StoreFull, "Quota"),
        (OSError(errno.EROFS, "Read-only", "/x/lock"), StoreError, "/x/lock: Read-only"),
        (KeyError("x"), StoreError, "KeyError"),
    ],
    ids=str,
)
def test_explain(tmp_path: Path, error: Exception, kind: type[TaskyError], text: str) -> None:
    explained = explain(error, tmp_path / "tasky.db")
    assert type(explained) is kind
    assert text in explained.message


def test_an_error_of_ours_is_its_own_explanation(tmp_path: Path) -> None:
    error = NotFound()
    assert explain(error, tmp_path) is error


def test_an_input_output_error_of_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    error = failed(sqlite3.SQLITE_IOERR_SHMSIZE)
    assert type(explain(error, tmp_path / "gone" / "tasky.db")) is StoreError
    full = disk(1 << 20) / "tasky.db"
    full.write_bytes(b"x" * (1 << 19))
    assert type(explain(error, full)) is StoreFull
