"""How a task's whole process tree is signalled, frozen and ended. The seam for stronger kinds (cgroup v2, subreaper).

A process group's number is pinned by its leader as long as that is not reaped, so signals go to the group only while
the leader lives or is a zombie of ours: never to a stored number.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

NAME: Final = "process-group"


class ProcessGroup:
    """The group (and session) that a worker leads. Descendants that leave it escape; contract promise 2 in full is the
    business of a stronger containment."""

    __slots__ = ("_pgid",)

    def __init__(self, leader: int) -> None:
        self._pgid: Final = leader

    def terminate(self) -> None:
        """One SIGTERM (many programs take a second one as "at once"), then SIGCONT: a process that is stopped
        would never see it."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def empty(self) -> bool:
        """Whether the group has no member left, zombies that nobody has reaped included."""
        try:
            os.killpg(self._pgid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # a member under another user
            return False
        return False

    def _signal(self, number: int) -> None:
        # Gone already is normal: reaping tells how it ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pgid, number)


def marked(task_ids: frozenset[str]) -> list[int]:
    """The processes whose environment says that they belong to one of these tasks."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in numbers if is_marked(pid, task_ids)]


def is_marked(pid: int, task_ids: frozenset[str]) -> bool:
    """Whether a process belongs to one of these tasks. A zombie has no environment, so it does not."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # ended meanwhile, or another user's
        return False
    for variable in environment.split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == b"TASKY_TASK_ID" and value.decode(errors="replace") in task_ids:
            return True
    return False
