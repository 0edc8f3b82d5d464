"""P: the server is killed while trees of every kind are alive. Before it serves again they are gone, and their tasks
settled. In both kinds of containment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.model.containment import Kind
from tests.helpers import PATIENCE, Server, serving, wait_for
from tests.hostile.arena import Arena, Hostile, define, workers
from tests.supervisor.house import Gate

UNTRACEABLE = "scrubbed-daemon"
#: That one is last.
TREES: dict[str, dict[str, Any]] = {
    "waits": {},
    "ignores-term": {"everything": True},
    "ignores-term-child-honours": {},
    "stops-itself": {"group": True},
    "stubborn-daemon": {},
    "flooding-daemon": {"leader": "waits"},
    "daemons": {"count": 5, "depth": 3},
    "hopping-daemon": {},
    "setsid-bomb": {"count": 50},
    "fork-bomb": {"count": 50},
    "zombie-children": {},
    "result-then-hangs": {},
    UNTRACEABLE: {},
}


@pytest.fixture
def server(kind: Kind, tmp_path: Path) -> Iterator[Server]:
    """One for each test: it is killed."""
    definitions = workers(tmp_path / "workers.d")
    define(definitions, "again", retry={"attempts": 2, "on": ["lost"]})
    state = tmp_path / "state"
    with serving(definitions, state, TASKY_CONTAINMENT=kind, TASKY_MAX_TASKS="20") as server:
        yield server


def assert_lost(hostile: Hostile) -> None:
    """At the first look."""
    assert not hostile.witness.something_is_left(), "it was there when the server was ready"
    ended = hostile.ended()
    assert (ended.status, ended.code) == ("Failed", "lost")
    assert "Output" not in ended.document


@pytest.mark.case("P19")
def test_every_kind_of_tree(arena: Arena, server: Server, kind: Kind) -> None:
    trees = dict(TREES)
    if kind is Kind.PROCESS_GROUP:
        del trees["hopping-daemon"]  # may slip through the sweep: see docs/reliability.md
    hostiles = {mode: arena.unleash(mode, **options) for mode, options in trees.items()}
    for hostile in hostiles.values():
        pids = hostile.pids()
    server.kill()
    assert all(hostile.witness.something_is_left() for hostile in hostiles.values()), "unharmed"
    server.start()
    if kind is Kind.PROCESS_GROUP:
        assert_untraced(hostiles[UNTRACEABLE], pids[1])
    for hostile in hostiles.values():
        assert_lost(hostile)
    arena.others_are_served()


def assert_untraced(hostile: Hostile, daemon: int) -> None:
    """What has scrubbed its environment is found by its cgroup, and by nothing where there are none."""
    assert hostile.witness.something_is_left(), "found after all: say so in docs/reliability.md"
    os.kill(daemon, signal.SIGKILL)
    wait_for(lambda: not hostile.witness.something_is_left(), "it is gone")


@pytest.mark.case("P19", "P32")
def test_by_its_own_worker(arena: Arena, server: Server, gate: Gate) -> None:
    """Under the server's user a worker can. What ran beside it is lost. It is tried again, once: its second tree, which
    would fail beside the first, begins when that is gone."""
    beside = arena.unleash("stubborn-daemon")
    hostile = arena.unleash("kills-its-parent", worker="again", alone=True, gate=str(gate))
    for task in (beside, hostile):
        task.pids()
    for _ in range(2):
        hostile.pids()
        gate.open()
        assert server.process.wait(PATIENCE) == -signal.SIGKILL
        server.kill()  # it is dead, and cleared away by this
        server.start()
        assert_lost(beside)
    assert_lost(hostile)
    assert len(server.get(f"/tasks/{hostile.task_id}")["Attempts"]) == 2
    arena.others_are_served()
