"""Process groups: the containment that every Linux has.

A process group's number is pinned by its leader as long as that is not reaped, so signals go to the group only while
the leader lives or is a zombie of ours: never to a stored number.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from pathlib import Path
from typing import Final

from ...model.containment import Kind
from ...model.limits import Limits
from .base import Containment, Tree

log = logging.getLogger(__name__)

_MAX_SWEEPS: Final = 50
_SWEEP_PAUSE: Final = 0.02


class ProcessGroups(Containment):
    kind = Kind.PROCESS_GROUP

    def tree(self, task_id: str, attempt: int, limits: Limits) -> GroupTree:  # noqa: ARG002
        return GroupTree()

    def end_survivors(self, task_ids: frozenset[str]) -> None:
        """Kills what carries a task's marker until a look finds nothing twice."""
        clean = 0
        for _ in range(_MAX_SWEEPS):
            found = marked(task_ids)
            for pid in found:
                _kill(pid, task_ids)
            clean = 0 if found else clean + 1
            if clean == 2:
                return
            if found:
                time.sleep(_SWEEP_PAUSE)
        log.error("processes of tasks that were lost do not end")

    def close(self) -> None:
        pass


class GroupTree(Tree):
    """The group (and session) that a worker leads."""

    def __init__(self) -> None:
        self.number = 0
        self._pinned = False

    def lead(self, pid: int) -> None:
        self.number = pid
        self._pinned = True

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

    def leader_is_gone(self) -> None:
        """It was reaped: from now on the number may be another's, and is signalled no more."""
        self._pinned = False

    def empty(self) -> bool:
        """Whether no member is left, zombies included; for after the leader was reaped. Members that have become our
        children (as the first process of a container we inherit orphans) are reaped on the way."""
        try:
            os.killpg(self.number, 0)
            while os.waitid(os.P_PGID, self.number, os.WEXITED | os.WNOHANG) is not None:
                pass
        except ProcessLookupError:
            return True
        except (ChildProcessError, PermissionError):  # none of ours; a member under another user
            pass
        return False

    def survivors(self) -> list[int]:
        return []

    def close(self) -> None:
        pass

    def _signal(self, number: int) -> None:
        if self._pinned:
            # Gone already is normal: reaping tells how it ended.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.number, number)


def living_groups() -> frozenset[int]:
    """The numbers of all process groups with a member that is no zombie. As slow as there are processes."""
    found = (_group_if_alive(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208
    return frozenset(number for number in found if number is not None)


def _group_if_alive(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            state, _, number, _ = file.read().rpartition(b")")[2].split(None, 3)
    except OSError:  # ended meanwhile
        return None
    return None if state in (b"Z", b"X") else int(number)


def marked(task_ids: frozenset[str]) -> list[int]:
    """The processes whose environment says that they belong to one of these tasks."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in numbers if is_marked(pid, task_ids)]


def is_marked(pid: int, task_ids: frozenset[str]) -> bool:
    """Whether a process belongs to one of these tasks. A zombie has no environment, so it does not; nor do we, even
    where a task of ours has started this server."""
    if pid == os.getpid():
        return False
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # ended meanwhile, or another user's
        return False
    for variable in environment.split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == b"TASKY_TASK_ID" and value.decode(errors="replace") in task_ids:
            return True
    return False


def _kill(pid: int, task_ids: frozenset[str]) -> None:
    """By a pidfd, looked at once more: a number alone may be another process by now."""
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        try:
            if is_marked(pid, task_ids):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                log.warning("ended process %d, which had survived the server", pid)
        finally:
            os.close(pidfd)
