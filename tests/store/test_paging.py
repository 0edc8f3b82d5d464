from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tasky.model.states import TERMINAL, State
from tasky.model.task import Failure, FailureCode, Outcome, Progress, Task
from tasky.store import Query, Reader, Writer, tasks
from tasky.store.paging import Seen, statement
from tasky.store.queries import QUERIES
from tests.store.parts import ATTEMPT, Database, all_of, new_task, put, steps_to

_STATES = [None, frozenset({State.FAILED}), frozenset({State.QUEUED, State.RUNNING}), TERMINAL]
_WORKERS = [None, "a", "nobody"]
_LABELS = [(), (("env", "prod"),), (("env", "prod"), ("team", "x")), (("env", "none"),)]
_FILTERS: list[dict[str, Any]] = [
    {"state": state, "worker": worker, "labels": labels}
    for state, worker, labels in itertools.product(_STATES, _WORKERS, _LABELS)
]


def named(filters: dict[str, Any]) -> str:
    state, worker, labels = filters.get("state"), filters.get("worker"), filters.get("labels")
    parts = ["+".join(sorted(state or ())), worker, "+".join(key for key, _ in labels or ())]
    return "-".join(part for part in parts if part) or "all"


def fill(writer: Writer, count: int, seed: int = 1) -> list[str]:
    """Tasks of two workers, in all states, with labels; in the order of their ids."""
    chance = random.Random(seed)
    news = []
    steps = []
    for _ in range(count):
        labels = [("env", chance.choice(["prod", "test"]))]
        labels += [("team", "x")] if chance.random() < 0.5 else []
        new = new_task(worker=chance.choice("ab"), labels=tuple(labels))
        steps += steps_to(chance.choice(list(State)), new)
        news.append(new.id)
    writer.call(all_of(steps))
    return news


def walk(reader: Reader, query: Query) -> Iterator[list[Task]]:
    while True:
        page, after = reader.page(query)
        yield page
        if after is None:
            return
        query = Query(
            state=query.state,
            worker=query.worker,
            labels=query.labels,
            limit=query.limit,
            after=after,
        )


def ids(pages: Iterator[list[Task]]) -> list[str]:
    return [task.id for page in pages for task in page]


def matches(task: Task, filters: dict[str, Any]) -> bool:
    return (
        (filters["state"] is None or task.state in filters["state"])
        and filters["worker"] in (None, task.worker)
        and set(filters["labels"]) <= set(task.labels)
    )


def test_every_filter_finds_what_it_should(bare: Database) -> None:
    fill(bare.writer, 500)
    everything = [task for page in walk(bare.reader, Query(limit=1000)) for task in page]
    assert len(everything) == 500
    assert everything == sorted(everything, key=lambda task: task.id, reverse=True)
    for filters in _FILTERS:
        expected = [task.id for task in everything if matches(task, filters)]
        for limit in (7, 1000):
            found = ids(walk(bare.reader, Query(limit=limit, **filters)))
            assert found == expected, filters


def test_a_page_without_states_is_empty(bare: Database) -> None:
    put(bare.writer)
    assert bare.reader.page(Query(state=frozenset())) == ([], None)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20])
def test_the_cursor_ends_with_the_last_page(bare: Database, count: int) -> None:
    fill(bare.writer, count)
    pages = list(walk(bare.reader, Query(limit=10)))
    assert [len(page) for page in pages] == (
        [10] * (count // 10) + ([count % 10] if count % 10 else []) or [0]
    )


def test_a_cursor_outlives_its_task(bare: Database) -> None:
    found = [put(bare.writer) for _ in range(6)]
    page, after = bare.reader.page(Query(limit=3))
    assert after == page[-1].id == found[3]
    bare.writer.call(tasks.delete(after))
    assert ids(iter([bare.reader.page(Query(after=after))[0]])) == found[2::-1]


def test_a_list_is_without_what_is_big(bare: Database) -> None:
    put(bare.writer, params={"big": "x" * 10_000}, labels=(("env", "prod"),))
    for query in (Query(), Query(worker="sleeper"), Query(labels=(("env", "prod"),))):
        ((task,), _) = bare.reader.page(query)
        assert (task.params, task.output, task.attempts) == ({}, None, ())
        assert task.labels == (("env", "prod"),)


@pytest.mark.parametrize("filters", [{}, {"state": TERMINAL}, {"worker": "a"}], ids=named)
def test_paging_while_tasks_come_and_go(bare: Database, filters: dict[str, Any]) -> None:
    """Between two pages: what was there all the time is seen once, and nothing twice."""
    chance = random.Random(7)
    alive = set(fill(bare.writer, 2000))
    stays = {
        id_ for id_ in ids(walk(bare.reader, Query(limit=1000, **filters))) if chance.random() < 0.7
    }
    ended = ids(walk(bare.reader, Query(limit=1000, state=TERMINAL)))
    doomed = [id_ for id_ in ended if id_ not in stays]
    chance.shuffle(doomed)
    seen = []
    for page in walk(bare.reader, Query(limit=50, **filters)):
        seen += [task.id for task in page]
        alive |= set(fill(bare.writer, 20, seed=len(seen)))
        bare.writer.call(all_of([tasks.delete(doomed.pop()) for _ in range(10) if doomed]))
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, reverse=True)
    assert stays <= set(seen) <= alive


def test_paging_beside_a_writing_thread(bare: Database) -> None:
    stays = set(fill(bare.writer, 1000))
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            bare.writer.call(tasks.delete(put(bare.writer)))
            put(bare.writer)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            seen = ids(walk(bare.reader, Query(limit=10)))
            assert len(seen) == len(set(seen))
            assert stays <= set(seen)
    finally:
        over.set()
        thread.join()


