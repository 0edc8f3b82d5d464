"""How much there is to do, as the supervisor tells it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasky.model.states import State
from tasky.supervisor.containment import proc
from tests.helpers import wait_for
from tests.service.assembly import HOLD, Assembly


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    assembly = Assembly(tmp_path)
    assembly.add("hold", HOLD, max_tasks=1)
    assembly.start()
    yield assembly
    assembly.stop()


def test_what_runs_and_what_waits(assembly: Assembly) -> None:
    supervisor = assembly.supervisor
    before = supervisor.load()
    assert (before.queued, before.taken, before.live, before.trees) == ({}, {}, {}, 0)
    first, _ = (assembly.service.submit("hold", {}).task_id for _ in range(2))
    wait_for(lambda: supervisor.load().trees == 1, "it has processes")
    load = supervisor.load()
    assert (load.queued, load.taken) == ({"hold": 1}, {"hold": 1})
    assert load.live == {("hold", State.RUNNING): 1}
    assert (load.unkillable, load.starved) == (0, 0)
    assert load.processes is not None
    assert load.processes >= 1
    assembly.service.pause(first)
    assert supervisor.load().live == {("hold", State.PAUSED): 1}


def test_out_of_descriptors_the_rest_is_told(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_pid: int) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(proc, "descendants", fail)
    assert assembly.supervisor.load().processes is None
