"""S13, S14: the write-ahead log stays small, whoever reads; one connection writes, and no other makes checkpoints."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tasky.store import Query, Reader, Writer, checkpoint
from tests.helpers import PATIENCE, wait_for
from tests.store.parts import put

LOG = 2 << 20


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "HIGH_WATER", LOG)
    monkeypatch.setattr(checkpoint, "_PAUSE", 0.01)
    monkeypatch.setattr(checkpoint, "_WAIT", 0.1)


def size(database: Path) -> int:
    return database.with_name("tasky.db-wal").stat().st_size


def write(writer: Writer) -> None:
    """Some pages."""
    put(writer, params={"big": "x" * 100_000})


@contextmanager
def relay(database: Path) -> Iterator[Callable[[], None]]:
    """Readers of which there is always one in a transaction: each begins before the other ends. Gives what makes sure
    that some have come and gone."""
    stop, turns = threading.Event(), threading.Semaphore(0)

    def run() -> None:
        reader = Reader(database)
        with reader._transaction() as first:
            first.execute("SELECT count(*) FROM tasks").fetchone()
            while not stop.is_set():
                with reader._transaction() as second:
                    second.execute("SELECT count(*) FROM tasks").fetchone()
                    first.execute("COMMIT")
                    first.execute("BEGIN")
                    first.execute("SELECT count(*) FROM tasks").fetchone()
                turns.release()
        reader.close()

    def go_on() -> None:
        for _ in range(3):
            assert turns.acquire(timeout=PATIENCE)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield go_on
    finally:
        stop.set()
        thread.join()


@pytest.mark.case("S13")
def test_readers_without_a_gap_do_not_let_it_grow(writer: Writer, database: Path) -> None:
    with relay(database) as go_on:
        peak = 0
        for _ in range(100):
            write(writer)
            go_on()
            peak = max(peak, size(database))
    assert LOG / 2 < peak < 3 * LOG


@pytest.mark.case("S13")
def test_a_program_that_reads_for_long_is_told_of(
    writer: Writer, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not hold up the writer, and when it is done the log shrinks."""
    stranger = sqlite3.connect(database, isolation_level=None)
    stranger.execute("BEGIN")
    stranger.execute("SELECT count(*) FROM tasks").fetchone()
    with caplog.at_level(logging.WARNING):
        while size(database) < 2 * LOG:
            write(writer)
        wait_for(lambda: "some program has been reading the database for long" in caplog.text)
    stranger.execute("COMMIT")
    stranger.close()
    write(writer)
    wait_for(lambda: size(database) < LOG, "it is written back")


@pytest.mark.case("S13")
def test_no_transaction_stays_open_between_two_questions(writer: Writer, database: Path) -> None:
    """However many connections there are."""
    put(writer)
    reader = Reader(database)
    with reader._connection(), reader._connection():
        pass
    for _ in range(3):
        (task,), _ = reader.page(Query(limit=1))
        reader.get(task.id)
        reader.active()
        reader.newest()
    idle = list(reader._idle)
    assert len(idle) == 2
    assert not any(connection.in_transaction for connection in idle)
    with closing(sqlite3.connect(database)) as stranger:
        assert stranger.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "not busy"
    reader.close()


@pytest.mark.case("S14")
def test_a_reader_neither_writes_nor_makes_checkpoints(writer: Writer, database: Path) -> None:
    put(writer)
    reader = Reader(database)
    with reader._connection() as connection:
        assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM tasks")
    before = size(database)
    reader.close()
    assert size(database) == before > 0
