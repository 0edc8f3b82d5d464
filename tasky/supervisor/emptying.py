"""Waiting for killed processes to be gone: theirs is the last moment of a task.

They are not our children, so nobody tells us. Most are gone at the first look.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from .containment import Tree
from .containment.group import GroupTree, living_groups
from .loop import Loop
from .timers import Timer

log = logging.getLogger(__name__)

_MILLISECOND: Final = 1_000_000
#: A task ends without them after this, in ns (an unkillable process sits in a driver, or on a dead file system).
_PATIENCE: Final = 5_000 * _MILLISECOND
_LONGEST_PAUSE: Final = 64 * _MILLISECOND
#: After this a look is taken at what kind the members are: an init that is slow to reap leaves zombies.
_SLOW: Final = 10 * _MILLISECOND
#: Such looks, at all processes, take this part of the loop's time at the most.
_SHARE: Final = 20


class _Waiting(NamedTuple):
    tree: Tree
    since: int
    task_id: str
    done: Callable[[], None]


class Emptying:
    """For the loop's thread. One look serves all groups that are waited for."""

    def __init__(self, loop: Loop) -> None:
        self._loop: Final = loop
        self._waiting: list[_Waiting] = []
        self._timer: Timer | None = None
        self._pause = _MILLISECOND
        self._next_scan = 0

    def wait(self, tree: Tree, task_id: str, done: Callable[[], None]) -> None:
        """Has `done` called when the tree, whose leader was reaped, has no process left."""
        if tree.empty():
            tree.close()
            done()
            return
        self._waiting.append(_Waiting(tree, time.monotonic_ns(), task_id, done))
        self._look_in(_MILLISECOND)

    def _look_in(self, pause: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._pause = pause
        self._timer = self._loop.later(pause, self._look)

    def _look(self) -> None:
        now = time.monotonic_ns()
        living = self._living(now)
        left: list[_Waiting] = []
        gone: list[_Waiting] = []
        for entry in self._waiting:
            if entry.tree.empty() or _only_zombies(entry.tree, living):
                gone.append(entry)
            elif now - entry.since > _PATIENCE:
                log.warning("task=%s processes of its group do not end", entry.task_id)
                gone.append(entry)
            else:
                left.append(entry)
        self._waiting = left
        if left:
            self._look_in(min(2 * self._pause, _LONGEST_PAUSE))
        for entry in gone:
            entry.tree.close()
            entry.done()

    def _living(self, now: int) -> frozenset[int] | None:
        """The groups that have a process, if it is time to look at all processes."""
        slow = any(now - entry.since > _SLOW for entry in self._waiting)
        if not slow or now < self._next_scan:
            return None
        living = living_groups()
        self._next_scan = now + _SHARE * (time.monotonic_ns() - now)
        return living


def _only_zombies(tree: Tree, living: frozenset[int] | None) -> bool:
    return living is not None and isinstance(tree, GroupTree) and tree.number not in living
