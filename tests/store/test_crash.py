"""Promise 1 of the contract: what was answered is there after a kill -9, whenever it comes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tasky.model.states import State
from tasky.store import Store
from tests.store.parts import MAX_LOG

# Submits and finishes tasks from many threads, and tells each id when that is answered.
_WRITES = """
import os, sys, threading
from pathlib import Path
from tasky.model.states import State
from tasky.model.task import Attempt, NewTask, Outcome
from tasky.store import Store, Stream, tasks

store = Store.open(Path(sys.argv[1]), max_log=1 << 20)
durable = sys.argv[2] == "durable"

def tell(kind, id):
    os.write(1, f"{kind} {id}\\n".encode())

def submit():
    while True:
        new = NewTask(id=store.ids.new(), worker="w", params={"text": "x" * 500}, created=1,
                      labels=(("a", "b"),))
        insert = tasks.insert(new, 1)
        finish = tasks.finish(new.id, Outcome(state=State.COMPLETED, finished=2),
                              Attempt(number=1, started=1))
        store.folders.create(new.id)
        store.scribe.append(new.id, Stream.STDOUT, 1, b"hello\\n")
        answered = threading.Event()
        store.writer.post(insert, durable=durable, done=lambda *_: tell("Running", new.id))
        store.writer.post(finish, durable=durable,
                          done=lambda *_: (tell("Completed", new.id), answered.set()))
        answered.wait()
        store.scribe.finish(new.id, want_output=True, done=lambda _: None)

for _ in range(8):
    threading.Thread(target=submit).start()
"""


@pytest.mark.case("S8")
@pytest.mark.parametrize("kind", ["durable", "not durable"])
def test_what_was_answered_survives_kill_9(tmp_path: Path, kind: str) -> None:
    """Not durable means: against a power loss. The death of the process takes nothing of either."""
    told: dict[str, str] = {}
    for lines in (50, 400, 1000):
        told |= _write_until_killed(tmp_path, kind, lines)
        store = Store.open(tmp_path, max_log=MAX_LOG)
        try:
            for task_id, state in told.items():
                stored = store.reader.state(task_id)
                assert stored is State.COMPLETED or stored is State(state)
        finally:
            store.close()
    _must_be_sound(tmp_path / "tasky.db")


def _write_until_killed(state_dir: Path, kind: str, lines: int) -> dict[str, str]:
    """What the process told before its end: the last state of each task."""
    with subprocess.Popen(
        [sys.executable, "-c", _WRITES, state_dir, kind], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        answered = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        answered += process.stdout.readlines()
    told: dict[str, str] = {}
    for line in answered:
        state, task_id = line.split()
        told[task_id] = state
    return told


def _must_be_sound(database: Path) -> None:
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchone() is None
    counted = dict(connection.execute("SELECT state, count(*) FROM tasks GROUP BY state"))
    totals = dict(connection.execute("SELECT state, tasks FROM totals WHERE tasks > 0"))
    connection.close()
    assert counted == totals
