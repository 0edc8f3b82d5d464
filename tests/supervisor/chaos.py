"""The chaos worker (tests/workers/chaos.py) in a House, and its witness: whether anything of its tree is left."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from typing import Any

from tasky.model.worker import WorkerDefinition
from tests.helpers import wait_for
from tests.supervisor.house import House, process_state

CHAOS = str(Path(__file__).resolve().parent.parent / "workers" / "chaos.py")


class Witness:
    """A file that every process of a tree holds a lock on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def something_is_left(self) -> bool:
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False


def chaotic(
    witness: Witness, mode: str, name: str = "", grace: int = 0, **options: Any
) -> WorkerDefinition:
    """A worker in one of its modes."""
    given = [f"{key}={json.dumps(value)}" for key, value in options.items()]
    return WorkerDefinition(
        name=name or mode,
        command=(
            *(sys.executable, "-IS", CHAOS, mode),
            *(f"witness={json.dumps(str(witness.path))}", *given),
        ),
        kill_grace=grace,
    )


def pids(house: House, task_id: str) -> list[int]:
    """The processes that it has said it is made of: the worker first."""

    def said() -> str | None:
        progress = house.supervisor.progress(task_id)
        return progress.message if progress else None

    return [int(pid) for pid in wait_for(said, f"{task_id} is ready").split()]


def is_gone(pid: int) -> bool:
    """Reaped, too."""
    return process_state(pid) == "X"
