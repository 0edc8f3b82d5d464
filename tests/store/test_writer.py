from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tasky.errors import (
    IllegalTransition,
    StoreBusy,
    StoreError,
    StoreFull,
    UnknownTask,
    WrongState,
)
from tasky.model.states import State
from tasky.store import Reader, Writer, tasks
from tasky.store.connections import BUSY_TIMEOUT
from tasky.store.database import open_database
from tasky.store.writer import GROUP, Operation
from tests.helpers import PATIENCE, wait_for
from tests.store.parts import Answers, held, new_task, outcome, put


def workers(writer: Writer) -> list[str]:
    """In the order in which they were inserted."""
    query = "SELECT worker FROM tasks ORDER BY rowid"
    return [row[0] for row in writer.call(lambda c: c.execute(query).fetchall())]


def insert(worker: str) -> Operation[str]:
    return tasks.insert(new_task(worker=worker), None)


def half_done(error: Exception) -> Operation[None]:
    """Changes something, and fails then."""

    def operation(connection: sqlite3.Connection) -> None:
        insert("half")(connection)
        raise error

    return operation


def test_many_share_one_commit(writer: Writer) -> None:
    answers = Answers()
    commits, syncs = writer.commits, writer.syncs
    with held(writer), ThreadPoolExecutor(16) as threads:
        for _ in range(200):
            threads.submit(writer.post, insert("w"), done=answers.done)
        threads.shutdown()
    answers.wait(200)
    assert answers.errors == [None] * 200
    assert (writer.commits - commits, writer.syncs - syncs) == (1, 1)
    sizes, seconds = writer.sizes.read(), writer.seconds.read()
    assert sum(sizes.counts) == sum(seconds.counts) == writer.commits
    assert sizes.sum >= 200
    assert seconds.sum > 0


def test_a_group_has_a_limit(writer: Writer) -> None:
    answers = Answers()
    commits = writer.commits
    with held(writer):
        for _ in range(2 * GROUP + 1):
            writer.post(insert("w"), done=answers.done)
    answers.wait(2 * GROUP + 1)
    assert writer.commits - commits == 3


def test_threads_that_wait_for_their_commit_share_it(writer: Writer) -> None:
    """No thread is held up here on purpose: while one commit is synced, the others queue."""
    with ThreadPoolExecutor(16) as threads:
        ids = list(threads.map(lambda _: writer.call(insert("w")), range(400)))
    assert len(set(ids)) == 400
    assert writer.syncs <= 400
    assert len(workers(writer)) == 400


def test_orders_are_carried_out_in_the_order_given(writer: Writer) -> None:
    answers = Answers()
    with held(writer):
        for number in range(50):
            writer.post(insert(str(number)), done=answers.done, durable=number % 3 == 0)
    answers.wait(50)
    assert workers(writer) == [str(number) for number in range(50)]


def test_it_answers_after_the_commit(writer: Writer, database: Path) -> None:
    reader, seen, answers = Reader(database), [], Answers()
    task = new_task()

    def done(result: Any, error: Any) -> None:
        seen.append(reader.state(task.id))
        answers.done(result, error)

    writer.post(tasks.insert(task, None), done=done)
    answers.wait(1)
    reader.close()
    assert seen == [State.QUEUED]


@pytest.mark.case("S9")
def test_what_is_durable_is_synced_before_it_is_answered(writer: Writer) -> None:
    counts, answers = [], Answers()

    def done(result: Any, error: Any) -> None:
        counts.append(writer.syncs)
        answers.done(result, error)

    def mode(connection: sqlite3.Connection) -> int:
        insert("w")(connection)
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    writer.post(mode, done=done)
    answers.wait(1)
    writer.post(mode, durable=False, done=done)
    answers.wait(1)
    assert answers.results == [2, 1]  # FULL, NORMAL
    assert counts == [1, 1]


def test_a_group_with_one_durable_operation_is_durable(writer: Writer) -> None:
    answers = Answers()
    with held(writer):
        writer.post(insert("a"), durable=False, done=answers.done)
        writer.post(insert("b"), durable=True, done=answers.done)
    answers.wait(2)
    assert (writer.commits, writer.syncs) == (1, 1)