# How SQLite goes about it


@pytest.fixture(scope="module", params=["no statistics", "statistics"])
def planner(request: pytest.FixtureRequest, shared: Database) -> Writer:
    """SQLite may choose otherwise when it knows how many rows there are."""
    if request.param == "statistics":
        fill(shared.writer, 300)
        shared.writer.call(lambda c: c.execute("ANALYZE").close())
    return shared.writer


def plan(writer: Writer, sql: str, values: Any) -> str:
    rows = writer.call(lambda c: c.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())
    return "\n".join(row[3] for row in rows)


@pytest.mark.parametrize("filters", _FILTERS, ids=named)
def test_a_page_walks_an_index(planner: Writer, filters: dict[str, Any]) -> None:
    for after in (None, "0" * 32):
        found = plan(planner, *statement(Query(after=after, **filters)))
        assert "USING" in found
        assert "SCAN" not in found, found
        assert "TEMP B-TREE" not in found, found


_SOME: Final = ("a", "b")
_SEEN: Final = {
    "whole": Seen(_SOME, (), "ci"),
    "own": Seen((), _SOME, "ci"),
    "both": Seen(("a",), ("b",), "ci"),
}


@pytest.mark.parametrize("seen", _SEEN.values(), ids=_SEEN)
@pytest.mark.parametrize("filters", _FILTERS, ids=named)
def test_a_page_of_what_one_may_see_walks_indexes(
    planner: Writer, filters: dict[str, Any], seen: Seen
) -> None:
    sql, values = statement(Query(**filters), seen)
    found = plan(planner, sql, values)
    if "WHERE false" in sql:  # a worker of which nothing is seen
        return
    assert "SCAN" not in found, found
    assert "TEMP B-TREE" not in found, found


#: They read a table that is small, or an end of an index.
SMALL = {"beat", "enabled", "finished_total", "oldest_ends", "newest", "schedules", "due"}


@pytest.mark.parametrize("name", sorted(set(QUERIES) - SMALL))
def test_every_statement_searches_an_index(planner: Writer, name: str) -> None:
    """Those that are left out read a table that is small, or an end of an index: see below."""
    sql = QUERIES[name].replace(":busy", "?")
    found = plan(planner, sql, (None,) * sql.count("?"))
    assert "SCAN" not in found, found
    if name not in ("queued", "active", "active_chains"):  # sorted once, at start
        assert "TEMP B-TREE" not in found, found


@pytest.mark.parametrize(
    ("name", "index"),
    [("oldest_ends", "tasks_by_end"), ("newest", "sqlite_autoindex_tasks_1")],
)
def test_an_end_of_an_index_is_read_in_its_order(planner: Writer, name: str, index: str) -> None:
    found = plan(planner, QUERIES[name], (1,) * QUERIES[name].count("?"))
    assert f"INDEX {index}" in found
    assert "TEMP B-TREE" not in found


def test_the_deepest_page_costs_what_the_first_does(database: Path, writer: Writer) -> None:
    """Counted in SQLite's steps, not in time."""
    fill(writer, 3000)
    oldest = writer.call(lambda c: c.execute("SELECT min(id) FROM tasks").fetchone()[0])

    def steps(query: Query) -> int:
        def operation(connection: Any) -> int:
            count = itertools.count()
            connection.set_progress_handler(lambda: next(count) and None, 1)
            connection.execute(*statement(query)).fetchall()
            connection.set_progress_handler(None, 0)
            return next(count)

        return writer.call(operation)

    for filters in ({}, {"state": TERMINAL}, {"worker": "a"}, {"labels": (("env", "prod"),)}):
        first, deep = (
            steps(Query(limit=10, **filters)),
            steps(Query(limit=10, after=f"{int(oldest, 16) + 1:032x}", **filters)),
        )
        assert first < 3000
        assert deep <= first


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("COPY", [1, 2]),
        ("%", [1, 2]),
        ("_", [0, 3]),
        ("\\", [0]),
        ("team:o", [3]),
        ("half", [0]),
        ("message", []),
        ("secret", []),
    ],
)
def test_a_text_is_looked_for_in_what_the_list_shows(
    bare: Database, text: str, places: list[int]
) -> None:
    bare.writer.call(tasks.insert(progressing := new_task(worker="d"), 200))
    bare.writer.call(tasks.save_progress([(progressing.id, Progress(message="half of _ 1\\2"))]))
    failed = new_task(worker="copyfile", params={"password": "secret"})
    failure = Failure(code=FailureCode.WORKER, message="no copy of 50%")
    end = Outcome(state=State.FAILED, finished=300, duration=100, failure=failure)
    bare.writer.call(all_of([tasks.insert(failed, 200), tasks.finish(failed.id, end, ATTEMPT)]))
    put(bare.writer, worker="a", labels=(("note", "100% copy"),))
    put(bare.writer, worker="b_c", labels=(("team", "ops"),))
    everything = ids(walk(bare.reader, Query(limit=1000)))
    expected = [everything[::-1][place] for place in reversed(places)]
    for filters in ({}, {"state": frozenset(State)}):
        page, after = bare.reader.page(Query(text=text, **filters))
        assert [task.id for task in page] == expected
        assert after is None
    (found,) = bare.reader.page(Query(text=everything[1], limit=1))[0]
    assert found.id == everything[1]
    assert bare.reader.page(Query(text="copy", worker="copyfile"))[0][0].id == failed.id
    assert bare.reader.page(Query(text="x", labels=(("team", "ops"),)))[0] == []
