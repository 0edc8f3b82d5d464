"""What a task costs does not depend on how many are stored: no statement walks a table, and the work of each stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tasky.model.states import State
from tasky.store import Query, tasks
from tasky.store.database import open_database
from tasky.store.paging import statement
from tasky.store.queries import QUERIES
from tests.store.parts import new_task, steps_to

_FEW, _MANY = 100, 20_000
#: Tables of one row, or of one for each worker.
_SMALL = {
    "beat": "SCAN pulse",
    "enabled": "SCAN workers",
    "schedules": "SCAN schedules",
    "due": "SCAN due",
}
#: Sorts what has a process: never more than may run at the same time.
_SORTED = {"active", "active_chains"}

_FILL = """\
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO tasks (id, worker, state, created, started, finished, duration, priority, attempt, params)
SELECT printf('%032x', i), 'sleeper', 'Completed', i, i, i, 1, 0, 1, '{}' FROM n
"""


class Grown(NamedTuple):
    connection: sqlite3.Connection
    file: Path

    def steps(self, action: Callable[[sqlite3.Connection], Any]) -> int:
        """How many of SQLite's instructions it takes: the same each time, whatever else the machine does."""
        taken = 0

        def count() -> int:
            nonlocal taken
            taken += 1
            return 0

        self.connection.set_progress_handler(count, 1)
        try:
            action(self.connection)
        finally:
            self.connection.set_progress_handler(None, 0)
        return taken

    def pages(self, action: Callable[[sqlite3.Connection], Any]) -> int:
        """How many pages it writes, each commit for itself."""
        log = self.file.with_name(f"{self.file.name}-wal")
        before = log.stat().st_size
        action(self.connection)
        return (log.stat().st_size - before) // 4096


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Grown, Grown]]:
    """The same with few and with many."""
    found = []
    for count in (_FEW, _MANY):
        file = tmp_path_factory.mktemp(str(count)) / "tasky.db"
        connection = open_database(file)
        connection.execute("BEGIN")
        connection.execute(_FILL, (count,))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_autocheckpoint = 0").close()
        found.append(Grown(connection, file))
    few, many = found
    with closing(few.connection), closing(many.connection):
        yield few, many


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_walks_a_table(grown: tuple[Grown, Grown], name: str) -> None:
    sql = QUERIES[name].replace(":busy", "?")
    plan = f"EXPLAIN QUERY PLAN {sql}"
    rows = grown[1].connection.execute(plan, [None] * sql.count("?")).fetchall()
    found = "\n".join(row[3] for row in rows)
    if name in _SMALL:
        assert found == _SMALL[name]
    else:
        assert "SCAN" not in found, found
    assert ("TEMP B-TREE" in found) == (name in _SORTED), found


def _page(after: int | None) -> Callable[[sqlite3.Connection], Any]:
    sql, values = statement(Query(after=None if after is None else f"{after:032x}"))
    return lambda connection: connection.execute(sql, values).fetchall()


def test_a_page_costs_the_same_among_many(grown: tuple[Grown, Grown]) -> None:
    few, many = grown
    newest = few.steps(_page(None))
    assert many.steps(_page(None)) <= newest * 1.1
    assert many.steps(_page(_MANY // 2)) <= newest * 1.1


def test_pruning_a_slice_costs_the_same_among_many(grown: tuple[Grown, Grown]) -> None:
    few, many = grown

    def steps(of: Grown) -> int:
        (total,) = of.connection.execute(QUERIES["finished_total"]).fetchone()
        slice_ = tasks.prune(_MANY * 10, _MANY * 100, total - 20, 20)
        of.connection.execute("BEGIN")
        taken = of.steps(slice_)
        assert of.steps(slice_) < taken, "it was 20, and no more"
        of.connection.execute("ROLLBACK")
        return taken

    assert steps(many) <= steps(few) * 1.1


def test_a_task_writes_as_much_among_many(grown: tuple[Grown, Grown]) -> None:
    """A page of an index more here and there, when it has grown by a level."""
    few, many = grown

    def live(connection: sqlite3.Connection) -> None:
        for _ in range(50):
            for step in steps_to(State.COMPLETED, new_task()):
                connection.execute("BEGIN")
                step(connection)
                connection.execute("COMMIT")

    assert many.pages(live) <= few.pages(live) * 1.15
    assert many.steps(live) <= few.steps(live) * 1.1


def test_the_queue_is_read_at_the_same_cost_among_many(grown: tuple[Grown, Grown]) -> None:
    few, many = grown

    def steps(of: Grown) -> int:
        of.connection.execute("BEGIN")
        for _ in range(10):
            tasks.insert(new_task(), None)(of.connection)
        taken = of.steps(lambda c: c.execute(QUERIES["queued"], ("", 1000)).fetchall())
        of.connection.execute("ROLLBACK")
        return taken

    assert steps(many) == steps(few)
