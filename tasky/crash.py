"""Points in the life of a server and its tasks at which it can be told to die as by `kill -9`: for tests only.

`TASKY_CRASH_AT=start.stored` has it die when it passes that point first, `start.stored:7` the seventh time. Unset, as
it always is in service, a point costs one comparison.
"""

from __future__ import annotations

import difflib
import os
import signal
import threading
from enum import StrEnum
from typing import Final


class Point(StrEnum):
    """Where. The names say what is done already."""

    # At the start of a server
    MIGRATING = "migrating"  #: a step of the schema is carried out, and not committed
    OPENED = "opened"  #: the store is open; nothing else is
    RECOVERY_STARTED = "recovery.started"  #: what was under way is known; no survivor is ended
    SURVIVOR_ENDED = "survivor.ended"  #: one of them is, there may be more
    RECOVERY_ENDED = "recovery.ended"  #: survivors are ended, their tasks not settled
    RECOVERY_FILED = "recovery.filed"  #: ... the files of those that are tried again are; no row is
    RECOVERY_SETTLED = "recovery.settled"  #: ... and settled; their files are not
    RESTORED = "restored"  #: the queue is in memory; nothing of it is started

    # An upgrade in place: the old code
    RESTING = "resting"  #: nothing is answered any more, and no process is listened to
    HANDED_OVER = "handed.over"  #: all is closed; the new code is not executed yet
    # ... and the new one
    TAKEN_OVER = "taken.over"  #: it runs, and knows of the tasks; nothing is open yet
    ADOPTED = "adopted"  #: the processes are its own; what waits is not yet

    # A submission
    UPLOADED = "uploaded"  #: the files of one are on disk; its task is not
    SUBMITTED = "submitted"  #: a request to create a task is checked; nothing is stored
    INSERTED = "inserted"  #: the task is on disk; its client has no answer yet

    # The store's writer
    WRITTEN = "written"  #: a group of operations is carried out, and not committed
    COMMITTED = "committed"  #: ... and committed; nobody was told

    # A start
    START_STORED = "start.stored"  #: Running on disk; no process yet
    FOLDER_MADE = "folder.made"  #: its work folder is there; no process yet
    UPLOADS_PLACED = "uploads.placed"  #: the files of its submission are in it
    CONTAINED = "contained"  #: its cgroup, if it has one, is there; no process yet
    SPAWNED = "spawned"  #: the process runs; the loop does not know of it yet
    WATCHED = "watched"  #: the loop watches the process

    # While it runs
    PROGRESS_STORED = "progress.stored"
    LOG_HALF = "log.half"  #: lines are in its log's file, and not in the index
    SIGNALLED = "signalled"  #: SIGTERM was sent; that it is being canceled is not stored yet
    CANCEL_STORED = "cancel.stored"  #: Canceling on disk; its client has no answer yet
    WITHDRAWN = "withdrawn"  #: canceled while it waited: out of the queue in memory, not on disk
    PAUSE_STORED = "pause.stored"
    RESUME_STORED = "resume.stored"

    # A chain
    STEP_ORDERED = "step.ordered"  #: it is decided which task comes next; nothing of that is stored
    STEP_STORED = "step.stored"  #: the task is on disk; the chain does not know yet
    STEP_ENDED = "step.ended"  #: the end of a task is on disk; what follows from it is not decided
    CHAIN_OVER = "chain.over"  #: all its tasks have ended; its own end is not stored

    # A schedule
    DUE_STORED = "due.stored"  #: a time that is due is noted on disk; no task is made for it
    RUN_STORED = "run.stored"  #: the task for it is on disk

    # Its end
    KILLED = "killed"  #: SIGKILL was sent to the tree
    EXITED = "exited"  #: the process has ended and is a zombie
    REAPED = "reaped"  #: ... and was reaped; its tree may have more
    EMPTIED = "emptied"  #: nothing of its tree is left; its end is not stored
    ARTIFACT_MOVED = "artifact.moved"  #: one of its files is kept; the task does not know of it
    FILES_SETTLED = "files.settled"  #: its log and artifacts are; its end is not stored
    END_STORED = "end.stored"  #: nobody was told yet
    RETRY_STORED = "retry.stored"  #: back to Queued on disk; not in the queue in memory yet
    PUT_BACK = "put.back"  #: a stop of the server has put it back to Queued on disk

    # Afterwards
    DELETED = "deleted"  #: its row is gone, its files are not
    PRUNED = "pruned"  #: rows are gone, their files are not
    DISCARDED = "discarded"  #: its files are in the trash

    # The server's own
    RELOADED = "reloaded"  #: new definitions are loaded; what starts still uses the old ones
    SWITCHED = "switched"  #: a worker is enabled or disabled on disk; its client has no answer yet
    DRAINING = "draining"  #: it stops: no more submissions; the tasks do not know it yet
    DRAINED = "drained"  #: all tasks have ended; the store is still open
    FLUSHED = "flushed"  #: the store's last commit is done, its last checkpoint is not


#: What it says on stderr then, before the point's name.
LAST_WORDS: Final = "tasky: TASKY_CRASH_AT:"

#: When to die: at this point, when it has been passed so many times more. Set once, by `arm`.
_POINT: Point | None = None
_left = 0
_lock: Final = threading.Lock()


def arm(setting: str) -> None:
    """Takes the value of TASKY_CRASH_AT, "" where it is not set. Raises ValueError for one that means nothing."""
    global _POINT, _left
    name, colon, count = setting.partition(":")
    if not setting:
        return
    if colon and (not count.isdecimal() or int(count) == 0):
        raise ValueError(f"TASKY_CRASH_AT={setting}: after the colon comes a number from 1 on")
    if name not in set(Point):
        near = difflib.get_close_matches(name, set(Point), 1)
        advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(Point)}"
        raise ValueError(f"TASKY_CRASH_AT={setting}: there is no point {name!r}; {advice}")
    _POINT, _left = Point(name), int(count or 1)


def crash_at(point: Point) -> None:
    """Does not return if this is the point and the time. Any thread."""
    global _left
    if point is not _POINT:
        return
    with _lock:
        _left -= 1
        if _left == 0:
            os.write(2, f"{LAST_WORDS} {point}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
