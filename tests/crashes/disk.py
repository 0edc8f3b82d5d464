"""What must hold on disk when the server is down."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from .told import TERMINAL, Told
from .workers import CHAINED, RETRIED, STEPS, TICKER


class Row(NamedTuple):
    """Of a task; `ended` of its `attempts` have."""

    task_id: str
    worker: str
    state: str
    attempts: int
    ended: int


def check(state: Path, witness: Path, told: Told) -> int:
    """Tells the mistakes, and gives the number of attempts that ran twice."""
    with closing(sqlite3.connect(state / "tasky.db")) as database:
        _integrity(database, told)
        rows = _rows(database)
        _chains(database, told)
        _schedules(database, told)
    for row in rows:
        _ended(row, told)
    known = {row.task_id: row for row in rows}
    _kept(state, known, told)
    starts = read_starts(witness)
    _completed(rows, starts, told)
    return _starts(starts, known, told)


def read_starts(witness: Path) -> Counter[tuple[str, int]]:
    """How often each attempt was started, by task and number."""
    found = Counter[tuple[str, int]]()
    file = witness / "starts"
    for line in file.read_text().splitlines() if file.exists() else ():
        task_id, number, _ = line.split()
        found[task_id, int(number)] += 1
    return found


def _integrity(database: sqlite3.Connection, told: Told) -> None:
    for pragma, good in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
        found = database.execute(f"PRAGMA {pragma}").fetchall()
        if found != good:
            told.mistake("", f"{pragma}: {found}")


def _rows(database: sqlite3.Connection) -> list[Row]:
    found = database.execute(
        "SELECT id, worker, state, attempt, (SELECT count(*) FROM attempts WHERE task_id = id) FROM tasks"
    )
    return [Row(*row) for row in found]


def _ended(row: Row, told: Told) -> None:
    if row.state not in TERMINAL:
        told.mistake(row.task_id, f"it is {row.state} on disk")
    if row.ended != row.attempts:
        what = f"{row.attempts} attempts have begun and {row.ended} have ended"
        told.mistake(row.task_id, what)
    if row.attempts > 1 and row.worker not in RETRIED:
        told.mistake(row.task_id, f"{row.attempts} attempts of a worker without retry")


def _chains(database: sqlite3.Connection, told: Told) -> None:
    """Each part of a chain that has completed was done, and once. (That no attempt of it was made twice is what its
    primary key is for.)"""
    if told.pruned:
        return
    for (chain,) in database.execute(
        "SELECT id FROM tasks WHERE worker = ? AND state = 'Completed'", (CHAINED,)
    ).fetchall():
        done = Counter[str]()
        for step, item, times in database.execute(
            "SELECT step, item, sum(state = 'Completed') FROM children JOIN tasks ON id = child"
            " WHERE parent = ? GROUP BY step, item",
            (chain,),
        ).fetchall():
            done[step] += 1
            if times != 1:
                told.mistake(chain, f"{step}[{item}] has completed {times} times")
        if done != STEPS:
            told.mistake(chain, f"of its steps there were {dict(done)}")


def _schedules(database: sqlite3.Connection, told: Told) -> None:
    """There was a task for each second, and one only (its primary key): or it is still due."""
    if told.pruned:
        return
    times = [
        at // 1_000_000_000
        for (at,) in database.execute(
            "SELECT at FROM runs WHERE worker = ?1 UNION ALL SELECT at FROM due WHERE worker = ?1 ORDER BY at",
            (TICKER,),
        )
    ]
    if times != list(range(times[0], times[0] + len(times)) if times else []):
        told.mistake("", f"the runs by schedule were for {times}")


def _kept(state: Path, known: Iterable[str], told: Told) -> None:
    """What is kept is kept for a task that exists."""
    for folder in (state / "tasks").glob("*/*"):
        if folder.name not in known:
            told.mistake(folder.name, "its files are kept, and it does not exist")


def _completed(rows: Iterable[Row], starts: Counter[tuple[str, int]], told: Told) -> None:
    for row in rows:
        if row.worker == CHAINED:
            continue
        if row.state == "Completed" and (row.task_id, row.attempts) not in starts:
            told.mistake(row.task_id, f"completed, and its attempt {row.attempts} never ran")


def _starts(starts: Counter[tuple[str, int]], known: dict[str, Row], told: Told) -> int:
    """Nothing ran that is not stored, and no attempt twice."""
    twice = 0
    deleted = {fate.task_id for fate in told.fates.values() if fate.delete_asked} | told.going
    for (task_id, number), times in starts.items():
        if times > 1:
            twice += 1
            told.mistake(task_id, f"its attempt {number} ran {times} times")
        if task_id in known:
            if number > known[task_id].attempts:
                told.mistake(task_id, f"its attempt {number} ran, and is not stored")
        elif task_id not in deleted and not told.pruned:
            told.mistake(task_id, "it ran, and is not stored")
    return twice