@pytest.mark.case("S9")
def test_what_was_not_synced_is_soon(writer: Writer) -> None:
    answers = Answers()
    writer.post(insert("w"), durable=False, done=answers.done)
    answers.wait(1)
    wait_for(lambda: writer.syncs == 1, "a sync without a further order")
    assert writer.commits == 2


def test_sync_covers_what_was_posted_before(writer: Writer) -> None:
    answers = Answers()
    with held(writer):
        writer.post(insert("w"), durable=False, done=answers.done)
    answers.wait(1)
    writer.sync()
    assert writer.syncs == 1


def test_nothing_is_synced_where_nothing_changed(writer: Writer) -> None:
    writer.sync()
    assert (writer.commits, writer.syncs) == (0, 0)


@pytest.mark.parametrize(
    ("error", "answered"),
    [
        (WrongState("no", "Queued"), WrongState),
        (ZeroDivisionError("a mistake of ours"), StoreError),
        (sqlite3.IntegrityError("a constraint"), StoreError),
    ],
)
def test_a_failure_does_not_spoil_its_neighbours(
    writer: Writer, error: Exception, answered: type[StoreError]
) -> None:
    answers = Answers()
    with held(writer):
        writer.post(insert("before"), done=answers.done)
        writer.post(half_done(error), done=answers.done)
        writer.post(insert("behind"), done=answers.done)
    before, failed, behind = answers.wait(3)
    assert before[1] is None
    assert behind[1] is None
    assert isinstance(failed[1], answered)
    assert workers(writer) == ["before", "behind"]


def test_what_is_refused_before_a_change_costs_no_second_commit(writer: Writer) -> None:
    answers = Answers()
    with held(writer):
        writer.post(insert("before"), done=answers.done)
        writer.post(tasks.delete("0" * 32), done=answers.done)
        writer.post(insert("behind"), done=answers.done)
    answers.wait(3)
    assert [type(error) for error in answers.errors] == [type(None), UnknownTask, type(None)]
    assert writer.commits == 1


def test_call_raises_what_the_operation_raised(writer: Writer) -> None:
    task_id = put(writer, State.QUEUED)
    with pytest.raises(IllegalTransition):
        writer.call(tasks.finish(task_id, outcome(), None))


