"""One process on a loop that the test turns itself: what happens in one and the same instant."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tasky.model.outcome import Reason
from tasky.model.task import NewTask
from tasky.model.worker import WorkerDefinition
from tasky.store import Store, tasks
from tasky.supervisor.containment.group import ProcessGroups
from tasky.supervisor.emptying import Emptying
from tasky.supervisor.launch import Launch
from tasky.supervisor.loop import Loop
from tasky.supervisor.process import Process
from tasky.supervisor.reaping import look
from tasky.supervisor.spawner import Spawned, spawn
from tests.supervisor.house import SECOND, behaving, open_fds


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "state", max_log=1 << 20)
    yield store
    store.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def groups(tmp_path: Path) -> Iterator[ProcessGroups]:
    groups = ProcessGroups(tmp_path / "state")
    yield groups
    groups.close()


def launch(store: Store, definition: WorkerDefinition) -> Launch:
    task_id = store.ids.new()
    new = NewTask(id=task_id, worker=definition.name, params={}, created=0)
    store.writer.call(tasks.insert(new, 0))
    return Launch(
        task_id=task_id,
        definition=definition,
        params={},
        attempt=1,
        workdir=store.folders.create(task_id),
        masker=None,
    )


def process(
    what: Launch, spawned: Spawned, store: Store, loop: Loop, groups: ProcessGroups
) -> Process:
    return Process(
        spawned,
        what,
        max_line=1 << 20,
        loop=loop,
        emptying=Emptying(loop, groups),
        scribe=store.scribe,
        ended=loop.stop,
        gone=loop.stop,
    )


def await_exit(spawned: Spawned) -> None:
    """Until its end is there to be seen."""
    os.waitid(os.P_PIDFD, spawned.pidfd, os.WEXITED | os.WNOWAIT)


@pytest.mark.case("P33")
def test_an_exit_comes_before_a_cancel_and_a_timeout_of_the_same_instant(
    store: Store, loop: Loop, groups: ProcessGroups
) -> None:
    what = launch(store, behaving("w", "exit", 7))
    spawned = spawn(what, groups)
    await_exit(spawned)
    ended = process(what, spawned, store, loop, groups)
    loop.later(0, lambda: ended.stop(Reason.TIMEOUT, 0))
    loop.call(lambda: ended.stop(Reason.CANCEL, 0))
    loop.run()
    assert ended.reason is None
    assert ended.status is not None
    assert ended.status.code == 7


@pytest.mark.case("P33")
def test_a_cancel_comes_before_a_timeout_of_the_same_instant(
    store: Store, loop: Loop, groups: ProcessGroups
) -> None:
    what = launch(store, behaving("w", "forever"))
    running = process(what, spawn(what, groups), store, loop, groups)
    loop.later(0, lambda: running.stop(Reason.TIMEOUT, SECOND))
    loop.call(lambda: running.stop(Reason.CANCEL, SECOND))
    loop.run()
    assert running.reason is Reason.CANCEL
    assert running.status is not None
    assert running.status.signal_name == "SIGTERM"


@pytest.mark.case("P21")
def test_a_status_that_somebody_else_took_is_no_success(
    store: Store, loop: Loop, groups: ProcessGroups, caplog: pytest.LogCaptureFixture
) -> None:
    what = launch(store, behaving("w", "result", 1))
    spawned = spawn(what, groups)
    os.waitid(os.P_PIDFD, spawned.pidfd, os.WEXITED)
    robbed = process(what, spawned, store, loop, groups)
    loop.run()
    assert robbed.status is not None
    assert robbed.status.lost
    assert "reaped by somebody else" in caplog.text


def test_a_discarded_one_leaves_nothing(store: Store, groups: ProcessGroups) -> None:
    spawned = spawn(launch(store, behaving("w", "forever")), groups)
    assert look(spawned.pidfd) is None
    pipes = {str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in (spawned.stdout, spawned.stderr)}
    assert pipes <= set(open_fds())
    spawned.discard()
    assert pipes.isdisjoint(open_fds())
    with pytest.raises(ProcessLookupError):
        os.killpg(spawned.pid, 0)


def test_a_definition_that_changes_later_changes_nothing(store: Store) -> None:
    definition = behaving("w", "exit", 7)
    what = launch(store, definition)
    assert replace(what, attempt=2).environment()["TASKY_ATTEMPT"] == "2"
    assert what.command(None, ())[0][-1] == "7"
