"""Where a task's files are: `<state>/tasks/<last two digits>/<id>/`, in it `work/`, `files/` and the log.

The last two digits of an id are random, so the tasks spread over 256 shards, all made when the store opens.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from ..errors import UnknownTask

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
#: Others may pass through (a worker with `user:` on its way to its work folder), but not look around.
_PASSABLE: Final = 0o711
_PRIVATE: Final = 0o700


class Folders:
    """The folders of the tasks, under `state_dir`. No path is made of what is not an id."""

    def __init__(self, state_dir: Path) -> None:
        self._tasks: Final = f"{state_dir}/tasks"
        self.trash: Final = state_dir / "trash"
        make_folder(Path(self._tasks), _PASSABLE)
        make_folder(self.trash, _PRIVATE)
        for shard in range(256):
            make_folder(Path(f"{self._tasks}/{shard:02x}"), _PASSABLE)

    def path(self, task_id: str) -> Path:
        return Path(self.name(task_id))

    def work(self, task_id: str) -> Path:
        """Where the worker runs."""
        return Path(f"{self.name(task_id)}/work")

    def files(self, task_id: str) -> Path:
        """What the task left: its artifacts."""
        return Path(f"{self.name(task_id)}/files")

    def create(self, task_id: str) -> Path:
        """Make a task's folder and its work folder, and give the latter."""
        outer = self.name(task_id)
        work = f"{outer}/work"
        try:
            os.mkdir(outer, _PASSABLE)  # noqa: PTH102 - plain strings: this is done for every task
        except FileExistsError:
            pass  # an attempt before this one left its log there
        else:
            os.chmod(outer, _PASSABLE)  # noqa: PTH101 - whatever the umask is
        os.mkdir(work, _PRIVATE)  # noqa: PTH102
        return Path(work)

    def name(self, task_id: str) -> str:
        """The task's folder as plain text."""
        if _ID.fullmatch(task_id) is None:
            raise UnknownTask(f"this is not the id of a task: {task_id[:64]!r}")
        return f"{self._tasks}/{task_id[-2:]}/{task_id}"


def make_folder(path: Path, mode: int) -> None:
    """Make a folder with exactly this mode, whatever the umask is; one that exists keeps its own."""
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(mode)
