"""Waiting for killed processes to be gone: theirs is the last moment of a task. And the look, once a second, at what
has become our child.

They are not our children, so nobody tells us. Most are gone at the first look.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from ..logs import about
from .containment import Containment, Tree
from .loop import Loop
from .timers import Timer

log = logging.getLogger(__name__)

_MILLISECOND: Final = 1_000_000
_SECOND: Final = 1000 * _MILLISECOND
#: A task ends without them after this, in ns (an unkillable process sits in a driver, or on a dead file system).
PATIENCE: Final = 5 * _SECOND
_LONGEST_PAUSE: Final = 64 * _MILLISECOND


class _Waiting(NamedTuple):
    tree: Tree
    since: int
    task_id: str
    over: Callable[[bool], None]
    gone: Callable[[], None]


class Emptying:
    """For the loop's thread, but for `stuck`. One look serves all trees that are waited for."""

    def __init__(self, loop: Loop, containment: Containment) -> None:
        self._loop: Final = loop
        self._containment: Final = containment
        self._waiting: list[_Waiting] = []
        self._timer: Timer | None = None
        self._pause = _MILLISECOND
        self._ticking = False
        self._stuck: Final[dict[str, list[int]]] = {}
        self._pidfds: Final[dict[str, int]] = {}
        self._gone: Final[dict[Tree, Callable[[], None]]] = {}
        if os.getpid() == 1:  # strangers leave us children at any time
            self.watch()

    def watch(self) -> None:
        """A tree has been started: its orphans are looked after from now on."""
        if not self._ticking:
            self._ticking = True
            self._loop.later(_SECOND, self._tick_or_rest)

    def wait(
        self, tree: Tree, task_id: str, over: Callable[[bool], None], gone: Callable[[], None]
    ) -> None:
        """Has `over(False)` called when the tree, whose leader was reaped, has no process left; or `over(True)` when
        that takes too long, and `gone()` when it has come true after all."""
        if self._emptied([tree]):
            tree.close()
            over(False)
            return
        self._waiting.append(_Waiting(tree, time.monotonic_ns(), task_id, over, gone))
        self._look_in(_MILLISECOND)

    def give_up(self, tree: Tree, task_id: str, pidfd: int | None = None) -> None:
        """Its processes do not end; `stuck` says so until `await_stuck` has seen them gone. `pidfd` is that of a leader
        that is not reaped."""
        if pidfd is not None:
            self._pidfds[task_id] = pidfd
        tree.give_up()
        self._stuck[task_id] = tree.survivors()
        stuck = self._stuck[task_id]
        log.error("killed, but it does not end: %s", stuck, extra=about(task=task_id))

    def await_stuck(self, tree: Tree, task_id: str, gone: Callable[[], None]) -> None:
        """For one that was given up, when its leader was reaped, and its pidfd closed."""
        self._pidfds.pop(task_id, None)

        def forget() -> None:
            self._stuck.pop(task_id, None)
            log.warning("it has ended after all", extra=about(task=task_id))
            gone()

        self._gone[tree] = forget
        self.watch()

    @property
    def stuck(self) -> Mapping[str, list[int]]:
        """The tasks that have ended without their processes, and these as they were then. Any thread."""
        return dict(self._stuck)

    def close(self) -> None:
        """After the loop: what is stuck stays so."""
        while self._pidfds:
            os.close(self._pidfds.popitem()[1])

    # ------------------------------------------------------------------ looks

    def _look_in(self, pause: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._pause = pause
        self._timer = self._loop.later(pause, self._look)

    def _look(self) -> None:
        empty = self._emptied([entry.tree for entry in self._waiting])
        late = time.monotonic_ns() - PATIENCE
        waiting, self._waiting = self._waiting, []
        over: list[_Waiting] = []
        for entry in waiting:
            ended = entry.tree in empty or entry.since < late
            (over if ended else self._waiting).append(entry)
        if self._waiting:
            self._look_in(min(2 * self._pause, _LONGEST_PAUSE))
        for entry in over:
            self._end(entry, entry.tree in empty)

    def _end(self, entry: _Waiting, empty: bool) -> None:
        if empty:
            entry.tree.close()
        else:
            self.give_up(entry.tree, entry.task_id)
            self.await_stuck(entry.tree, entry.task_id, entry.gone)
        entry.over(not empty)

    def _emptied(self, trees: Collection[Tree]) -> Collection[Tree]:
        try:
            return set(self._containment.emptied(trees))
        except OSError as error:  # no descriptor is left: the next look will do
            log.warning("processes cannot be looked at: %s", error)
            return ()

    def _tick(self) -> None:
        self._loop.later(_SECOND, self._tick_or_rest)
        if self._gone:
            for tree in self._emptied(self._gone):
                tree.close()
                self._gone.pop(tree)()

    def _tick_or_rest(self) -> None:
        """Rests if there is nothing to look after."""
        try:
            self._ticking = self._containment.tick() or bool(self._gone)
        except OSError as error:
            log.warning("processes cannot be looked at: %s", error)
        if self._ticking:
            self._tick()
