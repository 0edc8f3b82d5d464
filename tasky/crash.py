"""Points in the life of a task at which a server can be told to die as by `kill -9`: for tests only.

`TASKY_CRASH_AT=start.stored` has it die when it passes that point first, `start.stored:7` the seventh time. Unset, as
it always is in service, a point costs one comparison.
"""

from __future__ import annotations

import os
import signal
import threading
from enum import StrEnum
from typing import Final


class Point(StrEnum):
    """Where. The names say what is done already."""

    SUBMITTED = "submitted"  #: a request to create a task is checked; nothing is stored
    INSERTED = "inserted"  #: the task is on disk; its client has no answer yet
    START_STORED = "start.stored"  #: Running on disk; no process yet
    CONTAINED = "contained"  #: its cgroup, if it has one, is there; no process yet
    SPAWNED = "spawned"  #: the process runs; the loop does not know of it yet
    WATCHED = "watched"  #: the loop watches the process
    PROGRESS_STORED = "progress.stored"
    SIGNALLED = "signalled"  #: SIGTERM was sent; that it is being cancelled is not stored yet
    CANCEL_STORED = "cancel.stored"
    KILLED = "killed"  #: SIGKILL was sent to the tree
    EXITED = "exited"  #: the process has ended and is a zombie
    REAPED = "reaped"  #: ... and was reaped; its tree may have more
    EMPTIED = "emptied"  #: nothing of its tree is left; its end is not stored
    FILES_SETTLED = "files.settled"  #: its log and artifacts are; its end is not stored
    END_STORED = "end.stored"  #: nobody was told yet
    RETRY_STORED = "retry.stored"  #: back to Queued on disk; not in the queue in memory yet
    PUT_BACK = "put.back"  #: a stop of the server has put it back to Queued on disk
    DELETED = "deleted"  #: its row is gone, its files are not
    PRUNED = "pruned"  #: rows are gone, their files are not
    RECOVERY_ENDED = "recovery.ended"  #: at start: survivors are ended, their tasks not settled
    RECOVERY_SETTLED = "recovery.settled"  #: ... and settled
    DRAINED = "drained"  #: at a stop: all tasks have ended; the store is still open


def _wanted() -> tuple[str | None, int]:
    name, _, count = os.environ.get("TASKY_CRASH_AT", "").partition(":")
    return (Point(name), int(count or 1)) if name else (None, 0)


_POINT, _left = _wanted()
_lock: Final = threading.Lock()


def crash_at(point: Point) -> None:
    """Does not return if this is the point and the time. Any thread."""
    global _left
    if point is not _POINT:
        return
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