def test_a_callback_that_fails_harms_nobody(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    def done(result: Any, error: Any) -> None:
        raise ZeroDivisionError

    writer.post(insert("a"), done=done)
    writer.call(insert("b"))
    assert workers(writer) == ["a", "b"]
    assert "ZeroDivisionError" in caplog.text


def test_a_post_after_the_end_is_answered(writer: Writer) -> None:
    writer.close()
    answers = Answers()
    writer.post(insert("late"), done=answers.done)
    writer.post(insert("late"))
    assert answers.results == [None]
    assert isinstance(answers.errors[0], StoreError)
    with pytest.raises(StoreError, match="closed"):
        writer.call(insert("late"))


def test_close_carries_out_what_was_posted(writer: Writer, database: Path) -> None:
    answers = Answers()
    with held(writer):
        for _ in range(GROUP + 10):
            writer.post(insert("w"), durable=False, done=answers.done)
        closing = threading.Thread(target=writer.close)
        closing.start()
    closing.join(PATIENCE)
    writer.close()  # again: nothing
    assert answers.errors == [None] * (GROUP + 10)
    assert not database.with_name("tasky.db-wal").exists()
    connection = open_database(database)
    assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (GROUP + 10,)
    connection.close()


def test_a_writer_that_never_started_can_be_closed(database: Path) -> None:
    Writer(open_database(database), database).close()
    open_database(database).close()


_HOLDS_THE_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.case("S3")
def test_a_foreign_lock(writer: Writer, database: Path) -> None:
    writer.call(lambda c: c.execute("PRAGMA busy_timeout=20").close())
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS_THE_LOCK, database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        answers = Answers()
        with held(writer):
            writer.post(insert("a"), done=answers.done)
            writer.post(insert("b"), done=answers.done)
        answers.wait(2)
        assert [type(error) for error in answers.errors] == [StoreBusy, StoreBusy]
        assert isinstance(writer.trouble, StoreBusy)
        other.communicate()
    wait_for(lambda: writer.trouble is None, "it is tried again without an order")
    assert patience(writer) == BUSY_TIMEOUT * 1000, "as before"
    writer.call(insert("c"))
    assert workers(writer) == ["c"]


def patience(writer: Writer) -> int:
    """Milliseconds that a foreign lock is waited for."""
    return int(writer.call(lambda c: c.execute("PRAGMA busy_timeout").fetchone()[0]))


@pytest.mark.case("S3")
def test_a_lock_that_lasts_is_not_waited_for_again_and_again(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that comes then would stand in line, each for the whole time."""
    monkeypatch.setattr("tasky.store.writer.AGAIN", 3600)
    seen: list[int] = []

    def busy(connection: sqlite3.Connection) -> None:
        seen.append(connection.execute("PRAGMA busy_timeout").fetchone()[0])
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    for _ in range(3):
        with pytest.raises(StoreBusy):
            writer.call(busy)
    assert seen == [5000, 250, 250]


@pytest.mark.case("S2")
def test_what_is_urgent_may_use_the_reserve(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once: what does not fit then is refused as everything else is."""
    monkeypatch.setattr("tasky.store.writer.AGAIN", 3600)
    made = []

    def make_room() -> bool:
        made.append(True)
        connection.execute("PRAGMA max_page_count=1000000").close()
        return len(made) == 1

    connection = open_database(database)
    writer = Writer(connection, database, make_room)
    writer.start()
    big = {"big": "x" * 100_000}
    try:
        writer.call(fill_up)
        with pytest.raises(StoreFull):
            writer.call(tasks.insert(new_task(params=big), None))
        assert made == []
        assert isinstance(writer.trouble, StoreFull)
        writer.call(tasks.insert(new_task(params=big), None), urgent=True)
        assert writer.trouble is None
        writer.call(fill_up)
        with held(writer):
            answers = Answers()
            writer.post(insert("small"), done=answers.done)
            writer.post(half_done(full()), urgent=True, done=answers.done)
        assert [type(error) for _, error in answers.wait(2)] == [type(None), StoreFull]
    finally:
        writer.close()
    assert made == [True, True]


def full() -> sqlite3.Error:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


def fill_up(connection: sqlite3.Connection) -> None:
    """No page more than there are."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}").close()


@pytest.mark.case("S1")
def test_a_full_database(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    put(writer, worker="first")
    writer.call(fill_up)
    big = "x" * 100_000
    answers = Answers()
    with held(writer):
        for number in range(3):
            task = new_task(worker=str(number), params={"big": big})
            writer.post(tasks.insert(task, None), done=answers.done)
    answers.wait(3)
    assert [type(error) for error in answers.errors] == [StoreFull] * 3
    assert workers(writer) == ["first"]
    told = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(told) == 1
    writer.call(lambda c: c.execute("PRAGMA max_page_count=1000000").close())
    writer.call(tasks.insert(new_task(worker="second", params={"big": big}), None))
    assert workers(writer) == ["first", "second"]


def test_small_ones_pass_where_big_ones_do_not(writer: Writer) -> None:
    """Of one group, what still fits is stored."""
    task_id = put(writer, State.RUNNING)
    writer.call(fill_up)
    answers = Answers()
    with held(writer):
        task = new_task(params={"big": "x" * 100_000})
        writer.post(tasks.insert(task, None), done=answers.done)
        writer.post(tasks.finish(task_id, outcome(), None), done=answers.done)
    answers.wait(2)
    assert [type(error) for error in answers.errors] == [StoreFull, type(None)]


def test_a_sync_that_fails_is_tried_again(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    """Not without a pause: that would be a busy loop on a full disk."""
    answers = Answers()
    with held(writer):
        writer.post(insert("w"), durable=False, done=answers.done)
        writer.post(
            lambda c: c.execute("CREATE TEMP TRIGGER broken BEFORE UPDATE ON pulse BEGIN SELECT"
                                " RAISE(ABORT, 'no beat'); END").close(),
            durable=False,
            done=answers.done,
        )  # fmt: skip
    answers.wait(2)
    wait_for(lambda: "no beat" in caplog.text, "a failed sync is told")
    assert writer.syncs == 0
    writer.post(lambda c: c.execute("DROP TRIGGER broken").close(), durable=False)
    wait_for(lambda: writer.syncs == 1, "the sync succeeds at last")
    assert caplog.text.count("no beat") == 1
