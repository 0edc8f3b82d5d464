"""Where a task's files are: `<state>/work/<id>` while it runs; what is kept of it, the log and `files/`, in
`<state>/tasks/<last two digits>/<id>`, which is made when there is something to put in it.

The last two digits of an id are random, so the tasks spread over 256 shards.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..crash import Point, crash_at
from ..errors import UnknownTask

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PRIVATE: Final = 0o700
#: Only root can run a worker as another user. That one passes through on its way to its work folder, no more.
PASSABLE: Final = 0o711 if os.geteuid() == 0 else _PRIVATE


class Folders:
    """The folders of the tasks, under `state_dir`. No path is made of what is not an id."""

    def __init__(self, state_dir: Path) -> None:
        self._tasks: Final = f"{state_dir}/tasks"
        self._work: Final = f"{state_dir}/work"
        #: The files of submissions.
        self.uploads: Final = state_dir / "uploads"
        self.trash: Final = state_dir / "trash"
        make_folder(Path(self._tasks), _PRIVATE)
        make_folder(Path(self._work), PASSABLE)
        make_folder(self.trash, _PRIVATE)
        make_folder(self.uploads, _PRIVATE)

    def create(self, task_id: str) -> str:
        """Make a task's work folder. One that exists is used again: a start may be tried twice."""
        work = self.work(task_id)
        try:
            os.mkdir(work, _PRIVATE)  # noqa: PTH102 - plain strings: this is done for every task
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(work).st_mode):  # a worker put something else there
                raise
        crash_at(Point.FOLDER_MADE)
        return work

    def work(self, task_id: str) -> str:
        """The task's work folder, which it has while it runs."""
        return f"{self._work}/{_checked(task_id)}"

    def name(self, task_id: str) -> str:
        """The folder of what is kept of the task."""
        return f"{self._tasks}/{_checked(task_id)[-2:]}/{task_id}"

    def files(self, task_id: str) -> Path:
        """What the task left: its artifacts."""
        return Path(f"{self.name(task_id)}/files")

    def uploads_of(self, task_id: str) -> str:
        """The files that came with the task."""
        return f"{self.uploads}/{_checked(task_id)}"

    def uploaded(self) -> list[str]:
        """The folders of all files of submissions; also of those that have become no task."""
        with os.scandir(self.uploads) as entries:
            return [entry.path for entry in entries]

    def is_of_task(self, folder: str) -> bool:
        """Whether one of `uploaded` is that of a task, not of one that is still to be."""
        return _ID.fullmatch(os.path.basename(folder)) is not None  # noqa: PTH119

    def at_work(self) -> list[str]:
        """All work folders."""
        return _tasks_in(self._work)

    def shards(self) -> list[str]:
        with os.scandir(self._tasks) as entries:
            return [entry.path for entry in entries if entry.is_dir()]

    def kept_in(self, shard: str) -> list[str]:
        """The folders of what is kept there of tasks."""
        return _tasks_in(shard)


def kept_tasks(state_dir: Path) -> Iterator[str]:
    """The folders of what is kept, of all tasks."""
    with os.scandir(state_dir / "tasks") as shards:
        for shard in shards:
            if shard.is_dir():
                yield from _tasks_in(shard.path)


def _checked(task_id: str) -> str:
    if _ID.fullmatch(task_id) is None:
        raise UnknownTask(f"this is not the id of a task: {task_id[:64]!r}")
    return task_id


def _tasks_in(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.path for entry in entries if _ID.fullmatch(entry.name) is not None]


def make_private(folder: str) -> None:
    """Make a folder for what is kept of a task, and those above it where it is the first; it may exist."""
    try:
        os.mkdir(folder, _PRIVATE)  # noqa: PTH102
    except FileExistsError:
        pass
    except FileNotFoundError:
        make_private(os.path.dirname(folder))  # noqa: PTH120
        os.mkdir(folder, _PRIVATE)  # noqa: PTH102


def make_folder(path: Path, mode: int) -> None:
    """Make a folder with exactly this mode, whatever the umask is; one that exists keeps its own."""
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is not a directory", str(path)) from None
        must_be_writable(path)
    else:
        path.chmod(mode)


def must_be_writable(folder: Path) -> None:
    """Says so now, not when the first task needs it."""
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def sync_folder(folder: Path) -> None:
    """What was made or renamed in it survives a power loss."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
