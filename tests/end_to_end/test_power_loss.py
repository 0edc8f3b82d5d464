"""S9: the power fails. What was answered was synced before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers import Server, serving
from tests.preload import build


@pytest.mark.case("S9")
def test_what_was_answered_is_on_the_disk(workers: Path, tmp_path: Path) -> None:
    """Nothing of the database survives here that was not synced."""
    disk = tmp_path / "disk"
    disk.mkdir()
    preload = build("power", tmp_path)
    with serving(
        workers, tmp_path / "state", LD_PRELOAD=preload, TEST_DISK=str(disk), TASKY_MAX_TASKS="1"
    ) as server:
        answered = _submit_many(server)
        server.kill()
        rest = _after_power_loss(disk, tmp_path / "rest")
        server.start()  # which ends the process that runs
    with serving(workers, rest) as server:
        for task_id, known in answered.items():
            status = server.await_status(task_id, "Completed", "Failed")
            assert status == (known or status), task_id


def _submit_many(server: Server) -> dict[str, str]:
    """The ids that were answered, with the status that is known."""
    answered = {}
    for _ in range(15):
        answered[server.submit("true")] = ""
        document = server.run("true")
        answered[document["TaskId"]] = document["Status"]
    answered[server.submit("sleep")] = "Failed"
    return answered | {server.submit("true"): "" for _ in range(5)}


def _after_power_loss(disk: Path, state: Path) -> Path:
    state.mkdir()
    made, renamed = disk / "tasky.db.new", disk / "tasky.db"
    shutil.copy(renamed if renamed.exists() else made, state / "tasky.db")
    shutil.copy(disk / "tasky.db-wal", state)
    return state
