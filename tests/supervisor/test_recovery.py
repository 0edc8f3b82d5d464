"""kill -9 of the server: at the next start, survivors are ended, and no task is left in a live state."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasky.model.states import State
from tasky.model.task import FailureCode
from tests.helpers import PATIENCE, REPOSITORY, wait_for
from tests.supervisor.house import BEHAVE, House, behaving, process_state, program


def crashed(state: Path, *command: str) -> list[str]:
    """Starts tasks in a server of their own, kills it, gives their ids."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.supervisor.mini_server", str(state), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=REPOSITORY,
    )
    assert server.stdout is not None
    try:
        ids = server.stdout.readline().split()
    finally:
        server.kill()
        server.wait(PATIENCE)
        server.stdout.close()
    return ids


@pytest.mark.case("P19")
def test_after_kill_9(houses: Callable[..., House], tmp_path: Path) -> None:
    running, canceling, waiting = crashed(tmp_path / "state", BEHAVE, "stubborn")
    house = houses(behaving("w", "result", 1))
    task = house.task(running)
    assert task.state is State.FAILED
    assert task.failure is not None
    assert (task.failure.code, task.failure.message) == (
        FailureCode.LOST,
        "the server died while the task ran",
    )
    (attempt,) = task.attempts
    assert (attempt.number, attempt.exit_code, attempt.failure) == (1, None, task.failure)
    assert house.state(canceling) is State.CANCELED
    assert house.ended(waiting).state is State.COMPLETED
    assert not house.processes(), "the survivors were ended"
    wait_for(
        lambda: not Path(house.store.folders.work(running)).exists(), "its work folder is gone"
    )


@pytest.mark.case("P19")
def test_survivors_are_ended_before_anything_starts(
    houses: Callable[..., House], tmp_path: Path
) -> None:
    """The task that waits looks for them."""
    *_, waiting = crashed(tmp_path / "state", BEHAVE, "stubborn")
    script = """
        for process in /proc/[0-9]*; do
            grep -qz "^TASKY_WORKDIR=$1/" $process/environ && cat $process/comm
        done 2>/dev/null
        echo end
    """
    house = houses(program("w", "/bin/sh", "-c", script, "sh", str(tmp_path / "state")))
    output = house.ended(waiting).output
    assert output is not None
    assert "end" in output
    assert "sleep" not in output


def test_a_process_that_is_not_ours_is_left_alone(
    houses: Callable[..., House], tmp_path: Path
) -> None:
    """Nor is the server itself, if a task of ours has started it."""
    running, *_ = crashed(tmp_path / "state", BEHAVE, "stubborn")
    other = subprocess.Popen(
        ["/bin/sleep", "600"], env={"TASKY_TASK_ID": "0" * 32, "X": f"TASKY_TASK_ID={running}"}
    )
    try:
        houses()
        assert process_state(other.pid) == "S"
    finally:
        other.kill()
        other.wait()


def test_a_clean_start_has_nothing_to_settle(houses: Callable[..., House]) -> None:
    house = houses(behaving("result", "result", 1))
    task = house.run("result")
    house.close()
    again = houses()
    assert again.task(task.id) == task
    assert os.listdir(again.folder / "trash") == []  # noqa: PTH208
