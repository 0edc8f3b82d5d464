from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tasky.errors import IdempotencyConflict, StoreError
from tasky.model.states import State
from tasky.model.task import Idempotency
from tasky.store import QueuedRow, Reader, reader, tasks
from tasky.store.connections import connect_reader
from tests.store.parts import ATTEMPT, Database, new_task, outcome, put


def test_what_is_not_there(bare: Database) -> None:
    assert bare.reader.get("0" * 32) is None
    assert bare.reader.order("0" * 32) is None
    assert bare.reader.state("0" * 32) is None
    assert bare.reader.newest() is None


def test_queued_tasks_come_oldest_first(bare: Database) -> None:
    low = put(bare.writer, State.QUEUED, priority=-1)
    second = put(bare.writer, State.QUEUED, worker="copyfile")
    high = put(bare.writer, State.QUEUED, priority=5, not_before=77)
    put(bare.writer, State.RUNNING)
    put(bare.writer, State.FAILED)
    assert list(bare.reader.queued()) == [
        QueuedRow(low, "sleeper", -1, None, 0, None),
        QueuedRow(second, "copyfile", 0, None, 0, None),
        QueuedRow(high, "sleeper", 5, 77, 0, None),
    ]


@pytest.mark.parametrize("timeout", [None, 77])
def test_what_is_to_be_started(bare: Database, timeout: int | None) -> None:
    params = {"a": [1, "\u00e9"], "key": "k"}
    task_id = put(bare.writer, State.QUEUED, params=params, secrets=("key",), timeout=timeout)
    assert bare.reader.order(task_id) == (params, ("key",), timeout)
    plain = put(bare.writer, State.QUEUED, params={})
    assert bare.reader.order(plain) == ({}, (), None)


@pytest.mark.parametrize("count", [5, 6, 7])
def test_a_long_queue_is_read_in_slices(
    bare: Database, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_SLICE", 3)
    waiting = [put(bare.writer, State.QUEUED) for _ in range(count)]
    assert [row.id for row in bare.reader.queued()] == waiting


def test_the_first_task_of_an_idempotency_key(bare: Database) -> None:
    key = Idempotency(key="k\u00e9y", digest="d")
    assert bare.reader.first(key) is None
    first = put(bare.writer, State.COMPLETED, idempotency=key)
    assert bare.reader.first(key) == first
    with pytest.raises(IdempotencyConflict):
        bare.reader.first(replace(key, digest="other"))


def test_active_tasks(bare: Database) -> None:
    found = {state: put(bare.writer, state) for state in State}
    active = {task.state: task for task in bare.reader.active()}
    assert set(active) == {State.RUNNING, State.PAUSED, State.CANCELING}
    for state, task in active.items():
        assert task.id == found[state]
        assert task.params == {"seconds": 1}
        assert len(task.attempts) == 1


def test_newest(bare: Database) -> None:
    put(bare.writer)
    newest = put(bare.writer)
    assert bare.reader.newest() == newest


def test_a_task_and_its_attempts_are_of_one_commit(bare: Database) -> None:
    """A task that has ended has its attempt, however the reader and the writer meet."""
    found = [put(bare.writer, State.RUNNING) for _ in range(200)]
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            task = bare.reader.get(found[-1])
            assert task is not None
            assert len(task.attempts) == 1

    with ThreadPoolExecutor(2) as threads:
        looking = [threads.submit(look) for _ in range(2)]
        for task_id in found:
            bare.writer.call(tasks.finish(task_id, outcome(), ATTEMPT))
        over.set()
        for future in looking:
            future.result()


def test_many_threads_at_once(bare: Database) -> None:
    task_id = put(bare.writer)
    barrier = threading.Barrier(40)

    def look(_: int) -> bool:
        barrier.wait()
        return bare.reader.state(task_id) is State.COMPLETED

    with ThreadPoolExecutor(40) as threads:
        assert all(threads.map(look, range(40)))


def test_a_connection_only_reads(bare: Database, database: Path) -> None:
    connection = connect_reader(database)
    try:
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("DELETE FROM tasks")
    finally:
        connection.close()


def test_an_error_of_sqlite_is_a_store_error(bare: Database, database: Path) -> None:
    reader = Reader(database)
    bare.writer.call(lambda c: c.execute("ALTER TABLE tasks RENAME TO gone").close())
    with pytest.raises(StoreError):
        reader.state("0" * 32)
    bare.writer.call(lambda c: c.execute("ALTER TABLE gone RENAME TO tasks").close())
    assert reader.state("0" * 32) is None
    reader.close()


def test_after_the_end(bare: Database) -> None:
    new = new_task()
    bare.writer.call(tasks.insert(new, None))
    bare.reader.close()
    with pytest.raises(StoreError, match="closed"):
        bare.reader.state(new.id)
