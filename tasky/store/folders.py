"""Where a task's files are: `<state>/tasks/<last two digits>/<id>/`, in it `work/`, `files/` and the log.

The last two digits of an id are random, so the tasks spread over 256 shards.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from pathlib import Path
from typing import Final

from ..errors import UnknownTask

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PRIVATE: Final = 0o700
#: Only root can run a worker as another user. That one passes through on its way to its work folder, no more.
PASSABLE: Final = 0o711 if os.geteuid() == 0 else _PRIVATE


class Folders:
    """The folders of the tasks, under `state_dir`. No path is made of what is not an id."""

    def __init__(self, state_dir: Path) -> None:
        self._tasks: Final = f"{state_dir}/tasks"
        self.trash: Final = state_dir / "trash"
        make_folder(Path(self._tasks), PASSABLE)
        make_folder(self.trash, _PRIVATE)

    def shards(self) -> list[Path]:
        return [path for path in Path(self._tasks).iterdir() if path.is_dir()]

    def tasks_in(self, shard: Path) -> list[str]:
        """The ids of the tasks that have a folder there."""
        return [path.name for path in shard.iterdir() if _ID.fullmatch(path.name) is not None]

    def files(self, task_id: str) -> Path:
        """What the task left: its artifacts."""
        return Path(f"{self.name(task_id)}/files")

    def create(self, task_id: str) -> Path:
        """Make a task's folder and its work folder, and give the latter. Those that exist are used again: a start may
        be tried twice."""
        outer = self.name(task_id)
        work = f"{outer}/work"
        try:
            _make_passable(outer)
        except FileNotFoundError:
            _make_passable(os.path.dirname(outer))  # noqa: PTH120 - the first one of its shard
            _make_passable(outer)
        try:
            os.mkdir(work, _PRIVATE)  # noqa: PTH102
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(work).st_mode):  # a worker put something else there
                raise
        return Path(work)

    def name(self, task_id: str) -> str:
        """The task's folder as plain text."""
        if _ID.fullmatch(task_id) is None:
            raise UnknownTask(f"this is not the id of a task: {task_id[:64]!r}")
        return f"{self._tasks}/{task_id[-2:]}/{task_id}"


def _make_passable(folder: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, PASSABLE)  # noqa: PTH102 - plain strings: this is done for every task
        if PASSABLE != _PRIVATE:
            os.chmod(folder, PASSABLE)  # noqa: PTH101 - whatever the umask is


def make_folder(path: Path, mode: int) -> None:
    """Make a folder with exactly this mode, whatever the umask is; one that exists keeps its own."""
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is not a directory", str(path)) from None
    else:
        path.chmod(mode)
